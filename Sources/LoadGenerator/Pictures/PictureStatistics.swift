// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What decoders would have made of the video that came, over all receivers and sources of a media thread.
struct PictureStatistics: Sendable {
    /// Pairs of a receiver and a video source that it asked for at some time.
    var pairs: UInt64 = 0
    /// Pictures that a decoder shows.
    var shown: UInt64 = 0
    /// Pictures that came after the first one shown and that no decoder shows: incomplete, or in need of one that is
    /// missing.
    var skipped: UInt64 = 0
    /// Pictures of which the end was left out, and one number free for it, since another encoding began.
    var cutShort: UInt64 = 0
    /// Pictures that a decoder takes for decodable though what they need was not there: it shows rubbish.
    var garbled: UInt64 = 0
    /// Breaks in sequence numbers, picture ids, TL0PICIDX or time stamps that no loss explains.
    var discontinuities: UInt64 = 0
    /// Payload descriptors without the fields that were sent.
    var badDescriptors: UInt64 = 0
    /// Times a picture stood still for longer than half a second.
    var freezes: UInt64 = 0
    /// The longest time a picture stood still, in nanoseconds.
    var longestGap: Int64 = 0
    /// How long pictures were asked for, in nanoseconds, summed over the pairs.
    var watched: Int64 = 0
    /// Of that, how long the picture shown was of the encoding asked for.
    var atLayer: Int64 = 0
    /// Between asking for another encoding and the first picture of it.
    var layerSwitch = LatencyHistogram()
    /// Between asking for a source that was not shown and its first picture.
    var firstPicture = LatencyHistogram()
    /// Pictures shown of each encoding.
    var shownOf: [UInt64] = [0, 0, 0]
    /// What each receiver had, in the order of their numbers.
    var receivers: [Receiver] = []

    /// What one receiver had of all sources.
    struct Receiver: Sendable, Equatable {
        var number: Int
        var endpoint: String
        var sources: [Source] = []

        /// The longest time one of its pictures stood still, in nanoseconds.
        var longestGap: Int64 { sources.map(\.longestGap).max() ?? 0 }
        var freezes: UInt64 { sources.reduce(0) { $0 + $1.freezes } }
        /// Share of the time at the encoding asked for; 1 where nothing was asked for.
        var share: Double {
            let watched = sources.reduce(0) { $0 + $1.watched }
            return watched > 0 ? Double(sources.reduce(0) { $0 + $1.atLayer }) / Double(watched) : 1
        }
    }

    /// What one receiver had of one source.
    struct Source: Sendable, Equatable {
        var name: String
        var longestGap: Int64
        var freezes: UInt64
        var watched: Int64
        var atLayer: Int64
        var shown: UInt64
        /// Lines of the picture shown last; 0 without any.
        var height: Int
    }

    /// Share of the time at the encoding asked for.
    var share: Double { watched > 0 ? Double(atLayer) / Double(watched) : 1 }

    /// Adds what another thread counted.
    mutating func merge(_ other: PictureStatistics) {
        pairs += other.pairs
        shown += other.shown
        skipped += other.skipped
        cutShort += other.cutShort
        garbled += other.garbled
        discontinuities += other.discontinuities
        badDescriptors += other.badDescriptors
        freezes += other.freezes
        longestGap = max(longestGap, other.longestGap)
        watched += other.watched
        atLayer += other.atLayer
        layerSwitch.merge(other.layerSwitch)
        firstPicture.merge(other.firstPicture)
        for index in shownOf.indices { shownOf[index] += other.shownOf[index] }
        receivers = (receivers + other.receivers).sorted { $0.number < $1.number }
    }
}
