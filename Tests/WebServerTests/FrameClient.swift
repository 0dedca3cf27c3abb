// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import TestSupport

/// A client that sends what no library would: a raw connection, with TLS or without, and frames by hand.
final class FrameClient {
    let raw: RawClient
    private(set) var head = ""
    private var bytes: [UInt8] = []
    private var tls: TLSClient?

    static let path = "/colibri-ws/default-id/c1/e1?pwd=right"

    /// The request for a WebSocket.
    static func request(_ path: String = FrameClient.path, _ more: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(more)\r\n"
    }

    /// Connects and sends a request, and bytes behind it; waits for the answer unless it is hasty.
    init?(
        _ port: UInt16, path: String = FrameClient.path, _ more: String = "", behind: [UInt8] = [],
        receiveBuffer: Int32? = nil, isSecure: Bool = false, isHasty: Bool = false
    ) {
        guard let raw = RawClient(port: port, receiveBuffer: receiveBuffer) else { return nil }
        self.raw = raw
        if isSecure {
            do { tls = try TLSClient(TLSClientSettings(serverName: "127.0.0.1", verification: .none)) } catch {
                return nil
            }
            sendSealed()
            while tls?.state == .handshaking {
                guard let more = raw.receiveBytes() else { return nil }
                tls?.handle(ciphertext: more)
                sendSealed()
            }
        }
        send(bytes: Array(Self.request(path, more).utf8) + behind)
        while !isHasty, !head.hasSuffix("\r\n\r\n") {
            guard let more = receiveBytes() else { return }
            for byte in more {
                if head.hasSuffix("\r\n\r\n") {
                    bytes.append(byte)
                } else {
                    head.unicodeScalars.append(UnicodeScalar(byte))
                }
            }
        }
    }

    func send(_ text: String) { send(bytes: Self.frame(1, Array(text.utf8))) }

    /// Says by TLS that nothing more will be sent.
    func finish() {
        tls?.close()
        sendSealed()
    }

    func send(bytes: [UInt8]) {
        guard tls != nil else { return raw.send(bytes) }
        tls?.write(plaintext: bytes)
        sendSealed()
    }

    /// What comes next; `nil` when the server closed.
    func receiveBytes() -> [UInt8]? {
        guard tls != nil else { return raw.receiveBytes() }
        while true {
            if let plaintext = tls?.pollPlaintext() { return plaintext }
            guard tls?.state == .connected, let more = raw.receiveBytes() else { return nil }
            tls?.handle(ciphertext: more)
        }
    }

    private func sendSealed() { while let sealed = tls?.pollCiphertext() { raw.send(sealed) } }

    /// A masked frame.
    static func frame(_ opcode: UInt8, _ payload: [UInt8], first: UInt8 = 0x80) -> [UInt8] {
        var frame: [UInt8] = [first | opcode]
        if payload.count <= 125 {
            frame.append(0x80 | UInt8(payload.count))
        } else if payload.count <= 0xFFFF {
            frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        } else {
            frame.append(0x80 | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                frame.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        let key: [UInt8] = [1, 2, 3, 4]
        return frame + key + payload.enumerated().map { $0.element ^ key[$0.offset & 3] }
    }

    /// The next frame; `nil` when the server closed.
    func receive() -> (first: UInt8, payload: [UInt8])? {
        while true {
            if let frame = takeFrame() { return frame }
            guard let more = receiveBytes() else { return nil }
            bytes += more
        }
    }

    /// The next text, as it is.
    func receiveText() -> String? {
        guard let frame = receive(), frame.first == 0x81 else { return nil }
        return String(decoding: frame.payload, as: UTF8.self)
    }

    /// Number and text of the close frame, other frames passed over; `nil` when none came.
    func receiveClose() -> String? {
        while let frame = receive() {
            guard frame.first == 0x88 else { continue }
            guard frame.payload.count >= 2 else { return "-" }
            let code = Int(frame.payload[0]) << 8 | Int(frame.payload[1])
            return "\(code) \(String(decoding: frame.payload.dropFirst(2), as: UTF8.self))"
        }
        return nil
    }

    private func takeFrame() -> (first: UInt8, payload: [UInt8])? {
        guard bytes.count >= 2 else { return nil }
        var length = Int(bytes[1])
        var start = 2
        if length >= 126 {
            let size = length == 126 ? 2 : 8
            guard bytes.count >= 2 + size else { return nil }
            length = bytes[2..<2 + size].reduce(0) { $0 << 8 | Int($1) }
            start += size
        }
        guard bytes.count >= start + length else { return nil }
        defer { bytes.removeFirst(start + length) }
        return (bytes[0], Array(bytes[start..<start + length]))
    }
}
