// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target.
public enum TelemetryLimits {
    /// Media ranges of an Accept header that are looked at.
    static let mediaRanges = 32
    /// Bytes of an Accept header that are looked at.
    static let acceptHeader = 2_048
}
