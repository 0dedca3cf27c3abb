// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// SDES and BYE as the load generator sends them; the bridge reads neither (media-plane.md 7.2).
public enum SourceDescription {
    /// Writes an SDES with one chunk: the CNAME of `ssrc`, cut at 255 bytes (RFC 3550 6.5.1).
    public static func write(ssrc: UInt32, cname: [UInt8], to writer: inout BufferWriter) {
        let start = RTCPPacket.begin(.sourceDescription, count: 1, to: &writer)
        let size = min(cname.count, RTPLimits.cnameBytes)
        writer.uint32(ssrc)
        writer.uint8(1)
        writer.uint8(UInt8(truncatingIfNeeded: size))
        for index in 0..<size { writer.uint8(cname[index]) }
        // At least one zero ends the list of items; the chunk ends on a 32-bit boundary. Ends: at most four turns.
        repeat { writer.uint8(0) } while (writer.count - start) & 3 != 0 && !writer.isTruncated
        RTCPPacket.end(&writer, from: start)
    }

    /// Writes a BYE for one source (RFC 3550 6.6).
    public static func writeGoodbye(ssrc: UInt32, to writer: inout BufferWriter) {
        let start = RTCPPacket.begin(.goodbye, count: 1, to: &writer)
        writer.uint32(ssrc)
        RTCPPacket.end(&writer, from: start)
    }
}
