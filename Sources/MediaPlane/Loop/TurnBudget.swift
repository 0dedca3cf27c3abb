// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing

/// What one turn of the worker's loop may still do, so that no meeting holds up the others (house rule 2.9). What is
/// left over goes on in the next turn, after timers, commands and newly arrived datagrams.
struct TurnBudget {
    /// Packets to receivers.
    var packets = MediaPlaneLimits.packetsPerTurn
    /// Operations of the control plane's requests.
    var operations = ConferencingLimits.operationsPerTurn
}
