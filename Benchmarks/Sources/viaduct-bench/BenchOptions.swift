// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc

/// What the command line asks for.
struct BenchOptions {
    /// A group of measurements that can be asked for by name, in the order in which they run.
    enum Section: String, CaseIterable {
        case doors, hall, layers, speakers, start, calls, pictures, talk, interleaving, neighbours, conferences,
            engines, old

        var explanation: String {
            switch self {
            case .doors: "each door of the packet path by itself"
            case .hall: "conferences without sockets: idle packets, joins, leaves, kernel messages, memory"
            case .layers: "a camera in several encodings: packets forwarded, and packets that few want"
            case .speakers: "audio senders of one conference: a packet that comes in, 20 beside 500"
            case .start: "start-up and idle memory"
            case .calls: "whole calls beside the floor"
            case .pictures: "calls with simulcast, last-N and loss, pictures judged as by a decoder"
            case .talk: "the bridge channel: messages to a hundred beside media, memory of idle channels"
            case .interleaving: "20 × 20 with video, interleaved beside whole frames"
            case .neighbours: "three people beside a meeting of 400 on one worker"
            case .conferences: "2,000 endpoints in 200 conferences on one worker"
            case .engines: "SRTP by EVP beside the engine that the bridge chooses"
            case .old: "an older bridge beside this one, in turn (needs --old)"
            }
        }
    }

    var rounds = 9
    var endToEndRounds = 3
    var seconds = 10.0
    var bridge = "dist/viaduct"
    var load = "dist/viaduct-load"
    var old: String?
    var engine: String?
    var prosody: String? = access("scripts/prosody", X_OK) == 0 ? "scripts/prosody" : nil
    var sections = Set(Section.allCases)
    /// A child that prints how much memory something takes.
    var memory: String?

    static let help = """
        viaduct-bench [options]
          --only NAME,NAME…      run these sections alone:
        \(Section.allCases.map { "                           " + padded($0.rawValue, 14) + $0.explanation }
            .joined(separator: "\n"))
          --bridge PATH          the bridge's program (dist/viaduct)
          --load PATH            the load generator's (dist/viaduct-load)
          --old PATH             an older bridge, to be run in turn with this one
          --engine NAME          force the bridge's SRTP engine in all runs but those of `engines`
          --rounds N             rounds of each benchmark of a door (9)
          --end-to-end-rounds N  calls of each kind (3)
          --seconds S            length of a call (10)
          --prosody SCRIPT       starts a Prosody

        """

    init(_ words: [String]) {
        var arguments = words
        while !arguments.isEmpty {
            let name = arguments.removeFirst()
            if name == "--help" {
                print(Self.help, terminator: "")
                exit(0)
            }
            guard !arguments.isEmpty else { fatal("\(name) needs a value (try --help)") }
            let value = arguments.removeFirst()
            switch name {
            case "--rounds": rounds = max(Int(value) ?? rounds, 1)
            case "--end-to-end-rounds": endToEndRounds = max(Int(value) ?? endToEndRounds, 1)
            case "--seconds": seconds = Double(value) ?? seconds
            case "--bridge": bridge = value
            case "--load": load = value
            case "--old": old = value
            case "--engine": engine = value
            case "--prosody": prosody = value
            case "--memory": memory = value
            case "--only":
                sections = Set(
                    value.split(separator: ",").map {
                        guard let section = Section(rawValue: String($0)) else { fatal("no section \($0)") }
                        return section
                    })
            default: fatal("unknown option \(name) (try --help)")
            }
        }
        if old == nil {
            guard sections.count > 1 || !sections.contains(.old) else { fatal("the section old needs --old PATH") }
            sections.remove(.old)
        }
    }
}
