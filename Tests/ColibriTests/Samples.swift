// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Colibri
import Primitives

/// Random but well-formed values for the properties below.
struct Samples {
    var random: Random

    mutating func flip() -> Bool { random.int(in: 0...1) == 1 }
    mutating func maybe<Value>(_ make: (inout Samples) -> Value) -> Value? { flip() ? make(&self) : nil }
    mutating func list<Value>(_ range: ClosedRange<Int>, _ make: (inout Samples) -> Value) -> [Value] {
        let count = random.int(in: range)
        return (0..<count).map { _ in make(&self) }
    }
    mutating func pick<Value>(_ values: [Value]) -> Value { values[random.int(in: 0...values.count - 1)] }

    /// Text with all that has to be escaped somewhere.
    mutating func text() -> String {
        let alphabet = Array("abz09-./:<>&'\"\\ äö€😀;=")
        let middle = list(0...12) { String($0.pick(alphabet)) }.joined()
        return "x" + middle + "y"
    }

    mutating func ssrc() -> UInt32 { pick([0, 1, 0x8000_0000, .max, UInt32(truncatingIfNeeded: random.next())]) }
    mutating func kind() -> MediaKind { pick(MediaKind.allCases) }

    mutating func payloadType() -> PayloadTypeDescription {
        var value = PayloadTypeDescription(
            id: UInt8(random.int(in: 0...127)), name: pick(["opus", "VP8", "rtx", "", text()]),
            clockRate: pick([0, 8_000, 48_000, 90_000])
        )
        value.channels = random.int(in: 1...2)
        let names = list(0...3) { $0.text() }
        value.parameters = Array(Set(names)).sorted().map { ParameterDescription(name: $0, value: text()) }
        if flip() { value.parameters.append(ParameterDescription(name: nil, value: "111/111")) }
        value.feedback = list(0...3) { FeedbackDescription(type: $0.text(), subtype: $0.maybe { $0.text() }) }
        return value
    }

    mutating func media() -> MediaDescription {
        var value = MediaDescription(kind: kind())
        value.payloadTypes = list(0...4) { $0.payloadType() }
        value.headerExtensions = list(0...3) {
            HeaderExtensionDescription(id: UInt8($0.random.int(in: 1...255)), uri: $0.text())
        }
        value.allowsMixedExtensions = flip()
        return value
    }

    mutating func source() -> MediaSourceDescription {
        var value = MediaSourceDescription(kind: kind(), id: text())
        value.isSynthetic = flip()
        value.ssrcs = list(0...4) { samples in
            SSRCDescription(
                ssrc: samples.maybe { $0.ssrc() }, name: samples.maybe { $0.text() },
                videoType: samples.maybe { $0.pick(["camera", "desktop"]) }
            )
        }
        value.groups = list(0...3) { samples in
            SSRCGroupDescription(
                semantics: samples.pick(["SIM", "FID", "fid"]), ssrcs: samples.list(0...3) { $0.ssrc() })
        }
        return value
    }

    mutating func candidate() -> CandidateDescription {
        var value = CandidateDescription(
            type: pick(["host", "srflx", "relay"]), ip: pick(["192.0.2.1", "2001:db8::1", "x.local"]),
            port: UInt16(random.int(in: 0...65_535)), priority: ssrc()
        )
        value.component = random.int(in: 1...2)
        value.generation = random.int(in: 0...1)
        value.foundation = text()
        value.id = text()
        if flip() {
            value.relatedAddress = "0.0.0.0"
            value.relatedPort = 9
        }
        return value
    }

    mutating func transport() -> TransportDescription {
        var value = TransportDescription()
        value.isICEControlling = flip()
        value.usesUniquePort = flip()
        value.isICERestart = flip()
        value.iceUDP = maybe { samples in
            var ice = ICETransportDescription()
            ice.ufrag = samples.maybe { $0.text() }
            ice.password = samples.maybe { $0.text() }
            ice.generation = samples.maybe { $0.random.int(in: 0...3) }
            ice.hasRTCPMux = samples.flip()
            ice.fingerprints = samples.list(0...2) { samples in
                var value = FingerprintDescription(
                    hash: "sha-256", setup: samples.maybe { $0.pick(["active", "actpass"]) }, text: "0A:1B"
                )
                value.hasCryptex = samples.flip()
                return value
            }
            ice.webSockets = samples.list(0...2) { $0.text() }
            ice.candidates = samples.list(0...3) { $0.candidate() }
            return ice
        }
        value.sctp = maybe { samples in
            SCTPDescription(
                role: samples.maybe { $0.pick(["client", "server"]) },
                port: samples.maybe { $0.random.int(in: 0...70_000) }
            )
        }
        return value
    }

    mutating func endpoint() -> EndpointModify {
        var value = EndpointModify(id: text())
        value.isCreate = flip()
        value.isExpire = flip()
        value.statsID = maybe { $0.text() }
        value.mucRole = maybe { $0.pick(["visitor", "participant"]) }
        value.capabilities = list(0...3) { $0.text() }
        value.media = list(0...2) { $0.media() }
        value.transport = maybe { $0.transport() }
        value.sources = maybe { $0.list(0...3) { $0.source() } }
        value.forceMute = maybe { ForceMute(audio: $0.flip(), video: $0.flip()) }
        value.initialLastN = maybe { $0.random.int(in: -1...50) }
        return value
    }

    mutating func connect() -> ConnectModify {
        var value = ConnectModify(url: "wss://" + text())
        value.id = maybe { $0.text() }
        value.protocolName = maybe { _ in "mediajson" }
        value.type = maybe { $0.pick(["recorder", "transcriber"]) }
        value.audio = flip()
        value.video = flip()
        value.isCreate = flip()
        value.isExpire = flip()
        value.headers = list(0...1) { ConnectHeader(name: $0.text(), value: $0.text()) }
        value.ping = maybe { _ in ConnectPing(intervalMilliseconds: 10_000, timeoutMilliseconds: 3_000) }
        value.exports = maybe { $0.list(0...2) { $0.text() } }
        value.requests = maybe { $0.list(0...2) { $0.text() } }
        return value
    }

    mutating func request() -> ConferenceModify {
        var value = ConferenceModify(meetingID: text())
        value.name = maybe { $0.text() }
        value.isCreate = flip()
        value.isExpire = flip()
        value.isRTCStatsEnabled = flip()
        value.endpoints = list(0...3) { $0.endpoint() }
        value.relays = list(0...2) { samples in
            var relay = RelayModify(id: samples.text())
            relay.isCreate = samples.flip()
            relay.isExpire = samples.flip()
            return relay
        }
        value.connects = maybe { $0.list(0...2) { $0.connect() } }
        return value
    }

    mutating func answer() -> ConferenceModified {
        var value = ConferenceModified()
        value.endpoints = list(0...3) { samples in
            var endpoint = EndpointModified(id: samples.text())
            endpoint.isExpired = samples.flip()
            endpoint.transport = samples.maybe { $0.transport() }
            return endpoint
        }
        value.sources = maybe { $0.list(0...2) { $0.source() } }
        return value
    }
}
