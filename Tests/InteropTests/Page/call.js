// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// One participant: gets offers from the focus, answers them, plays what comes, reports getStats.
'use strict';

const name = new URLSearchParams(location.search).get('name');
const clock = () => performance.now();

async function post(path, body) {
  const response = await fetch(path + '?name=' + name, {method: 'POST', body: JSON.stringify(body || {})});
  if (!response.ok) throw new Error(path + ': ' + response.status + ' ' + await response.text());
  return response.json();
}

/// Sums up what getStats says, one record per remote track.
async function survey(connection) {
  const report = {inbound: [], outbound: [], connection: connection.connectionState};
  const stats = await connection.getStats();
  for (const entry of stats.values()) {
    if (entry.type === 'inbound-rtp') {
      report.inbound.push({
        kind: entry.kind, ssrc: entry.ssrc, mid: entry.mid, packetsReceived: entry.packetsReceived || 0,
        packetsLost: entry.packetsLost || 0, framesDecoded: entry.framesDecoded || 0,
        headerBytes: entry.headerBytesReceived || 0, frameWidth: entry.frameWidth || 0,
        audioEnergy: entry.totalAudioEnergy || 0,
        freezeCount: entry.freezeCount || 0, pliCount: entry.pliCount || 0, nackCount: entry.nackCount || 0,
      });
    } else if (entry.type === 'outbound-rtp') {
      report.outbound.push({
        kind: entry.kind, ssrc: entry.ssrc, packetsSent: entry.packetsSent || 0, pliCount: entry.pliCount || 0,
        framesEncoded: entry.framesEncoded || 0,
      });
    } else if (entry.type === 'remote-inbound-rtp') {
      report.remote = report.remote || [];
      report.remote.push({kind: entry.kind, fractionLost: entry.fractionLost, roundTripTime: entry.roundTripTime});
    } else if (entry.type === 'transport') {
      report.srtpCipher = entry.srtpCipher;
      report.dtlsRole = entry.dtlsRole;
      report.tlsVersion = entry.tlsVersion;
    }
  }
  return report;
}

async function main() {
  const video = {width: 640, height: 360, frameRate: 15};
  const camera = await navigator.mediaDevices.getUserMedia({audio: true, video});
  const begin = clock();
  const connection = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  connection.ontrack = ({track, streams}) => {
    const element = document.createElement(track.kind);
    element.autoplay = true;
    element.muted = track.kind === 'video';
    element.srcObject = new MediaStream([track]);
    document.body.append(element);
  };

  let firstPicture = null;
  let round = 0;
  async function answer(offer) {
    await connection.setRemoteDescription({type: 'offer', sdp: offer});
    if (round === 0) {
      // The first audio and the first video section are ours to send in; all others only bring media.
      for (const track of camera.getTracks()) {
        const place = connection.getTransceivers().find((one) => one.receiver.track.kind === track.kind);
        await place.sender.replaceTrack(track);
        place.direction = 'sendrecv';
      }
    }
    await connection.setLocalDescription();
    await post('/answer', {round: round++, sdp: connection.localDescription.sdp});
  }

  async function follow() {
    for (;;) {
      const {offer, done} = await post('/poll');
      if (done) break;
      if (offer) await answer(offer);
    }
  }

  async function observe() {
    for (;;) {
      const report = await survey(connection);
      if (firstPicture === null && report.inbound.some((one) => one.framesDecoded > 0)) firstPicture = clock() - begin;
      report.firstPictureMilliseconds = firstPicture;
      const {done} = await post('/report', report);
      if (done) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  await answer((await post('/join')).offer);
  await Promise.all([follow(), observe()]);
  connection.close();
}

main().catch((error) => post('/error', {error: String(error && error.stack || error)}));
