// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives
internal import Synchronization

/// What web thread and control loop share.
final class WebMailbox: Sendable {
    let requests = SPSCRing<HTTPRequest>(capacity: WebServerLimits.queuedRequests)
    let responses = SPSCRing<HTTPResponse>(capacity: WebServerLimits.queuedResponses)
    /// Wakes the control loop.
    let requestsWake: WakeUp
    /// Wakes the web thread.
    let webWake: WakeUp
    let webSockets: WebSocketMailbox
    let isStopping = Atomic<Bool>(false)
    /// Turns of the web thread.
    let turns = Atomic<UInt64>(0)
    let refusedConnections = Atomic<UInt64>(0)
    let displacedConnections = Atomic<UInt64>(0)
    let refusedRequests = Atomic<UInt64>(0)
    let droppedAnswers = Atomic<UInt64>(0)

    init() throws(SystemError) {
        requestsWake = try WakeUp()
        webWake = try WakeUp()
        webSockets = try WebSocketMailbox()
    }

    /// Hands a request to the control loop. Web thread only.
    func deliver(_ request: HTTPRequest) -> Bool {
        guard requests.push(request) else { return false }
        requestsWake.wake()
        return true
    }
}
