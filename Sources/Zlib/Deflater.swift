// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CZlib

/// Compresses messages, each by itself (RFC 1951, without a header).
///
/// Nothing of one message is kept for the next, so one compressor serves any number of connections, and one compressed
/// message any number of receivers.
public struct Deflater: ~Copyable {
    // On the heap: zlib's state points back at it.
    private let stream: UnsafeMutablePointer<z_stream>

    /// A compressor.
    /// - Parameters:
    ///   - windowBits: how far back a repetition is found, as a power of two from 9 to 15.
    ///   - level: 1 is fast, 9 thorough.
    public init(windowBits: Int, level: Int) throws(ZlibError) {
        precondition((9...15).contains(windowBits) && (1...9).contains(level), "not a setting of zlib")
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let memory = Int32(min(8, windowBits - 5))
        guard viaduct_deflate_init(stream, Int32(level), Int32(windowBits), memory) == Z_OK else {
            stream.deallocate()
            throw ZlibError()
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Compresses one message and ends it on a byte with an empty block, whose last four bytes, always `00 00 FF FF`,
    /// are left out (RFC 7692 7.2.1).
    /// - Returns: `nil` when zlib cannot.
    public mutating func compress(_ message: [UInt8]) -> [UInt8]? {
        guard deflateReset(stream) == Z_OK else { return nil }
        // The bound is for a stream's end; a flush may take a few bytes more.
        let room = Int(deflateBound(stream, UInt(message.count))) + Self.flushBytes
        var status = Z_STREAM_ERROR
        var input = message
        var output = [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
            input.withUnsafeMutableBufferPointer { bytes in
                stream.pointee.next_in = bytes.baseAddress
                stream.pointee.avail_in = UInt32(clamping: bytes.count)
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = UInt32(clamping: buffer.count)
                status = deflate(stream, Z_SYNC_FLUSH)
                filled = buffer.count - Int(stream.pointee.avail_out)
            }
        }
        guard status == Z_OK, stream.pointee.avail_in == 0, stream.pointee.avail_out > 0, output.count >= 4 else {
            return nil
        }
        output.removeLast(4)
        return output
    }

    private static let flushBytes = 32
}
