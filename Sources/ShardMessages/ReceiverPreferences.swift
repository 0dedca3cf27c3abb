// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Which audio a receiver wants (media-plane.md 10.6). Names may be of sources that come later.
public struct AudioSubscription: Hashable, Sendable {
    /// Every regular source that is not excluded.
    public var all: Bool
    /// Sources that are wanted in any case, synthetic ones only by this list.
    public var include: [String]
    /// Sources that are not wanted; goes before ``include``.
    public var exclude: [String]

    /// What a receiver gets that never asked: every regular source.
    public static let everything = AudioSubscription(all: true)

    /// A subscription.
    public init(all: Bool, include: [String] = [], exclude: [String] = []) {
        self.all = all
        self.include = include
        self.exclude = exclude
    }

    /// Whether a source is wanted.
    /// - Parameter isSynthetic: it is made by the server's side, not by a participant.
    public func wants(_ source: String, isSynthetic: Bool) -> Bool {
        if exclude.contains(source) { return false }
        return include.contains(source) || (all && !isSynthetic)
    }
}

/// What a receiver asks of one video source (media-plane.md 9.1).
public struct VideoConstraint: Hashable, Sendable {
    /// Pixels of the smaller dimension; 0 is nothing, -1 no limit.
    public var maxHeight: Int32
    /// Frames per second; 0 is nothing, -1 no limit.
    public var maxFrameRate: Double

    /// A constraint.
    public init(maxHeight: Int32, maxFrameRate: Double = -1) {
        self.maxHeight = maxHeight
        self.maxFrameRate = maxFrameRate
    }

    /// Nothing of it.
    public static let nothing = VideoConstraint(maxHeight: 0)

    /// Whether anything of the source is wanted.
    public var isWanted: Bool { maxHeight != 0 && maxFrameRate != 0 }
}

/// What a receiver asks of video altogether (media-plane.md 9.1), with the original's initial values.
public struct VideoConstraints: Hashable, Sendable {
    /// How many sources with video at most; -1 is no limit, 0 none.
    ///
    /// Of those that are wanted and have something to see, the first in this order (media-plane.md 9.2), which the
    /// worker forwards by and the bridge channels' side tells by: those on stage; those selected; the others by their
    /// owners, who spoke last first and who never did as they came (10.2). Sources that this leaves equal are taken in
    /// the order in which their owner lists them.
    public var lastN: Int32 = -1
    /// Names in order of their priority, behind ``onStageSources``.
    public var selectedSources: [String] = []
    /// Names in order of their priority.
    public var onStageSources: [String] = []
    /// For sources that are not named in ``constraints``.
    public var defaultConstraint = VideoConstraint.nothing
    /// By source name.
    public var constraints: [String: VideoConstraint] = [:]
    /// Takes the estimate's place, in bits per second; negative is off.
    public var assumedBandwidth: Int64 = -1

    /// What holds before a receiver's first message.
    public init() {}

    /// What is asked of a source, last-N aside.
    public func constraint(of source: String) -> VideoConstraint { constraints[source] ?? defaultConstraint }
}

/// Everything a receiver has said over its bridge channel that forwarding has to know.
public struct ReceiverPreferences: Hashable, Sendable {
    /// Which audio.
    public var audio = AudioSubscription.everything
    /// Which video.
    public var video = VideoConstraints()

    /// Those of a receiver that said nothing yet.
    public init() {}

    /// Every regular source, whatever it is: what somebody gets who has no bridge channel to say more.
    public static var everything: ReceiverPreferences {
        var all = ReceiverPreferences()
        all.video.defaultConstraint = VideoConstraint(maxHeight: -1)
        return all
    }
}

/// What holds before a receiver's first message, as it is configured. Whoever makes an endpoint and whoever listens to
/// it go by the same: a picture that is given, taken away and given again costs a key frame each time.
public struct InitialPreferences: Sendable {
    /// Clients are told an address for a WebSocket.
    public var offersWebSockets = false
    /// `cc.initial-last-n`; -1 is no limit.
    public var lastN: Int32 = -1
    /// `cc.initial-max-height-px`.
    public var maxHeight: Int32 = 0

    /// The original's.
    public init() {}

    /// What a receiver gets of each source that it has not said anything of.
    public var constraint: VideoConstraint { VideoConstraint(maxHeight: maxHeight) }

    /// What a receiver gets.
    /// - Parameter usesSCTP: a data channel was signalled for it.
    public func preferences(usesSCTP: Bool) -> ReceiverPreferences {
        // One that can have no channel can ask for nothing: it gets everything.
        let isSilent = !usesSCTP && !offersWebSockets
        var preferences = isSilent ? ReceiverPreferences.everything : ReceiverPreferences()
        preferences.video.lastN = lastN
        if !isSilent || maxHeight != 0 { preferences.video.defaultConstraint = constraint }
        return preferences
    }
}

/// What a video source shows, as its owner says over the channel (media-plane.md 11.6). The raw value is its name on
/// the wire in lower case.
public enum VideoType: String, Sendable, CaseIterable {
    case camera
    case desktop
    case desktopHighFrameRate = "desktop_high_fps"
    /// It has no track now.
    case none
    /// It is switched off.
    case disabled
}

/// Who speaks in a conference (media-plane.md 10.2).
public struct SpeakerState: Hashable, Sendable {
    /// The dominant speaker; with silence the last one.
    public var dominant: EndpointNumber?
    /// Those before, the latest first, without the dominant one.
    public var recent: [EndpointNumber]
    /// Nobody speaks (only told when silence detection is on).
    public var isSilent: Bool

    /// A state.
    public init(dominant: EndpointNumber? = nil, recent: [EndpointNumber] = [], isSilent: Bool = false) {
        self.dominant = dominant
        self.recent = recent
        self.isSilent = isSilent
    }
}
