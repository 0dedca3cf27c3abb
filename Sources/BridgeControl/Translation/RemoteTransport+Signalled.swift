// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Colibri
internal import Primitives
internal import ShardMessages

extension RemoteTransport {
    /// The remote half of a transport in the worker's words (control-plane.md 4.1 to 4.3); unusable parts are left out.
    init(signalled transport: ICETransportDescription?) {
        self.init()
        guard let transport else { return }
        for fingerprint in transport.fingerprints {
            guard let digest = Self.digest(fingerprint.text) else { continue }
            fingerprints.append(RemoteFingerprint(hash: fingerprint.hash.lowercased(), digest: digest))
        }
        // Only the first fingerprint's setup counts, and only these two words decide a role.
        if let setup = transport.fingerprints.first?.setup.flatMap({ DTLSSetup(rawValue: $0.lowercased()) }),
            setup != .actpass
        {
            self.setup = setup
        }
        // Which restart they belong to is for the worker to judge (control-plane.md 4.5); the first one has number 1.
        if let number = transport.generation, number != 0 { generation = UInt32(clamping: max(0, number)) }
        if let ufrag = transport.ufrag, let password = transport.password, !ufrag.isEmpty, !password.isEmpty {
            credentials = (ufrag, password)
        }
        candidates = transport.candidates.compactMap { RemoteCandidate(signalled: $0) }
            .prefix(ShardMessagesLimits.remoteCandidates).map(\.self)
    }

    /// The bytes of colon-separated hexadecimal text, in either case.
    static func digest(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        for part in text.split(separator: ":", omittingEmptySubsequences: false) {
            guard part.utf8.count == 2, part.allSatisfy(\.isHexDigit), let byte = UInt8(part, radix: 16),
                bytes.count < 64
            else { return nil }
            bytes.append(byte)
        }
        return bytes.isEmpty ? nil : bytes
    }
}

extension RemoteCandidate {
    /// A candidate, or `nil` when it is of another component, generation or protocol, or a name.
    init?(signalled candidate: CandidateDescription) {
        guard candidate.component == 1, candidate.generation == 0, candidate.protocolName == "udp",
            candidate.port != 0, let address = TransportAddress(ip: candidate.ip, port: candidate.port)
        else { return nil }
        self.init(address: address, priority: candidate.priority, isRelayed: candidate.type == "relay")
    }
}
