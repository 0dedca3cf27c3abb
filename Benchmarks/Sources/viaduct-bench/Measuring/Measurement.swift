// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import PacketIO

/// What the rounds of one benchmark gave, in nanoseconds per operation.
struct Measurement {
    let name: String
    private(set) var rounds: [Double] = []

    init(name: String) {
        self.name = name
    }

    mutating func note(_ nanosecondsPerOperation: Double) {
        rounds.append(nanosecondsPerOperation)
        rounds.sort()
    }

    var minimum: Double { rounds.first ?? 0 }
    var median: Double { rounds.isEmpty ? 0 : rounds[rounds.count / 2] }
    var maximum: Double { rounds.last ?? 0 }
}

/// A piece of work to be measured: `body` does it so many times.
struct Benchmark {
    let name: String
    /// Operations of one round.
    let operations: Int
    /// Returns processor time in nanoseconds that is not to be counted.
    let body: (Int) -> Int64

    init(_ name: String, operations: Int, body: @escaping (Int) -> Int64) {
        self.name = name
        self.operations = operations
        self.body = body
    }
}

/// Processor time of this thread, in nanoseconds.
func threadNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Runs benchmarks in interleaved rounds, so that a slow moment of the machine hits all of them alike, and prints each
/// one's minimum, median and maximum.
struct Runner {
    let rounds: Int
    private(set) var measurements: [Measurement] = []

    init(rounds: Int) {
        self.rounds = rounds
    }

    /// Measures `benchmarks` and adds the results; the first round warms up and does not count.
    mutating func run(_ benchmarks: [Benchmark]) {
        var results = benchmarks.map { Measurement(name: $0.name) }
        for round in 0...rounds {
            for (index, benchmark) in benchmarks.enumerated() {
                let begin = threadNanoseconds()
                let uncounted = benchmark.body(benchmark.operations)
                let spent = threadNanoseconds() - begin - uncounted
                if round > 0 { results[index].note(Double(spent) / Double(benchmark.operations)) }
            }
        }
        for result in results {
            print(
                "  " + padded(result.name, 44) + cell(result.minimum) + cell(result.median) + cell(result.maximum)
                    + "  ns")
        }
        measurements += results
    }

    private func cell(_ value: Double) -> String { leftPadded(decimal(value, value < 1_000 ? 1 : 0), 10) }
}

/// Work whose cost depends on the processor alone: the yardstick for comparing runs on different machines.
enum Calibration {
    static func benchmark() -> Benchmark {
        Benchmark("calibration: mix 4,096 words", operations: 2_000) { count in
            var state: UInt64 = 1
            for _ in 0..<count {
                for word in 0..<4_096 as Range<UInt64> {
                    state = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
                    state ^= state >> 29
                }
            }
            blackHole(state)
            return 0
        }
    }
}

/// Keeps a result alive.
@inline(never)
func blackHole(_ value: UInt64) {
    if value == 0x0123_4567_89AB_CDEF { print("") }
}
