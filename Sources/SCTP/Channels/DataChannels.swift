// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Data channels over one SCTP association (RFC 8831) with their opening protocol (RFC 8832).
///
/// A channel opened before the association stands goes out with its first packet. Messages of a channel that the peer
/// has not yet acknowledged are sent in order, whatever it was opened for (RFC 8832 §6). A channel is never closed, and
/// the association never ended, because the peer is slow: `send` refuses, and `.writable` tells when it will not.
///
/// After every call that takes `now`, drain ``pollTransmit()`` and ``pollEvent()``.
public struct DataChannels: ~Copyable {
    var association: SCTPAssociation
    private let settings: SCTPSettings
    /// Whether we number channels evenly: the DTLS client's side (RFC 8832 §6).
    private let isEven: Bool
    /// Channels by number.
    private var channels: [ChannelState] = []
    private var events = Line<DataChannelEvent>()
    private var own = SCTPCounters()

    /// - Parameters:
    ///   - role: who begins, and which half of the numbers is ours. In WebRTC the DTLS client is `.client`.
    ///   - random: tags, initial numbers, the key of cookies.
    public init(role: SCTPRole, settings: SCTPSettings = SCTPSettings(), random: Random, at now: Timestamp) {
        association = SCTPAssociation(settings, random: random, at: now)
        self.settings = settings
        isEven = role == .client
    }

    /// What was done and refused, by reason.
    public var counters: SCTPCounters {
        var counters = association.counters
        counters.refusedChannels = own.refusedChannels
        counters.strayMessages = own.strayMessages
        return counters
    }

    /// Whether messages can flow.
    public var isConnected: Bool { association.isConnected }

    /// Channels that are open.
    public var openChannels: [DataChannel] {
        channels.filter { $0.phase == .open }.map { DataChannel(stream: $0.stream) }
    }

    /// When ``handleTimeout(at:)`` has something to do.
    public var nextTimeout: Timestamp? { association.nextTimeout }

    /// Bytes of messages that are queued or not acknowledged, of all channels together.
    public var bufferedBytes: Int { association.bufferedBytes }

    /// Bytes of a channel's messages that are queued or not acknowledged.
    public func bufferedBytes(on channel: DataChannel) -> Int {
        association.bufferedBytes(on: channel.stream)
    }

    /// Begins the association: what a client does, and what a server may.
    public mutating func connect(at now: Timestamp) {
        association.connect(at: now)
        settle(at: now)
    }

    /// Takes an SCTP packet, out of one DTLS record, in.
    public mutating func handle(_ packet: RawSpan, at now: Timestamp) {
        association.handle(packet, at: now)
        settle(at: now)
    }

    /// What time brings.
    public mutating func handleTimeout(at now: Timestamp) {
        association.handleTimeout(at: now)
        settle(at: now)
    }

    /// The next packet to send: one DTLS record.
    public mutating func pollTransmit() -> [UInt8]? { association.pollTransmit() }

    /// The next event.
    public mutating func pollEvent() -> DataChannelEvent? { events.popFirst() }

    /// Opens a channel; `.opened` tells when the peer agreed. `nil` when there are too many.
    public mutating func open(
        label: String, protocol name: String = "", isUnordered: Bool = false, reliability: Reliability = .reliable,
        at now: Timestamp
    ) -> DataChannel? {
        guard channels.count < channelLimit else { return nil }
        var stream: UInt16 = isEven ? 0 : 1
        for channel in channels where channel.stream == stream { stream += 2 }
        guard Int(stream) < association.outboundStreams else { return nil }
        var message = DCEPOpen()
        message.isUnordered = isUnordered
        message.reliability = reliability
        message.label = Array(label.utf8)
        message.protocol = Array(name.utf8)
        let result = association.send(
            message.encoded(), stream: stream, protocolIdentifier: PayloadProtocol.dcep, isEssential: true, at: now)
        guard result == .accepted else { return nil }
        insert(
            ChannelState(
                stream: stream, phase: .opening, isUnordered: isUnordered, reliability: reliability,
                label: message.label, protocol: message.protocol))
        return DataChannel(stream: stream)
    }

    /// Sends a text message, UTF-8 without a final zero.
    public mutating func send(text: [UInt8], on channel: DataChannel, at now: Timestamp) -> SendResult {
        send(text, PayloadProtocol.text, PayloadProtocol.emptyText, on: channel, at: now)
    }

    /// Sends a text message that lies in somebody's buffer.
    public mutating func send(text: RawSpan, on channel: DataChannel, at now: Timestamp) -> SendResult {
        send(text: text.toArray(), on: channel, at: now)
    }

    /// Sends a binary message.
    public mutating func send(binary: [UInt8], on channel: DataChannel, at now: Timestamp) -> SendResult {
        send(binary, PayloadProtocol.binary, PayloadProtocol.emptyBinary, on: channel, at: now)
    }

    /// Closes a channel once its queued messages are sent; `.closed` tells when its number is free.
    public mutating func close(_ channel: DataChannel, at now: Timestamp) {
        guard let index = index(of: channel.stream), channels[index].phase != .closing else { return }
        channels[index].phase = .closing
        association.reset(stream: channel.stream, at: now)
        settle(at: now)
    }

    /// Ends the association once everything accepted is acknowledged.
    public mutating func shutdown(at now: Timestamp) {
        association.shutdown(at: now)
        settle(at: now)
    }

    /// Ends the association now and tells the peer.
    public mutating func abort(at now: Timestamp) {
        association.abort(at: now)
        settle(at: now)
    }

    // MARK: inside

    private var channelLimit: Int { min(settings.channels, SCTPLimits.channels) }

    private func index(of stream: UInt16) -> Int? {
        channels.firstIndex { $0.stream == stream }
    }

    private mutating func insert(_ channel: ChannelState) {
        let index = channels.firstIndex { $0.stream > channel.stream } ?? channels.count
        channels.insert(channel, at: index)
    }

    private mutating func send(
        _ bytes: [UInt8], _ kind: UInt32, _ emptyKind: UInt32, on channel: DataChannel, at now: Timestamp
    ) -> SendResult {
        guard let index = index(of: channel.stream), channels[index].phase != .closing else { return .refused }
        // SCTP has no empty messages (RFC 8831 §6.6).
        return association.send(
            bytes.isEmpty ? [0] : bytes, stream: channel.stream, protocolIdentifier: bytes.isEmpty ? emptyKind : kind,
            isUnordered: channels[index].isUnordered && channels[index].phase == .open,
            reliability: channels[index].reliability, at: now)
    }

    /// Takes over what the association tells.
    private mutating func settle(at now: Timestamp) {
        while let event = association.pollEvent() {
            switch event {
            case .connected:
                events.append(.connected)
                // The peer has fewer streams than we thought.
                closeAll { Int($0.stream) >= $1 }
            case .restarted:
                closeAll { _, _ in true }
                events.append(.connected)
            case .message(let message): take(message, at: now)
            case .peerReset(let streams): peerReset(streams, at: now)
            case .ownReset(let streams, _): ownReset(streams)
            case .writable: events.append(.writable)
            case .ended(let reason):
                closeAll { _, _ in true }
                events.append(.ended(reason))
            }
        }
    }

    private mutating func closeAll(where isGone: (ChannelState, Int) -> Bool) {
        let streams = association.outboundStreams
        for channel in channels where isGone(channel, streams) {
            events.append(.closed(DataChannel(stream: channel.stream)))
        }
        channels.removeAll { isGone($0, streams) }
    }

    private mutating func take(_ message: ReceivedMessage, at now: Timestamp) {
        let channel = DataChannel(stream: message.stream)
        if message.protocolIdentifier == PayloadProtocol.dcep { return take(dcep: message, at: now) }
        guard let index = index(of: message.stream), channels[index].phase != .closing else {
            own.strayMessages &+= 1
            return
        }
        switch message.protocolIdentifier {
        case PayloadProtocol.text: events.append(.text(channel, message.bytes))
        case PayloadProtocol.binary: events.append(.binary(channel, message.bytes))
        case PayloadProtocol.emptyText: events.append(.text(channel, []))
        case PayloadProtocol.emptyBinary: events.append(.binary(channel, []))
        default: own.strayMessages &+= 1
        }
    }

    private mutating func take(dcep message: ReceivedMessage, at now: Timestamp) {
        let index = index(of: message.stream)
        switch DCEPMessage(message.bytes.rawSpan) {
        case .acknowledgement:
            guard let index, channels[index].phase == .opening else {
                own.strayMessages &+= 1
                return
            }
            channels[index].phase = .open
            tellOpen(index)
            channels[index].label = []
            channels[index].protocol = []
        case .open(let open):
            // The other half of the numbers is the peer's (RFC 8832 §6).
            guard index == nil, (message.stream & 1 == 0) != isEven, channels.count < channelLimit,
                Int(message.stream) < association.outboundStreams
            else {
                own.refusedChannels &+= 1
                return
            }
            accept(open, on: message.stream, at: now)
        case nil: own.refusedChannels &+= 1
        }
    }

    private mutating func accept(_ open: DCEPOpen, on stream: UInt16, at now: Timestamp) {
        let result = association.send(
            [DCEPMessage.acknowledgementType], stream: stream, protocolIdentifier: PayloadProtocol.dcep,
            isEssential: true, at: now)
        guard result == .accepted else {
            own.refusedChannels &+= 1
            return
        }
        insert(
            ChannelState(
                stream: stream, phase: .open, isUnordered: open.isUnordered, reliability: open.reliability,
                label: open.label, protocol: open.protocol))
        guard let index = index(of: stream) else { return }
        tellOpen(index)
        channels[index].label = []
        channels[index].protocol = []
    }

    private mutating func tellOpen(_ index: Int) {
        events.append(
            .opened(
                DataChannel(stream: channels[index].stream),
                label: String(decoding: channels[index].label, as: UTF8.self),
                protocol: String(decoding: channels[index].protocol, as: UTF8.self)))
    }

    /// The peer closes channels: ours are closed in turn (RFC 8831 §6.7).
    private mutating func peerReset(_ streams: [UInt16], at now: Timestamp) {
        for index in channels.indices where streams.isEmpty || streams.contains(channels[index].stream) {
            channels[index].isTheirsReset = true
            channels[index].phase = .closing
            if !channels[index].isOursReset { association.reset(stream: channels[index].stream, at: now) }
        }
        removeClosed()
    }

    private mutating func ownReset(_ streams: [UInt16]) {
        for index in channels.indices where streams.contains(channels[index].stream) {
            channels[index].isOursReset = true
        }
        removeClosed()
    }

    private mutating func removeClosed() {
        for channel in channels where channel.isOursReset && channel.isTheirsReset {
            events.append(.closed(DataChannel(stream: channel.stream)))
        }
        channels.removeAll { $0.isOursReset && $0.isTheirsReset }
    }
}
