// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import ShardMessages
import Telemetry
import VideoPayload

// What a video packet says of its frame, read once for all receivers, and which encodings of a source anybody needs.

extension ShardHost {
    /// Works out what the later doors need of a video packet's payload, which ``measure`` has read.
    /// - Returns: `false` for a packet of a frame that lies too far back to be known.
    @inline(__always)
    mutating func describe(_ record: inout BatchPacket, of source: UnsafeMutablePointer<Source>) -> Bool {
        if record.info.isKeyframe { counters.add(.keyframesReceived) }
        if record.codec == Codec.vp8.rawValue {
            record.info.dropDependencyDescriptor()
            return Self.describeVP8(&record, of: source)
        }
        if record.codec == Codec.vp9.rawValue {
            record.info.dropDependencyDescriptor()
            return Self.describeVP9(&record, of: source)
        }
        if record.codec == Codec.h264.rawValue {
            record.info.dropDependencyDescriptor()
            (record.kind, record.canStart) = (.h264, record.info.isKeyframe)
            return true
        }
        let flags = record.info.picture.flags
        if flags.contains(.described) { return Self.describeFrame(&record, of: source) }
        if flags.contains(.unplaced) {
            (record.kind, record.canStart) = (.described, false)
        } else if record.codec == Codec.av1.rawValue {
            (record.kind, record.canStart) = (.bareAV1, record.info.isKeyframe)
        }
        return true
    }

    private static func describeVP8(_ record: inout BatchPacket, of source: UnsafeMutablePointer<Source>) -> Bool {
        record.canStart = record.info.isKeyframe
        // Without picture ids nobody can tell frames apart.
        let facts = record.info.picture
        guard facts.pictureID >= 0 else {
            record.kind = .bareVP8
            return true
        }
        let temporal = UInt8(max(0, facts.temporalID))
        guard
            let frame = source.pointee.frames.pointer(at: record.encoding).pointee.note(
                FrameHistory.Sighting(
                    pictureID: UInt16(facts.pictureID), isLong: facts.fields.hasLongPictureID, temporal: temporal,
                    isStart: record.info.isStartOfFrame, isEnd: record.info.isEndOfFrame,
                    isKeyframe: record.info.isKeyframe))
        else { return false }
        record.frame = LayerView.Packet(
            encoding: Int8(record.encoding), sequence: record.sequence, timestamp: record.info.timestamp, frame: frame,
            temporal: temporal, isStart: record.info.isStartOfFrame, isKeyframe: record.info.isKeyframe,
            base: UInt8(max(0, facts.tl0PictureIndex)))
        return true
    }

    private static func describeVP9(_ record: inout BatchPacket, of source: UnsafeMutablePointer<Source>) -> Bool {
        record.canStart = record.info.isKeyframe
        let facts = record.info.picture
        guard facts.pictureID >= 0 else {
            record.kind = .bareVP9
            return true
        }
        let history = source.pointee.frames.pointer(at: record.encoding)
        guard let frame = history.pointee.note(FrameHistory.Sighting(facts)) else { return false }
        record.frame = LayerView.Packet(
            facts, encoding: Int8(record.encoding), sequence: record.sequence, timestamp: record.info.timestamp,
            frame: frame)
        return true
    }

    private static func describeFrame(_ record: inout BatchPacket, of source: UnsafeMutablePointer<Source>) -> Bool {
        record.canStart = record.info.isKeyframe
        let reader = source.pointee.descriptors.pointer(at: record.encoding)
        guard let frame = reader.pointee.note(in: source.pointee.frames.pointer(at: record.encoding)) else {
            return false
        }
        record.frame = LayerView.Packet(
            reader.pointee.last, encoding: Int8(record.encoding), sequence: record.sequence,
            timestamp: record.info.timestamp, frame: frame)
        return true
    }

    /// Door 6: how a packet leaves for a receiver; `nil` when it does not get it.
    @inline(__always)
    static func decide(
        on packet: UnsafeMutablePointer<BatchPacket>, of source: UnsafeMutablePointer<Source>,
        by projection: UnsafeMutablePointer<Projection>, at now: Timestamp
    ) -> LayerView.Outgoing? {
        if projection.pointee.restarts != source.pointee.restarts {
            projection.pointee.begin(restart: source.pointee.restarts)
        }
        if let frame = packet.pointee.frame {
            let history = source.pointee.frames.pointer(at: packet.pointee.encoding)
            return projection.pointee.take(frame, history: history, at: now)
        }
        return projection.pointee.takePlain(
            packet.pointee.kind, encoding: packet.pointee.encoding, sequence: packet.pointee.sequence,
            timestamp: packet.pointee.info.timestamp, canStart: packet.pointee.canStart,
            isAudio: source.pointee.mediaType == .audio, at: now)
    }

    /// Why a receiver does not get a packet.
    static func refusal(of encoding: UInt8, by projection: UnsafeMutablePointer<Projection>) -> MediaCounter {
        if projection.pointee.currentEncoding < 0 { return .droppedWaitingForKeyframe }
        if projection.pointee.currentEncoding != Int(encoding) { return .droppedNotForwardedEncoding }
        return .droppedBeforeStart
    }

    /// Finds out anew which encodings of a source anybody gets or waits for.
    func noteUse(of slot: Int, in conference: UnsafeMutablePointer<Conference>) {
        let source = conference.pointee.sources.pointer(at: slot)
        guard source.pointee.encodings.count > 1 else { return }
        var receivers = MemberSet()
        conference.pointee.interest.collect(slot, into: &receivers)
        var used: UInt8 = 0
        // Ends: each turn takes one member out of the set.
        while let place = receivers.popFirst() {
            guard let index = conference.pointee.member(at: place) else { continue }
            let downlink = endpoints.pointer(at: index)
            if let pair = downlink.pointee.downlink.position(ofSlot: slot, generation: source.pointee.generation) {
                used |= downlink.pointee.downlink.projection(at: pair).pointee.usedEncodings
            } else {
                let key = source.pointee.allocationKey(slot: slot)
                let target = downlink.pointee.reception.target(ofSlot: slot, key: key)
                used |= 1 << UInt8(max(0, target?.encoding ?? 0))
            }
        }
        source.pointee.used = used
    }
}
