// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import Telemetry

// What must hold when the faults are over, and when everybody has gone home.

extension World {
    /// The faults are over: nobody is silent of its own accord from now on.
    func calm() {
        isCalm = true
        for client in clients where client.isPresent {
            client.change { settings in
                settings.loss = (0, 0)
                settings.turn = (0, 1)
                settings.duplication = 0
                settings.reordering = 0
                settings.isDown = false
                settings.rate = 0
            }
        }
    }

    /// Everybody who may must have been heard and seen just now by everybody.
    func expectLiveness(video includesVideo: Bool = true) {
        let window = SimulationLimits.livenessWindow
        for client in clients where client.isPresent && client.settings.isWatched {
            for (position, ledger) in ledgers.enumerated()
            where ledger.conference == client.conference && ledger.layers == nil {
                let owner = clients[ledger.owner]
                guard owner.index != client.index, owner.isPresent, ledger.isSignalled, !owner.settings.isVisitor
                else { continue }
                let what = "client \(client.index) does not"
                if ledger.mediaType == .audio, owner.audio?.isActive == true, !owner.isAudioMuted {
                    guard let heard = client.streams[position]?.lastHeard, now - heard <= window else {
                        return fail(.liveness, "\(what) hear client \(owner.index)")
                    }
                } else if includesVideo, ledger.mediaType == .video, owner.video?.isActive == true, !owner.isVideoMuted
                {
                    guard let seen = client.pictures[position]?.shownAt, now - seen <= window else {
                        return fail(.liveness, "\(what) see client \(owner.index)")
                    }
                }
            }
        }
    }

    /// Drops are known and allowed; then everybody goes, and nothing may be left behind.
    func finish() {
        guard violation == nil else { return }
        checkDrops()
        for conference in conferences.indices where conferences[conference].isOpen { close(conference) }
        run(until: now + .seconds(3 as Int64))
        guard violation == nil else { return }
        let text = describe()
        guard text.contains("\"conferences\":[]"), text.contains("\"flows\":0") else {
            return fail(.pools, "left behind: \(text.prefix(200))")
        }
        guard worker.counters.value(.endpoints) == 0, worker.counters.value(.conferences) == 0 else {
            return fail(.pools, "the gauges still count endpoints or conferences")
        }
    }

    private func checkDrops() {
        for counter in MediaCounter.allCases {
            let name = String(describing: counter)
            guard name.hasPrefix("dropped"), worker.counters.value(counter) > 0, !allowedDrops.contains(name) else {
                continue
            }
            return fail(.drops, "\(name) \(worker.counters.value(counter)) times")
        }
        if worker.lostAtSocket > 0 { fail(.drops, "\(worker.lostAtSocket) datagrams lost at the socket") }
    }
}

extension VirtualClient {
    /// Changes both directions of the path.
    func change(_ edit: (inout Link.Settings) -> Void) {
        edit(&uplink.settings)
        edit(&downlink.settings)
    }
}
