// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What `Peers/pictures.py` prints of one call.
struct PictureCall: Decodable {
    struct Station: Decodable {
        let reached: Bool
        let seconds: Double
        /// Milliseconds until a latecomer's first picture: since it came in, and of each sender since it said what it
        /// wants to see.
        let sinceJoin: Double?
        let sinceAsked: [Double]?
        /// Seconds until everybody had the larger and the smaller picture that was asked for.
        let up, down: Double?
        /// Per receiver: the heights it saw in turn, the longest pause between two pictures in milliseconds, and for
        /// how many seconds its picture stood still, as its browser says.
        let heights: [String: [Int]]?
        let pauses, frozen: [String: Double]?
        /// Packets that receivers missed for good.
        let lost: Int?
        let secondsUntilBack: Double?
        let secondsUntilSeen: [Double]?
        /// Per run: which encodings were sent.
        let encodings: [[Bool]]?
        /// Pictures in the seconds of a watch.
        let frames: Int?
        let watched: Double?
        /// What each side counts of repairs.
        let repairs: [String: [String: Double]]?
        /// Codec, encoder and mode of each encoding; codec and decoder.
        let sent: [[String?]]?
        let got: [String?]?
    }
    let stations: [String: Station]
    let errors: [String]
    let seconds: Double

    /// A station that was reached.
    func station(_ name: String) throws -> Station {
        let station = try #require(stations[name], "not travelled to; \(errors)")
        try #require(station.reached, "\(name): \(errors)")
        return station
    }

    /// Holds a call with a bridge of its own.
    static func hold(_ name: String) async throws -> PictureCall {
        try await withBridge("videobridge.log.level = debug") { bridge in
            let pictures = Repository.products.appendingPathComponent("pictures").path
            let script = try ChildProcess(
                URL(fileURLWithPath: "/usr/bin/env"),
                [
                    "python3", Repository.script("pictures.py"), "--bridge", bridge.address, "--media",
                    "127.0.0.1:\(bridge.mediaPort)", "--pictures", pictures, name,
                ], in: bridge.folder)
            let status = await script.wait(seconds: 240)
            let calls = try? JSONDecoder().decode([String: PictureCall].self, from: Data(script.output.utf8))
            guard let call = calls?[name] else {
                throw SetupError(
                    description: "status \(status ?? -1): \(script.output)\n\(script.complaints)\n\(bridge.log)")
            }
            print("pictures of the browsers' journey \(name): \(pictures)\n\(script.output)")
            if !call.errors.isEmpty { print(script.complaints, bridge.log.suffix(20_000)) }
            return call
        }
    }
}
