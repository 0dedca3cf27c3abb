// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Allocation
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
    /// What the receivers want, within their last-N.
    private var demand = HeightDemand()
    /// The most that anybody wants; -1 is no limit.
    var maxHeight: Int32 { demand.maxHeight }

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
    func exchange(_ old: Int32, for new: Int32) -> Bool { demand.exchange(old, for: new) }
}

extension ChannelSource: Hashable {
    static func == (a: ChannelSource, b: ChannelSource) -> Bool { a === b }

    func hash(into hasher: inout Hasher) { hasher.combine(number) }
}
