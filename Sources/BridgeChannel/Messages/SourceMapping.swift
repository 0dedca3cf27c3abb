// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import ShardMessages

/// An entry of VideoSourcesMap: which source a receiver's SSRC stands for (media-plane.md 5.10).
public struct VideoSourceMapping: Hashable, Sendable {
    /// The source's name.
    public var source: String
    /// Its owner's id.
    public var owner: String
    /// The SSRC at this receiver.
    public var ssrc: UInt32
    /// That of retransmissions; `nil` is written as -1.
    public var rtx: UInt32?
    /// What it shows.
    public var videoType: VideoType
    /// The media line, where it is told.
    public var mid: String?

    /// An entry.
    public init(
        source: String, owner: String, ssrc: UInt32, rtx: UInt32?, videoType: VideoType, mid: String? = nil
    ) {
        self.source = source
        self.owner = owner
        self.ssrc = ssrc
        self.rtx = rtx
        self.videoType = videoType
        self.mid = mid
    }
}

/// An entry of AudioSourcesMap.
public struct AudioSourceMapping: Hashable, Sendable {
    /// The source's name.
    public var source: String
    /// Its owner's id.
    public var owner: String
    /// The SSRC at this receiver.
    public var ssrc: UInt32
    /// The media line, where it is told.
    public var mid: String?

    /// An entry.
    public init(source: String, owner: String, ssrc: UInt32, mid: String? = nil) {
        self.source = source
        self.owner = owner
        self.ssrc = ssrc
        self.mid = mid
    }
}
