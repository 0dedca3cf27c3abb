// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages

/// One RTP stream that an endpoint said it sends.
struct IncomingStream: ~Copyable {
    /// What the stream is to the bridge.
    enum Role: UInt8, BitwiseCopyable {
        /// Forwarded to the others.
        case forwarded
        /// A higher simulcast encoding: received and reported on, not forwarded yet.
        case otherEncoding
        /// Retransmissions (RFC 4588); without lost-packet requests of ours only probes arrive here.
        case retransmission
    }

    let ssrc: UInt32
    let mediaType: MediaType
    let role: Role
    /// Slot in ``Conference/sources`` of a forwarded stream, otherwise −1.
    var source: Int32 = -1
    /// Arrival statistics for receiver reports.
    var statistics: SourceStream

    init(ssrc: UInt32, mediaType: MediaType, role: Role, clockRate: UInt32) {
        self.ssrc = ssrc
        self.mediaType = mediaType
        self.role = role
        statistics = SourceStream(ssrc: ssrc, clockRate: clockRate)
    }

    /// Whether packets of `encoding` (raw value) may come in this stream: the media type must be its own, and
    /// retransmissions have streams for themselves.
    @inline(__always)
    func carries(_ encoding: UInt8) -> Bool {
        if encoding == Codec.rtx.rawValue { return role == .retransmission }
        return encoding != Endpoint.none && (encoding <= Codec.otherAudio.rawValue) == (mediaType == .audio)
    }
}
