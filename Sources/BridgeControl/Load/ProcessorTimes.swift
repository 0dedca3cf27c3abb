// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The `cpu` line of `/proc/stat`: processor time of the whole machine since its start, in ticks (proc_stat(5)).
struct ProcessorTimes: Hashable, Sendable {
    /// user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice, as far as the kernel tells.
    private var ticks: [UInt64]

    /// Reads the line; `nil` when it is not there or has fewer than four numbers.
    init?(_ text: [UInt8]) {
        let head = text.prefix(BridgeControlLimits.procStatBytes)
        guard let line = head.split(separator: 0x0A).first(where: { $0.starts(with: "cpu ".utf8) }) else { return nil }
        ticks = []
        for word in line.split(separator: 0x20).dropFirst().prefix(10) {
            guard let value = UInt64(String(decoding: word, as: UTF8.self)) else { return nil }
            ticks.append(value)
        }
        guard ticks.count >= 4 else { return nil }
    }

    /// Share of the time that a hypervisor took away: the eighth number over the sum of all (operations.md e.2).
    func stealShare(since last: ProcessorTimes) -> Double {
        let deltas = deltas(since: last)
        return share(deltas.count > 7 ? deltas[7] : 0, of: deltas)
    }

    /// Share of the time in which work was done: neither idle, nor waiting for a disk, nor taken away. Guest time is
    /// already part of user time.
    func useShare(since last: ProcessorTimes) -> Double {
        let deltas = Array(deltas(since: last).prefix(8))
        let unused = deltas[3] + (deltas.count > 4 ? deltas[4] : 0) + (deltas.count > 7 ? deltas[7] : 0)
        let total = deltas.reduce(0, +)
        return share(total - unused, of: deltas)
    }

    /// Growth of each number; one that went back (it happens with iowait) counts as none.
    private func deltas(since last: ProcessorTimes) -> [Double] {
        ticks.indices.map { index in
            let before = index < last.ticks.count ? last.ticks[index] : 0
            return ticks[index] > before ? Double(ticks[index] - before) : 0
        }
    }

    private func share(_ part: Double, of deltas: [Double]) -> Double {
        let total = deltas.reduce(0, +)
        return total > 0 ? min(1, max(0, part / total)) : 0
    }
}
