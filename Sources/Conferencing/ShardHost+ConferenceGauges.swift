// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import ICE
import MediaTransport
import Primitives
import Telemetry

// What the statistics say of conferences and of the presence of clients (operations.md d.1).

extension ShardHost {
    /// Gauges that depend on who sends in the same conference. One in which nobody does is inactive, and with two in it
    /// they talk directly to each other.
    func updateConferenceGauges(at now: Timestamp) {
        var inactive: UInt64 = 0
        var inactiveEndpoints: UInt64 = 0
        var ofTwo: UInt64 = 0
        var receiveOnly: UInt64 = 0
        var lossy: UInt64 = 0
        for index in 0..<conferences.touchedCount where conferences.isLive(index) {
            let members = conferences.pointer(at: index).pointee.members.count
            var senders = 0
            var losing: UInt64 = 0
            for position in 0..<members {
                let member = endpoints.pointer(at: Int(conferences.pointer(at: index).pointee.members[position]))
                senders += member.pointee.isSending(at: now) ? 1 : 0
                let outgoing = member.pointee.losses.outgoing
                losing += outgoing.lost * 10 > outgoing.expected ? 1 : 0
            }
            if senders > 0 {
                lossy += losing
                receiveOnly += UInt64(members - senders)
            } else {
                inactive += 1
                inactiveEndpoints += UInt64(members)
                ofTwo += members == 2 ? 1 : 0
            }
        }
        counters.set(.conferencesInactive, inactive)
        counters.set(.conferencesP2P, ofTwo)
        counters.set(.endpointsInactive, inactiveEndpoints)
        counters.set(.endpointsReceiveOnly, receiveOnly)
        counters.set(.endpointsWithHighOutgoingLoss, lossy)
    }

    /// Counts a client that has fallen silent, and one that is heard again.
    func noteSilence(of endpoint: UnsafeMutablePointer<Endpoint>, at now: Timestamp) {
        let (activity, consent) = (endpoint.pointee.lastActivity, endpoint.pointee.transport.ice.lastConsent)
        guard activity != nil || consent != nil else { return }
        let isSilent = now - max(activity ?? .zero, consent ?? .zero) > settings.inactivityLimit
        guard isSilent != endpoint.pointee.isSilent else { return }
        endpoint.pointee.isSilent = isSilent
        counters.add(isSilent ? .endpointsDisconnected : .endpointsReconnected)
    }
}

extension Endpoint {
    /// How long after its last packet a client counts as sending.
    private static let sendingLimit = TimeDelta.seconds(2 as Int64)

    func isSendingAudio(at now: Timestamp) -> Bool { lastAudio.map { now - $0 < Self.sendingLimit } ?? false }
    func isSendingVideo(at now: Timestamp) -> Bool { lastVideo.map { now - $0 < Self.sendingLimit } ?? false }
    func isSending(at now: Timestamp) -> Bool { isSendingAudio(at: now) || isSendingVideo(at: now) }
}
