// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import SCTP

/// One data channel on an SCTP association of its own, the client's side (RFC 8831), without I/O.
struct DataChannelCarrier: ~Copyable {
    private var channels: DataChannels
    private let channel: DataChannel?
    /// What is to be told before what the association has to tell.
    private var isRefused: Bool

    /// Begins the association, and asks for the channel as lib-jitsi-meet does (media-plane.md 11.4).
    init(random: Random, at now: Timestamp) {
        var channels = DataChannels(role: .client, random: random, at: now)
        channels.connect(at: now)
        channel = channels.open(
            label: "JVB data channel", protocol: "http://jitsi.org/protocols/colibri", at: now)
        self.channels = channels
        isRefused = channel == nil
    }

    /// Whether the association stands.
    var isConnected: Bool { channels.isConnected }

    /// When ``handleTimeout(at:)`` has something to do.
    var nextTimeout: Timestamp? { channels.nextTimeout }

    mutating func handleTimeout(at now: Timestamp) { channels.handleTimeout(at: now) }

    /// An SCTP packet came in a DTLS record.
    mutating func handle(_ record: [UInt8], at now: Timestamp) { channels.handle(record.rawSpan, at: now) }

    /// The next packet to send: one DTLS record.
    mutating func pollTransmit() -> [UInt8]? { channels.pollTransmit() }

    /// Sends a text message.
    mutating func send(text: [UInt8], at now: Timestamp) {
        guard let channel, channels.send(text: text, on: channel, at: now) == .accepted else {
            isRefused = true
            return
        }
    }

    /// The next thing that came.
    mutating func pollEvent() -> CarrierEvent? {
        if isRefused {
            isRefused = false
            return .ended("the data channel takes no more messages")
        }
        // Ends: the association tells a finite number of things.
        while let event = channels.pollEvent() {
            switch event {
            case .opened(let opened, _, _) where opened == channel: return .opened
            case .text(let from, let text) where from == channel: return .text(text)
            case .closed(let closed) where closed == channel:
                // Its association's end tells more.
                guard case .ended(let reason)? = channels.pollEvent() else {
                    return .ended("the bridge closed the data channel")
                }
                return .ended(Self.text(reason))
            case .ended(let reason): return .ended(Self.text(reason))
            case .connected, .opened, .text, .binary, .closed, .writable: break
            }
        }
        return nil
    }

    private static func text(_ reason: EndReason) -> String {
        switch reason {
        case .shutdown: "the bridge shut the SCTP association down"
        case .aborted(let cause): "the bridge aborted the SCTP association (cause \(cause.rawValue))"
        case .abortedByUs: "the bridge broke SCTP's rules"
        }
    }
}
