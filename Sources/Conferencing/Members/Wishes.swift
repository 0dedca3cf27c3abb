// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import ShardMessages

/// What a receiver wants, in the form in which sources are compared with it.
struct Wishes {
    /// What it asks of a picture that it named.
    struct Named {
        var name: String
        var wish: SourceWish
        /// Place in the order of on-stage and selected names; those on stage come first, those with neither last.
        var rank: UInt32
        var isOnStage: Bool
    }

    /// It wants every regular source: nothing has to be chosen.
    let isEverything: Bool
    /// It does not simply want every regular voice.
    let choosesVoices: Bool
    /// It has names on stage.
    let hasStage: Bool
    /// The pictures that it named, each once: in the order of their ranks, then those that have none.
    let named: [Named]
    /// What it asks of other pictures.
    let defaultWish: SourceWish
    /// How many pictures it gets at most; -1 without a limit.
    let lastN: Int32
    /// What it says that it can take, in bits per second; negative for nothing.
    let assumedBandwidth: Int64
    private let include: Set<String>
    private let exclude: Set<String>
    private let all: Bool

    init(_ preferences: ReceiverPreferences) {
        let (audio, video) = (preferences.audio, preferences.video)
        all = audio.all
        include = Set(audio.include)
        exclude = Set(audio.exclude)
        var named: [Named] = []
        var known: Set<String> = []
        for name in video.onStageSources + video.selectedSources where known.insert(name).inserted {
            let rank = UInt32(named.count)
            named.append(
                Named(
                    name: name, wish: SourceWish(video.constraint(of: name)), rank: rank,
                    isOnStage: false))
        }
        let onStage = Set(video.onStageSources)
        for index in named.indices where onStage.contains(named[index].name) { named[index].isOnStage = true }
        for (name, constraint) in video.constraints where !known.contains(name) {
            named.append(Named(name: name, wish: SourceWish(constraint), rank: .max, isOnStage: false))
        }
        self.named = named
        defaultWish = SourceWish(video.defaultConstraint)
        lastN = video.lastN
        assumedBandwidth = video.assumedBandwidth
        hasStage = !video.onStageSources.isEmpty
        choosesVoices = !audio.all || !audio.include.isEmpty || !audio.exclude.isEmpty
        isEverything =
            !choosesVoices && video.lastN < 0
            && video.defaultConstraint.isWanted && video.constraints.allSatisfy { $1.isWanted }
    }

    /// Whether there is anything to choose.
    var needsSelection: Bool { !isEverything || hasStage }

    /// Whether it asked for an audio source by its name.
    func includes(_ source: String) -> Bool { include.contains(source) && !exclude.contains(source) }

    /// Whether it wants an audio source (media-plane.md 10.6).
    func wantsAudio(_ source: String, isSynthetic: Bool) -> Bool {
        if exclude.contains(source) { return false }
        return (all && !isSynthetic) || include.contains(source)
    }
}

extension SourceWish {
    init(_ constraint: VideoConstraint) {
        self.init(
            maxHeight: constraint.maxHeight, maxFrameRate: FrameRate(perSecond: constraint.maxFrameRate))
    }
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
