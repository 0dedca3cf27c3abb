// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
internal import Primitives

/// The client's side of a WebSocket (RFC 6455), without I/O: a browser's handshake, masked frames. Written apart from
/// the bridge's server, so that one can prove the other. Offers no compression, so that frames are counted as they are.
struct WebSocketClient {
    private enum State: Equatable { case handshaking, open, ended }

    private var state = State.handshaking
    private let key: String
    private var random: Random
    private var input: [UInt8] = []
    private var output: [UInt8]
    private var events: [CarrierEvent] = []
    /// The fragments of a message so far; `nil` outside of one.
    private var message: [UInt8]?

    /// A connection to `url` whose handshake is ready to be polled.
    init(_ url: WebSocketURL, random: Random) {
        self.random = random
        key = Base64.encode(self.random.bytes(16))
        // The origin is that of a meeting's page; bridges do not look at it.
        output = Array(
            """
            GET \(url.path) HTTP/1.1\r
            Host: \(url.authority)\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Key: \(key)\r
            Sec-WebSocket-Version: 13\r
            Origin: https://meet.load.invalid\r
            \r

            """.utf8)
    }

    /// Whether messages may be sent.
    var isOpen: Bool { state == .open }

    /// Bytes came.
    mutating func handle(_ bytes: [UInt8]) {
        guard state != .ended else { return }
        input += bytes
        if state == .handshaking, !readAnswer() { return }
        // Ends: every frame takes at least two bytes out.
        while state == .open, readFrame() {}
    }

    /// The connection ended.
    mutating func handleEnd(_ reason: String) { end(reason) }

    /// The next thing that came.
    mutating func pollEvent() -> CarrierEvent? { events.isEmpty ? nil : events.removeFirst() }

    /// Bytes to send.
    mutating func pollBytes() -> [UInt8]? {
        guard !output.isEmpty else { return nil }
        defer { output = [] }
        return output
    }

    /// Sends a text message.
    mutating func send(text: [UInt8]) {
        guard state == .open else { return }
        write(opcode: 1, text)
    }

    /// Says that the page is left (RFC 6455 7.4.1).
    mutating func leave() {
        guard state == .open else { return }
        write(opcode: 8, [0x03, 0xE9])
        state = .ended
    }

    private mutating func end(_ reason: String) {
        guard state != .ended else { return }
        state = .ended
        events.append(.ended(reason))
    }

    // MARK: Handshake

    /// Reads the answer of RFC 6455 4.2.2.
    /// - Returns: whether it is there and as it must be.
    private mutating func readAnswer() -> Bool {
        let headEnd = input.indices.first { input[$0...].starts(with: [13, 10, 13, 10]) }
        guard let headEnd else {
            if input.count > LoadGeneratorLimits.handshakeBytes { end("no end of the WebSocket handshake's answer") }
            return false
        }
        let lines = String(decoding: input[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        input.removeFirst(headEnd + 4)
        let status = lines.first?.split(separator: " ").dropFirst().first ?? ""
        guard status == "101" else {
            end("the bridge answered the WebSocket handshake with HTTP \(status)")
            return false
        }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            fields[line[..<colon].lowercased()] = String(value)
        }
        let accept = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        guard fields["upgrade"]?.lowercased() == "websocket",
            fields["sec-websocket-accept"] == Base64.encode(MessageDigest.sha1(accept.rawSpan)),
            fields["sec-websocket-extensions"] == nil, fields["sec-websocket-protocol"] == nil
        else {
            end("the bridge's answer to the WebSocket handshake is not RFC 6455's")
            return false
        }
        state = .open
        events.append(.opened)
        return true
    }

    // MARK: Frames

    private mutating func write(opcode: UInt8, _ payload: [UInt8]) {
        output.append(0x80 | opcode)
        switch payload.count {
        case 0..<126: output.append(0x80 | UInt8(payload.count))
        case 126..<65_536: output += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default:
            output.append(0x80 | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                output.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        let mask = random.bytes(4)
        output += mask
        for (index, byte) in payload.enumerated() { output.append(byte ^ mask[index & 3]) }
    }

    /// Reads one frame.
    /// - Returns: whether there was a whole one.
    private mutating func readFrame() -> Bool {
        guard input.count >= 2 else { return false }
        let isFinal = input[0] & 0x80 != 0
        let opcode = input[0] & 15
        var start = 2
        var length = Int(input[1] & 127)
        if length == 126 || length == 127 {
            let size = length == 126 ? 2 : 8
            guard input.count >= 2 + size else { return false }
            let number = input[2..<2 + size].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            (start, length) = (2 + size, Int(clamping: number))
        }
        // A server's frames are not masked (5.1), and without an extension nothing is reserved (5.2).
        guard input[0] & 0x70 == 0, input[1] & 0x80 == 0, length <= LoadGeneratorLimits.messageBytes,
            opcode < 8 || (isFinal && length < 126)
        else {
            end("the bridge sent a frame that RFC 6455 forbids")
            return false
        }
        guard input.count >= start + length else { return false }
        let payload = Array(input[start..<start + length])
        input.removeFirst(start + length)
        take(opcode, payload, isFinal: isFinal)
        return true
    }

    private mutating func take(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool) {
        switch (opcode, message) {
        case (1, nil), (0, .some):
            let whole = (message ?? []) + payload
            guard whole.count <= LoadGeneratorLimits.messageBytes else {
                end("the bridge sent a message of more than \(LoadGeneratorLimits.messageBytes) bytes")
                return
            }
            message = isFinal ? nil : whole
            if isFinal { events.append(.text(whole)) }
        case (8, _):
            write(opcode: 8, Array(payload.prefix(2)))
            let code = payload.count >= 2 ? "\(Int(payload[0]) << 8 | Int(payload[1]))" : "no code"
            let text = String(decoding: payload.dropFirst(2), as: UTF8.self)
            end("the bridge closed the WebSocket (\(code)\(text.isEmpty ? "" : " " + text))")
        case (9, _): write(opcode: 10, payload)
        case (10, _): break
        default: end("the bridge sent a frame of type \(opcode), which has no place here")
        }
    }
}
