// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Processor time and memory of the bridge's process, from `/proc`.
struct BridgeProcess {
    let pid: Int32

    /// Processor time of all threads so far, in nanoseconds; `nil` when the process is gone.
    ///
    /// From the scheduler's own account (`schedstat`), which is exact; threads that ended are missing there, so the
    /// coarser total of `stat` counts where it is larger.
    func processorNanoseconds() -> Int64? {
        guard let stat = Self.read("/proc/\(pid)/stat"), let coarse = Self.ticks(ofStat: stat) else { return nil }
        let nanosecondsPerTick = 1_000_000_000 / Int64(max(sysconf(Int32(_SC_CLK_TCK)), 1))
        return max(exactNanoseconds(), (coarse - 2) * nanosecondsPerTick)
    }

    /// Resident memory in bytes; `nil` when the process is gone.
    func residentBytes() -> Int64? {
        guard let text = Self.read("/proc/\(pid)/statm") else { return nil }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Int64(fields[1]) else { return nil }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// User and system time of `/proc/PID/stat`, in ticks.
    static func ticks(ofStat text: String) -> Int64? {
        // The name in parentheses may hold anything, spaces and parentheses too.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else { return nil }
        return user + system
    }

    private func exactNanoseconds() -> Int64 {
        guard let directory = opendir("/proc/\(pid)/task") else { return 0 }
        defer { closedir(directory) }
        var total: Int64 = 0
        // Ends: the directory is finite.
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let task = Int32(name), let text = Self.read("/proc/\(pid)/task/\(task)/schedstat"),
                let first = text.split(separator: " ").first, let run = Int64(first)
            else { continue }
            total += run
        }
        return total
    }

    static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { return nil }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
