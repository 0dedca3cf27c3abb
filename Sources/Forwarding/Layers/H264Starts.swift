// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import VideoPayload

/// Where receivers can begin with an encoding of H.264: at the first packet of each key picture, which is that with the
/// parameters where they come with it (media-plane.md 5.7, 16.5.1).
public struct H264Starts: BitwiseCopyable, Sendable {
    private var newest: UInt16 = 0
    private var hasAny = false
    /// Media time of the newest key picture.
    private var picture: UInt32 = 0
    private var hasPicture = false
    /// The last key picture came with its parameters.
    private var expectsParameters = false

    /// Nothing came yet.
    public init() {}

    /// Notices a packet.
    /// - Returns: `false` for one that comes behind newer ones.
    public mutating func advances(to sequence: UInt16) -> Bool {
        let distance = Int(Int16(bitPattern: sequence &- newest))
        // From further back nothing comes: the sender counts anew.
        if hasAny, distance <= 0, distance > -ForwardingLimits.pictureJump { return false }
        hasAny = true
        newest = sequence
        return true
    }

    /// Takes in a packet.
    /// - Returns: whether a receiver can begin with it. Where a key picture's parameters got lost nobody begins with
    ///   the rest of it: a decoder would have to ask for another one, later than the bridge does. Nor with what comes
    ///   behind newer packets.
    public mutating func note(_ payload: H264Payload, sequence: UInt16, timestamp: UInt32) -> Bool {
        guard advances(to: sequence), payload.isKeyframe else { return false }
        let isNew = !hasPicture || timestamp != picture
        hasPicture = true
        picture = timestamp
        guard !payload.startsSPS else {
            expectsParameters = true
            return isNew
        }
        guard isNew else { return false }
        // Whose next key picture has none either sends none with any.
        defer { expectsParameters = false }
        return !expectsParameters
    }
}
