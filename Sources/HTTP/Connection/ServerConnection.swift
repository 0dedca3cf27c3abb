// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The server's side of one HTTP/1.1 connection (RFC 9112): bytes and a time in, requests and bytes out.
///
/// One request at a time: what a client sends behind it waits until its answer has left, so that answers come in the
/// order of requests (9.3.2) and none is lost. Deadlines cover every state in which the client or the answer is waited
/// for. A request that cannot be read is refused; the connection then ends behind the refusal, after a moment in which
/// what the client still sends is passed over, because a reset would take the answer from it (9.6).
///
/// The owner calls ``pollEvent()`` after each call that changes something, answers each event with
/// ``respond(_:at:)``, sends ``pendingOutput`` and says so with ``didTransmit(_:at:)``, and closes the connection when
/// ``isClosed``.
public struct ServerConnection: Sendable {
    /// How long each state may last.
    public struct Settings: Sendable {
        /// From a request's first byte to the end of its headers.
        public var headTime: TimeDelta
        /// From there to the end of its body.
        public var bodyTime: TimeDelta
        /// From there to its answer.
        public var answerTime: TimeDelta
        /// Until the client has taken the whole answer.
        public var writeTime: TimeDelta
        /// Without a request.
        public var idleTime: TimeDelta

        /// Times.
        public init(
            headTime: TimeDelta, bodyTime: TimeDelta, answerTime: TimeDelta, writeTime: TimeDelta, idleTime: TimeDelta
        ) {
            self.headTime = headTime
            self.bodyTime = bodyTime
            self.answerTime = answerTime
            self.writeTime = writeTime
            self.idleTime = idleTime
        }
    }

    /// What the owner must answer.
    public enum Event: Equatable, Sendable {
        /// A request.
        case request(Request)
        /// Something that is not handed on. Of an ``Refusal/unanswered`` request the answer is no longer wanted.
        case refusal(Refusal)
    }

    /// What the connection is doing, in the order in which it makes room for another.
    public enum Standing: Int, Comparable, Sendable {
        /// Nothing: no request has begun.
        case idle
        /// Passing over what comes behind the last answer.
        case lingering
        /// Receiving a request's headers.
        case readingHead
        /// Receiving a request's body.
        case readingBody
        /// Waiting for the client to take an answer.
        case writing
        /// Waiting for an answer from behind.
        case answering

        public static func < (a: Standing, b: Standing) -> Bool { a.rawValue < b.rawValue }
    }

    private enum State {
        case head(HeadReader)
        case body(BodyReader)
        case answering
        case writing
        case lingering(bytes: Int)
        case closed
    }

    private let settings: Settings
    private var state = State.head(HeadReader())
    private var hasBegun = false
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    private var transmitted = 0
    private var hasInputEnded = false
    /// The request being received or answered.
    private var request: Request?
    private var keepsAlive = true
    /// Whether the answer's body is left out: the request is HEAD.
    private var omitsBody = false
    private var event: Event?
    private var deadline: Timestamp
    /// When a byte last came or went.
    public private(set) var lastProgress: Timestamp

    /// A connection that was just accepted.
    public init(_ settings: Settings, at now: Timestamp) {
        self.settings = settings
        deadline = now + settings.idleTime
        lastProgress = now
    }

    // MARK: What the owner tells

    /// Takes bytes that have arrived, also while ``wantsInput`` is false: they wait.
    public mutating func handle(_ bytes: some Collection<UInt8>, at now: Timestamp) {
        lastProgress = now
        switch state {
        case .closed: return
        case .lingering(let before):
            state = before + bytes.count > HTTPLimits.lingerBytes ? .closed : .lingering(bytes: before + bytes.count)
        default:
            input += bytes
            process(at: now)
        }
    }

    /// The client sends nothing more. What it asked for is still answered.
    public mutating func handleEndOfInput(at now: Timestamp) {
        hasInputEnded = true
        if case .lingering = state { state = .closed }
        process(at: now)
    }

    /// The moment of ``nextTimeout`` has come.
    public mutating func handleTimeout(at now: Timestamp) {
        guard let due = nextTimeout, due <= now else { return }
        switch state {
        case .head where !hasBegun: state = .closed
        case .head, .body: refuse(.tooSlow, at: now)
        case .answering: refuse(.unanswered, at: now)
        case .writing, .lingering, .closed: state = .closed
        }
    }

    /// Refuses the request that is being received. Does nothing at any other time.
    public mutating func refuseRequest(_ refusal: Refusal, at now: Timestamp) {
        switch state {
        case .head where hasBegun, .body: refuse(refusal, at: now)
        default: return
        }
    }

    /// Answers the last event. Does nothing when there is none to answer.
    public mutating func respond(_ answer: Answer, at now: Timestamp) {
        guard case .answering = state else { return }
        event = nil
        let keepsAlive = keepsAlive && !hasEndedForGood
        output += answer.bytes(keepsAlive: keepsAlive, omitsBody: omitsBody)
        self.keepsAlive = keepsAlive
        request = nil
        state = .writing
        deadline = now + settings.writeTime
    }

    /// Answers the last request with 101: from here on the connection speaks another protocol, and this value is over.
    ///
    /// - Parameters:
    ///   - name: the protocol.
    ///   - fields: further headers of the answer; the caller vouches for them.
    /// - Returns: what is to be sent, and what the client sent behind its request already; `nil` when there is no
    ///   request to answer.
    public mutating func upgrade(
        to name: String, fields: [(name: String, value: String)]
    ) -> (output: [UInt8], input: [UInt8])? {
        guard case .answering = state, event == nil, request != nil else { return nil }
        let result = (pendingOutput + Answer.switching(to: name, fields: fields), input)
        state = .closed
        (input, output, transmitted, request) = ([], [], 0, nil)
        return (Array(result.0), result.1)
    }

    /// So many bytes of ``pendingOutput`` have left.
    public mutating func didTransmit(_ count: Int, at now: Timestamp) {
        if count > 0 { lastProgress = now }
        transmitted += min(max(count, 0), output.count - transmitted)
        guard transmitted == output.count else { return }
        output = []
        transmitted = 0
        guard case .writing = state else { return }
        if keepsAlive {
            begin(at: now)
            process(at: now)
        } else {
            state = hasInputEnded ? .closed : .lingering(bytes: 0)
            input = []
            deadline = now + HTTPLimits.lingerTime
        }
    }

    // MARK: What the owner asks

    /// The next request or refusal, once.
    public mutating func pollEvent() -> Event? { event.take() }

    /// Whether ``pollEvent()`` has something.
    public var hasEvent: Bool { event != nil }

    /// Bytes to send.
    public var pendingOutput: ArraySlice<UInt8> { output[transmitted...] }

    /// Bytes of a body that is being received.
    public var bodyBytes: Int { request?.body.count ?? 0 }

    /// Whether more bytes may come now. While they may not, they wait in the kernel, and the client waits for that.
    public var wantsInput: Bool {
        if hasInputEnded { return false }
        switch state {
        case .head, .body, .lingering: return true
        case .answering, .writing: return input.count < HTTPLimits.inputBytes
        case .closed: return false
        }
    }

    /// Whether nothing more will be sent: the owner says so to the client.
    public var hasOutputEnded: Bool {
        if case .lingering = state { return true }
        return isClosed
    }

    /// Whether it is over.
    public var isClosed: Bool {
        if case .closed = state { return true }
        return false
    }

    /// When ``handleTimeout(at:)`` is due; `nil` when it is over.
    public var nextTimeout: Timestamp? { isClosed ? nil : deadline }

    /// What the connection is doing.
    public var standing: Standing {
        switch state {
        case .head: hasBegun ? .readingHead : .idle
        case .body: .readingBody
        case .answering: .answering
        case .writing: .writing
        case .lingering, .closed: .lingering
        }
    }

    // MARK: Steps

    /// Whether no further request can come.
    private var hasEndedForGood: Bool { hasInputEnded && input.isEmpty }

    /// Waits for the next request.
    private mutating func begin(at now: Timestamp) {
        state = .head(HeadReader())
        hasBegun = false
        omitsBody = false
        deadline = now + settings.idleTime
    }

    private mutating func refuse(_ refusal: Refusal, at now: Timestamp) {
        if refusal.endsConnection { keepsAlive = false }
        request?.body = []
        event = .refusal(refusal)
        state = .answering
        deadline = now + settings.answerTime
    }

    /// Reads what has arrived, up to the end of one request.
    private mutating func process(at now: Timestamp) {
        var index = 0
        do throws(Refusal) {
            try readRequest(from: &index, at: now)
        } catch {
            refuse(error, at: now)
        }
        input.removeFirst(index)
        // The buffer of a large read is not kept for a quiet connection.
        if input.isEmpty { input = [] }
        guard hasInputEnded, input.isEmpty else { return }
        switch state {
        case .head where !hasBegun: state = .closed
        case .head, .body: refuse(.endsEarly, at: now)
        default: return
        }
    }

    private mutating func readRequest(from index: inout Int, at now: Timestamp) throws(Refusal) {
        if case .head(var reader) = state, index < input.count {
            if !hasBegun {
                hasBegun = true
                deadline = now + settings.headTime
            }
            var isComplete = false
            while !isComplete, index < input.count {
                index += 1
                isComplete = try reader.read(input[index - 1]) == .complete
            }
            state = .head(reader)
            guard isComplete else { return }
            try finishHead(reader.head, at: now)
        }
        guard case .body(var reader) = state, var body = request?.body else { return }
        request?.body = []
        let isComplete = try reader.read(input, from: &index, into: &body)
        state = .body(reader)
        request?.body = body
        if isComplete { handOver(at: now) }
    }

    private mutating func finishHead(_ head: RequestHead, at now: Timestamp) throws(Refusal) {
        omitsBody = head.method == "HEAD"
        let request = try Request(head)
        keepsAlive = head.keepsAlive
        self.request = request
        let reader = try BodyReader.forBody(of: head)
        // RFC 9110 10.1.1; HTTP/1.0 clients cannot mean it.
        let expectations = head.minorVersion >= 1 ? head.members("expect") : []
        guard expectations.allSatisfy({ $0 == "100-continue" }) else { throw .unsupportedExpectation }
        guard let reader else { return handOver(at: now) }
        if !expectations.isEmpty { output += Array("HTTP/1.1 100 Continue\r\n\r\n".utf8) }
        state = .body(reader)
        deadline = now + settings.bodyTime
    }

    /// The request is complete.
    private mutating func handOver(at now: Timestamp) {
        guard let request else { return }
        event = .request(request)
        self.request?.body = []
        state = .answering
        deadline = now + settings.answerTime
    }
}
