// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import PacketIO

// viaduct-bench [--rounds N] [--end-to-end-rounds N] [--seconds S] [--bridge PATH] [--load PATH]
//               [--prosody SCRIPT] [--micro]

var rounds = 9
var endToEndRounds = 3
var seconds = 10.0
var bridge = "dist/viaduct"
var load = "dist/viaduct-load"
var prosody: String? = access("scripts/prosody", X_OK) == 0 ? "scripts/prosody" : nil
var isMicroOnly = false

var arguments = Array(CommandLine.arguments.dropFirst())
while !arguments.isEmpty {
    let name = arguments.removeFirst()
    if name == "--micro" {
        isMicroOnly = true
        continue
    }
    guard !arguments.isEmpty else { fatal("\(name) needs a value") }
    let value = arguments.removeFirst()
    switch name {
    case "--rounds": rounds = Int(value) ?? rounds
    case "--end-to-end-rounds": endToEndRounds = max(Int(value) ?? endToEndRounds, 1)
    case "--seconds": seconds = Double(value) ?? seconds
    case "--bridge": bridge = value
    case "--load": load = value
    case "--prosody": prosody = value
    default: fatal("unknown option \(name)")
    }
}

do {
    heading("Doors, ns of processor time per packet" + String(repeating: " ", count: 13) + "min    median       max")
    var runner = Runner(rounds: rounds)
    runner.run([Calibration.benchmark()])
    runner.run(SRTPBenchmarks.all())
    runner.run(RewriteBenchmarks.all())
    runner.run(try SendBenchmarks.all())
    if !isMicroOnly {
        var template = Array(("/tmp/viaduct-bench." + String(repeating: "X", count: 6)).utf8CString)
        guard mkdtemp(&template) != nil else { fatal("no temporary directory") }
        let directory = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try EndToEnd(
            bridge: bridge, load: load, prosody: prosody, seconds: seconds, rounds: endToEndRounds,
            directory: directory
        ).run()
    }
} catch {
    fatal("\(error)")
}
