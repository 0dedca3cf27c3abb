// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// What a person sees of the call: who I am, who speaks, who is there, the pictures, what came over the bridge channel.
'use strict';

const view = {
  speaker: null,
  away: new Set(),
  members: new Map(),
  state: new Map(),
  begin: performance.now(),

  /// Shows a line of the connection's state.
  tell(key, value) {
    if (this.state.get(key) === value) return;
    this.state.set(key, value);
    document.getElementById('state').replaceChildren(...[...this.state].map((pair) => this.row(pair)));
  },

  /// Shows what is known of a member of the conference.
  member(name, text) {
    this.members.set(name, text);
    const rows = [...this.members].map(([one, what]) => {
      const row = this.row([one, this.away.has(one) ? 'away' : what]);
      row.className = (one === this.speaker ? 'speaks ' : '') + (this.away.has(one) ? 'away' : '');
      return row;
    });
    document.getElementById('members').replaceChildren(...rows);
    for (const figure of document.querySelectorAll('figure')) {
      figure.className = figure.dataset.owner === this.speaker ? 'speaks' : '';
    }
  },

  row(cells) {
    const row = document.createElement('tr');
    row.append(...cells.map((text, index) => {
      const cell = document.createElement(index === 0 && cells.length > 1 ? 'td' : 'th');
      cell.textContent = text;
      return cell;
    }));
    return row;
  },

  /// Plays a track; a picture gets its owner's name.
  play(track, owner) {
    const element = document.createElement(track.kind);
    element.autoplay = true;
    element.muted = track.kind === 'video';
    element.srcObject = new MediaStream([track]);
    if (track.kind === 'audio') return document.body.append(element);
    const figure = document.createElement('figure');
    figure.dataset.owner = owner;
    const caption = document.createElement('figcaption');
    caption.textContent = owner;
    element.onresize = () => {
      caption.textContent = `${owner}, ${element.videoHeight} lines`;
    };
    figure.append(element, caption);
    document.getElementById('videos').append(figure);
  },

  /// Takes away the pictures of one who left.
  remove(owner) {
    for (const figure of document.querySelectorAll('figure')) if (figure.dataset.owner === owner) figure.remove();
    this.members.delete(owner);
    this.member(this.self, 'I');
  },

  /// Writes what was sent or came over the channel.
  log(direction, text) {
    const seconds = ((performance.now() - this.begin) / 1000).toFixed(1).padStart(5);
    const lines = document.getElementById('log');
    const all = [`${seconds} ${direction} ${text}`, ...lines.textContent.split('\n')];
    lines.textContent = all.slice(0, 40).join('\n');
  },

  /// A message came; some of them change what is shown.
  received(message, text) {
    this.log('←', text);
    if (message.colibriClass === 'DominantSpeakerEndpointChangeEvent') {
      this.speaker = message.dominantSpeakerEndpoint;
      const silence = message.silence ? ' (silence now)' : '';
      document.getElementById('speaker').textContent = `speaker: ${this.speaker}${silence}`;
    } else if (message.colibriClass === 'EndpointConnectivityStatusChangeEvent') {
      this.away[message.active === 'false' ? 'add' : 'delete'](message.endpoint);
    } else {
      return;
    }
    this.member(this.self, 'I');
  },
};
