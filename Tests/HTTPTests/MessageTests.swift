// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import HTTP
import Primitives
import TestSupport
import Testing

@Suite("HTTP messages")
struct MessageTests {
    @Test(
        "paths are decoded, then dots are resolved, and never lead above the root",
        arguments: [
            ("/", "/"), ("/a/b/", "/a/b/"), ("/a//b", "/a//b"), ("/.", "/"), ("/..", "/"), ("/a/..", "/"),
            ("/a/../..//b", "//b"), ("/../../etc/passwd", "/etc/passwd"), ("/%2e%2E/x", "/x"), ("/a%2F..%2fb", "/b"),
            ("/a/.../b", "/a/.../b"), ("/a%25b", "/a%b"), ("/a;b=c", "/a;b=c"), ("http://h", "/"),
            ("http://h?x", "/"), ("hTTp://h:80/a", "/a"), ("/http://x/", "/http://x/"), ("/%c3%a9", "/\u{E9}"),
            ("/%ff", "/\u{FFFD}"),
        ])
    func paths(_ target: String, _ path: String) {
        #expect(Dialogue("X \(target) HTTP/1.1\r\nHost: b\r\n\r\n").events.first?.hasPrefix("X " + path) == true)
        #expect(
            Dialogue("X \(target) HTTP/1.1\r\nHost: b\r\n\r\n").events.first?.dropFirst(2 + path.count).first != "/")
    }

    @Test("a query is decoded per parameter, and only so many are looked at")
    func queries() {
        #expect(Dialogue("X /?a=%26&&b+c&?=? HTTP/1.1\r\nHost: b\r\n\r\n").events == ["X /?a=&&b c&?=?:"])
        #expect(Dialogue("X /? HTTP/1.1\r\nHost: b\r\n\r\n").events == ["X /:"])
        let many = Dialogue("X /?\(String(repeating: "a&", count: 100)) HTTP/1.1\r\nHost: b\r\n\r\n")
        #expect(many.events.first?.filter { $0 == "a" }.count == 64)
    }

    @Test("several lines of a header are one list, and an empty one is there")
    func fields() {
        var connection = ServerConnection(Dialogue.settings, at: .zero)
        let text = "GET / HTTP/1.1\r\nHost: b\r\nAccept:  a;q=1\t \r\nACCEPT: b\r\nOrigin:\r\n\r\n"
        connection.handle(Array(text.utf8), at: .zero)
        guard case .request(let request)? = connection.pollEvent() else { return #expect(Bool(false)) }
        #expect(request.field("accept") == "a;q=1, b")
        #expect(request.field("origin") == "")
        #expect(request.field("content-type") == nil)
    }

    @Test("an answer is written with its length; 204 and 304 have none, and none of them a body")
    func answers() {
        func written(_ answer: Answer, method: String = "GET") -> String {
            var connection = ServerConnection(Dialogue.settings, at: .zero)
            connection.handle(Array("\(method) / HTTP/1.1\r\nHost: b\r\n\r\n".utf8), at: .zero)
            _ = connection.pollEvent()
            connection.respond(answer, at: .zero)
            return String(decoding: connection.pendingOutput, as: UTF8.self)
        }
        var answer = Answer(status: 200, contentType: "text/plain", body: [0x68, 0x69])
        answer.fields = [("Allow", "GET")]
        let head = "Content-Type: text/plain\r\nContent-Length: 2\r\nAllow: GET\r\nConnection: keep-alive\r\n\r\n"
        #expect(written(answer) == "HTTP/1.1 200 OK\r\n" + head + "hi")
        #expect(written(answer, method: "HEAD") == "HTTP/1.1 200 OK\r\n" + head)
        #expect(written(Answer(status: 204)) == "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n")
        #expect(!written(Answer(status: 304, body: [1])).contains("\u{1}"))
        #expect(written(Answer(status: 599)).hasPrefix("HTTP/1.1 599 Error\r\n"))
        #expect(answer == answer && answer != Answer(status: 200))
    }

    @Test(
        "a date has the form of RFC 9110",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] as [(Int64, String)])
    func dates(_ seconds: Int64, _ text: String) {
        #expect(HTTPDate.text(secondsSinceEpoch: seconds) == text)
    }
}
