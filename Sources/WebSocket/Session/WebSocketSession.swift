// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import Zlib

/// The server's side of one WebSocket behind its handshake (RFC 6455): bytes and a time in, messages and bytes out.
///
/// Small while nothing happens: between messages it holds nothing on the heap, and compression keeps no state, so that
/// the compressor and the expander are the owner's, one for all connections.
///
/// The owner hands in what has arrived (``handle(_:at:)``), takes what it means (``pollEvent(_:at:)``) until there is
/// no more, sends ``pendingOutput`` after ``gather()`` and says so with ``didTransmit(_:at:)``, and closes the
/// connection when ``isClosed``.
public struct WebSocketSession: Sendable {
    /// Times, and what was agreed on.
    public struct Settings: Sendable {
        /// A client that was quiet for so long is sent a ping; `nil` means never.
        public var pingInterval: TimeDelta?
        /// A connection on which nothing came for so long is closed. Without pings, nothing came or went.
        public var idleTime: TimeDelta

        /// The times of media-plane.md 11.2.
        public init(pingInterval: TimeDelta? = .seconds(15), idleTime: TimeDelta = .seconds(60)) {
            self.pingInterval = pingInterval
            self.idleTime = idleTime
        }
    }

    /// What has come.
    public enum Event: Equatable, Sendable {
        /// A text message, valid UTF-8.
        case text([UInt8])
        /// A binary message, which means nothing on the bridge channel.
        case binary
        /// A control frame that was dealt with; told so that it can be counted.
        case control
    }

    private enum State: Equatable {
        case open
        /// We have said goodbye, or found the client in the wrong (`isBroken`): until it answers, or `deadline`.
        case closing(deadline: Timestamp, isBroken: Bool)
        /// Both have. What is written may still leave, until `deadline`.
        case ending(deadline: Timestamp)
        case closed
    }

    /// Whether compression was agreed on.
    public let isDeflated: Bool
    private let settings: Settings
    private var state = State.open
    private var reader: FrameReader
    private var input: [UInt8] = []
    private var inputIndex = 0
    /// Frames that wait to be gathered.
    private var frames: [[UInt8]] = []
    private var frameBytes = 0
    /// The last ping's answer; of several only the last is owed (RFC 6455 5.5.3).
    private var pong: [UInt8]?
    private var output: [UInt8] = []
    private var transmitted = 0
    private var lastReceived: Timestamp
    private var lastSent: Timestamp
    private var lastPing: Timestamp
    /// Why it was closed, once it was: the first reason, whoever gave it.
    public private(set) var closeReason: CloseReason?
    /// Whether the client broke a rule or a limit.
    public private(set) var isViolated = false

    /// A connection whose handshake is about to be answered.
    /// - Parameter opening: the answer, which goes out before all else.
    public init(_ settings: Settings, isDeflated: Bool, opening: [UInt8], at now: Timestamp) {
        self.settings = settings
        self.isDeflated = isDeflated
        output = opening
        reader = FrameReader(allowsDeflate: isDeflated)
        (lastReceived, lastSent, lastPing) = (now, now, now)
    }

    // MARK: Input

    /// Takes bytes that have arrived.
    public mutating func handle(_ bytes: some Collection<UInt8>, at now: Timestamp) {
        lastReceived = now
        switch state {
        case .open, .closing(_, isBroken: false): input += bytes
        case .closing(_, isBroken: true), .ending, .closed: return
        }
    }

    /// The client sends nothing more: the connection is over, in order or not.
    public mutating func handleEndOfInput() {
        if closeReason == nil { closeReason = CloseReason(1006) }
        state = .closed
        input = []
    }

    /// What came next; `nil` when all was read. Control frames are answered.
    public mutating func pollEvent(_ inflater: inout Inflater, at now: Timestamp) -> Event? {
        while inputIndex < input.count {
            switch state {
            case .open, .closing(_, isBroken: false): break
            case .closing(_, isBroken: true), .ending, .closed:
                forgetInput()
                return nil
            }
            do throws(FrameReader.Violation) {
                guard let item = try reader.read(input, from: &inputIndex) else { break }
                if let event = try take(item, &inflater, at: now) { return event }
            } catch {
                fail(error.reason, at: now)
            }
        }
        forgetInput()
        return nil
    }

    /// Whether more bytes may come now. While they may not they wait in the kernel, and the client waits for that.
    public var wantsInput: Bool { inputIndex == input.count && !isClosed }

    private mutating func forgetInput() {
        input = []
        inputIndex = 0
    }

    private mutating func take(
        _ item: FrameReader.Item, _ inflater: inout Inflater, at now: Timestamp
    ) throws(FrameReader.Violation) -> Event? {
        switch item {
        case .control(.close, let payload):
            try takeClose(payload, at: now)
            return nil
        case .control(.ping, let payload):
            if state == .open { pong = payload }
            return .control
        case .control: return .control
        case .message(let opcode, let isDeflated, var content):
            // RFC 6455 1.4: what comes behind our close frame is not looked at.
            guard state == .open else { return .control }
            if isDeflated {
                switch inflater.expand(content, limit: WebSocketLimits.messageBytes) {
                case .message(let text): content = text
                case .tooLong: throw FrameReader.Violation(CloseReason.tooBig, "message too long")
                case .corrupt: throw FrameReader.Violation(CloseReason.invalidPayload, "not compressed")
                }
            }
            guard opcode == .text else { return .binary }
            guard Self.isText(content) else { throw FrameReader.Violation(CloseReason.invalidPayload, "not UTF-8") }
            return .text(content)
        }
    }

    private mutating func takeClose(_ payload: [UInt8], at now: Timestamp) throws(FrameReader.Violation) {
        var code: UInt16?
        if payload.count >= 2 { code = UInt16(payload[0]) << 8 | UInt16(payload[1]) }
        let text = Array(payload.dropFirst(2))
        guard payload.count != 1, code.map(CloseReason.maySend) ?? true else {
            throw FrameReader.Violation(CloseReason.protocolError, "no such close code")
        }
        guard Self.isText(text) else { throw FrameReader.Violation(CloseReason.invalidPayload, "not UTF-8") }
        if closeReason == nil { closeReason = CloseReason(code ?? 1005, String(decoding: text, as: UTF8.self)) }
        // RFC 6455 5.5.1: the answer has the same number.
        if state == .open { append(FrameWriter.frame(.close, Array(payload.prefix(2)))) }
        let hasAll = frames.isEmpty && output.isEmpty
        state = hasAll ? .closed : .ending(deadline: now + WebSocketLimits.closeTime)
    }

    private static func isText(_ bytes: [UInt8]) -> Bool { (try? UTF8Span(validating: bytes.span)) != nil }

    // MARK: Output

    /// Queues a message's frame, made by ``OutgoingText`` for this connection.
    /// - Returns: `false` when more waits than ``WebSocketLimits/backlogBytes``: the frame is not taken, and the
    ///   connection is of no more use.
    public mutating func send(_ frame: [UInt8]) -> Bool {
        guard state == .open else { return true }
        guard backlogBytes + frame.count <= WebSocketLimits.backlogBytes else { return false }
        append(frame)
        return true
    }

    /// Says goodbye. The first reason counts.
    public mutating func close(_ reason: CloseReason, at now: Timestamp) {
        guard state == .open else { return }
        closeReason = reason
        append(FrameWriter.frame(.close, reason.payload))
        state = .closing(deadline: now + WebSocketLimits.closeTime, isBroken: false)
    }

    /// RFC 6455 7.1.7: say why, read nothing more.
    private mutating func fail(_ reason: CloseReason, at now: Timestamp) {
        isViolated = true
        if state == .open {
            closeReason = reason
            append(FrameWriter.frame(.close, reason.payload))
        }
        state = .closing(deadline: now + WebSocketLimits.closeTime, isBroken: true)
    }

    private mutating func append(_ frame: [UInt8]) {
        frames.append(frame)
        frameBytes += frame.count
    }

    /// Whether ``gather()`` has something to do.
    public var wantsGathering: Bool { output.isEmpty && (!frames.isEmpty || pong != nil) }

    /// Makes frames that wait into ``pendingOutput``. Called when the owner has handed in all that it has for now, so
    /// that those of a turn leave in one piece.
    public mutating func gather() {
        guard output.isEmpty else { return }
        if let pong { output += FrameWriter.frame(.pong, pong) }
        pong = nil
        var count = 0
        while count < frames.count, output.isEmpty || output.count < WebSocketLimits.writeBytes {
            output += frames[count]
            count += 1
        }
        frameBytes -= frames[..<count].reduce(0) { $0 + $1.count }
        frames.removeFirst(count)
        // Nothing is kept on the heap.
        if frames.isEmpty { frames = [] }
    }

    /// Bytes to send.
    public var pendingOutput: ArraySlice<UInt8> { output[transmitted...] }

    /// So many bytes of ``pendingOutput`` have left. What waits behind them is gathered.
    public mutating func didTransmit(_ count: Int, at now: Timestamp) {
        if count > 0 { lastSent = now }
        transmitted += min(max(count, 0), output.count - transmitted)
        guard transmitted == output.count else { return }
        output = []
        transmitted = 0
        gather()
        guard output.isEmpty, frames.isEmpty, case .ending = state else { return }
        state = .closed
    }

    /// Bytes that wait for the client.
    public var backlogBytes: Int { frameBytes + output.count - transmitted }

    /// Whether nothing more will be sent: the owner says so to the client.
    public var hasOutputEnded: Bool {
        switch state {
        case .closed, .closing(_, isBroken: true): frames.isEmpty && output.isEmpty
        case .open, .closing(_, isBroken: false), .ending: false
        }
    }

    // MARK: Life

    /// Whether messages may come and go.
    public var isOpen: Bool { state == .open }

    /// Whether it is over.
    public var isClosed: Bool { state == .closed }

    /// When ``handleTimeout(at:)`` is due; `nil` when it is over.
    public var nextTimeout: Timestamp? {
        switch state {
        case .open: earlier(idleEnd, nextPing)
        case .closing(let deadline, _), .ending(let deadline): deadline
        case .closed: nil
        }
    }

    private var idleEnd: Timestamp {
        (settings.pingInterval == nil ? max(lastReceived, lastSent) : lastReceived) + settings.idleTime
    }

    private var nextPing: Timestamp? { settings.pingInterval.map { max(lastReceived, lastPing) + $0 } }

    /// The moment of ``nextTimeout`` has come.
    public mutating func handleTimeout(at now: Timestamp) {
        guard let due = nextTimeout, due <= now else { return }
        switch state {
        case .open where idleEnd <= now: close(CloseReason(CloseReason.goingAway, "idle timeout"), at: now)
        case .open:
            lastPing = now
            append(FrameWriter.frame(.ping, []))
        case .closing, .ending: state = .closed
        case .closed: return
        }
    }
}
