// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
internal import Primitives

/// Why bytes are no record.
public enum SRTPRecordError: Error, Equatable, Sendable {
    /// Written by another version.
    case version
    /// An unknown profile.
    case profile
    /// Ends early, or goes on behind its end.
    case length
    /// A stream that no context can have been in, or one twice.
    case stream
}

extension SRTPRecord {
    private static let version: UInt8 = 1
    private static let streamBytes = 21

    /// The record as bytes.
    public var bytes: [UInt8] {
        let lists = [streams, controlStreams, evictedStreams, evictedControlStreams]
        var writer = ByteWriter(
            capacity: 3 + key.count + salt.count + lists.reduce(0) { $0 + 4 + $1.count * Self.streamBytes })
        writer.uint8(Self.version)
        writer.uint16(profile.rawValue)
        writer.append(key)
        writer.append(salt)
        for list in lists {
            writer.uint32(UInt32(list.count))
            for stream in list {
                writer.uint32(stream.ssrc)
                writer.uint64(stream.highestIndex)
                writer.uint64(stream.window)
                writer.uint8(stream.accepted)
            }
        }
        return writer.bytes
    }

    /// The record that ``bytes`` gave.
    public init(_ bytes: RawSpan) throws(SRTPRecordError) {
        guard bytes.byteCount >= 3 else { throw .length }
        guard bytes.uint8(at: 0) == Self.version else { throw .version }
        guard let profile = SRTPProfile(rawValue: bytes.uint16(at: 1)) else { throw .profile }
        let keyEnd = 3 + profile.keyBytes
        var offset = keyEnd + profile.saltBytes
        guard bytes.byteCount >= offset else { throw .length }
        self.profile = profile
        key = bytes.slice(3, count: profile.keyBytes).toArray()
        salt = bytes.slice(keyEnd, count: profile.saltBytes).toArray()
        streams = try Self.list(bytes, &offset, highest: SRTPLimits.highestIndex)
        controlStreams = try Self.list(bytes, &offset, highest: SRTPLimits.highestControlIndex)
        evictedStreams = try Self.list(bytes, &offset, highest: SRTPLimits.highestIndex)
        evictedControlStreams = try Self.list(bytes, &offset, highest: SRTPLimits.highestControlIndex)
        guard offset == bytes.byteCount else { throw .length }
        guard Self.areDistinct(streams, evictedStreams), Self.areDistinct(controlStreams, evictedControlStreams) else {
            throw .stream
        }
    }

    private static func list(
        _ bytes: RawSpan, _ offset: inout Int, highest: UInt64
    ) throws(SRTPRecordError) -> [Stream] {
        guard bytes.byteCount - offset >= 4 else { throw .length }
        let count = Int(bytes.uint32(at: offset))
        offset += 4
        guard count <= SRTPLimits.recordedStreams, count * streamBytes <= bytes.byteCount - offset else {
            throw .length
        }
        var streams: [Stream] = []
        streams.reserveCapacity(count)
        for _ in 0..<count {
            let context = SSRCContext(
                window: ReplayWindow(highest: bytes.uint64(at: offset + 4), bits: bytes.uint64(at: offset + 12)),
                ssrc: bytes.uint32(at: offset), accepted: bytes.uint8(at: offset + 20))
            guard context.window.isPossible(upTo: highest), context.accepted <= SRTPLimits.youngContextPackets else {
                throw .stream
            }
            streams.append(Stream(context))
            offset += streamBytes
        }
        return streams
    }

    private static func areDistinct(_ first: [Stream], _ second: [Stream]) -> Bool {
        let ssrcs = (first + second).map(\.ssrc).sorted()
        return zip(ssrcs, ssrcs.dropFirst()).allSatisfy { $0 != $1 }
    }
}
