// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// What one participant asks for of the others' video, step by step (media-plane.md 9.1): one source on stage, the
/// speaker's or, until somebody else with video is told to speak, that of the next member.
struct ReceiverWishes {
    private let conference: PlannedConference
    private let member: Int
    private let script: ConstraintScript?
    private var step = 0
    private var beganAt: Timestamp?
    /// Whose video is on stage.
    private(set) var stage: Int?
    /// Whether the bridge says that it forwards the video of each; `nil` while it has not said.
    private var isForwarded: [Bool]?
    private var hasChanged = false

    init(_ planned: PlannedParticipant, _ script: ConstraintScript?) {
        conference = planned.conference
        member = planned.member
        self.script = script
        let next = (planned.member + 1) % max(conference.videoSenders, 1)
        if script != nil, conference.videoSenders > 0, next != member { stage = next }
    }

    private var current: ConstraintScript.Step {
        script?.steps[step] ?? ConstraintScript.Step(at: 0, stage: 720, others: 720, lastN: -1)
    }

    /// What is to be said to the bridge.
    var message: [UInt8] {
        let step = current
        let stage = stage.map { (source: conference.videoSource(of: $0), height: step.stage) }
        return ChannelMessage.constraints(stage: stage, others: step.others, lastN: step.lastN)
    }

    /// The height asked for of the video of the member at `place`; 0 where it is not asked for, or is not among the
    /// last N.
    func height(of place: Int) -> Int {
        let step = current
        if step.lastN >= 0, let isForwarded, !isForwarded[place] { return 0 }
        if step.lastN == 0 { return 0 }
        return place == stage ? step.stage : step.others
    }

    /// When the next step is due.
    var due: Timestamp? {
        guard let beganAt, let script, step + 1 < script.steps.count else { return nil }
        return beganAt + .seconds(script.steps[step + 1].at)
    }

    /// The call begins.
    mutating func begin(at now: Timestamp) { beganAt = now }

    /// Nothing more is asked for.
    mutating func stop() { beganAt = nil }

    /// Goes on to the next step.
    /// - Returns: whether there is one.
    mutating func goOn() -> Bool {
        guard due != nil else { return false }
        step += 1
        hasChanged = true
        return true
    }

    /// Somebody is told to speak.
    /// - Returns: whether that changes what we ask for.
    mutating func follow(speaker: Int) -> Bool {
        guard script != nil, speaker != member, speaker < conference.videoSenders, speaker != stage else {
            return false
        }
        stage = speaker
        hasChanged = true
        return true
    }

    /// The bridge says whose video it forwards to us.
    mutating func note(forwarded names: [String]) {
        var next = [Bool](repeating: false, count: conference.members.count)
        for name in names where name.hasSuffix("-v0") {
            if let place = conference.place(of: String(name.dropLast(3))) { next[place] = true }
        }
        if next != isForwarded { hasChanged = true }
        isForwarded = next
    }

    /// Whether ``height(of:)`` may have changed since it was last asked.
    mutating func takeChange() -> Bool {
        defer { hasChanged = false }
        return hasChanged
    }
}
