// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ShardMessages

/// What a receiver wants, in the form in which sources are compared with it.
struct Wishes {
    /// It wants every regular source: nothing has to be chosen.
    let isEverything: Bool
    /// It has names on stage.
    let hasStage: Bool
    /// Places in the order of on-stage and selected names; those on stage come first.
    private let ranks: [String: Int]
    private let stageCount: Int
    private let include: Set<String>
    private let exclude: Set<String>
    private let all: Bool
    private let video: VideoConstraints

    init(_ preferences: ReceiverPreferences) {
        let (audio, video) = (preferences.audio, preferences.video)
        self.video = video
        all = audio.all
        include = Set(audio.include)
        exclude = Set(audio.exclude)
        var ranks: [String: Int] = [:]
        for name in video.onStageSources where ranks[name] == nil { ranks[name] = ranks.count }
        stageCount = ranks.count
        for name in video.selectedSources where ranks[name] == nil { ranks[name] = ranks.count }
        self.ranks = ranks
        hasStage = stageCount > 0
        isEverything =
            audio.all && audio.include.isEmpty && audio.exclude.isEmpty && video.lastN < 0
            && video.defaultConstraint.isWanted && video.constraints.allSatisfy { $1.isWanted }
    }

    /// Whether there is anything to choose.
    var needsSelection: Bool { !isEverything || hasStage }

    /// How many pictures it gets at most; `nil` without a limit.
    var lastN: Int? { video.lastN < 0 ? nil : Int(video.lastN) }

    /// Whether it asked for an audio source by its name.
    func includes(_ source: String) -> Bool { include.contains(source) && !exclude.contains(source) }

    /// Whether it wants an audio source (media-plane.md 10.6).
    func wantsAudio(_ source: String, isSynthetic: Bool) -> Bool {
        if exclude.contains(source) { return false }
        return (all && !isSynthetic) || include.contains(source)
    }

    /// Whether it wants a video source, last-N aside.
    func wantsVideo(_ source: String) -> Bool { video.constraint(of: source).isWanted }

    /// Place among the named sources; those that are not named come behind all of them.
    func rank(of source: String) -> Int { ranks[source] ?? .max }

    /// Whether it has a source on stage.
    func isOnStage(_ source: String) -> Bool { ranks[source].map { $0 < stageCount } ?? false }
}

/// Whose cameras a receiver has on stage, as far as the choice of a key frame ahead needs it (media-plane.md 6.7).
struct Stage: BitwiseCopyable {
    /// The endpoint slot of one of them.
    private var owner: UInt32?
    private var isOfSeveral = false

    /// Adds the owner of a camera.
    mutating func insert(_ owner: UInt32) {
        if self.owner != nil, self.owner != owner { isOfSeveral = true }
        self.owner = owner
    }

    /// Whether a camera of somebody other than `owner` is there.
    func hasOther(than owner: UInt32) -> Bool { isOfSeveral || (self.owner != nil && self.owner != owner) }
}
