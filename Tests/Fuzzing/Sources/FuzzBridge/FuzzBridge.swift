// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Conferencing
import FuzzDriver
import OpenSSL
import Primitives
import ShardMessages
import Telemetry
import XML

/// A focus that sends what it likes: conference-modify, line by line, through the directory to a real worker and back.
@main struct FuzzBridge {
    /// Made once: a key pair costs more than everything else here.
    static let identity = try? DTLSIdentity(wallSeconds: 1_700_000_000)

    static func main() {
        fuzz { bytes, count in
            guard let identity = FuzzBridge.identity else { return 0 }
            var bridge = Bridge(identity)
            for line in input(bytes, count).split(separator: 0x0A, maxSplits: 30) {
                // A line of form feeds makes time pass, so many times ten seconds.
                if line.first == 0x0C {
                    bridge.wait(.seconds(Int64(line.count) * 10))
                } else if line.first == UInt8(ascii: "{") {
                    guard let json = try? JSONValue.parse(Array(line)) else { continue }
                    if let request = try? ConferenceModify(json: json) { bridge.handle(request) }
                } else {
                    guard let element = try? XMLDocument.parse(Array(line)) else { continue }
                    if let request = try? ConferenceModify(element) { bridge.handle(request) }
                }
            }
            return 0
        }
    }
}

/// Directory and worker, joined.
private struct Bridge: ~Copyable {
    private var directory = Directory(Directory.Settings(), random: Random(seed: 1)) {
        [UInt8](repeating: 7, count: $0)
    }
    private var host: ShardHost
    private var egress = EgressBatch(bytes: 1 << 16, messages: 32)
    private var now = Timestamp.zero
    private var token: UInt64 = 0
    private var answers = 0

    init(_ identity: DTLSIdentity) {
        let address = TransportAddress(ipv4: 0xC000_0201, port: 10_000)
        host = ShardHost(
            settings: ShardSettings(localAddresses: [address]), identity: identity, counters: CounterBlock(),
            random: Random(seed: 2), at: .zero)
    }

    mutating func handle(_ request: ConferenceModify) {
        token += 1
        directory.handle(request, token: RequestToken(token), at: now)
        settle()
        require(answers == Int(token), "a request without an answer, or with two")
    }

    mutating func wait(_ length: TimeDelta) {
        now = now + length
        host.handleTimeout(at: now, into: &egress)
        directory.handleTimeout(at: now)
        settle()
    }

    private mutating func settle() {
        while true {
            var isQuiet = true
            while let command = directory.pollCommand() {
                isQuiet = false
                guard case .request(let request) = command else { continue }
                directory.handle(.answer(host.apply(request, at: now, into: &egress)), at: now)
                egress.removeAll()
            }
            while let event = host.pollEvent() {
                isQuiet = false
                directory.handle(event, at: now)
            }
            while directory.pollChannelChange() != nil {}
            while let (_, result) = directory.pollReply() {
                isQuiet = false
                answers += 1
                switch result {
                case .success(let answer): _ = answer.xmlElement.serialized()
                case .failure(let error): _ = error.xmlElement.serialized()
                }
            }
            while directory.pollEvent() != nil { isQuiet = false }
            if isQuiet { return }
        }
    }
}
