// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import BridgeControl
internal import MediaPlane
internal import PacketIO
internal import Primitives
internal import SRTP
internal import ShardMessages
internal import Telemetry
internal import WebServer
internal import XMPP

// What the bridge tells about itself: to the focus by presence, to operators over HTTP.

extension Bridge {
    /// Refreshes rates, load and health: every few seconds, and whenever one of them is due.
    func tick(at now: Timestamp) {
        if nextTick <= now {
            nextTick = now + settings.statisticsInterval
            let totals = MediaTotals([worker.counters])
            rates = MediaRates(from: lastTotals.totals, to: totals, over: now - lastTotals.at)
            lastTotals = (totals, now)
            lookAtThreads(at: now)
        }
        if load.nextTimeout <= now {
            load.sample(
                processorStatistics: ProcessFiles.processorStatistics(), group: ProcessFiles.controlGroupUsage(),
                packetsPerSecond: Double(rates.incomingPacketRate + rates.outgoingPacketRate), at: now)
        }
        if health.nextTimeout <= now { checkHealth(at: now) }
    }

    private func lookAtThreads(at now: Timestamp) {
        if pulse.look(turns: worker.counters.value(.loopTurns), at: now) {
            facts.isMediaStalled = !pulse.isAlive
            checkHealth(at: now)
        }
        worker.nudge()
        guard let web else { return }
        if webPulse.look(turns: web.turns, at: now) {
            if webPulse.isAlive {
                log.notice("The web thread turns again")
            } else {
                log.error("The web thread hangs; systemd's watchdog is no longer fed")
            }
        }
        web.nudge()
    }

    func checkHealth(at now: Timestamp) {
        let before = health.result(at: now)
        health.check(facts, began: now, at: loop.now)
        let result = health.result(at: now)
        guard result != before else { return }
        if let reason = result.reason {
            log.error("The bridge is not healthy", ["reason": reason])
        } else {
            log.notice("The bridge is healthy")
        }
        publish(at: now)
    }

    /// Sends presence at once: something changed that the focus should know.
    func publish(at now: Timestamp) {
        let failure = health.result(at: now).reason
        let values = presence(at: now)
        for connection in connections {
            connection.update(at: now) { client in
                client.healthFailure = failure
                client.setStatistics(values, at: now)
            }
        }
    }

    /// What presence says.
    func presence(at now: Timestamp) -> [(name: String, value: String)] {
        StatisticsDocument(snapshot(at: now)).texts(whitelist: settings.presence.allowedStatistics)
    }

    /// Everything the statistics are made of, now.
    func snapshot(at now: Timestamp) -> StatisticsSnapshot {
        var result = StatisticsSnapshot()
        result.directory = directory.counts
        result.media = MediaTotals([worker.counters])
        result.rates = rates
        result.stress = load.stress
        result.averageParticipantStress = settings.load.averageParticipantStress
        result.threads = settings.publishesProcessGauges ? ProcessFiles.threadCount() : nil
        result.isHealthy = health.result(at: now).isHealthy
        result.isDraining = directory.isDraining
        result.isGracefulShutdown = directory.isGracefulShutdownRequested
        result.isShuttingDown = directory.shutdownState == .shuttingDown
        result.version = version
        result.release = settings.release
        result.region = settings.region
        result.mucClientsConfigured = connections.count
        result.mucClientsConnected = connections.count { $0.isOnline }
        result.mucsConfigured = connections.reduce(0) { $0 + $1.settings.rooms.count }
        result.mucsJoined = connections.reduce(0) { $0 + $1.joinedRooms }
        result.wallClockNanoseconds = WallClock.nanosecondsSinceEpoch()
        return result
    }

    /// Everything `/metrics` shows, now.
    func metrics(at now: Timestamp) -> BridgeMetrics {
        var result = BridgeMetrics(snapshot(at: now))
        result.conferenceSizes = directory.summaries.map(\.endpoints.count)
        result.startedMilliseconds = startedNanoseconds / 1_000_000
        result.steal = load.steal
        result.srtpEngine = srtpEngine.engine.name
        result.xmpp = forgottenCounters
        for connection in connections + leaving { result.xmpp += connection.counters }
        result.process = settings.publishesProcessGauges ? ProcessFiles.gauges() : nil
        return result
    }
}
