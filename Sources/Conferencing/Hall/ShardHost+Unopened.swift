// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import RTP
import SRTP
import ShardMessages
import Telemetry

// Packets of which the header says that nobody will get them: what is muted by the focus, and long silence
// (media-plane.md 3, "Skipping crypto"). They are authenticated, so that reports, feedback and the roll-over counter
// are right, and their payload stays as it is. Of a member that sends very many of what is muted, and of all where the
// operator says so, some are dropped even before that; the next one that is authenticated vouches for their number.

extension ShardHost {
    /// Takes a packet that nobody will get.
    /// - Returns: `false` when it is none of those, and nothing was done.
    @inline(never)
    mutating func receiveUnopened(
        _ datagram: UnsafeMutableRawBufferPointer, headerBytes: Int, from index: Int, at now: Timestamp,
        arrival: Timestamp
    ) -> Bool {
        let endpoint = endpoints.pointer(at: index)
        let whole = UnsafeRawBufferPointer(datagram)
        guard !endpoint.pointee.isVisitor,
            let info = PacketInfo(unopened: whole, table: endpoint.pointee.extensions),
            let stream = endpoint.pointee.uplink[info.ssrc]
        else { return false }
        let source = conferences.pointer(at: endpoint.pointee.conference).pointee.sources
            .pointer(at: Int(stream.source))
        let isVideo = source.pointee.mediaType == .video
        let isMuted = isVideo ? endpoint.pointee.uplink.isVideoMuted : endpoint.pointee.uplink.isAudioMuted
        let isSilent =
            !isVideo && settings.discardsSilence && endpoint.pointee.uplink.silence.isDiscarding
            && info.audioLevel == 127
        guard isMuted || isSilent else { return false }
        let encoding = source.pointee.encodings.pointer(at: Int(stream.encoding))
        let most = skippable(endpoint, isMuted: isMuted, at: now)
        if !stream.isRetransmission, Int(encoding.pointee.skipped) < most,
            endpoint.pointee.transport.hasHeard(info.ssrc)
        {
            // Where the operator has some dropped unopened that is no reason for the sender to believe in congestion;
            // a forged number harms the estimate of whoever sends from this very address.
            if settings.discardedEarly > 0, endpoint.pointee.uplink.hasTransportCC, info.hasTransportSequence {
                note(arrival: arrival, of: info, from: index)
            }
            encoding.pointee.skipped += 1
            counters.add(.discardedEarly)
            counters.add(isMuted ? .droppedForceMuted : .droppedSilence)
            return true
        }
        switch endpoint.pointee.transport.unprotectRTP(datagram, headerBytes: headerBytes, decrypts: false) {
        case .failure(let failure): counters.add(failure.counter)
        case .success(let count):
            let packet = UnsafeRawBufferPointer(rebasing: whole[..<count])
            guard let info = PacketInfo(unopened: packet, table: endpoint.pointee.extensions) else { return true }
            takeAuthentic(info, packet, from: index, at: now, arrival: arrival)
        }
        return true
    }

    /// How many packets in a row may be dropped without being authenticated.
    private func skippable(
        _ endpoint: UnsafeMutablePointer<Endpoint>, isMuted: Bool, at now: Timestamp
    ) -> Int {
        let configured = min(settings.discardedEarly, ConferencingLimits.skippedPackets)
        guard isMuted else { return configured }
        return endpoint.pointee.uplink.mutedRate.isExceeded(at: now) ? ConferencingLimits.skippedPackets : configured
    }

    /// What was dropped unopened between the packets that were not is no loss: the sender has sent it, and receivers
    /// see no gap.
    @inline(never)
    func settleSkipped(_ encoding: UnsafeMutablePointer<Encoding>, before sequence: UInt16) {
        let count = encoding.pointee.statistics.noteSkipped(Int(encoding.pointee.skipped), before: sequence)
        encoding.pointee.skipped = 0
        // Ends: no more than may be skipped.
        for back in stride(from: count, to: 0, by: -1) {
            encoding.pointee.gaps.discard(sequence &- UInt16(back))
        }
    }
}
