// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What `Peers/browser_call.py` prints.
struct BrowserCall: Decodable {
    struct Inbound: Decodable {
        let kind: String
        let packetsReceived, packetsLost, framesDecoded, frameWidth, headerBytes: Int
        let audioEnergy: Double
    }
    struct Report: Decodable {
        let inbound: [Inbound]
        let connection: String
        let srtpCipher, tlsVersion: String?
        let firstPictureMilliseconds: Double?
    }
    /// Whether each station of the journey was reached.
    let two, three: Bool
    let after_stalls, after_leaving: Bool?
    /// The last report of each tab while all three were there.
    let reports: [String: Report]?
    let errors: [String]
}

extension RealPeers {
    @Suite("Browsers", .enabled(if: Peers.hasBrowsers, "no chromium or no firefox-esr: run make bootstrap"))
    struct BrowserTests {
        @Test(
            "two tabs hear and see each other, a third that joins late gets a picture within 2 s",
            arguments: ["chromium,chromium,chromium", "chromium,firefox,firefox"])
        func threeTabs(browsers: String) async throws {
            try await withBridge("viaduct.log.level = debug") { bridge in
                let script = try ChildProcess(
                    URL(fileURLWithPath: "/usr/bin/env"),
                    [
                        "python3", Repository.script("browser_call.py"), "--bridge", bridge.address,
                        "--pid", "\(bridge.processIdentifier)", "--browsers", browsers,
                    ], in: bridge.folder)
                let status = await script.wait(seconds: 180)
                let call = try #require(
                    try? JSONDecoder().decode(BrowserCall.self, from: Data(script.output.utf8)),
                    "status \(status ?? -1): \(script.complaints)")
                #expect(call.errors.isEmpty)
                #expect(call.two, "two tabs: \(script.output)\n\(bridge.log)")
                #expect(call.three, "three tabs: \(script.output)\n\(bridge.log)")
                #expect(call.after_stalls == true, "all go on after the bridge was stopped for moments")
                #expect(call.after_leaving == true, "the others go on when one leaves")
                let reports = call.reports ?? [:]
                #expect(reports.count == 3)
                // Older versions of Chromium leave the prefix out, of Firefox both values; the bridge knows.
                let profiles = bridge.log.split(separator: "\n").filter { $0.contains("DTLS connected") }
                #expect(
                    profiles.count == 3 && profiles.allSatisfy { $0.contains("profile=aeadAES128GCM") }, "\(profiles)")
                for (name, report) in reports {
                    #expect(report.connection == "connected", "\(name)")
                    let lost = report.inbound.reduce(0) { $0 + $1.packetsLost }
                    #expect(lost == 0, "\(name)")
                    if name != "aaaa0001", browsers.contains("firefox"), report.srtpCipher == nil { continue }
                    #expect(report.srtpCipher?.hasSuffix("AEAD_AES_128_GCM") == true, "\(name)")
                    #expect(report.tlsVersion == "FEFD", "DTLS 1.2")
                }
                let latecomer = try #require(reports["cccc0003"]?.firstPictureMilliseconds)
                #expect(latecomer < 2_000)
                // Frames of Chromium that the bridge found whole went out with padding, and were decoded all the same
                // (ADR 14). Video has no header extension here, so what headers take beyond 12 bytes is padding.
                let viewer = try #require(reports["bbbb0002"])
                let padding = viewer.inbound.filter { $0.kind == "video" }.map {
                    $0.headerBytes - 12 * $0.packetsReceived
                }
                #expect(padding.contains { $0 > 0 }, "\(padding)")
                #expect(bridge.isRunning)
            }
        }
    }
}
