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

/// Runs `body` and returns how many bytes more this thread holds afterwards, as the C allocator rounds them and without
/// its own word per piece.
public func measureMemory(_ body: () -> Void) -> Int {
    viaduct_test_start_measuring_memory()
    body()
    let held = Int(viaduct_test_held_memory())
    viaduct_test_stop_measuring_memory()
    return held
}
