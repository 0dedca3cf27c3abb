// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Reads a client's frames (RFC 6455 5.2) and joins those of a message (5.4).
///
/// What comes out depends on the bytes alone, never on how they were cut into pieces. A length is judged as soon as it
/// is known, so nothing is kept that would be refused. Between messages it holds nothing on the heap.
struct FrameReader: Sendable {
    /// What a frame, or the last frame of a message, completed.
    enum Item: Equatable {
        /// A message, still compressed if so marked.
        case message(Opcode, isDeflated: Bool, [UInt8])
        /// A control frame.
        case control(Opcode, [UInt8])
    }

    /// What the client did wrong.
    struct Violation: Error, Equatable {
        let reason: CloseReason

        init(_ code: UInt16, _ text: String) { reason = CloseReason(code, text) }
    }

    private enum Place {
        case first, second
        case length(missing: Int)
        case mask(missing: Int)
        case payload(missing: Int)
    }

    /// Whether compressed messages may come.
    private let allowsDeflate: Bool
    private var place = Place.first
    private var opcode = Opcode.continuation
    private var isFinal = false
    /// Whether the length has eight bytes.
    private var hasLongLength = false
    private var length: UInt64 = 0
    private var key: UInt32 = 0
    private var position = 0
    /// The message that is being received; `nil` between messages.
    private var message: (opcode: Opcode, isDeflated: Bool)?
    private var fragments = 0
    private var content: [UInt8] = []
    private var control: [UInt8] = []

    init(allowsDeflate: Bool) { self.allowsDeflate = allowsDeflate }

    /// Takes bytes up to the end of the next message or control frame.
    /// - Parameter index: where to begin; moved behind what was taken.
    /// - Returns: `nil` when all bytes were taken and more are needed.
    mutating func read(_ input: [UInt8], from index: inout Int) throws(Violation) -> Item? {
        while index < input.count {
            if case .payload(let missing) = place {
                let count = min(missing, input.count - index)
                unmask(input[index..<index + count])
                index += count
                place = .payload(missing: missing - count)
            } else {
                index += 1
                try readHead(input[index - 1])
            }
            if case .payload(missing: 0) = place { if let item = try finishFrame() { return item } }
        }
        return nil
    }

    // MARK: Head

    private mutating func readHead(_ byte: UInt8) throws(Violation) {
        switch place {
        case .first: try readFirst(byte)
        case .second:
            guard byte & 0x80 != 0 else { throw Violation(CloseReason.protocolError, "frames must be masked") }
            key = 0
            length = UInt64(byte & 0x7F)
            guard length >= 126 else {
                try finishLength()
                return
            }
            guard !opcode.isControl else { throw Violation(CloseReason.protocolError, "control frame too long") }
            hasLongLength = length == 127
            place = .length(missing: hasLongLength ? 8 : 2)
            length = 0
        case .length(let missing):
            length = length << 8 | UInt64(byte)
            place = .length(missing: missing - 1)
            if missing == 1 { try finishLength() }
        case .mask(let missing):
            key = key << 8 | UInt32(byte)
            guard missing == 1 else {
                place = .mask(missing: missing - 1)
                return
            }
            position = 0
            // Within the limits of a message, hence it fits.
            place = .payload(missing: Int(length))
        case .payload: return
        }
    }

    private mutating func readFirst(_ byte: UInt8) throws(Violation) {
        guard let opcode = Opcode(rawValue: byte & 0x0F) else {
            throw Violation(CloseReason.protocolError, "unknown kind of frame")
        }
        self.opcode = opcode
        isFinal = byte & 0x80 != 0
        let isDeflated = byte & 0x40 != 0
        let isStart = opcode == .text || opcode == .binary
        // RFC 7692 6.1: only the first frame of a message says so.
        guard byte & 0x30 == 0, !isDeflated || (allowsDeflate && isStart) else {
            throw Violation(CloseReason.protocolError, "reserved bits must be zero")
        }
        if opcode.isControl {
            guard isFinal else { throw Violation(CloseReason.protocolError, "control frames are not cut") }
        } else {
            guard isStart == (message == nil) else {
                throw Violation(CloseReason.protocolError, "frames of messages are mixed up")
            }
            if isStart {
                message = (opcode, isDeflated)
                fragments = 0
            }
            fragments += 1
            guard fragments <= WebSocketLimits.fragments else {
                throw Violation(CloseReason.policyViolation, "a message of too many frames")
            }
        }
        place = .second
    }

    /// The length is known: RFC 6455 5.2 asks for its shortest form, and we for one that is within the limit.
    private mutating func finishLength() throws(Violation) {
        if case .length = place {
            guard length > (hasLongLength ? 0xFFFF : 125) else {
                throw Violation(CloseReason.protocolError, "length not in its shortest form")
            }
        }
        if !opcode.isControl {
            guard length <= UInt64(WebSocketLimits.messageBytes - content.count) else {
                throw Violation(CloseReason.tooBig, "message too long")
            }
        }
        place = .mask(missing: 4)
    }

    // MARK: Payload

    private mutating func unmask(_ bytes: ArraySlice<UInt8>) {
        var shift = 24 - 8 * (position & 3)
        position += bytes.count
        let isControl = opcode.isControl
        var target = isControl ? control : content
        if isControl { control = [] } else { content = [] }
        for byte in bytes {
            target.append(byte ^ UInt8(truncatingIfNeeded: key >> UInt32(shift)))
            shift = shift == 0 ? 24 : shift - 8
        }
        if isControl { control = target } else { content = target }
    }

    private mutating func finishFrame() throws(Violation) -> Item? {
        place = .first
        if opcode.isControl {
            defer { control = [] }
            return .control(opcode, control)
        }
        guard isFinal, let message else { return nil }
        defer {
            content = []
            self.message = nil
        }
        return .message(message.opcode, isDeflated: message.isDeflated, content)
    }
}
