// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// One participant: gets offers from the focus, answers them, plays what comes, does what the focus orders, reports.
'use strict';

const parameters = new URLSearchParams(location.search);
const name = parameters.get('name');
const clock = () => performance.now();
const isFirefox = navigator.userAgent.includes('Firefox');
const complain = (error) => post('/error', {error: String(error && error.stack || error)});

async function post(path, body) {
  const response = await fetch(path + '?name=' + name, {method: 'POST', body: JSON.stringify(body || {})});
  if (!response.ok) throw new Error(path + ': ' + response.status + ' ' + await response.text());
  return response.json();
}

/// Sums up what getStats says, one record per remote track.
async function survey(connection) {
  const report = {inbound: [], outbound: [], connection: connection.connectionState};
  const stats = await connection.getStats();
  // Chromium names the pair in use here, Firefox marks it.
  const selectedPair = [...stats.values()].find((one) => one.type === 'transport')?.selectedCandidatePairId;
  for (const entry of stats.values()) {
    if (entry.type === 'inbound-rtp') {
      report.inbound.push({
        kind: entry.kind, ssrc: entry.ssrc, mid: entry.mid, packetsReceived: entry.packetsReceived || 0,
        packetsLost: entry.packetsLost || 0, framesDecoded: entry.framesDecoded || 0,
        headerBytes: entry.headerBytesReceived || 0, frameWidth: entry.frameWidth || 0,
        audioEnergy: entry.totalAudioEnergy || 0,
        height: entry.frameHeight || 0, codec: stats.get(entry.codecId)?.mimeType, by: entry.decoderImplementation,
        freezeCount: entry.freezeCount || 0, pliCount: entry.pliCount || 0, nackCount: entry.nackCount || 0,
      });
    } else if (entry.type === 'outbound-rtp') {
      report.outbound.push({
        kind: entry.kind, ssrc: entry.ssrc, packetsSent: entry.packetsSent || 0, pliCount: entry.pliCount || 0,
        framesEncoded: entry.framesEncoded || 0, framesSent: entry.framesSent || 0, height: entry.frameHeight || 0,
        codec: stats.get(entry.codecId)?.mimeType, by: entry.encoderImplementation,
        limit: entry.qualityLimitationReason, mode: entry.scalabilityMode,
      });
    } else if (entry.type === 'remote-inbound-rtp') {
      report.remote = report.remote || [];
      report.remote.push({kind: entry.kind, fractionLost: entry.fractionLost, roundTripTime: entry.roundTripTime});
    } else if (entry.type === 'candidate-pair' && (entry.selected || entry.id === selectedPair)) {
      const local = stats.get(entry.localCandidateId);
      report.address = local && local.address;
      report.available = entry.availableOutgoingBitrate;
    } else if (entry.type === 'transport') {
      report.srtpCipher = entry.srtpCipher;
      report.dtlsRole = entry.dtlsRole;
      report.tlsVersion = entry.tlsVersion;
    }
  }
  return report;
}

/// What this participant sends: the browser's own synthetic devices, or with `microphone=tone` a tone of ours.
async function openDevices() {
  const [width, height, frameRate] = (parameters.get('video') || '640x360x15').split('x').map(Number);
  const wantsTone = parameters.get('microphone') === 'tone';
  const devices = await navigator.mediaDevices.getUserMedia({audio: !wantsTone, video: {width, height, frameRate}});
  if (!wantsTone) return {tracks: devices.getTracks()};
  const tones = await makeTones(Number(parameters.get('hertz') || 440));
  return {tracks: [tones.hum, ...devices.getVideoTracks()], tones};
}

async function main() {
  document.title = name;
  document.getElementById('self').textContent = `${name} in ${isFirefox ? 'Firefox' : 'Chromium'}`;
  view.self = name;
  view.member(name, 'I');
  const {tracks, tones} = await openDevices();
  const begin = clock();
  const connection = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  const layering = parameters.get('layers');
  const hasScreen = parameters.has('screen');
  const joined = await post('/join', {screen: hasScreen, rids: isFirefox && layering !== null});
  let channel = joined.channel === 'sctp' ? BridgeChannel.overSCTP(connection) : null;
  if (joined.channel === 'websocket') channel = BridgeChannel.overWebSocket(joined.url);

  let owners = {};
  connection.ontrack = ({track, transceiver}) => {
    const owner = owners[transceiver.mid];
    // The first two sections bring nothing but the bridge's feedback.
    if (!owner) return;
    view.member(owner, 'present');
    view.play(track, owner);
  };
  connection.onconnectionstatechange = () => view.tell('Peer connection', connection.connectionState);
  connection.oniceconnectionstatechange = () => view.tell('ICE', connection.iceConnectionState);

  // What is sent, by the bridge's name of it; it obeys the bridge where it is sent in layers.
  const videos = {};
  if (channel) {
    channel.onmessage = ({colibriClass, sourceName, maxHeight}) => {
      if (layering && colibriClass === 'SenderSourceConstraints') videos[sourceName]?.constrain(maxHeight);
    };
  }

  let firstPicture = null;
  let round = 0;
  async function answer({offer, owners: now}) {
    for (const gone of new Set(Object.values(owners))) if (!Object.values(now).includes(gone)) view.remove(gone);
    owners = now;
    await connection.setRemoteDescription({type: 'offer', sdp: offer});
    if (round === 0) {
      // The first audio and the first video section are ours to send in; all others only bring media.
      for (const track of tracks) {
        const place = connection.getTransceivers().find((one) => one.receiver.track.kind === track.kind);
        await place.sender.replaceTrack(track);
        place.direction = 'sendrecv';
      }
      const places = connection.getTransceivers().filter((one) => one.receiver.track.kind === 'video');
      places.slice(0, hasScreen ? 2 : 1).forEach((place, index) => {
        if (index) place.direction = 'sendonly';
        videos[`${name}-v${index}`] = new SentVideo(place.sender, `${name}-v${index}`, layering, index > 0);
      });
      if (layering && !isFirefox) {
        const {sdp} = await connection.createAnswer();
        const mids = places.slice(0, hasScreen ? 2 : 1).map(({mid}) => mid);
        await connection.setLocalDescription({type: 'answer', sdp: withThreeSizes(sdp, mids)});
      }
      if (layering) for (const video of Object.values(videos)) video.constrain(0);
    }
    if (round > 0 || !layering || isFirefox) await connection.setLocalDescription();
    await post('/answer', {round: round++, sdp: connection.localDescription.sdp});
  }

  let watch = null;
  let pictures = parameters.has('look') ? new PictureWatch(connection, 0) : null;
  const actions = {
    tone: (what) => {
      connection.getSenders().find(({track}) => track && track.kind === 'audio').replaceTrack(tones[what]);
      view.tell('Microphone', what);
    },
    send: (message) => channel.send(message),
    reconnect: () => channel.reconnect(),
    watch: (isOn) => {
      if (watch) watch.stop();
      watch = isOn ? new GapWatch(connection) : null;
    },
    // A watch over pictures, begun anew.
    look: (number) => {
      if (pictures) pictures.stop();
      pictures = new PictureWatch(connection, number);
    },
    camera: (isOn) => videos[`${name}-v0`].show(isOn ? tracks.find(({kind}) => kind === 'video') : null),
    screen: (isOn) => {
      const video = videos[`${name}-v1`];
      if (isOn) {
        channel.send({colibriClass: 'SourceVideoTypeMessage', sourceName: `${name}-v1`, videoType: 'desktop'});
        video.show(makeScreen());
      } else {
        video.sender.track.stop();
        video.show(null);
      }
    },
    title: (text) => {
      document.getElementById('title').textContent = text;
    },
  };

  // For those who look on by hand.
  const button = document.getElementById('tone');
  button.onclick = () => {
    actions.tone(button.textContent === 'Speak' ? 'loud' : 'hum');
    button.textContent = button.textContent === 'Speak' ? 'Hum' : 'Speak';
  };
  document.getElementById('greet').onclick =
    () => actions.send({colibriClass: 'EndpointMessage', to: '', msgPayload: {greeting: `from ${name}`}});

  async function follow() {
    for (;;) {
      const {offer, owners: all, orders, done} = await post('/poll');
      if (done) break;
      for (const [action, argument] of orders || []) actions[action](argument);
      if (offer) await answer({offer, owners: all});
    }
  }

  async function observe() {
    for (;;) {
      const report = await survey(connection);
      if (firstPicture === null && report.inbound.some((one) => one.framesDecoded > 0)) firstPicture = clock() - begin;
      report.firstPictureMilliseconds = firstPicture;
      report.title = document.getElementById('title').textContent;
      if (watch) report.gaps = watch.gaps;
      if (pictures) report.pictures = pictures.result;
      if (report.address) view.tell('Own address', report.address);
      if (channel) {
        const {state, opened, closes, openedAfter, askedAt} = channel;
        report.channel = {state, opened, closes, openedAfter, askedAt, events: channel.takeEvents()};
      }
      const {done} = await post('/report', report);
      if (done) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  await answer(joined);
  await Promise.all([follow(), observe()]);
  connection.close();
}

main().catch(complain);
