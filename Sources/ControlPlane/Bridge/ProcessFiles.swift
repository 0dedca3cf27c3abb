// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeControl
internal import Glibc

/// What the kernel tells about the machine and this process under `/proc` (proc(5)).
enum ProcessFiles {
    /// The beginning of `/proc/stat`.
    static func processorStatistics() -> [UInt8] { read("/proc/stat", limit: 4_096) }

    /// What the innermost control group with a quota around this process has used, and the quota (cgroups(7)); `nil`
    /// without one.
    static func controlGroupUsage(
        membership: [UInt8] = read("/proc/self/cgroup", limit: 4_096), root: String = "/sys/fs/cgroup"
    ) -> LoadMeter.ControlGroupUsage? {
        let lines = String(decoding: membership, as: UTF8.self).split(separator: "\n")
        // The line of version 2. In a container the path may be one of the host's: then only the root is there.
        guard var path = lines.first(where: { $0.hasPrefix("0::/") })?.dropFirst(3) else { return nil }
        while true {
            let folder = root + path + (path.hasSuffix("/") ? "" : "/")
            let usage = LoadMeter.ControlGroupUsage(
                maximum: read(folder + "cpu.max", limit: 256), statistics: read(folder + "cpu.stat", limit: 4_096))
            if let usage { return usage }
            // Ends at the root: each turn takes a name off the path.
            guard path.count > 1, let slash = path.lastIndex(of: "/") else { return nil }
            path = slash == path.startIndex ? "/" : path[..<slash]
        }
    }

    /// Threads of this process.
    static func threadCount() -> Int? {
        status()["Threads"].flatMap { Int($0) }
    }

    /// Memory, descriptors, processor time; `nil` without `/proc`.
    static func gauges() -> BridgeMetrics.ProcessGauges? {
        let status = status()
        guard let resident = kilobytes(status["VmRSS"]), let data = kilobytes(status["VmData"]) else { return nil }
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = [usage.ru_utime, usage.ru_stime].reduce(0.0) { sum, time in
            sum + Double(time.tv_sec) + Double(time.tv_usec) / 1e6
        }
        return BridgeMetrics.ProcessGauges(
            openFiles: descriptorCount(), residentBytes: resident << 10, dataBytes: data << 10,
            processorSeconds: seconds)
    }

    private static func kilobytes(_ text: String?) -> Int64? {
        text.flatMap { $0.split(separator: " ").first }.flatMap { Int64($0) }
    }

    private static func descriptorCount() -> Int {
        guard let directory = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Not the directory itself, nor its two dots.
        return max(0, count - 3)
    }

    private static func status() -> [String: String] {
        let text = String(decoding: read("/proc/self/status", limit: 8_192), as: UTF8.self)
        var result: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == "\t" || $0 == " " }
            result[String(line[..<colon])] = String(value)
        }
        return result
    }

    static func read(_ path: String, limit: Int) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        return [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = max(0, Glibc.read(descriptor, buffer.baseAddress, limit))
        }
    }
}
