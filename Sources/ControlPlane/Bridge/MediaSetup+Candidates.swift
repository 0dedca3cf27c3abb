// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import BridgeControl
internal import Colibri
internal import ICE
internal import Primitives

// What endpoints are offered.

extension MediaSetup {
    /// The candidates that every endpoint is offered, now that the port is bound (media-plane.md 1.4, 1.5).
    func candidates(on bound: [TransportAddress]) -> [Directory.Settings.LocalCandidate] {
        let mappings = harvest.staticMappings.map { mapping in
            mapping.local.port == 0
                ? AddressMapping(localAddress: mapping.local, publicAddress: mapping.public)
                : AddressMapping(
                    localAddress: mapping.local, localPort: mapping.local.port, publicAddress: mapping.public,
                    publicPort: mapping.public.port)
        }
        return LocalCandidate.gather(hosts: bound, mappings: mappings).map { candidate in
            Directory.Settings.LocalCandidate(
                Self.description(candidate), isPrivate: candidate.address.isPrivate)
        }
    }

    /// The public sides of the mappings, for the health check.
    var mappedAddresses: [TransportAddress] {
        harvest.staticMappings.map(\.public)
    }

    private static func description(_ candidate: LocalCandidate) -> CandidateDescription {
        var result = CandidateDescription(
            type: candidate.type.text, ip: candidate.address.ipText, port: candidate.address.port,
            priority: candidate.priority)
        result.foundation = candidate.foundation
        if candidate.type != .host {
            result.relatedAddress = candidate.relatedAddress.ipText
            result.relatedPort = candidate.relatedAddress.port
        }
        return result
    }
}
