// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension LayerView {
    /// Decides on a packet of which no more is known than where one can begin: audio, H.264, VP8 without picture ids,
    /// codecs that nobody here knows (media-plane.md 5.7). Everything of one encoding is sent; nothing is left out.
    ///
    /// The encoding of the target is switched to where it can begin. Until then another one is sent that is nearer to
    /// it than nothing, or than what is sent: a smaller one.
    ///
    /// - Parameters:
    ///   - kind: what it is; another kind than before is another stream.
    ///   - encoding: 0 the smallest.
    ///   - canStart: a receiver can begin here: with a key frame (``VideoPayload/H264Payload/isKeyframe``), or, where
    ///     that cannot be known or does not matter, anywhere.
    /// - Returns: how it leaves; its picture id and TL0PICIDX, where it has any, stay as they are. `nil` when this
    ///   receiver does not get it.
    public mutating func takePlain(
        _ kind: Kind = .plain, encoding: Int8, sequence: UInt16, timestamp: UInt32, canStart: Bool, at now: Timestamp
    ) -> Outgoing? {
        guard kind != .described else {
            // Of a frame that nobody can place: a structure was missed.
            filter.miss(encoding, at: now)
            return nil
        }
        if encoding != filter.current || self.kind != kind {
            guard noteKind(kind, encoding: encoding, sequence: sequence) else { return nil }
            guard filter.acceptPlain(of: encoding, canStart: canStart) else { return nil }
            begin(kind, encoding: encoding, sequence: sequence, timestamp: timestamp, at: now)
            flags.insert(.hasSent)
            flags.insert(.isComplete)
        }
        guard folder.distance(to: sequence) >= -ForwardingLimits.lateReach,
            let number = folder.keep(sequence, &folded)
        else { return nil }
        let time = timestamp &+ timestampOffset
        if folder.newest == sequence {
            lastTimestamp = time
            lastTime = Self.time(now)
        }
        return Outgoing(sequence: number, timestamp: time, pictureID: lastPictureID, base: lastBase)
    }
}
