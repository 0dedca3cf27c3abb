// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// What an association is told when it is made.
public struct SCTPSettings: Sendable {
    /// Our port and the peer's (media-plane.md 11.4).
    public var port: UInt16 = 5_000
    /// Largest SCTP packet sent, in bytes. The default is what fits, rounded down to whole words, when the path carries
    /// IPv6's least MTU of 1,280 bytes: less 40 for IPv6, 8 for UDP, 4 for a TURN channel and 37 for a DTLS record.
    public var packetBytes = 1_188
    /// Largest message received; a larger one is acknowledged and thrown away.
    public var largestMessage = 65_536
    /// Bytes of messages that may wait for their missing parts or predecessors: the advertised receiver window. At
    /// least twice the largest message.
    public var receiveBuffer = 196_608
    /// Bytes of messages queued or not yet acknowledged beyond which `send` refuses.
    public var sendBuffer = 262_144
    /// Bytes below which a full send buffer is writable again.
    public var writableMark = 65_536
    /// Data channels open at one time.
    public var channels = 16
    /// Time between heartbeats on an idle association; `nil` for none.
    public var heartbeatInterval: TimeDelta? = .seconds(30)
    /// Whether packets without a checksum are accepted and, if the peer accepts them, sent (RFC 9653): the DTLS record
    /// around each packet is authenticated.
    public var offersZeroChecksum = true
    /// Where our TSNs begin, for tests of their wrap; random without it.
    var initialTSN: UInt32?

    /// The defaults.
    public init() {}

    /// The packet limit in force: within what makes sense and a whole number of words.
    var packetLimit: Int {
        min(max(packetBytes, SCTPLimits.smallestPacketBytes), SCTPLimits.largestPacketBytes) & ~3
    }

    /// User data of a DATA chunk that fills a packet.
    var fragmentBytes: Int {
        packetLimit - PacketWriter.headerBytes - ChunkHeader.bytes - DataChunk.headerBytes
    }
}
