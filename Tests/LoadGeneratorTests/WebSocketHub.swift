// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import OpenSSL
import Primitives
import Synchronization

/// A WebSocket server on loopback that greets and passes on what one participant says to the others; a thread per
/// connection. Knows one conference.
final class WebSocketHub: Sendable {
    /// What it does with its clients.
    enum Manner: Sendable {
        /// All that it should.
        case proper
        /// Takes connections and answers nothing.
        case silent
        /// Answers the handshake and says nothing.
        case mute
        /// Closes when a client says something to the others.
        case rude
    }

    let port: UInt16
    private let listener: Int32
    private let manner: Manner
    /// Connections by endpoint.
    private let clients = Mutex<[String: Int32]>([:])

    init(_ manner: Manner) throws {
        self.manner = manner
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 64) == 0 ? getsockname(listener, $0, &size) : -1
            }
        }
        guard status == 0 else { throw CocoaError(.fileReadUnknown) }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                Thread.detachNewThread { [self] in serve(client) }
            }
        }
    }

    /// Where an endpoint dials.
    func url(of endpoint: String) -> String { "ws://127.0.0.1:\(port)/colibri-ws/id/conference/\(endpoint)?pwd=x" }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        clients.withLock { list in
            for descriptor in list.values { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    private func serve(_ client: Int32) {
        defer { close(client) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        var endpoint = ""
        while true {
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            guard manner != .silent else { continue }
            bytes += buffer.prefix(count)
            if endpoint.isEmpty {
                guard let end = String(decoding: bytes, as: UTF8.self).range(of: "\r\n\r\n") else { continue }
                let request = String(String(decoding: bytes, as: UTF8.self)[..<end.lowerBound])
                bytes.removeFirst(request.utf8.count + 4)
                guard let name = open(request, client) else { break }
                endpoint = name
            }
            while let text = nextText(&bytes) { pass(text, endpoint) }
        }
        if !endpoint.isEmpty { clients.withLock { $0[endpoint] = nil } }
    }

    /// Answers the handshake.
    private func open(_ request: String, _ client: Int32) -> String? {
        guard let name = request.firstMatch(of: #/conference/([0-9a-f]{8})\?pwd=x /#).map({ String($0.1) }),
            let key = request.firstMatch(of: #/Sec-WebSocket-Key: (\S+)/#).map({ String($0.1) })
        else { return nil }
        let accept = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        write(
            Array(
                ("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                    + Base64.encode(MessageDigest.sha1(accept.rawSpan)) + "\r\n\r\n").utf8), to: client)
        clients.withLock { $0[name] = client }
        if manner != .mute { tell(Array(#"{"colibriClass":"ServerHello"}"#.utf8), to: name) }
        return name
    }

    /// The next text message of masked frames that are never fragmented.
    private func nextText(_ bytes: inout [UInt8]) -> [UInt8]? {
        while bytes.count >= 6 {
            let isLong = bytes[1] & 127 == 126
            let start = isLong ? 4 : 2
            guard bytes.count >= start + 4 else { return nil }
            let length = isLong ? Int(bytes[2]) << 8 | Int(bytes[3]) : Int(bytes[1] & 127)
            guard bytes.count >= start + 4 + length else { return nil }
            let mask = Array(bytes[start..<start + 4])
            let payload = bytes[(start + 4)..<start + 4 + length].enumerated().map { $0.element ^ mask[$0.offset & 3] }
            let opcode = bytes[0] & 15
            bytes.removeFirst(start + 4 + length)
            if opcode == 1 { return payload }
        }
        return nil
    }

    private func pass(_ text: [UInt8], _ sender: String) {
        guard case .object(let members) = try? JSONValue.parse(text) else { return }
        let json = JSONValue.object(members)
        let name = json["colibriClass"]?.stringValue
        guard name == "EndpointMessage" || name == "EndpointStats" else { return }
        let signed = JSONValue.object(members + [JSONMember(name: "from", value: .string(sender))]).serialized()
        let to = json["to"]?.stringValue ?? ""
        for receiver in clients.withLock({ Array($0.keys) }) where to.isEmpty ? receiver != sender : receiver == to {
            tell(signed, to: receiver)
        }
        // 1001 "gone", to the one who spoke.
        if manner == .rude, let client = clients.withLock({ $0[sender] }) {
            write([0x88, 6, 0x03, 0xE9] + Array("gone".utf8), to: client)
        }
    }

    /// Sends a message in two fragments with a ping in between.
    private func tell(_ text: [UInt8], to endpoint: String) {
        let rest = text.count - 1
        clients.withLock { list in
            guard let client = list[endpoint] else { return }
            let head: [UInt8] = rest < 126 ? [0x80, UInt8(rest)] : [0x80, 126, UInt8(rest >> 8), UInt8(rest & 255)]
            write([0x01, 1, text[0], 0x89, 0] + head + text.dropFirst(), to: client)
        }
    }

    private func write(_ bytes: [UInt8], to client: Int32) {
        _ = send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}
