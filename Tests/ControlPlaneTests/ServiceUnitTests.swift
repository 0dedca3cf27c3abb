// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("systemd unit")
struct ServiceUnitTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func unit() throws -> String {
        try String(contentsOf: Self.root.appending(path: "systemd/viaduct.service"), encoding: .utf8)
    }

    @Test(
        "keeps what operators and the original's unit promise",
        arguments: [
            "Type=notify", "WatchdogSec=30", "User=jvb", "EnvironmentFile=-/etc/jitsi/videobridge/config",
            "Environment=LOGFILE=/var/log/jitsi/jvb.log", "RuntimeDirectory=jitsi-videobridge",
            "RuntimeDirectoryMode=0750", "SuccessExitStatus=143", "RestartPreventExitStatus=78",
            "Restart=on-failure", "RestartSec=2", "LimitNOFILE=65000", "AmbientCapabilities=CAP_NET_BIND_SERVICE",
            "CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "NoNewPrivileges=yes", "ProtectSystem=strict",
            "MemoryDenyWriteExecute=yes", "SystemCallFilter=@system-service", "UMask=0027",
            "After=network-online.target",
        ])
    func directives(_ directive: String) throws {
        #expect(try unit().split(separator: "\n").contains(Substring(directive)))
    }

    @Test(
        "systemd itself finds nothing wrong with it",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze"), "no systemd-analyze"))
    func verified() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "viaduct-unit-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "viaduct.service")
        // The program need not be installed where the tests run.
        let text = try unit().replacing("ExecStart=/usr/bin/viaduct", with: "ExecStart=/bin/true")
        try text.write(to: file, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/systemd-analyze")
        process.arguments = ["verify", "--man=no", file.path]
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(!output.contains("viaduct.service:"), "\(output)")
        #expect(process.terminationStatus == 0, "\(output)")
    }

    @Test("the kernel may buffer as much as the bridge asks for")
    func buffers() throws {
        let text = try String(
            contentsOf: Self.root.appending(path: "systemd/20-viaduct.conf"), encoding: .utf8)
        #expect(text.contains("\nnet.core.rmem_max = 10485760\n"))
        #expect(text.contains("\nnet.core.netdev_max_backlog = 100000\n"))
    }
}
