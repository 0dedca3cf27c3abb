// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
public import ShardMessages

// What clients said over the bridge channel, as far as forwarding has to know. The control loop has parsed it.

extension ShardHost {
    /// A receiver wants this from now on; nothing happens when it is gone.
    public mutating func setPreferences(of number: EndpointNumber, to preferences: ReceiverPreferences) {
        guard let index = endpointIndex(number) else { return }
        endpoints.pointer(at: index).pointee.preferences = preferences
    }

    /// A source shows this from now on, whether it is signalled already or not.
    public mutating func setVideoType(of number: EndpointNumber, source: String, to type: VideoType) {
        guard let index = endpointIndex(number) else { return }
        endpoints.pointer(at: index).pointee.setVideoType(of: source, to: type)
    }
}
