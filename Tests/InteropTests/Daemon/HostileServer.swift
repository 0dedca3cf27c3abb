// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A TCP server that greets like an XMPP server and then sends bytes nobody should send.
final class HostileServer: Sendable {
    /// What is sent on each connection: a beginning, then a part that is repeated.
    struct Speech: Sendable {
        var name: String
        var beginning: [UInt8]
        var repeated: [UInt8] = []
        /// How often; the peer is expected to hang up long before.
        var repetitions = 0
    }

    let port: UInt16
    private let listener: Int32
    private let speech: Speech
    private let state = Mutex((connections: 0, longest: 0))

    init(_ speech: Speech) throws {
        self.speech = speech
        port = try freePort()
        listener = try listeningSocket(port: port)
    }

    /// Connections so far.
    var connections: Int { state.withLock { $0.connections } }
    /// The most bytes that one connection took.
    var longest: Int { state.withLock { $0.longest } }

    func start() {
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                state.withLock { $0.connections += 1 }
                speak(to: client)
                close(client)
            }
            close(listener)
        }
    }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func speak(to client: Int32) {
        var limit = timeval(tv_sec: 3, tv_usec: 0)
        setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var buffer = [UInt8](repeating: 0, count: 4_096)
        guard recv(client, &buffer, buffer.count, 0) > 0, say(speech.beginning, to: client) else { return }
        for _ in 0..<speech.repetitions { guard say(speech.repeated, to: client) else { return } }
        // Until the other side hangs up, or for three seconds.
        while recv(client, &buffer, buffer.count, 0) > 0 {}
    }

    private func say(_ bytes: [UInt8], to client: Int32) -> Bool {
        guard send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { return false }
        state.withLock { $0.longest += bytes.count }
        return true
    }

    /// Everything an attacker would try first.
    static let speeches: [Speech] = {
        let header = """
            <?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
            from='\(ProsodyServer.domain)' id='1' version='1.0'>
            """
        func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
        let entities = (1..<10).map { "<!ENTITY l\($0) \"\(String(repeating: "&l\($0 - 1);", count: 10))\">" }
        var random = SystemRandomNumberGenerator()
        return [
            Speech(
                name: "random",
                beginning: bytes(header) + (0..<20_000).map { _ in UInt8.random(in: 0...255, using: &random) }),
            Speech(name: "doctype", beginning: bytes("<!DOCTYPE x SYSTEM 'file:///etc/passwd'>" + header)),
            Speech(
                name: "laughs",
                beginning: bytes(
                    "<?xml version='1.0'?><!DOCTYPE l [<!ENTITY l0 'ha'>" + entities.joined() + "]><l>&l9;</l>")),
            Speech(
                name: "attribute", beginning: bytes(header + "<stream:features a='"),
                repeated: [UInt8](repeating: UInt8(ascii: "x"), count: 65_536), repetitions: 512),
            Speech(
                name: "text", beginning: bytes(header + "<stream:features><a>"),
                repeated: [UInt8](repeating: UInt8(ascii: "x"), count: 65_536), repetitions: 512),
            Speech(
                name: "depth", beginning: bytes(header), repeated: bytes(String(repeating: "<a>", count: 20_000)),
                repetitions: 512),
            Speech(
                name: "spaces", beginning: bytes(header), repeated: [UInt8](repeating: 0x20, count: 65_536),
                repetitions: 256),
            Speech(
                name: "elements", beginning: bytes(header + "<stream:features>"),
                repeated: bytes(String(repeating: "<a/>", count: 16_000)), repetitions: 512),
            Speech(name: "silence", beginning: bytes("<")),
        ]
    }()
}
