// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target.
public enum VideoPayloadLimits {
    /// Longest VP8 payload descriptor: two flag bytes, picture id of two, TL0PICIDX, TID/KEYIDX.
    public static let vp8DescriptorBytes = 6
}
