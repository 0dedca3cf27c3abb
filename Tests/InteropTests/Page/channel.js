// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// The bridge channel (media-plane.md 11) as lib-jitsi-meet opens it: a data channel or a WebSocket.
'use strict';

/// How a WebSocket closes that was lost without a word, and one whose TLS was.
const LOST = [1006, 1015];

class BridgeChannel {
  constructor(kind) {
    this.kind = kind;
    this.events = [];
    this.opened = 0;
    this.closes = [];
    this.begin = performance.now();
    view.tell('Bridge channel', `${kind}, not open yet`);
  }

  /// Opens a data channel of a connection that has not been negotiated yet.
  static overSCTP(connection) {
    const channel = new BridgeChannel('data channel');
    const options = {protocol: 'http://jitsi.org/protocols/colibri'};
    channel.take(connection.createDataChannel('JVB data channel', options));
    return channel;
  }

  /// Dials the bridge's WebSocket.
  static overWebSocket(url) {
    const channel = new BridgeChannel('WebSocket');
    channel.url = url;
    channel.dial();
    return channel;
  }

  dial() {
    this.take(new WebSocket(this.url));
  }

  take(carrier) {
    this.carrier = carrier;
    carrier.onopen = () => this.isOpen();
    carrier.onmessage = ({data}) => this.received(data);
    carrier.onclose = ({code}) => this.isClosed(code);
  }

  get state() {
    // A WebSocket has numbers where a data channel has words.
    const state = this.carrier.readyState;
    return typeof state === 'number' ? ['connecting', 'open', 'closing', 'closed'][state] : state;
  }

  isOpen() {
    this.opened += 1;
    if (this.opened === 1) this.openedAfter = performance.now() - this.begin;
    view.tell('Bridge channel', `${this.kind}, open`);
    // A mark in the events, so that what came on connect can be told from what came later.
    this.events.push({mark: 'open'});
    if (this.kind === 'data channel') this.send({colibriClass: 'ClientHello'});
    this.send({colibriClass: 'SourceVideoTypeMessage', sourceName: `${name}-v0`, videoType: 'camera'});
    const constraints = {lastN: -1, defaultConstraints: {maxHeight: 180}, constraints: {}, assumedBandwidthBps: -1};
    this.send({colibriClass: 'ReceiverVideoConstraints', ...constraints});
    this.askedAt = performance.now();
  }

  isClosed(code) {
    this.closes.push(code === undefined ? null : code);
    this.events.push({mark: 'closed'});
    view.tell('Bridge channel', `${this.kind}, closed`);
    if (this.redial) {
      this.redial = false;
      this.dial();
    } else if (this.kind === 'WebSocket' && LOST.includes(code)) {
      // It is dialled again until it opens, as clients do.
      setTimeout(() => this.dial(), 500);
    }
  }

  received(text) {
    const message = JSON.parse(text);
    this.events.push(message);
    view.received(message, text);
    if (this.onmessage) this.onmessage(message);
  }

  send(message) {
    const text = JSON.stringify(message);
    this.carrier.send(text);
    view.log('→', text);
  }

  /// Closes a WebSocket and dials its address again, as clients do whose network was away.
  reconnect() {
    this.redial = true;
    this.carrier.close();
  }

  /// What came since the last time.
  takeEvents() {
    return this.events.splice(0);
  }
}
