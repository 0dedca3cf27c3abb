// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import BridgeControl
internal import PacketIO
internal import Primitives
internal import SRTP
internal import WebServer
internal import XMPP

// What the bridge tells about itself: to the focus by presence, to operators over HTTP.

extension Bridge {
    /// Refreshes rates, load and health: every few seconds, and whenever one of them is due.
    func tick(at now: Timestamp) {
        if clock.isTickDue(at: now) {
            clock.tick(workers.totals, at: now)
            lookAtThreads(at: now)
        }
        if clock.isLoadDue(at: now) {
            clock.sampleLoad(
                processorStatistics: ProcessFiles.processorStatistics(), group: ProcessFiles.controlGroupUsage(),
                at: now)
        }
        if clock.isHealthDue(at: now) { checkHealth(at: now) }
    }

    private func lookAtThreads(at now: Timestamp) {
        if workers.look(at: now) {
            facts.isMediaStalled = !workers.areAlive
            checkHealth(at: now)
        }
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
        guard let result = clock.checkHealth(facts, began: now, at: loop.now) else { return }
        if let reason = result.reason {
            log.error("The bridge is not healthy", ["reason": reason])
        } else {
            log.notice("The bridge is healthy")
        }
        publish(at: now)
    }

    /// Sends presence at once: something changed that the focus should know.
    func publish(at now: Timestamp) {
        let failure = clock.health.result(at: now).reason
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
        result.media = workers.totals
        result.channels = channelTotals
        result.rates = clock.rates
        result.stress = clock.load.stress
        result.averageParticipantStress = settings.load.averageParticipantStress
        result.threads = settings.publishesProcessGauges ? ProcessFiles.threadCount() : nil
        result.isHealthy = clock.health.result(at: now).isHealthy
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
        result.steal = clock.load.steal
        result.srtpEngine = srtpEngine.engine.name
        result.xmpp = forgottenCounters
        for connection in connections + leaving { result.xmpp += connection.counters }
        result.process = settings.publishesProcessGauges ? ProcessFiles.gauges() : nil
        return result
    }
}
