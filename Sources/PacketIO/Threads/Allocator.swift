// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO

/// How glibc's allocator is used by a program that must not stand still.
public enum Allocator {
    /// Has memory that is freed joined at once and kept.
    ///
    /// By default the allocator puts small pieces aside and joins all of them at some later call, and gives the end of
    /// the heap back to the kernel as soon as it is free. When a meeting of a thousand ends, single calls took up to
    /// five milliseconds for that, in which nobody's packets went on. Up to 256 MiB that were needed once stay with the
    /// process. Call it before any thread starts.
    public static func spreadWork() { viaduct_spread_allocator_work() }
}
