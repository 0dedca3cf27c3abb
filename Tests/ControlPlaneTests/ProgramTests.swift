// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Foundation
import Primitives
import TestSupport
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

    @Test("the innermost control group with a quota counts, wherever the path begins to exist")
    func controlGroup() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "viaduct-cgroup-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        func group(_ path: String, _ maximum: String, _ microseconds: Int) throws {
            let folder = root.appending(path: path)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(maximum.utf8).write(to: folder.appending(path: "cpu.max"))
            let text = "usage_usec \(microseconds)\nuser_usec 1\nsystem_usec 2\n"
            try Data(text.utf8).write(to: folder.appending(path: "cpu.stat"))
        }
        func usage(_ membership: String) -> String? {
            ProcessFiles.controlGroupUsage(membership: Array(membership.utf8), root: root.path)
                .map { "\($0.microseconds) of \($0.quota)" }
        }
        try group("a.slice/b.service", "max 100000\n", 3)
        #expect(usage("0::/a.slice/b.service\n") == nil)
        try group("a.slice", "150000 100000\n", 2)
        #expect(usage("1:cpu:/x\n0::/a.slice/b.service\n") == "2 of 1.5")
        try group("a.slice/b.service", "50000 100000\n", 3)
        #expect(usage("0::/a.slice/b.service\n") == "3 of 0.5")
        try group("", "200000 100000\n", 1)
        #expect(usage("0::/docker/5f1e\n") == "1 of 2.0")
        #expect(usage("0::/\n") == "1 of 2.0")
        for membership in ["", "0:", "12:cpu,cpuacct:/docker/5f1e\n"] { #expect(usage(membership) == nil) }
    }

    @Test("READY and STOPPING wait for room where systemd has not read yet, a watchdog's feed does not")
    func busyManager() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "viaduct-\(UUID().uuidString)").path
        let manager = try #require(NotificationSocket(path))
        let notifier = ServiceNotifier(environment: ["NOTIFY_SOCKET": path])
        for _ in 0..<1_000 { notifier.watchdog() }
        let reader = Thread {
            usleep(100_000)
            let end = Date().addingTimeInterval(3)
            while Date() < end, manager.messages.last != "STOPPING=1" { usleep(1_000) }
        }
        reader.start()
        notifier.ready()
        notifier.stopping()
        while !reader.isFinished { usleep(10_000) }
        #expect(manager.messages.suffix(2) == ["READY=1", "STOPPING=1"])
        #expect(manager.messages.count < 1_000)
    }

    @Test("systemd's watchdog is fed at half its limit, and not at all without one")
    func watchdog() {
        #expect(ServiceNotifier(environment: ["WATCHDOG_USEC": "30000000"]).watchdogInterval == .seconds(15))
        for value in ["", "x", "0", "-5", "99999999999999999999"] {
            #expect(ServiceNotifier(environment: ["WATCHDOG_USEC": value]).watchdogInterval == nil)
        }
        func interval(for process: String) -> TimeDelta? {
            ServiceNotifier(environment: ["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": process]).watchdogInterval
        }
        #expect(interval(for: String(getpid())) == .seconds(15))
        // Meant for the process that started us, or for nobody.
        for other in [String(getppid()), "1", "", "x"] { #expect(interval(for: other) == nil) }
        // Without a socket, or with one that cannot be, nothing happens.
        ServiceNotifier(environment: [:]).ready()
        ServiceNotifier(environment: ["NOTIFY_SOCKET": "relative"]).ready()
        ServiceNotifier(environment: ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 300)]).ready()
    }
}
