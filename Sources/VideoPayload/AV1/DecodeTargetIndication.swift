// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a frame is to a decode target (AV1 RTP specification, A.8.3).
public enum DecodeTargetIndication: UInt8, BitwiseCopyable, Sendable {
    /// The frame does not belong to the decode target.
    case notPresent = 0
    /// No later frame of the decode target refers to it.
    case discardable = 1
    /// Whoever received the frames that this one refers to may take the decode target from here on.
    case switching = 2
    /// Later frames of the decode target refer to it.
    case required = 3
}
