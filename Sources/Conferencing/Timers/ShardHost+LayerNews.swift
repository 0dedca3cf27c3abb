// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages
import VideoPayload

// Which layers of each picture come, and at which rate (media-plane.md 5.3): counted once per packet that comes in. Who
// begins, stops or changes height has everybody's layers chosen anew, no more often than the conference can bear.

extension ShardHost {
    /// Counts a packet of a picture, read here for all who look at it later.
    /// - Parameter isNewest: it is no repeat and does not come behind newer ones.
    @inline(__always)
    mutating func measure(
        _ info: inout PacketInfo, _ packet: UnsafeRawBufferPointer, codec: UInt8, _ stream: StreamReference,
        of source: UnsafeMutablePointer<Source>, from endpoint: UnsafeMutablePointer<Endpoint>, isNewest: Bool,
        at now: Timestamp
    ) {
        let position = Int(stream.encoding)
        guard position < source.pointee.layers.count, !info.isPaddingOnly, !endpoint.pointee.uplink.isVideoMuted
        else { return }
        let layers = source.pointee.layers.pointer(at: position)
        var isNews = false
        if codec != layers.pointee.codec, isNewest, layers.pointee.changes(to: codec) {
            source.pointee.frames.restart(stream.encoding)
            source.pointee.descriptors.reset(stream.encoding)
            isNews = true
        }
        if codec == Codec.vp8.rawValue {
            info.parseVP8(packet)
        } else if codec == Codec.vp9.rawValue {
            if parseVP9(&info, packet, layers) { isNews = true }
        } else if codec == Codec.h264.rawValue {
            parseH264(&info, packet, layers)
        } else if let element = info.dependencyDescriptor {
            let reader = source.pointee.descriptors.pointer(at: stream.encoding)
            if parseDescriptor(&info, packet, codec: codec, element, by: reader, layers) { isNews = true }
        } else if codec == Codec.av1.rawValue {
            parseAV1(&info, packet, layers)
        }
        let layer = info.picture.hasLayers ? min(Int(info.picture.temporalID), EncodingLayers.count - 1) : 0
        let spatial = min(max(0, Int(info.picture.spatialID)), layers.pointee.shownLayers - 1)
        let note = layers.pointee.note(bytes: info.byteCount, spatial: spatial, layer: layer, at: now)
        if note.isNews { isNews = true }
        if info.isKeyframe, info.frameHeight > 0, layers.pointee.note(height: info.frameHeight) { isNews = true }
        if note.isStep, source.pointee.layers.count > 1, othersFallSilent(source, but: position, at: now) {
            isNews = true
        }
        if isNews { noteLayers(in: endpoint.pointee.conference, at: now) }
    }

    /// - Returns: whether the stream's spatial layers are others than before.
    @inline(__always)
    private func parseVP9(
        _ info: inout PacketInfo, _ packet: UnsafeRawBufferPointer, _ layers: UnsafeMutablePointer<EncodingLayers>
    ) -> Bool {
        let structure = info.parseVP9(packet)
        let flags = info.picture.flags
        if info.picture.spatialID > 0, flags.contains(.predicted) {
            layers.pointee.note(buildsOnLower: flags.contains(.usesLowerLayer))
        }
        guard let structure else { return false }
        return layers.pointee.note(structure)
    }

    private func parseH264(
        _ info: inout PacketInfo, _ packet: UnsafeRawBufferPointer, _ layers: UnsafeMutablePointer<EncodingLayers>
    ) {
        let end = info.headerBytes + info.payloadBytes
        guard let payload = H264Payload(RawSpan(_unsafeBytes: packet), from: info.headerBytes, to: end) else { return }
        info.isKeyframe = layers.pointee.starts.note(payload, sequence: info.sequence, timestamp: info.timestamp)
    }

    /// - Returns: whether the stream's spatial layers are others than before.
    @inline(never)
    private func parseDescriptor(
        _ info: inout PacketInfo, _ packet: UnsafeRawBufferPointer, codec: UInt8, _ element: PacketInfo.KeptExtension,
        by reader: UnsafeMutablePointer<DescriptorReader>, _ layers: UnsafeMutablePointer<EncodingLayers>
    ) -> Bool {
        guard reader.pointee.read(RawSpan(_unsafeBytes: packet), element, sequence: info.sequence) else {
            // Before the first structure nothing is known, as without a descriptor.
            if reader.pointee.history.generation != 0 {
                info.picture.flags = .unplaced
            } else if codec == Codec.av1.rawValue {
                parseAV1(&info, packet, layers)
            }
            return false
        }
        info.picture = PictureFacts(reader.pointee.last)
        info.isStartOfFrame = info.picture.flags.contains(.start)
        info.isKeyframe = info.isStartOfFrame && reader.pointee.last.hasStructure
        if info.picture.spatialID > 0, info.picture.flags.contains(.predicted) {
            layers.pointee.note(buildsOnLower: info.picture.flags.contains(.usesLowerLayer))
        }
        return info.isKeyframe && layers.pointee.note(reader.pointee.history.newest)
    }

    /// AV1 of browsers that describe nothing.
    private func parseAV1(
        _ info: inout PacketInfo, _ packet: UnsafeRawBufferPointer, _ layers: UnsafeMutablePointer<EncodingLayers>
    ) {
        let end = info.headerBytes + info.payloadBytes
        let header = AV1AggregationHeader(RawSpan(_unsafeBytes: packet), from: info.headerBytes, to: end)
        let isNewest = layers.pointee.starts.advances(to: info.sequence)
        info.isKeyframe = isNewest && header?.startsSequence ?? false
    }

    /// Whether another encoding of a source has stopped: those who got it must be given one that comes.
    private func othersFallSilent(_ source: UnsafeMutablePointer<Source>, but position: Int, at now: Timestamp) -> Bool
    {
        var isNews = false
        for other in 0..<source.pointee.layers.count
        where other != position && source.pointee.layers.pointer(at: other).pointee.fallsSilent(at: now) {
            isNews = true
        }
        return isNews
    }

    /// Pictures of a conference are others than before: soon, or when it is time. A sender begins all its encodings
    /// within a few milliseconds, and with key frames that nobody must miss for having been given the first that came;
    /// and it can make its layers come and go with every packet.
    mutating func noteLayers(in conferenceIndex: Int, at now: Timestamp) {
        let conference = conferences.pointer(at: conferenceIndex)
        guard conference.pointee.layerNewsDue == nil, let key = conferences.key(at: conferenceIndex) else { return }
        let wait =
            ConferencingLimits.layerNewsInterval
            + ConferencingLimits.layerNewsPerMember * Int64(conference.pointee.memberCount)
        let soon = now + ConferencingLimits.layerNewsInterval
        let due = max(soon, conference.pointee.lastLayerNews.map { $0 + wait } ?? soon)
        conference.pointee.layerNewsDue = due
        layerNews.insert(due, owner: key)
    }

    /// Has everybody's layers chosen anew in conferences whose layers have changed.
    mutating func goOnWithLayerNews(at now: Timestamp) {
        // Ends: each turn takes an entry out, and nothing is put in.
        while let entry = layerNews.popDue(at: now) {
            let index = Int(entry.owner.index)
            guard conferences.contains(entry.owner) else { continue }
            let conference = conferences.pointer(at: index)
            // Another one counts, if it is earlier.
            guard conference.pointee.layerNewsDue == entry.deadline else { continue }
            conference.pointee.layerNewsDue = nil
            conference.pointee.lastLayerNews = now
            guard !conference.pointee.isEnding else { continue }
            selectForAll(in: index, .pictures)
        }
    }

    /// Has everybody's layers chosen anew in a conference at a certain time, if that is not to happen before.
    mutating func postponeRound(of conferenceIndex: Int, to due: Timestamp) {
        let conference = conferences.pointer(at: conferenceIndex)
        guard conference.pointee.layerNewsDue.map({ $0 > due }) ?? true, let key = conferences.key(at: conferenceIndex)
        else { return }
        conference.pointee.layerNewsDue = due
        layerNews.insert(due, owner: key)
    }
}
