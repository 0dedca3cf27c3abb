// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc
import OpenSSL
import Primitives
import TestSupport
import Testing

@Suite("TLS client")
struct TLSClientTests {
    private static let authority = TestCertificate(name: "An authority")

    /// Passes bytes between the two until neither has anything to say; `step` limits the size of the pieces.
    private func exchange(_ client: inout TLSClient, _ server: TLSTestServer, step: Int = .max) {
        for _ in 0..<20 {
            guard let bytes = client.pollCiphertext() else { return }
            var answer = server.handle(bytes)
            while !answer.isEmpty {
                let count = min(step, answer.count)
                client.handle(ciphertext: Array(answer.prefix(count)))
                answer.removeFirst(count)
            }
        }
    }

    private func plaintext(_ client: inout TLSClient) -> [UInt8] {
        var result: [UInt8] = []
        while let chunk = client.pollPlaintext() { result += chunk }
        return result
    }

    /// A PEM file that is removed after `body`.
    private func withFile<R>(_ bytes: [UInt8], _ body: (String) throws -> R) rethrows -> R {
        var path = Array(("/tmp/viaduct-test-" + String(repeating: "X", count: 6)).utf8CString)
        let descriptor = mkstemp(&path)
        _ = write(descriptor, bytes, bytes.count)
        close(descriptor)
        let name = String(decoding: path.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { unlink(name) }
        return try body(name)
    }

    private func outcome(
        _ certificate: TestCertificate, name: String = "xmpp.example.org",
        trusting authority: TestCertificate? = authority
    ) throws -> TLSClient.State {
        try withFile((authority ?? Self.authority).pem) { file in
            let verification: TLSClientSettings.Verification = authority == nil ? .system : .authorities(file: file)
            var client = try TLSClient(TLSClientSettings(serverName: name, verification: verification))
            exchange(&client, TLSTestServer(certificate))
            return client.state
        }
    }

    @Test("without verification it connects, writes and reads, in pieces of any size", arguments: [1, 7, Int.max])
    func echo(step: Int) throws {
        let certificate = TestCertificate(name: "whatever")
        let server = TLSTestServer(certificate)
        var client = try TLSClient(TLSClientSettings(serverName: "xmpp.example.org", verification: .none))
        #expect(client.state == .handshaking)
        client.write(plaintext: [UInt8]("early ".utf8))
        exchange(&client, server, step: step)
        #expect(client.state == .connected)
        #expect(client.versionName == "TLSv1.3")
        #expect(server.requestedName == "xmpp.example.org")
        #expect(client.peerCertificateSHA256?.count == 32)
        let long = [UInt8](repeating: 7, count: 50_000)
        client.write(plaintext: long)
        exchange(&client, server, step: step)
        #expect(server.received == [UInt8]("early ".utf8) + long)
        #expect(plaintext(&client) == [UInt8]("early ".utf8) + long)
    }

    @Test("TLS 1.2 is spoken, TLS 1.1 is not")
    func versions() throws {
        let certificate = TestCertificate(name: "whatever")
        let settings = TLSClientSettings(serverName: "xmpp.example.org", verification: .none)
        var client = try TLSClient(settings)
        exchange(&client, TLSTestServer(certificate, highest: TLS1_2_VERSION))
        #expect(client.state == .connected)
        #expect(client.versionName == "TLSv1.2")
        var refusing = try TLSClient(settings)
        exchange(&refusing, TLSTestServer(certificate, highest: TLS1_1_VERSION))
        guard case .failed = refusing.state else {
            Issue.record("\(refusing.state)")
            return
        }
    }

    @Test("a certificate of a trusted authority for the right name is accepted")
    func trusted() throws {
        #expect(try outcome(TestCertificate(name: "xmpp.example.org", issuer: Self.authority)) == .connected)
        #expect(
            try outcome(TestCertificate(name: "192.0.2.7", issuer: Self.authority), name: "192.0.2.7") == .connected)
    }

    @Test("what is wrong with a certificate is said in words")
    func untrusted() throws {
        let prefix = "certificate verify failed: "
        let selfSigned = TestCertificate(name: "xmpp.example.org")
        #expect(try outcome(selfSigned, trusting: nil) == .failed(prefix + "self-signed certificate"))
        let right = TestCertificate(name: "xmpp.example.org", issuer: Self.authority)
        #expect(try outcome(right, trusting: nil) == .failed(prefix + "unable to get local issuer certificate"))
        #expect(try outcome(right, name: "other.example.org") == .failed(prefix + "hostname mismatch"))
        #expect(try outcome(right, name: "192.0.2.7") == .failed(prefix + "IP address mismatch"))
        let ended = TestCertificate(name: "xmpp.example.org", issuer: Self.authority, lasts: -10)
        #expect(try outcome(ended) == .failed(prefix + "certificate has expired"))
    }

    @Test("unusable settings are refused with their cause")
    func settings() {
        for name in ["", String(repeating: "a", count: 256), "a\0b"] {
            #expect(throws: OpenSSLError.invalidServerName(name)) {
                _ = try TLSClient(TLSClientSettings(serverName: name))
            }
        }
        #expect(throws: OpenSSLError.unreadableCAFile("/nowhere.pem")) {
            _ = try TLSClient(TLSClientSettings(serverName: "a", verification: .authorities(file: "/nowhere.pem")))
        }
    }

    @Test("either side may end the connection in order")
    func goodbye() throws {
        let certificate = TestCertificate(name: "whatever")
        let settings = TLSClientSettings(serverName: "a", verification: .none)
        let server = TLSTestServer(certificate)
        var client = try TLSClient(settings)
        exchange(&client, server)
        client.close()
        #expect(client.state == .closed)
        exchange(&client, server)
        #expect(server.sawEnd)
        let other = TLSTestServer(certificate)
        var left = try TLSClient(settings)
        exchange(&left, other)
        left.handle(ciphertext: other.close())
        #expect(left.state == .closed)
        left.write(plaintext: [1])
        left.handle(ciphertext: [1, 2, 3])
        #expect(left.state == .closed)
    }

    @Test("bytes that are not TLS fail the connection and never trap")
    func hostile() throws {
        let certificate = TestCertificate(name: "whatever")
        let settings = TLSClientSettings(serverName: "a", verification: .none)
        let failure = checkProperty(cases: 100) { random in
            guard var client = try? TLSClient(settings) else { return "no client" }
            let server = TLSTestServer(certificate)
            if random.int(in: 0...1) == 0 { exchange(&client, server) }
            let wasConnected = client.state == .connected
            client.write(plaintext: [1, 2, 3])
            let bytes = client.pollCiphertext().map { server.handle($0) } ?? []
            client.handle(ciphertext: mutate(bytes, using: &random))
            client.handle(ciphertext: random.bytes(random.int(in: 1...200)))
            let text = plaintext(&client)
            return text.isEmpty || (wasConnected && text == [1, 2, 3]) ? nil : "made up \(text)"
        }
        #expect(failure == nil)
        var client = try TLSClient(settings)
        client.handle(ciphertext: [UInt8]("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        #expect(client.state == .failed("wrong version number"))
    }
}
