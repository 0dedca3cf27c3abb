// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension RealPeers {
    /// The pictures that Chromium and Firefox get of each other, in calls that `Peers/pictures.py` holds. What it
    /// measures counts only where the sender's browser was not held up by the machine.
    @Suite("Pictures of browsers", .enabled(if: Peers.hasBrowsers, "no chromium or no firefox-esr: run make bootstrap"))
    struct PictureTests {
        /// No picture stands still for longer than this, in milliseconds: half a second, and what the watch is blind
        /// for.
        private static let longestPause = 550.0

        @Test("Chromium's camera in three sizes, seen by Firefox and Chromium: limits, last-N, a latecomer, nobody")
        func sizes() async throws {
            let call = try await PictureCall.hold("sizes")
            let latecomer = try call.station("latecomer")
            #expect(try #require(latecomer.sinceJoin) < 2_000)
            #expect(try #require(latecomer.sinceAsked).allSatisfy { $0 < 550 }, "\(latecomer)")
            try Self.checkSwitches(call.station("constraints"), receivers: 2)
            _ = try call.station("last_n")
            #expect(try #require(try call.station("unwatched").secondsUntilBack) < 2)
            #expect(try #require(try call.station("camera").secondsUntilBack) < 2)
        }

        @Test("Firefox's camera in three sizes, the largest of which comes first, seen by Chromium")
        func firefox() async throws {
            let call = try await PictureCall.hold("firefox")
            try Self.checkSwitches(call.station("constraints"), receivers: 1)
        }

        @Test("a screen beside the camera, sent in its last encoding alone, ended and shown again")
        func screen() async throws {
            let screen = try await PictureCall.hold("screen").station("screen")
            let seconds = try #require(screen.secondsUntilSeen)
            #expect(seconds.count == 3 && seconds.dropFirst().allSatisfy { $0 < 2 }, "\(seconds)")
            #expect(screen.encodings == Array(repeating: [false, false, true], count: 3))
        }

        @Test("a twentieth of all datagrams is lost on each way: the picture runs on, since losses are repaired")
        func losses() async throws {
            let losses = try await PictureCall.hold("lossy").station("losses")
            let seconds = try #require(losses.watched)
            let frozen = try #require(losses.frozen)
            #expect(frozen.values.allSatisfy { $0 <= 0.01 * seconds }, "\(losses)")
            #expect(Double(try #require(losses.frames)) > 0.9 * 15 * seconds, "\(losses)")
            for (side, counters) in try #require(losses.repairs) {
                for (counter, value) in counters { #expect(value > 0, "\(side): \(counter)") }
            }
        }

        @Test("H.264 in three sizes")
        func otherSizes() async throws {
            let call = try await PictureCall.hold("H264")
            try Self.checkSwitches(call.station("constraints"), receivers: 1)
            try Self.check(call.station("codec"), "H264", by: "OpenH264", and: "FFmpeg")
        }

        @Test("VP9 with its sizes in one stream: one who wants the smaller one, and then the larger, beside another")
        func layersOfVP9() async throws {
            let call = try await PictureCall.hold("VP9")
            try Self.checkLayers(call.station("layers"))
            try Self.check(call.station("codec"), "VP9", by: "libvpx", and: "libvpx")
        }

        @Test("AV1 with its sizes in one stream: one who wants the smaller one, and then the larger, beside another")
        func layersOfAV1() async throws {
            let call = try await PictureCall.hold("AV1")
            try Self.checkLayers(call.station("layers"))
            try Self.check(call.station("codec"), "AV1", by: "libaom", and: "dav1d")
        }

        /// One saw 180, 360 and 180 lines, the other 360 all the time, and nothing stood still.
        private static func checkLayers(_ station: PictureCall.Station) throws {
            #expect(station.heights == ["bbbb0002": [180, 360, 180], "cccc0003": [360]])
            let pauses = try #require(station.pauses)
            #expect(pauses.values.allSatisfy { $0 > 0 && $0 < longestPause }, "milliseconds: \(pauses)")
        }

        /// What was sent and seen, and what wrote and read it.
        private static func check(
            _ codec: PictureCall.Station, _ name: String, by encoder: String, and decoder: String
        ) throws {
            for encoding in try #require(codec.sent) {
                #expect(encoding.prefix(2).map { $0 ?? "" } == ["video/\(name)", encoder])
            }
            #expect(codec.got.map { $0.map { $0 ?? "" } } == ["video/\(name)", decoder])
        }

        /// Everybody saw 180, 720 and 180 lines, perhaps others on the way up, and nothing stood still.
        private static func checkSwitches(_ station: PictureCall.Station, receivers: Int) throws {
            let (heights, pauses) = (try #require(station.heights), try #require(station.pauses))
            #expect(heights.count == receivers && pauses.count == receivers)
            for (name, heights) in heights {
                #expect(heights.first == 180 && heights.contains(720) && heights.last == 180, "\(name): \(heights)")
            }
            #expect(pauses.values.allSatisfy { $0 > 0 && $0 < longestPause }, "milliseconds: \(pauses)")
            // Where the end of the last picture before a change was not seen, a number stays free.
            #expect(try #require(station.lost) <= heights.values.reduce(0) { $0 + $1.count - 1 })
        }
    }
}
