// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import PacketIO

let options = BenchOptions(Array(CommandLine.arguments.dropFirst()))

do {
    if let memory = options.memory {
        try HallBenchmarks.printMemory(memory)
        exit(0)
    }
    var template = Array(("/tmp/viaduct-bench." + String(repeating: "X", count: 6)).utf8CString)
    guard mkdtemp(&template) != nil else { fatal("no temporary directory") }
    let directory = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let bed = Bed(
        bridge: options.bridge, settings: options.engine.map { Comparisons.engine($0) } ?? "", load: options.load,
        seconds: options.seconds, directory: directory)
    // Calls in turn are told by their ratio, which needs less time.
    let comparisons = Comparisons(bed: bed.with(seconds: options.seconds * 0.6), rounds: options.endToEndRounds)
    heading("Doors, ns of processor time per packet" + String(repeating: " ", count: 13) + "min    median       max")
    var runner = Runner(rounds: options.rounds)
    runner.run([Calibration.benchmark()])
    for section in BenchOptions.Section.allCases where options.sections.contains(section) {
        switch section {
        case .doors:
            runner.run(SRTPBenchmarks.all())
            SRTPBenchmarks.printRatios(runner.measurements)
            runner.run(RewriteBenchmarks.all())
            runner.run(try SendBenchmarks.all())
            runner.run(ChannelBenchmarks.all() + [try AssociationOverLoopback.benchmark(1_160)])
        case .hall:
            // A thread has another part of the heap than the program's first one; a worker is such a thread.
            let thread = try PinnedThread.start(name: "hall") {
                do { try HallBenchmarks(directory: directory).run() } catch { fatal("\(error)") }
            }
            thread.join()
        case .layers:
            let thread = try PinnedThread.start(name: "hall") {
                do { try LayerBenchmarks().run() } catch { fatal("\(error)") }
            }
            thread.join()
        case .speakers:
            let thread = try PinnedThread.start(name: "hall") {
                do { try SpeakerBenchmarks().run() } catch { fatal("\(error)") }
            }
            thread.join()
        case .start: try StartUp(bed: bed, prosody: options.prosody).run()
        case .calls: try Calls(bed: bed, rounds: options.endToEndRounds).run()
        case .pictures: try Pictures(bed: bed, rounds: options.endToEndRounds).run()
        case .talk: try Talk(bed: comparisons.bed).run()
        case .interleaving: try comparisons.interleaving()
        case .neighbours: try Crowds(bed: bed).neighbours()
        case .conferences: try Crowds(bed: bed).conferences()
        case .engines: try comparisons.engines()
        case .old:
            if let old = options.old { try comparisons.old(old) }
        }
    }
} catch {
    fatal("\(error)")
}
