// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Asks the bridge for conferences and endpoints, as Jicofo would. One request at a time; calls block.
protocol Focus: AnyObject {
    /// Creates an endpoint (and with `newConference` its conference) and gives the bridge's transport.
    func create(_ participant: PlannedParticipant, newConference: Bool) throws(LoadError) -> BridgeTransport
    /// Tells the bridge the participant's transport and sources.
    func update(_ participant: PlannedParticipant, _ transport: ParticipantTransport) throws(LoadError)
    /// Ends a conference.
    func expire(_ conference: PlannedConference) throws(LoadError)
    /// Deals with whatever the connection needs; called now and then while the call runs.
    func idle() throws(LoadError)
}
