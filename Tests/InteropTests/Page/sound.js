// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// A microphone that hums softly until it is told to speak, and a watch over the gaps in what is received.
'use strict';

/// Between the hum and the tone lie some 60 dB: nobody takes the hum for speech. Never digital silence, whose packets
/// the bridge discards.
const AMPLITUDE = {hum: 0.0005, loud: 0.5};
const RATE = 8000;
/// Longer than any call, so that no seam is heard.
const SECONDS = 240;

/// A tone as a sound file.
function soundFile(hertz, amplitude) {
  const count = RATE * SECONDS;
  const file = new DataView(new ArrayBuffer(44 + 2 * count));
  const write = (offset, text) => [...text].forEach((one, index) => file.setUint8(offset + index, one.charCodeAt(0)));
  write(0, 'RIFF');
  file.setUint32(4, 36 + 2 * count, true);
  write(8, 'WAVEfmt ');
  file.setUint32(16, 16, true);
  file.setUint16(20, 1, true);
  file.setUint16(22, 1, true);
  file.setUint32(24, RATE, true);
  file.setUint32(28, 2 * RATE, true);
  file.setUint16(32, 2, true);
  file.setUint16(34, 16, true);
  write(36, 'data');
  file.setUint32(40, 2 * count, true);
  for (let index = 0; index < count; index++) {
    const value = 32767 * amplitude * Math.sin(2 * Math.PI * hertz * index / RATE);
    file.setInt16(44 + 2 * index, Math.round(value), true);
  }
  return URL.createObjectURL(new Blob([file.buffer], {type: 'audio/wav'}));
}

/// Tracks with a soft and a loud tone of the given pitch. Sound files, since Firefox lets no AudioContext run where
/// there is no sound card.
async function makeTones(hertz) {
  const tracks = {};
  for (const [what, amplitude] of Object.entries(AMPLITUDE)) {
    const player = new Audio(soundFile(hertz, amplitude));
    document.body.append(player);
    await player.play();
    const stream = player.mozCaptureStream ? player.mozCaptureStream() : player.captureStream();
    tracks[what] = stream.getAudioTracks()[0];
  }
  return tracks;
}

/// Watches for pauses in the arrival of audio.
///
/// Between two looks at the counters the time of the last packet is known and how many came; of a look that spans
/// several packets of 20 ms each, those before the last have filled their time, the rest may have been one pause.
class GapWatch {
  constructor(connection) {
    this.connection = connection;
    this.seen = new Map();
    this.gaps = {};
    this.isOn = true;
    this.run();
  }

  async run() {
    while (this.isOn) {
      for (const entry of (await this.connection.getStats()).values()) {
        if (entry.type === 'inbound-rtp' && entry.kind === 'audio') this.look(entry);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  look({ssrc, packetsReceived, packetsLost, lastPacketReceivedTimestamp}) {
    const now = {packets: packetsReceived, time: lastPacketReceivedTimestamp};
    const last = this.seen.get(ssrc);
    this.gaps[ssrc] = this.gaps[ssrc] || {longest: 0, packets: 0, lostBefore: packetsLost, spans: 0};
    const gap = this.gaps[ssrc];
    gap.lost = packetsLost - gap.lostBefore;
    if (last && now.packets > last.packets) {
      const came = now.packets - last.packets;
      gap.longest = Math.max(gap.longest, now.time - last.time - 20 * (came - 1));
      gap.packets += came;
      gap.spans += 1;
    }
    if (!last || now.packets > last.packets) this.seen.set(ssrc, now);
  }

  stop() {
    this.isOn = false;
  }
}
