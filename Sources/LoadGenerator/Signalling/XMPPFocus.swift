// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A focus that asks the bridge through an XMPP server.
final class XMPPFocus: Focus {
    init(_ door: LoadOptions.XMPPDoor) throws(LoadError) {
        throw .connection("not yet")
    }

    func create(_ participant: PlannedParticipant, newConference: Bool) throws(LoadError) -> BridgeTransport {
        throw .connection("not yet")
    }

    func update(_ participant: PlannedParticipant, _ transport: ParticipantTransport) throws(LoadError) {}

    func expire(_ conference: PlannedConference) throws(LoadError) {}
}
