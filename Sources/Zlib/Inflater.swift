// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CZlib

/// Expands messages that were compressed each by itself, as ``Deflater`` does it.
///
/// Nothing is kept between messages, so one serves any number of connections.
public struct Inflater: ~Copyable {
    /// What a message turned out to be.
    public enum Outcome: Equatable, Sendable {
        /// Its text.
        case message([UInt8])
        /// Longer than was allowed; the rest was not expanded.
        case tooLong
        /// Nothing that was compressed.
        case corrupt
    }

    // On the heap: zlib's state points back at it.
    private let stream: UnsafeMutablePointer<z_stream>

    /// An expander.
    public init() throws(ZlibError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard viaduct_inflate_init(stream, 15) == Z_OK else {
            stream.deallocate()
            throw ZlibError()
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Expands one message (RFC 7692 7.2.2), stopping as soon as it is longer than `limit` bytes.
    public mutating func expand(_ message: [UInt8], limit: Int) -> Outcome {
        guard inflateReset(stream) == Z_OK else { return .corrupt }
        var input = message + Self.tail
        return input.withUnsafeMutableBufferPointer { bytes in
            stream.pointee.next_in = bytes.baseAddress
            stream.pointee.avail_in = UInt32(clamping: bytes.count)
            return withUnsafeTemporaryAllocation(byteCount: Self.chunkBytes, alignment: 8) { chunk in
                expand(limit: limit, by: chunk)
            }
        }
    }

    private mutating func expand(limit: Int, by chunk: UnsafeMutableRawBufferPointer) -> Outcome {
        var output: [UInt8] = []
        var endings = 0
        // Ends: each round fills a chunk, ends a stream or is the last, and all of them have a limit.
        while true {
            stream.pointee.next_out = chunk.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(clamping: chunk.count)
            let status = inflate(stream, Z_SYNC_FLUSH)
            output += chunk.prefix(chunk.count - Int(stream.pointee.avail_out))
            guard output.count <= limit else { return .tooLong }
            switch status {
            case Z_STREAM_END:
                // A block may say that it is the last (RFC 7692 7.2.3.4); what follows begins anew.
                endings += 1
                guard endings <= Self.endings, inflateReset(stream) == Z_OK else { return .corrupt }
            case Z_OK, Z_BUF_ERROR:
                // Whole when all was read and the last block has ended; asked again, zlib would no longer say so.
                if stream.pointee.avail_in == 0, stream.pointee.data_type & Self.betweenBlocks != 0 {
                    return .message(output)
                }
                guard status == Z_OK, stream.pointee.avail_out == 0 else { return .corrupt }
            default: return .corrupt
            }
        }
    }

    private static let tail: [UInt8] = [0, 0, 0xFF, 0xFF]
    private static let chunkBytes = 4_096
    /// Streams that may end within one message; each costs as much as a message.
    private static let endings = 4
    /// In `data_type`: the last thing that was read is the end of a block (zlib.h).
    private static let betweenBlocks: Int32 = 128
}
