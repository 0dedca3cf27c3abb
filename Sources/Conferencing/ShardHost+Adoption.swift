// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import MediaTransport
package import OpenSSL
package import Primitives
package import ShardMessages

extension ShardHost {
    /// Lets an endpoint go on with keys that were agreed on elsewhere: the simulator's stand-in for a handshake.
    package mutating func adopt(
        _ keys: SRTPKeys, for number: EndpointNumber, at now: Timestamp, into egress: inout EgressBatch
    ) {
        guard let index = endpointIndex(number) else { return }
        endpoints.pointer(at: index).pointee.transport.adopt(keys)
        serviceTransport(index, at: now, into: &egress)
    }
}
