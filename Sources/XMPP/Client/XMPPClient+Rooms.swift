// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
internal import XML

/// Rooms and the presence in them (control-plane.md 1.3, 1.5, 1.6, 2.1).
extension XMPPClient {
    /// Sets what the next presence says. A change of a state (health, drain, shutdown) is published at once.
    ///
    /// - Parameter values: in the order to be written; empty: presence without statistics, never repeated.
    public mutating func setStatistics(_ values: [(name: String, value: String)], at now: Timestamp) {
        let states: Set = ["healthy", "drain", "graceful_shutdown", "shutting_down"]
        func state(_ all: [(name: String, value: String)]) -> [String] {
            all.filter { states.contains($0.name) }.map { $0.name + "=" + $0.value }.sorted()
        }
        let before = statistics.map { state($0) }
        statistics = values.isEmpty ? nil : values
        guard phase == .online, let statistics, before != state(statistics) else { return }
        publish(at: now)
    }

    /// When the next periodic presence is due; the owner refreshes the statistics just before. `nil` while in no room.
    public var presenceDue: Timestamp? { isPublishing ? nextPresence : nil }

    /// A room is joined again when it has not echoed several presences in a row.
    var echoLimit: TimeDelta { max(settings.timing.echoLimit, settings.timing.presenceInterval * 3) }

    var isPublishing: Bool { phase == .online && statistics != nil && rooms.contains { $0.isJoined } }

    // MARK: Presence out

    mutating func publishIfDue(at now: Timestamp) {
        guard phase == .online, nextPresence <= now else { return }
        // A strict clock: the next one counts from when this one was due, unless we were late by more than one.
        let interval = settings.timing.presenceInterval
        nextPresence = max(nextPresence + interval, now + interval / 2)
        publish(at: now)
    }

    mutating func publish(at now: Timestamp) {
        for index in rooms.indices where rooms[index].isJoined { publish(toRoomAt: index, at: now) }
    }

    private mutating func publish(toRoomAt index: Int, at now: Timestamp) {
        guard let statistics else { return }
        var stats = XMLElement("stats", Namespace.colibri)
        for (name, value) in statistics {
            stats.append(XMLElement("stat", Namespace.colibri, attributes: ["name": name, "value": value]))
        }
        // Without the muc <x>: with it each update would count as another join (control-plane.md 1.3).
        send(
            XMLElement(
                "presence", Namespace.client, attributes: ["to": address(ofRoomAt: index)],
                children: [XMLElement("priority", Namespace.client, text: "0"), stats]))
        if rooms[index].unechoedSince == nil { rooms[index].unechoedSince = now }
    }

    private func address(ofRoomAt index: Int) -> String {
        rooms[index].jid + "/" + settings.nickname
    }

    // MARK: Joining

    /// Joins what is due, gives up what does not answer.
    mutating func updateRooms(at now: Timestamp) {
        for index in rooms.indices where rooms[index].nextTimeout(echoLimit: echoLimit) <= now {
            switch rooms[index].state {
            case .outside: join(roomAt: index, at: now)
            case .joining, .joined: leave(roomAt: index, .timeout, at: now)
            }
        }
    }

    private mutating func join(roomAt index: Int, at now: Timestamp) {
        let history = XMLElement("history", Namespace.muc, attributes: ["maxstanzas": "0"])
        send(
            XMLElement(
                "presence", Namespace.client, attributes: ["to": address(ofRoomAt: index), "id": makeID()],
                children: [XMLElement("x", Namespace.muc, children: [history])]))
        rooms[index].state = .joining(until: now + settings.timing.stepTimeout)
    }

    private mutating func leave(roomAt index: Int, _ departure: RoomDeparture, at now: Timestamp) {
        let timing = settings.timing
        // A stay that lasted starts the pauses over.
        if case .joined(let since) = rooms[index].state, since + timing.roomDelayLimit <= now {
            rooms[index].failures = 0
        }
        var pause = timing.roomDelay
        for _ in 0..<min(rooms[index].failures, 16) { pause = min(pause * 2, timing.roomDelayLimit) }
        rooms[index].failures += 1
        rooms[index].state = .outside(retryAt: now + withJitter(pause))
        rooms[index].unechoedSince = nil
        rooms[index].isNicknameShared = false
        counters.roomDepartures += 1
        tell(.left(room: rooms[index].jid, departure))
    }

    // MARK: Presence in

    mutating func handlePresence(_ presence: XMLElement, at now: Timestamp) {
        guard let from = presence["from"] else { return }
        let folded = JID.folded(from)
        guard let index = rooms.firstIndex(where: { $0.folded == folded }) else { return }
        let nickname = JID.resource(from) ?? ""
        let user = presence.child("x", Namespace.mucUser)
        let statuses = Self.statuses(user)
        let isOwn = statuses.contains(110)
        switch presence["type"] {
        case "error":
            guard nickname.isEmpty || nickname == settings.nickname else { return }
            if case .outside = rooms[index].state { return }
            leave(roomAt: index, .refused(StanzaError.conditionName(of: presence)), at: now)
        case "unavailable":
            if isOwn { handleRemoval(user, statuses, roomAt: index, at: now) }
            if !isOwn, settings.reportsOccupants {
                tell(.occupant(room: rooms[index].jid, nickname: nickname, presence: presence))
            }
        case nil:
            if isOwn { handleOwnPresence(user, statuses, roomAt: index, at: now) }
            if !isOwn, settings.reportsOccupants {
                tell(.occupant(room: rooms[index].jid, nickname: nickname, presence: presence))
            }
        default: break
        }
    }

    private static func statuses(_ user: XMLElement?) -> [Int] {
        let elements = user?.children("status", Namespace.mucUser) ?? []
        return elements.prefix(XMPPLimits.presenceItems).compactMap { $0["code"].flatMap { Int($0) } }
    }

    private mutating func handleRemoval(_ user: XMLElement?, _ statuses: [Int], roomAt index: Int, at now: Timestamp) {
        if case .outside = rooms[index].state { return }
        if user?.child("destroy", Namespace.mucUser) != nil { return leave(roomAt: index, .destroyed, at: now) }
        leave(roomAt: index, .removed(status: statuses.first { $0 >= 300 } ?? 0), at: now)
    }

    private mutating func handleOwnPresence(
        _ user: XMLElement?, _ statuses: [Int], roomAt index: Int, at now: Timestamp
    ) {
        rooms[index].unechoedSince = nil
        noticeSharing(user, roomAt: index)
        if case .joined = rooms[index].state { return }
        rooms[index].state = .joined(since: now)
        tell(.joined(room: rooms[index].jid))
        if statuses.contains(201) { configure(roomAt: index, at: now) }
        // Until there are statistics in our presence the focus does not know that we are a bridge.
        publish(toRoomAt: index, at: now)
    }

    /// Two items of different sessions in our own presence: somebody with our account uses our nickname, too, and only
    /// one of us gets the requests (control-plane.md 1.6).
    private mutating func noticeSharing(_ user: XMLElement?, roomAt index: Int) {
        let items = user?.children("item", Namespace.mucUser) ?? []
        let sessions = Set(items.prefix(XMPPLimits.presenceItems).compactMap { $0["jid"] })
        let isShared = sessions.count > 1
        defer { rooms[index].isNicknameShared = isShared }
        guard isShared, !rooms[index].isNicknameShared else { return }
        counters.nicknamesShared += 1
        tell(.nicknameShared(room: rooms[index].jid))
    }

    /// Makes a room that we have created usable: some servers keep it locked until its owner has configured it.
    private mutating func configure(roomAt index: Int, at now: Timestamp) {
        func field(_ name: String, _ value: String) -> XMLElement {
            XMLElement(
                "field", Namespace.forms, attributes: ["var": name],
                children: [XMLElement("value", Namespace.forms, text: value)])
        }
        let form = XMLElement(
            "x", Namespace.forms, attributes: ["type": "submit"],
            children: [
                field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig"),
                field("muc#roomconfig_whois", "anyone"),
            ])
        let query = XMLElement("query", Namespace.mucOwner, children: [form])
        let room = rooms[index].jid
        request(.set, to: room, payload: query, isReported: false, configuring: room, at: now)
    }
}
