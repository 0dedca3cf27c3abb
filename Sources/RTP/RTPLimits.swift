// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target.
public enum RTPLimits {
    /// RTCP packets read from one datagram; the rest is ignored.
    public static let packetsPerCompound = 64
    /// Header extension elements read from one packet; the rest is ignored.
    public static let extensionElements = 32
    /// Report blocks in one sender or receiver report: the count field has five bits (RFC 3550 6.4).
    public static let reportBlocks = 31
    /// SSRCs read or written in one REMB.
    public static let rembSources = 8
    /// Longest CNAME written.
    public static let cnameBytes = 255
    /// Repeated blocks of one packet of redundant audio; a packet with more is taken for something else.
    public static let redundantBlocks = 16
}
