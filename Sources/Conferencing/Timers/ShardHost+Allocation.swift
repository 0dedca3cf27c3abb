// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Forwarding
import MediaTransport
import Primitives
import ShardMessages

// Which layer of each picture a receiver gets (media-plane.md 9, docs/allocation.md): the allocator's runs, when they
// are due, and by which rate. What comes of it takes effect in ShardHost+Targets.swift alone.

extension ShardHost {
    // MARK: When

    /// A receiver's layers are to be chosen anew: now, if it was not just now that they were.
    /// - Returns: what that cost, in sources looked at.
    mutating func reallocate(
        _ index: Int, at place: Int, of conference: UnsafeMutablePointer<Conference>, at now: Timestamp,
        into egress: inout EgressBatch
    ) -> Int {
        let endpoint = endpoints.pointer(at: index)
        endpoint.pointee.reception.schedule.force()
        defer { scheduleAllocation(index) }
        guard endpoint.pointee.reception.schedule.isDue(at: now) else { return 0 }
        return allocate(for: index, at: place, of: conference, at: now, into: &egress)
    }

    /// Runs what time has made due, and looks at what was sent.
    mutating func goOnAllocating(at now: Timestamp, into egress: inout EgressBatch) {
        var left = ConferencingLimits.selectionsPerTurn
        // Ends: each turn takes an entry out, and those put in lie in the future.
        while left > 0, egress.hasRoom(datagrams: 16), let entry = allocations.popDue(at: now) {
            let index = Int(entry.owner.index)
            guard endpoints.contains(entry.owner), !isGone(index) else { continue }
            let endpoint = endpoints.pointer(at: index)
            guard endpoint.pointee.reception.scheduledAt == entry.deadline else { continue }
            endpoint.pointee.reception.scheduledAt = .distantFuture
            left -= 1
            if let look = endpoint.pointee.reception.nextLook, look <= now {
                endpoint.pointee.reception.look(endpoint.pointee.downlink.takeSent(), at: now)
                endpoint.pointee.reception.planLook(at: now)
            }
            endpoint.pointee.reception.schedule.note(availableRate(of: endpoint, at: now))
            if isAllocationDue(endpoint, at: now) {
                let conference = conferences.pointer(at: endpoint.pointee.conference)
                left -= allocate(
                    for: index, at: Int(endpoint.pointee.place), of: conference, at: now, into: &egress)
            }
            scheduleAllocation(index)
        }
    }

    /// Whether a run is due. Where a receiver gets no picture nothing happens by time alone.
    private func isAllocationDue(_ endpoint: UnsafeMutablePointer<Endpoint>, at now: Timestamp) -> Bool {
        let deadline = endpoint.pointee.reception.schedule.deadline
        guard deadline <= now else { return false }
        return endpoint.pointee.reception.schedule.isPressing || !endpoint.pointee.reception.pictures.isEmpty
    }

    /// Notes when something is to be done for a receiver's layers, if that is earlier than what was noted before.
    mutating func scheduleAllocation(_ index: Int) {
        guard let key = endpoints.key(at: index) else { return }
        let endpoint = endpoints.pointer(at: index)
        var next = endpoint.pointee.reception.nextLook ?? .distantFuture
        if endpoint.pointee.reception.schedule.isPressing || !endpoint.pointee.reception.pictures.isEmpty {
            next = min(next, endpoint.pointee.reception.schedule.deadline)
        }
        guard next < endpoint.pointee.reception.scheduledAt else { return }
        endpoint.pointee.reception.scheduledAt = next
        allocations.insert(next, owner: key)
    }

    /// A receiver's reports have said something of what it can take.
    mutating func noteRate(of index: Int, at now: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        if endpoint.pointee.reception.schedule.note(availableRate(of: endpoint, at: now)) { scheduleAllocation(index) }
    }

    /// What can be sent to a receiver: what it says itself where that counts, else what its reports show, else
    /// anything.
    func availableRate(of endpoint: UnsafeMutablePointer<Endpoint>, at now: Timestamp) -> AvailableRate {
        let brake = endpoint.pointee.reception.brake
        return settings.estimates.rate(
            estimate: brake.hasEvidence ? brake.rate : nil, assumed: endpoint.pointee.wishes.assumedBandwidth,
            hasRetransmission: endpoint.pointee.downlink.takesRetransmissions,
            firstVideo: endpoint.pointee.reception.firstVideo, at: now)
    }

    // MARK: A run

    /// Chooses a receiver's layers.
    /// - Returns: what that cost, in sources looked at.
    private mutating func allocate(
        for index: Int, at place: Int, of conference: UnsafeMutablePointer<Conference>, at now: Timestamp,
        into egress: inout EgressBatch
    ) -> Int {
        let endpoint = endpoints.pointer(at: index)
        var cost = showPictures(of: conference, at: endpoint.pointee.conference, now)
        board.clearRun()
        for position in 0..<endpoint.pointee.reception.pictures.count {
            let picture = endpoint.pointee.reception.pictures[position]
            guard let place = board.place(ofSlot: Int(picture.slot), key: picture.allocation.key) else { continue }
            board.results[place] = picture.allocation
        }
        resolveNames(of: endpoint, index)
        var own = 0
        for place in 0..<board.count where board.sources[place].owner == UInt32(index) { own += 1 }
        let rate = availableRate(of: endpoint, at: now)
        let demand = ReceiverDemand(
            owner: UInt32(index), rate: rate,
            lastN: settings.lastN.effective(wished: endpoint.pointee.wishes.lastN, candidates: board.count - own),
            defaultWish: endpoint.pointee.wishes.defaultWish)
        let outcome = board.run(&allocator, for: demand, at: now)
        endpoint.pointee.reception.schedule.ran(at: now, rate: rate, outcome)
        // Who is given less than all there is may be given something else when others speak.
        let isLimited = outcome.beyondLastN > 0 || outcome.suspended > 0 || !outcome.isIdeal
        if isLimited { conference.pointee.limited.insert(place) } else { conference.pointee.limited.remove(place) }
        takeEffect(for: index, at: place, of: conference, at: now, into: &egress)
        if endpoint.pointee.reception.nextLook == nil { endpoint.pointee.reception.planLook(at: now) }
        cost += 1 + board.count + board.wishes.count
        return cost
    }

    /// What a receiver asks by name, as places on the board; and whose cameras it has on stage.
    private mutating func resolveNames(of endpoint: UnsafeMutablePointer<Endpoint>, _ index: Int) {
        endpoint.pointee.stage = Stage()
        for named in endpoint.pointee.wishes.named {
            var place = board.first(named: named.name)
            // Ends: a picture follows at most one other.
            while let current = place {
                place = board.next(of: current)
                let source = board.sources[current]
                board.wishes.append(
                    NamedWish(
                        source: UInt32(current), wish: named.wish, rank: named.rank, isOnStage: named.isOnStage))
                if named.isOnStage, source.kind == .camera, source.owner != UInt32(index) {
                    endpoint.pointee.stage.insert(source.owner)
                }
            }
        }
    }

    /// Puts the pictures of a conference together, unless they lie there already.
    /// - Returns: what that cost, in sources looked at.
    private mutating func showPictures(
        of conference: UnsafeMutablePointer<Conference>, at index: Int, _ now: Timestamp
    ) -> Int {
        guard let key = conferences.key(at: index) else { return 0 }
        let version = conference.pointee.pictureVersion
        guard !board.shows(key, version: version, at: now) else { return 0 }
        let sourceCount = conference.pointee.sources.count
        board.begin(key, version: version, slots: sourceCount, at: now)
        for position in 0..<conference.pointee.speech.order.count {
            guard let owner = conference.pointee.member(at: Int(conference.pointee.speech.order[position])) else {
                continue
            }
            let uplink = endpoints.pointer(at: owner)
            for number in 0..<uplink.pointee.uplink.sources.count {
                let slot = Int(uplink.pointee.uplink.sources[number])
                let source = conference.pointee.sources.pointer(at: slot)
                guard source.pointee.isLive, source.pointee.mediaType == .video else { continue }
                show(source, slot, speakerPlace: position, at: now)
            }
        }
        return sourceCount
    }

    private mutating func show(
        _ source: UnsafeMutablePointer<Source>, _ slot: Int, speakerPlace: Int, at now: Timestamp
    ) {
        board.add(
            VideoSource(
                key: source.pointee.allocationKey(slot: slot), owner: source.pointee.owner,
                kind: source.pointee.isDesktop ? .desktop : .camera, isEnabled: !source.pointee.isOff,
                speakerPlace: UInt32(speakerPlace), position: UInt32(source.pointee.position), firstLayer: 0,
                layerCount: 0),
            name: source.pointee.name, slot: slot)
        var isScalable = false
        for encoding in 0..<source.pointee.layers.count where source.pointee.layers[encoding].spatialLayers > 1 {
            isScalable = true
        }
        for encoding in 0..<source.pointee.layers.count {
            let layers = source.pointee.layers.pointer(at: encoding)
            // Who sends all sizes in one encoding signals others all the same.
            if isScalable, !layers.pointee.hasCome { continue }
            for spatial in 0..<layers.pointee.shownLayers {
                // Until a key frame says otherwise (media-plane.md 5.1).
                let known = Int32(layers.pointee.height(of: spatial))
                let height = known > 0 ? known : 180 << Int32(encoding + spatial)
                for temporal in 0..<EncodingLayers.count {
                    board.add(
                        VideoLayer(
                            LayerIndex(encoding: encoding, spatial: spatial, temporal: temporal), height: height,
                            frameRate: FrameRate(thousandths: 7_500 << Int32(temporal)),
                            bitrate: layers.pointee.bitrate(of: spatial, upTo: temporal, at: now)))
                }
            }
        }
    }
}
