// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// A camera in three sizes or in scalable layers, a screen, and a watch over the pictures that come. As lib-jitsi-meet
// does it: Chromium gets its SSRCs for the sizes by a changed answer, Firefox the names of the sizes by the offer.
'use strict';

/// Bits per second of the sizes, smallest first.
const RATES = [200000, 500000, 1500000];

/// An answer in which the sections with these mids have three SSRCs and their repeats where they have one.
function withThreeSizes(sdp, mids) {
  const sections = sdp.split(/(?=^m=)/m);
  return sections.map((section) => {
    const mid = (section.match(/^a=mid:(.*)\r$/m) || [])[1];
    const pair = section.match(/^a=ssrc-group:FID (\d+) (\d+)\r$/m);
    if (!mids.includes(mid) || !pair || section.includes('a=ssrc-group:SIM')) return section;
    const attributes = section.split('\r\n').filter((line) => line.startsWith(`a=ssrc:${pair[1]} `));
    const random = () => 1 + Math.floor(Math.random() * 0xfffffffe);
    const pairs = [[pair[1], pair[2]], [random(), random()], [random(), random()]];
    const lines = pairs.slice(1).flat().flatMap(
      (ssrc) => attributes.map((line) => line.replace(`a=ssrc:${pair[1]} `, `a=ssrc:${ssrc} `)));
    lines.push('a=ssrc-group:SIM ' + pairs.map(([primary]) => primary).join(' '));
    for (const [primary, repeats] of pairs.slice(1)) lines.push(`a=ssrc-group:FID ${primary} ${repeats}`);
    return section + lines.join('\r\n') + '\r\n';
  }).join('');
}

/// A video that is sent in as many lines as the bridge says somebody wants.
class SentVideo {
  /// `layering` is `sizes`, `SVC` or none.
  constructor(sender, sourceName, layering, isScreen) {
    Object.assign(this, {sender, sourceName, layering, isScreen, maxHeight: null});
    // What the bridge said is obeyed in its order.
    this.turn = Promise.resolve();
  }

  /// The bridge's word, or that of a test.
  constrain(maxHeight) {
    this.maxHeight = maxHeight;
    this.apply();
  }

  /// Sends another track, or none.
  show(track) {
    this.turn = this.turn.then(() => this.sender.replaceTrack(track)).catch(complain);
    this.apply();
  }

  apply() {
    this.turn = this.turn.then(() => this.change()).catch(complain);
  }

  async change() {
    const {track} = this.sender;
    const parameters = this.sender.getParameters();
    if (!track || !parameters.encodings.length) return;
    const wanted = this.maxHeight === null || this.maxHeight < 0 ? Infinity : this.maxHeight;
    const {height} = track.getSettings();
    const count = parameters.encodings.length;
    parameters.encodings.forEach((encoding, index) => {
      // Firefox lists the largest first.
      const size = isFirefox ? count - 1 - index : index;
      if (this.layering === 'SVC') {
        // One line with all sizes inside, the others silent.
        const missing = wanted >= height ? 0 : wanted >= height / 2 ? 1 : 2;
        encoding.active = index === 0 && wanted > 0;
        encoding.scaleResolutionDownBy = 2 ** missing;
        if (index === 0) encoding.scalabilityMode = ['L3T3_KEY', 'L2T3_KEY', 'L1T3'][missing];
      } else if (this.isScreen) {
        encoding.active = index === count - 1 && wanted > 0;
        encoding.scaleResolutionDownBy = 2 ** (count - 1 - size);
      } else {
        const scale = 2 ** (count - 1 - size);
        encoding.active = wanted > 0 && (size === 0 || height / scale <= wanted);
        encoding.scaleResolutionDownBy = scale;
        if (count > 1) encoding.maxBitrate = RATES[size];
      }
    });
    await this.sender.setParameters(parameters);
  }
}

/// A screen on which something happens: a canvas, since nobody is there to pick one.
function makeScreen() {
  const canvas = document.createElement('canvas');
  canvas.width = 1280;
  canvas.height = 720;
  const pen = canvas.getContext('2d');
  let number = 0;
  const draw = () => {
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = '#1c2430';
    pen.font = '120px sans-serif';
    pen.fillText(`screen ${number++}`, 100, 200 + 10 * (number % 40));
  };
  draw();
  const timer = setInterval(draw, 100);
  const track = canvas.captureStream(10).getVideoTracks()[0];
  track.contentHint = 'detail';
  const stop = track.stop.bind(track);
  track.stop = () => {
    clearInterval(timer);
    stop();
  };
  return track;
}

/// Looks at the pictures that come and go every 50 ms: frames, heights, pauses. A pause is measured between two looks
/// at which there was something new, so it is right to 50 ms, as long as the looks are (`blind`).
class PictureWatch {
  constructor(connection, number) {
    this.connection = connection;
    this.isOn = true;
    this.result = {number, begin: performance.now(), inbound: {}, outbound: {}, blind: 0, reasons: [], seconds: 0};
    this.run();
  }

  async run() {
    let last = null;
    const {begin} = this.result;
    while (this.isOn) {
      const stats = await this.connection.getStats();
      const now = performance.now();
      if (last !== null) this.result.blind = Math.max(this.result.blind, now - last);
      last = now;
      this.result.seconds = (now - begin) / 1000;
      for (const entry of stats.values()) {
        if (entry.kind !== 'video') continue;
        if (entry.type === 'inbound-rtp') this.look('inbound', entry, entry.framesDecoded || 0, now - begin);
        if (entry.type === 'outbound-rtp') this.look('outbound', entry, entry.framesSent || 0, now - begin);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  look(way, entry, frames, now) {
    const all = this.result[way];
    const one = all[entry.ssrc] = all[entry.ssrc] || {
      first: frames, frames, firstAt: null, longest: 0, longestAt: 0, last: now, heights: [],
      frozenBefore: entry.totalFreezesDuration || 0, repeatedBefore: repeats(entry), nacksBefore: entry.nackCount || 0,
    };
    if (frames > one.frames) {
      const pause = now - one.last;
      if (one.frames > one.first && pause > one.longest) Object.assign(one, {longest: pause, longestAt: now});
      Object.assign(one, {frames, last: now, firstAt: one.firstAt ?? now});
      const height = entry.frameHeight || 0;
      if (one.heights.at(-1)?.[1] !== height) one.heights.push([now, height]);
    }
    one.pause = now - one.last;
    one.count = one.frames - one.first;
    one.frozen = (entry.totalFreezesDuration || 0) - one.frozenBefore;
    one.repeats = repeats(entry) - one.repeatedBefore;
    one.nacks = (entry.nackCount || 0) - one.nacksBefore;
    const reason = entry.qualityLimitationReason;
    if (reason && !this.result.reasons.includes(reason)) this.result.reasons.push(reason);
  }

  stop() {
    this.isOn = false;
  }
}

/// Packets that were sent or received again.
function repeats(entry) {
  return entry.retransmittedPacketsSent || entry.retransmittedPacketsReceived || 0;
}
