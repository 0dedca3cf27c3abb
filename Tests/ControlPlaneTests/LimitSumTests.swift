// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import Colibri
import HTTP
import ICE
import OpenSSL
import PacketIO
import ShardMessages
import Testing
import XMPP

@testable import BridgeControl
@testable import Conferencing
@testable import ControlPlane
@testable import MediaPlane
@testable import WebServer

/// Limits of different targets, added up: none may promise what its neighbour cannot keep.
@Suite("Limits, added up")
struct LimitSumTests {
    @Test("limits of neighbours fit each other")
    func neighbours() {
        // What the directory lets in finds room on the worker, and the settings reach exactly as far.
        #expect(BridgeControlLimits.conferences <= ConferencingLimits.conferences)
        #expect(BridgeControlLimits.endpoints <= ConferencingLimits.endpoints)
        #expect(BridgeControlLimits.endpointsPerConference <= ConferencingLimits.endpointsPerConference)
        #expect(BridgeConfigurationLimits.conferences == BridgeControlLimits.conferences)
        #expect(BridgeConfigurationLimits.endpoints == BridgeControlLimits.endpoints)
        #expect(BridgeConfigurationLimits.endpointsPerConference == BridgeControlLimits.endpointsPerConference)
        #expect(ColibriLimits.endpointsPerRequest <= BridgeControlLimits.endpointsPerConference)
        #expect(BridgeControlLimits.endpointsPerConference <= BridgeControlLimits.endpoints)

        #expect(ConferencingLimits.endpointsPerConference <= MemberSet.wordCount * 64)
        // What has ended and still waits to be taken apart takes no place from what is asked for.
        #expect(ConferencingLimits.conferences < ConferencingLimits.conferenceSlots)
        #expect(ConferencingLimits.endpoints < ConferencingLimits.endpointSlots)

        // Every 4-tuple that an agent holds has a place in the worker's table.
        #expect(ConferencingLimits.flows >= ConferencingLimits.endpoints * ICELimits.remoteAddresses)

        // What a request may hold, the worker's messages hold and the worker uses.
        #expect(ColibriLimits.sourcesPerEndpoint <= ShardMessagesLimits.sources)
        #expect(ColibriLimits.candidatesPerTransport <= ShardMessagesLimits.remoteCandidates)
        #expect(ShardMessagesLimits.remoteCandidates <= ICELimits.pairs)
        #expect(ColibriLimits.payloadTypesPerMedia <= ShardMessagesLimits.payloadTypes)
        #expect(ColibriLimits.headerExtensionsPerMedia <= ShardMessagesLimits.headerExtensions)
        #expect(ColibriLimits.fingerprintsPerTransport <= OpenSSLLimits.fingerprints)
        #expect(ColibriLimits.connectsPerRequest <= BridgeControlLimits.connectsPerConference)
        #expect(ShardMessagesLimits.sources <= ConferencingLimits.sourcesPerConference)

        // What the file may hold, the client takes.
        #expect(BridgeConfigurationLimits.roomsPerClient <= XMPPLimits.rooms)
        #expect(BridgeConfigurationLimits.ufragPrefixBytes == ICELimits.userFragmentPrefixBytes)

        // The longest fragment of our own is one that we take: prefix, worker and slot, 64 random bits in base 32.
        #expect(
            ICELimits.userFragmentPrefixBytes + UserFragment.routingCharacters + 13 <= ICELimits.credentialBytes)

        // A full receive batch fits the slab, and what waits for the ring is more than the ring.
        #expect(PacketIOLimits.batchMessages * 64 <= PacketIOLimits.slabDatagrams)
        #expect(ShardMessagesLimits.eventRing <= ConferencingLimits.pendingEvents)
        #expect(MediaPlaneLimits.commandsPerTurn <= ShardMessagesLimits.commandRing)

        // Each connection's answer has a place, and each open request.
        #expect(WebServerLimits.connections <= WebServerLimits.queuedResponses)
        #expect(ControlPlaneLimits.pendingDescriptions <= WebServerLimits.queuedResponses)
        #expect(WebServerLimits.readBytes <= HTTPLimits.inputBytes)
        #expect(HTTPLimits.fieldSectionBytes + HTTPLimits.targetBytes <= HTTPLimits.inputBytes)
        #expect(WebServerLimits.bodySize <= WebServerLimits.bodiesTotal)
        #expect(XMPPLimits.unacknowledgedBytes <= ControlPlaneLimits.writeBufferBytes)
    }
}
