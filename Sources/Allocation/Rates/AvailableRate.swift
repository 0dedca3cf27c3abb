// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What can be sent to a receiver.
public enum AvailableRate: Hashable, Sendable, BitwiseCopyable {
    /// Anything: there is no estimate, or none that is trusted.
    case unlimited
    /// So many bits per second.
    case limited(UInt64)

    /// In bits per second, within what can be computed with.
    var budget: Int64 {
        switch self {
        case .unlimited: AllocationLimits.budget
        case .limited(let rate): Int64(min(rate, UInt64(AllocationLimits.budget)))
        }
    }
}
