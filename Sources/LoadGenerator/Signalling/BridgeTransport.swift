// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// What a bridge said about its end of an endpoint's transport.
struct BridgeTransport: Equatable, Sendable {
    var ufrag: String
    var password: String
    var candidates: [Candidate]
    var fingerprints: [Fingerprint]
    /// Whether it waits for an SCTP association on port 5000, as it must when asked (control-plane.md 3.5).
    var hasSCTP = false
    /// Addresses of its WebSocket.
    var webSockets: [String] = []

    struct Candidate: Equatable, Sendable {
        var address: TransportAddress
        var priority: UInt32
        var isRelayed: Bool
    }

    struct Fingerprint: Equatable, Sendable {
        /// Hash name, such as `sha-256`.
        var hash: String
        /// The digest.
        var digest: [UInt8]
        /// `actpass`, `active` or `passive`.
        var setup: String

        /// Bytes from `AB:CD:…`.
        static func digest(_ text: String) -> [UInt8]? {
            var result: [UInt8] = []
            for pair in text.split(separator: ":", omittingEmptySubsequences: false) {
                guard pair.utf8.count == 2, let byte = UInt8(pair, radix: 16) else { return nil }
                result.append(byte)
            }
            return result.isEmpty ? nil : result
        }

        /// `AB:CD:…` from bytes.
        static func text(_ digest: [UInt8]) -> String {
            digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: ":")
        }
    }
}

/// What we tell the bridge about a participant once it has "accepted the session".
struct ParticipantTransport: Equatable, Sendable {
    var ufrag: String
    var password: String
    /// SHA-256 of its certificate.
    var fingerprint: [UInt8]
    /// `active` or `passive`.
    var setup: String
}

/// A stream a participant will send, as it is signalled.
struct SignalledSource: Equatable, Sendable {
    var name: String
    var isVideo: Bool
    /// The SSRC of the first encoding.
    var ssrc: UInt32
    /// The SSRCs of all encodings, the smallest first; empty means the one above.
    var encodings: [UInt32] = []
    /// The SSRCs of their retransmissions, where they have any.
    var repairs: [UInt32] = []

    /// Every SSRC, as clients list them.
    var ssrcs: [UInt32] { (encodings.isEmpty ? [ssrc] : encodings) + repairs }

    /// The groups in the order of lib-jitsi-meet: FID of the first encoding, SIM, the other FIDs (media-plane.md 5.1).
    var groups: [(semantics: String, ssrcs: [UInt32])] {
        var result = zip(encodings, repairs).map { (semantics: "FID", ssrcs: [$0, $1]) }
        if encodings.count > 1 {
            result.insert((semantics: "SIM", ssrcs: encodings), at: min(1, result.count))
        }
        return result
    }
}
