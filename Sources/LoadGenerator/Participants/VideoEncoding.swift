// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// One of the encodings of a video source.
struct VideoEncoding: Equatable, Sendable {
    /// Its place among the encodings, the smallest first.
    var number: Int
    var width: UInt16
    var height: UInt16
    /// Payload bits per second.
    var bitrate: Int
    /// Temporal layers: 1 or 3.
    var temporalLayers: Int

    /// Heights of the simulcast encodings (media-plane.md 5.1).
    static let heights = [180, 360, 720]

    /// The encodings of a sender: one, or the three that browsers make of 720 lines, with a tenth, a third and the
    /// whole of the rate.
    static func all(_ options: LoadOptions) -> [VideoEncoding] {
        let rate = options.videoBitrate
        guard options.isSimulcast else {
            return [VideoEncoding(number: 0, width: 1_280, height: 720, bitrate: rate, temporalLayers: 1)]
        }
        return [
            VideoEncoding(number: 0, width: 320, height: 180, bitrate: rate / 10, temporalLayers: 3),
            VideoEncoding(number: 1, width: 640, height: 360, bitrate: rate / 3, temporalLayers: 3),
            VideoEncoding(number: 2, width: 1_280, height: 720, bitrate: rate, temporalLayers: 3),
        ]
    }

    /// Which encoding a receiver gets that asks for at most `height` lines: the largest that is no higher, the smallest
    /// where all are; `nil` where it asks for none.
    static func wanted(height: Int) -> Int? {
        guard height != 0 else { return nil }
        return heights.lastIndex { height < 0 || $0 <= height } ?? 0
    }
}
