// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import ShardMessages

/// A video source, and how much the receivers want of it.
final class ChannelSource {
    /// Never reused.
    let number: UInt64
    let name: String
    unowned let owner: ChannelEndpoint
    /// What it shows.
    var videoType: VideoType
    /// Its owner is to be told what the receivers want, whether that changed or not.
    var isNew = true
    /// What its owner was told last.
    var told: Int32?
    /// How many receivers want each height.
    private var demand: [Int32: Int] = [:]
    /// The most that anybody wants; -1 is no limit.
    private(set) var maxHeight: Int32 = 0

    init(number: UInt64, name: String, owner: ChannelEndpoint, videoType: VideoType) {
        self.number = number
        self.name = name
        self.owner = owner
        self.videoType = videoType
    }

    /// Whether there is anything to see.
    var isEnabled: Bool { videoType != .none && videoType != .disabled }

    /// A receiver wants another height than before, 0 being nothing.
    /// - Returns: whether its owner has to be told.
    func exchange(_ old: Int32, for new: Int32) -> Bool {
        if new != 0 { demand[new, default: 0] += 1 }
        if old != 0, let count = demand[old] { demand[old] = count > 1 ? count - 1 : nil }
        let before = maxHeight
        if Self.rank(new) >= Self.rank(maxHeight) {
            maxHeight = new
        } else if old == maxHeight, demand[old] == nil {
            maxHeight = demand.keys.max { Self.rank($0) < Self.rank($1) } ?? 0
        }
        return maxHeight != before
    }

    /// -1 beats everything.
    private static func rank(_ height: Int32) -> Int64 { height < 0 ? .max : Int64(height) }
}

extension ChannelSource: Hashable {
    static func == (a: ChannelSource, b: ChannelSource) -> Bool { a === b }

    func hash(into hasher: inout Hasher) { hasher.combine(number) }
}
