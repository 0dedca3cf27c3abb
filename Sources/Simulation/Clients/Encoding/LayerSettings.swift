// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// In which layers a client sends its video.
struct LayerSettings {
    /// Encodings, each twice as high as the one before.
    var encodings = 3
    /// Temporal layers of each, 1 to 3.
    var temporal = 3
    /// Whether picture ids have 15 bits; otherwise seven.
    var hasLongPictureIDs = true
    /// Whether repeats have a stream of their own.
    var hasRTX = true

    /// One of the many ways in which browsers do it.
    static func any(_ random: inout Random) -> LayerSettings {
        LayerSettings(
            encodings: random.int(in: 0...3) == 0 ? random.int(in: 1...2) : 3, temporal: random.int(in: 1...3),
            hasLongPictureIDs: random.int(in: 0...1) == 0)
    }
}
