// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Testing

@testable import WebServer

@Suite("HTTP server that hangs")
struct FullQueueTests {
    @Test("answers wait for it up to a limit; those beyond are dropped and counted")
    func answers() throws {
        let server = try HTTPServer.start(host: "127.0.0.1", port: 0)
        // From now on nobody takes them.
        server.stop()
        for id in 0..<UInt64(WebServerLimits.queuedResponses) { server.respond(.text(id: id, status: 200, "x")) }
        #expect(server.counts.droppedAnswers == 0)
        for id in 0..<3 as Range<UInt64> { server.respond(.text(id: id, status: 200, "x")) }
        #expect(server.counts.droppedAnswers == 3)
    }
}
