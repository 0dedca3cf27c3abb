// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Who speaks in a conference (media-plane.md 10.2, 10.3): takes the levels of authenticated packets, decides every 300
/// ms who the dominant speaker is, and keeps what follows from that: recent speakers, the order of speakers, the
/// loudest.
///
/// Members are numbers below 65,536 that their owner gives out and may give out again after ``leave(_:)``. A level
/// costs some nanoseconds and allocates nothing; what a decision costs grows with the members. ``nextDecision`` is
/// `nil` while nobody has been heard for ``ForwardingLimits/speechIdleTime``: a silent conference wakes nobody.
public struct SpeechActivity: ~Copyable {
    /// What has become of the conference's speakers.
    public struct Change: BitwiseCopyable, Hashable, Sendable {
        /// The dominant speaker, the recent ones or the silence are other than before.
        public var isNews = false
        /// Somebody else leads ``order``.
        public var isNewOrder = false
        /// Somebody else is the dominant speaker.
        public var isNewDominant = false

        /// Nothing.
        public init() {}
    }

    /// As configured.
    public let settings: SpeechSettings
    /// By member.
    private var speakers = GrowableBuffer<SpeakerActivity>()
    /// Every member, those who spoke last first, the others in the order of their coming.
    public private(set) var order = GrowableBuffer<UInt16>()
    /// Who was dominant, the latest first; with the present one if there is one.
    public private(set) var recent: GrowableBuffer<UInt16>
    /// Who is the dominant speaker; with silence, who was.
    public private(set) var dominant: UInt16?
    /// Nobody has spoken for a while. Only with silence detection.
    public private(set) var isSilent = false
    /// The loudest, the first one most.
    private var loudest: GrowableBuffer<UInt16>
    private var lastLevelAt = Timestamp.zero
    /// When ``decide(at:)`` wants to be called.
    public private(set) var nextDecision: Timestamp?

    /// A conference in which nobody is.
    public init(settings: SpeechSettings) {
        self.settings = settings
        recent = GrowableBuffer(capacity: 4)
        loudest = GrowableBuffer(capacity: settings.routesLoudestOnly ? Self.ranks(settings) + 1 : 0)
    }

    private static func ranks(_ settings: SpeechSettings) -> Int {
        min(max(settings.loudest, 0), ForwardingLimits.rankedSpeakers)
    }

    // MARK: Members

    /// A member has come.
    public mutating func join(_ member: UInt16) {
        while speakers.count <= Int(member) { speakers.append(SpeakerActivity()) }
        speakers[Int(member)] = SpeakerActivity()
        order.append(member)
    }

    /// A member has gone: nothing of it stays.
    public mutating func leave(_ member: UInt16) -> Change {
        guard order.remove(member) else { return Change() }
        speakers[Int(member)] = SpeakerActivity()
        loudest.remove(member)
        if dominant == member { dominant = nil }
        var change = Change()
        change.isNews = recent.remove(member)
        if recent.isEmpty { isSilent = false }
        return change
    }

    /// What is known of a member.
    public func activity(of member: UInt16) -> SpeakerActivity { speakers[Int(member)] }

    // MARK: Levels

    /// Takes the level of a member's packet.
    /// - Parameter level: 0 (silent) to 127 (loud).
    /// - Returns: whether the packet is among those that are forwarded where only the loudest are.
    @inline(__always)
    public mutating func note(_ level: UInt8, of member: UInt16, at now: Timestamp) -> Bool {
        guard Int(member) < speakers.count else { return true }
        speakers.pointer(at: Int(member)).pointee.note(level, at: now, alpha: settings.energyAlpha)
        lastLevelAt = now
        if nextDecision == nil { nextDecision = now + ForwardingLimits.decisionInterval }
        guard settings.routesLoudestOnly else { return true }
        return rank(member, at: now)
    }

    /// Whether a member is among the loudest, which it is put among.
    private mutating func rank(_ member: UInt16, at now: Timestamp) -> Bool {
        var kept = 0
        for position in 0..<loudest.count {
            let other = loudest[position]
            if other == member || now - speakers[Int(other)].lastLevelAt > settings.energyLifetime { continue }
            loudest[kept] = other
            kept += 1
        }
        while loudest.count > kept { _ = loudest.popLast() }
        let energy = speakers[Int(member)].energy
        var place = 0
        while place < loudest.count, speakers[Int(loudest[place])].energy >= energy { place += 1 }
        let ranks = Self.ranks(settings)
        if place < ranks {
            loudest.insert(member, at: place)
            if loudest.count > ranks { _ = loudest.popLast() }
            return true
        }
        return settings.alwaysRoutesDominant && dominant == member
    }

    // MARK: Decisions

    /// Decides who the dominant speaker is.
    public mutating func decide(at now: Timestamp) -> Change {
        nextDecision =
            now - lastLevelAt < ForwardingLimits.speechIdleTime ? now + ForwardingLimits.decisionInterval : nil
        forgetSilent(at: now)
        guard let best = winner(at: now) else { return Change() }
        var change = Change()
        let isQuiet =
            settings.detectsSilence && speakers[Int(best)].isQuiet(for: settings.silenceTimeout, at: now)
        if isQuiet {
            // Who would have followed did not say anything either.
            guard dominant != nil, !isSilent else { return change }
            isSilent = true
            change.isNews = true
            return change
        }
        change.isNews = isSilent
        isSilent = false
        if best != dominant {
            dominant = best
            change.isNewDominant = true
            if recent.isEmpty || recent[0] != best { change.isNews = true }
            recent.remove(best)
            recent.insert(best, at: 0)
            let most = min(max(settings.recentSpeakers, 0), ForwardingLimits.recentSpeakers) + 1
            while recent.count > most { _ = recent.popLast() }
            if order[0] != best {
                order.remove(best)
                order.insert(best, at: 0)
                change.isNewOrder = true
            }
        }
        return change
    }

    /// Who leads over everybody else; `nil` where nobody was heard.
    private mutating func winner(at now: Timestamp) -> UInt16? {
        guard let holder = holder() else { return nil }
        speakers[Int(holder)].evaluate(at: now)
        let defender = speakers[Int(holder)]
        var best = holder
        var bestLead = 2.0
        for position in 0..<order.count where order[position] != holder {
            let member = order[position]
            guard speakers[Int(member)].isKnown else { continue }
            speakers.pointer(at: Int(member)).pointee.evaluate(at: now)
            guard let lead = speakers[Int(member)].lead(over: defender), lead > bestLead else { continue }
            best = member
            bestLead = lead
        }
        return best
    }

    /// With whom the others are compared: the dominant speaker; where there is none who was it last, or anybody.
    private func holder() -> UInt16? {
        if let dominant { return dominant }
        if !recent.isEmpty, speakers[Int(recent[0])].isKnown { return recent[0] }
        for position in 0..<order.count where speakers[Int(order[position])].isKnown { return order[position] }
        return nil
    }

    private mutating func forgetSilent(at now: Timestamp) {
        for position in 0..<order.count where order[position] != dominant {
            let speaker = speakers.pointer(at: Int(order[position]))
            guard speaker.pointee.isKnown, now - speaker.pointee.lastLevelAt > ForwardingLimits.speakerLifetime
            else { continue }
            speaker.pointee = SpeakerActivity()
        }
    }
}

extension GrowableBuffer where Element == UInt16 {
    /// Takes a number out; the others stay in order.
    /// - Returns: whether it was in.
    @discardableResult
    fileprivate mutating func remove(_ number: UInt16) -> Bool {
        var kept = 0
        for position in 0..<count where self[position] != number {
            self[kept] = self[position]
            kept += 1
        }
        guard kept < count else { return false }
        while count > kept { _ = popLast() }
        return true
    }

    fileprivate mutating func insert(_ number: UInt16, at place: Int) {
        append(number)
        var position = count - 1
        while position > place {
            self[position] = self[position - 1]
            position -= 1
        }
        self[place] = number
    }
}
