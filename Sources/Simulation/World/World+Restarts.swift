// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ICE
import MediaTransport
import Primitives
import ShardMessages

// ICE restarts in place, as signalling makes them: the bridge's half comes first, the client's a round trip later.

extension World {
    /// The focus asks for a restart of a client's ICE; the client follows when it has heard of it.
    /// - Parameters:
    ///   - signalling: how long the way through focus and server takes, one way.
    ///   - follows: whether the client answers at all.
    func restart(_ client: VirtualClient, signalling: TimeDelta, follows: Bool = true) {
        guard client.isPresent else { return }
        trace.note("restart", at: now, client: client.index)
        guard let local = request([.restartICE(client.number)], in: client.conference)?.first?.1 else { return }
        guard follows else { return }
        after(signalling) { world in
            guard client.isPresent else { return }
            client.restarts += 1
            let ufrag = "client\(client.index)r\(client.restarts)"
            let password = "another-password-of-enough-letters-\(client.restarts)"
            let settings = ICEAgent.Settings(
                localUfrag: ufrag, localPassword: password, isControlling: false, tieBreaker: UInt64(client.index),
                localAddresses: [client.address])
            let times = TransportSession.RestartTimes(
                timeout: .seconds(20 as Int64), transitionWindow: .seconds(3 as Int64))
            _ = client.transport.restartICE(
                settings, times: times, random: Random(seed: client.random.next()), at: world.now)
            _ = client.transport.continueRestart(
                generation: client.transport.coming?.generation ?? 0, ufrag: local.ufrag, password: local.password,
                candidates: [(SimulatedWorker.address, 2_130_706_431, false)], at: world.now)
            client.local = local
            client.settle(in: world)
            world.schedule(client)
            world.after(signalling) { world in
                world.tellRestart(of: client, generation: local.generation, ufrag, password)
            }
        }
    }

    /// What a client says of a restart reaches the bridge.
    func tellRestart(of client: VirtualClient, generation: UInt32?, _ ufrag: String, _ password: String) {
        guard client.isPresent else { return }
        var remote = RemoteTransport()
        remote.credentials = (ufrag, password)
        remote.generation = generation
        _ = request(
            [.updateEndpoint(client.number, media: EndpointMedia(), remote: remote)], in: client.conference)
    }

    /// From now on the longest silence in every stream counts.
    func watchGaps() {
        for client in clients {
            client.watchesGaps = true
            for ledger in client.streams.keys { client.streams[ledger]?.longestGap = .zero }
        }
    }

    /// No client missed another's sound for longer than that since ``watchGaps()``.
    func expectSteadySound(within limit: TimeDelta) {
        for client in clients where client.isPresent {
            for (ledger, stream) in client.streams.sorted(by: { $0.key < $1.key })
            where ledgers[ledger].mediaType == .audio && ledgers[ledger].isSignalled {
                let gap = max(stream.longestGap, now - stream.lastHeard)
                guard gap <= limit else {
                    return fail(
                        .liveness,
                        "client \(client.index) missed client \(ledgers[ledger].owner) for \(gap.milliseconds) ms")
                }
            }
        }
    }
}
