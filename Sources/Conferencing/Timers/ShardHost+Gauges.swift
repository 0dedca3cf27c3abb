// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import ICE
import MediaTransport
import Primitives
import Telemetry

/// A round over all conferences that adds the gauges up, a piece of it each turn; they are set when it is through.
struct GaugeRound {
    /// The next conference slot, and the next place in it.
    var conference = 0
    var place = 0
    var isRunning = false

    var audio: UInt64 = 0
    var video: UInt64 = 0
    var roundTrips: (sum: UInt64, count: UInt64) = (0, 0)
    var lost: (incoming: UInt64, outgoing: UInt64) = (0, 0)
    var expected: (incoming: UInt64, outgoing: UInt64) = (0, 0)
    var inactive: UInt64 = 0
    var inactiveEndpoints: UInt64 = 0
    var ofTwo: UInt64 = 0
    var receiveOnly: UInt64 = 0
    var lossy: UInt64 = 0

    /// Of the conference that the round is in.
    var senders = 0
    var losing: UInt64 = 0
}

// What the statistics say of endpoints, conferences and the presence of clients (operations.md d.1).

extension ShardHost {
    mutating func goOnGauging(at now: Timestamp) {
        if nextGauges <= now {
            nextGauges = now + .seconds(1 as Int64)
            if !gauges.isRunning { gauges = GaugeRound(isRunning: true) }
        }
        guard gauges.isRunning else { return }
        var left = ConferencingLimits.visitsPerTurn
        while left > 0, gauges.conference < conferences.touchedCount {
            left -= 1
            let index = gauges.conference
            guard conferences.isLive(index), !conferences.pointer(at: index).pointee.isEnding else {
                gauges.conference += 1
                continue
            }
            guard let (place, member) = conferences.pointer(at: index).pointee.nextMember(from: gauges.place) else {
                closeConference(index)
                continue
            }
            gauges.place = place + 1
            add(endpoints.pointer(at: member), at: now)
        }
        if gauges.conference >= conferences.touchedCount {
            gauges.isRunning = false
            publishGauges()
        }
    }

    private mutating func add(_ endpoint: UnsafeMutablePointer<Endpoint>, at now: Timestamp) {
        gauges.audio += endpoint.pointee.uplink.isSendingAudio(at: now) ? 1 : 0
        gauges.video += endpoint.pointee.uplink.isSendingVideo(at: now) ? 1 : 0
        gauges.senders += endpoint.pointee.uplink.isSending(at: now) ? 1 : 0
        let (incoming, outgoing) = (endpoint.pointee.uplink.losses, endpoint.pointee.downlink.losses)
        gauges.lost.incoming += incoming.lost
        gauges.lost.outgoing += outgoing.lost
        gauges.expected.incoming += incoming.expected
        gauges.expected.outgoing += outgoing.expected
        gauges.losing += outgoing.lost * 10 > outgoing.expected ? 1 : 0
        endpoint.pointee.uplink.losses.fade()
        endpoint.pointee.downlink.losses.fade()
        let roundTrip = endpoint.pointee.downlink.roundTrip
        if roundTrip != .zero {
            gauges.roundTrips.sum += UInt64(max(0, roundTrip.microseconds))
            gauges.roundTrips.count += 1
        }
    }

    /// Gauges that depend on who sends in the same conference. One in which nobody does is inactive, and with two in it
    /// they talk directly to each other.
    private mutating func closeConference(_ index: Int) {
        let members = conferences.pointer(at: index).pointee.memberCount
        if gauges.senders > 0 {
            gauges.lossy += gauges.losing
            gauges.receiveOnly += UInt64(max(0, members - gauges.senders))
        } else {
            gauges.inactive += 1
            gauges.inactiveEndpoints += UInt64(members)
            gauges.ofTwo += members == 2 ? 1 : 0
        }
        gauges.senders = 0
        gauges.losing = 0
        gauges.place = 0
        gauges.conference += 1
    }

    private func publishGauges() {
        counters.set(.endpoints, UInt64(endpoints.count - endingCount))
        counters.set(.conferences, UInt64(conferenceByNumber.count))
        counters.set(.endpointsSendingAudio, gauges.audio)
        counters.set(.endpointsSendingVideo, gauges.video)
        counters.set(.roundTripMicrosecondsSum, gauges.roundTrips.sum)
        counters.set(.roundTripSamples, gauges.roundTrips.count)
        counters.set(.packetsLostIncoming, gauges.lost.incoming)
        counters.set(.packetsExpectedIncoming, gauges.expected.incoming)
        counters.set(.packetsLostOutgoing, gauges.lost.outgoing)
        counters.set(.packetsExpectedOutgoing, gauges.expected.outgoing)
        counters.set(.conferencesInactive, gauges.inactive)
        counters.set(.conferencesP2P, gauges.ofTwo)
        counters.set(.endpointsInactive, gauges.inactiveEndpoints)
        counters.set(.endpointsReceiveOnly, gauges.receiveOnly)
        counters.set(.endpointsWithHighOutgoingLoss, gauges.lossy)
    }
}
