// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import ControlPlane

@Suite("Server program")
struct ProgramTests {
    private func options(_ arguments: String...) -> BridgeOptions? {
        try? BridgeOptions.parse(arguments).get()
    }

    @Test("the command line is understood")
    func commandLine() {
        #expect(options()?.task == .serve)
        #expect(options("--config", "a.conf")?.configuration == "a.conf")
        #expect(options("--config=b.conf", "--check-config")?.configuration == "b.conf")
        #expect(options("--config=b.conf", "--check-config")?.task == .checkConfiguration)
        #expect(options("--version")?.task == .version)
        #expect(options("-h")?.task == .help)
        #expect(options("--config") == nil)
        #expect(options("--what") == nil)
    }

    @Test("a wrong command line ends with 64, a missing configuration with 78")
    func statuses() {
        #expect(BridgeProgram.run(arguments: ["--what"], build: "test") == 64)
        #expect(BridgeProgram.run(arguments: ["--config", "/nonexistent/jvb.conf"], build: "test") == 78)
        #expect(BridgeProgram.run(arguments: ["--version"], build: "test") == 0)
    }

    @Test("systemd's watchdog is fed at half its limit, and not at all without one")
    func watchdog() {
        #expect(ServiceNotifier(environment: ["WATCHDOG_USEC": "30000000"]).watchdogInterval == .seconds(15))
        for value in ["", "x", "0", "-5", "99999999999999999999"] {
            #expect(ServiceNotifier(environment: ["WATCHDOG_USEC": value]).watchdogInterval == nil)
        }
        // Without a socket, or with one that cannot be, nothing happens.
        ServiceNotifier(environment: [:]).ready()
        ServiceNotifier(environment: ["NOTIFY_SOCKET": "relative"]).ready()
        ServiceNotifier(environment: ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 300)]).ready()
    }
}
