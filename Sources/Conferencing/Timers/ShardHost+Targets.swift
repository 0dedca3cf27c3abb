// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Forwarding
import MediaTransport
import Primitives
import ShardMessages

// What was decided for a receiver takes effect: here and nowhere else.

extension ShardHost {
    /// Lets the hall send what the last run has decided, and remembers it.
    mutating func takeEffect(
        for index: Int, at place: Int, of conference: UnsafeMutablePointer<Conference>, at now: Timestamp,
        into egress: inout EgressBatch
    ) {
        let endpoint = endpoints.pointer(at: index)
        endpoint.pointee.reception.beginRun()
        let isRewriting = endpoint.pointee.rewriting.isActive
        if isRewriting { mapPictures(for: endpoint, index, of: conference, at: now) }
        for position in 0..<board.count where board.sources[position].owner != UInt32(index) {
            let slot = Int(board.slots[position])
            // A board may be a little older than what it shows.
            guard conference.pointee.sources[slot].allocationKey(slot: slot) == board.sources[position].key else {
                continue
            }
            let allocation = board.results[position]
            var target = target(allocation.target, of: conference.pointee.sources.pointer(at: slot))
            if isRewriting, endpoint.pointee.rewriting.video.slot(of: board.sources[position].key) == nil {
                target = .suspended
            }
            if allocation.wish.isWanted {
                endpoint.pointee.reception.add(
                    Reception.Picture(slot: UInt16(slot), target: target, allocation: allocation))
            }
            setTarget(target, of: slot, for: endpoint, at: place, of: conference, at: now, into: &egress)
        }
        noteForwarded(index, conference)
    }

    /// What the chosen layer means for the source that it is of.
    private func target(_ index: LayerIndex, of source: UnsafeMutablePointer<Source>) -> LayerTarget {
        let isKnown = index.isLayer && index.encoding < source.pointee.layers.count
        return LayerTarget(
            index, isScalable: isKnown && source.pointee.layers[index.encoding].spatialLayers > 1)
    }

    /// Has the control plane told which pictures a receiver is sent, if that are others than before.
    private mutating func noteForwarded(_ index: Int, _ conference: UnsafeMutablePointer<Conference>) {
        let endpoint = endpoints.pointer(at: index)
        // By slot: the order of speakers is no news.
        var slots: [Int] = []
        for position in 0..<endpoint.pointee.reception.pictures.count {
            let picture = endpoint.pointee.reception.pictures[position]
            if picture.target.encoding >= 0 { slots.append(Int(picture.slot)) }
        }
        slots.sort()
        let names = slots.map { conference.pointee.sources[$0].name }
        guard endpoint.pointee.reception.forward(names), !endpoint.pointee.reception.isToTell,
            let key = endpoints.key(at: index)
        else { return }
        endpoint.pointee.reception.isToTell = true
        if !endpoint.pointee.rewriting.isToTell { telling.append(key) }
    }

    /// Whether receivers wait for the control plane to be told of them, and it can be.
    var canTell: Bool { !telling.isEmpty && !isBacklogged }

    /// Tells the control plane which pictures receivers are sent: the newest state, when there is room for it, and not
    /// before it knows the receiver, which the answer to a request that goes on will tell.
    mutating func goOnTelling() {
        for _ in 0..<telling.count {
            guard canTell, let key = telling.popFirst() else { return }
            guard endpoints.contains(key), !isGone(Int(key.index)) else { continue }
            let endpoint = endpoints.pointer(at: Int(key.index))
            let number = conferences.pointer(at: endpoint.pointee.conference).pointee.number
            if request?.request.conference == number {
                telling.append(key)
                continue
            }
            tellSlots(of: endpoint, in: number)
            guard endpoint.pointee.reception.isToTell else { continue }
            endpoint.pointee.reception.isToTell = false
            emit(
                .forwardedSourcesChanged(
                    endpoint.pointee.number, conference: number, endpoint.pointee.reception.forwarded))
        }
    }

    /// What a receiver gets of a source from now on. Nothing happens where it is as before.
    private mutating func setTarget(
        _ target: LayerTarget, of slot: Int, for endpoint: UnsafeMutablePointer<Endpoint>, at place: Int,
        of conference: UnsafeMutablePointer<Conference>, at now: Timestamp, into egress: inout EgressBatch
    ) {
        let source = conference.pointee.sources.pointer(at: slot)
        let isWanted = target.encoding >= 0
        var needsKeyframe = isWanted == conference.pointee.interest.isDenied(place, source: slot)
        if needsKeyframe { change(to: isWanted, slot, for: endpoint, at: place, of: conference) }
        if let pair = endpoint.pointee.downlink.position(ofSlot: slot, generation: source.pointee.generation) {
            let projection = endpoint.pointee.downlink.projection(at: pair)
            if projection.pointee.target != target {
                projection.pointee.aim(at: target)
                // Encodings that nobody needs any more are found out with the next key frame.
                source.pointee.used |= projection.pointee.usedEncodings
                if projection.pointee.needsKeyframe { needsKeyframe = true }
            }
        } else if isWanted {
            // Its first packet makes the pair, and has to come so far.
            source.pointee.used |= 1 << UInt8(target.encoding)
        }
        guard isWanted, needsKeyframe, conference.pointee.interest.wants(place, source: slot) else { return }
        // Where nothing came yet the first packet begins with a key frame, or asks for one.
        guard source.pointee.codec != Uplink.none, egress.hasRoom(datagrams: 4) else { return }
        _ = pair(of: endpoint, with: slot, source, at: now)
        requestKeyframe(of: slot, in: conference, for: place, at: now, into: &egress)
    }
}

extension LayerTarget {
    /// The layer that was chosen. The highest temporal one that is told apart carries what lies above.
    /// - Parameter isScalable: spatial layers were to be chosen from; else all that ever come are sent.
    init(_ index: LayerIndex, isScalable: Bool) {
        guard index.isLayer else {
            self = .suspended
            return
        }
        let temporal = index.temporal >= EncodingLayers.count - 1 ? 7 : index.temporal
        self.init(
            encoding: Int8(clamping: index.encoding), spatial: isScalable ? UInt8(index.spatial) : 7,
            temporal: UInt8(temporal))
    }
}
