// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Colibri
internal import Primitives

/// A request that waits for its turn or for the worker.
struct PendingRequest: Sendable {
    let request: ConferenceModify
    let token: RequestToken
    let arrival: Timestamp
    /// When its turn came.
    var start: Timestamp
    /// How often it was planned anew.
    var replans = 0
}

/// A request the worker has and has not answered.
struct OutstandingRequest: Sendable {
    let number: UInt64
    var pending: PendingRequest
    let plan: RequestPlan
}
