// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the web thread knows of one connection: the request that is being received or answered.
final class WebConnection {
    /// libwebsockets' handle.
    let handle: OpaquePointer
    /// The request being received or waiting for its answer.
    var request: HTTPRequest?
    /// Bytes of the body that are to come.
    var remainingBody = 0
    /// Whether the control loop has the request.
    var isWaiting = false
    /// The answer, until libwebsockets lets us write.
    var answer: HTTPResponse?
    /// Whether the connection may be used again after this request.
    var keepsAlive = true
    /// Whether the body of the answer is left out.
    var isHead = false
    /// Whether the request came from a page of another origin.
    var hasOrigin = false

    init(handle: OpaquePointer) {
        self.handle = handle
    }

    /// Forgets the request.
    func reset() {
        request = nil
        remainingBody = 0
        isWaiting = false
        answer = nil
        keepsAlive = true
        isHead = false
        hasOrigin = false
    }
}
