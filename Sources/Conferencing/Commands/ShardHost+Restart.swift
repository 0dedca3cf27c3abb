// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ICE
import MediaTransport
import Primitives
import ShardMessages
import Telemetry

// ICE restart in place, as the control plane asks for it (media-plane.md 1.9, control-plane.md 4.5). An answer without
// a transport would end the client's session for good; so where no restart is possible the endpoint ends, the focus is
// told that there is none, and makes it anew.

extension ShardHost {
    /// Why the ICE of the endpoint in a slot cannot be restarted, as the counter that says so; `nil` when it can.
    func obstacleToRestart(of index: Int) -> MediaCounter? {
        let endpoint = endpoints.pointer(at: index)
        guard settings.restart.isEnabled, settings.restart.timeout > .zero else { return .iceRestartsRejected }
        guard endpoint.pointee.doom == nil, !endpoint.pointee.transport.isStopped else { return .iceRestartsRejected }
        return settings.localAddresses.isEmpty ? .iceRestartsAgentCreationFailed : nil
    }

    /// A request is refused: endpoints in it that were to be restarted and cannot be end.
    mutating func endUnrestartable(_ operations: [ShardOperation], at now: Timestamp) {
        for operation in operations {
            guard case .restartICE(let number) = operation, let index = endpointIndex(number),
                let obstacle = obstacleToRestart(of: index)
            else { continue }
            counters.add(obstacle)
            expire(index, reason: .noICERestart)
        }
    }

    /// Begins a restart, or says what there is.
    /// - Returns: what the focus tells the client.
    mutating func restartICE(of index: Int, at now: Timestamp, into egress: inout EgressBatch) -> LocalTransport {
        let endpoint = endpoints.pointer(at: index)
        let result = endpoint.pointee.transport.restartICE(
            makeAgentSettings(slot: UInt32(index), isControlling: true),
            times: .init(timeout: settings.restart.timeout, transitionWindow: settings.restart.transitionWindow),
            random: Random(seed: random.next()), at: now)
        switch result {
        case .notEstablished: counters.add(.iceRestartsNotEstablished)
        case .started: counters.add(.iceRestartsStarted)
        case .superseded:
            counters.add(.iceRestartsSuperseded)
            counters.add(.iceRestartsStarted)
        case .repeated: break
        }
        var transport = localTransport(index)
        if result != .notEstablished, let coming = endpoint.pointee.transport.coming {
            transport.ufrag = coming.ufrag
            transport.password = coming.password
            transport.generation = coming.generation
        }
        serviceTransport(index, at: now, into: &egress)
        return transport
    }

    /// The peer's half of a restart. DTLS goes on as it is, so the rest of the description says nothing new.
    func continueRestart(
        of endpoint: UnsafeMutablePointer<Endpoint>, _ generation: UInt32, _ remote: RemoteTransport,
        at now: Timestamp
    ) {
        guard let (ufrag, password) = remote.credentials else { return }
        endpoint.pointee.transport.continueRestart(
            generation: generation, ufrag: ufrag, password: password,
            candidates: remote.candidates.prefix(ShardMessagesLimits.remoteCandidates).map {
                (address: $0.address, priority: $0.priority, isRelayed: $0.isRelayed)
            }, at: now)
    }
}
