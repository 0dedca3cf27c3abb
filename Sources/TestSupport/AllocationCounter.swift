// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CTestHooks

/// Runs `body` and returns how often this thread asked the C allocator for memory meanwhile.
///
/// Swift's own allocations pass through the same hook. Keep `#expect` out of `body`: it allocates.
public func countAllocations(_ body: () -> Void) -> UInt64 {
    viaduct_test_start_counting_allocations()
    body()
    return viaduct_test_stop_counting_allocations()
}
