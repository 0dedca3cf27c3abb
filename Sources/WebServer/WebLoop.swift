// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CWebSockets
internal import Glibc
internal import Primitives

/// libwebsockets' context and the connections it serves. Everything runs on the web thread, inside ``turn()``.
final class WebLoop {
    private(set) var context: OpaquePointer?
    private let mailbox: WebMailbox
    private let answerMicroseconds: Int64
    private let bodyMicroseconds: Int64
    private let protocols: UnsafeMutablePointer<lws_protocols>
    private let protocolName: UnsafeMutablePointer<CChar>?
    private var host: OpaquePointer?
    private var connections: [OpaquePointer: WebConnection] = [:]
    /// Connections whose request the control loop has, by request id.
    private var waiting: [UInt64: WebConnection] = [:]
    private var nextID: UInt64 = 1
    private var bodyBytes = 0

    init(listener: Int32, mailbox: WebMailbox, answerSeconds: Double, bodySeconds: Double) throws(HTTPServerError) {
        self.mailbox = mailbox
        answerMicroseconds = Int64(answerSeconds * 1e6)
        bodyMicroseconds = Int64(bodySeconds * 1e6)
        protocolName = strdup("http")
        protocols = .allocate(capacity: 2)
        protocols.initialize(repeating: lws_protocols(), count: 2)
        protocols[0].name = UnsafePointer(protocolName)
        protocols[0].callback = webCallback
        // The library's own log would go to standard error in its own format.
        lws_set_log_level(0, nil)
        var info = lws_context_creation_info()
        info.port = viaduct_lws_no_listener
        info.protocols = UnsafePointer(protocols)
        info.options = viaduct_lws_options
        info.user = Unmanaged.passUnretained(self).toOpaque()
        info.fd_limit_per_thread = UInt32(WebServerLimits.connections + 16)
        info.max_http_header_data = WebServerLimits.allHeadersSize
        info.max_http_header_pool = UInt16(WebServerLimits.connections)
        info.timeout_secs = WebServerLimits.requestSeconds
        info.timeout_secs_ah_idle = WebServerLimits.requestSeconds
        info.keepalive_timeout = WebServerLimits.idleSeconds
        info.pt_serv_buf_size = 16_384
        context = lws_create_context(&info)
        if let context { host = lws_create_vhost(context, &info) }
        guard context != nil, let host, viaduct_lws_watch(host, listener, protocolName) != nil else {
            if host == nil { close(listener) }
            destroy()
            throw HTTPServerError("HTTP server: libwebsockets does not start; is memory short?")
        }
    }

    deinit {
        protocols.deallocate()
        free(protocolName)
    }

    /// Waits for something to do and does it.
    /// - Returns: `false` when the library gave up.
    func turn() -> Bool {
        guard let context else { return false }
        return lws_service(context, 0) >= 0
    }

    /// Makes a waiting ``turn()`` return. Any thread, while the web thread runs.
    func leave() {
        if let context { lws_cancel_service(context) }
    }

    /// Closes everything.
    func destroy() {
        if let context { lws_context_destroy(context) }
        context = nil
        connections = [:]
        waiting = [:]
    }

    // MARK: Connections

    /// Takes connections from the listening socket.
    func accept(from listener: Int32) {
        for _ in 0..<WebServerLimits.acceptsPerTurn {
            let descriptor = Glibc.accept(listener, nil, nil)
            if descriptor < 0 {
                // Out of descriptors the listener stays readable; a short rest keeps this thread from spinning.
                if errno == EMFILE || errno == ENFILE { usleep(10_000) }
                return
            }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            guard connections.count < WebServerLimits.connections, let host else {
                close(descriptor)
                continue
            }
            if let handle = lws_adopt_socket_vhost(host, descriptor), connections[handle] == nil {
                connections[handle] = WebConnection(handle: handle)
            }
        }
    }

    func forget(_ handle: OpaquePointer) {
        guard let connection = connections.removeValue(forKey: handle) else { return }
        release(connection)
    }

    private func release(_ connection: WebConnection) {
        guard let request = connection.request else { return }
        bodyBytes -= request.body.count + connection.remainingBody
        waiting[request.id] = nil
        connection.request = nil
    }

    // MARK: Requests

    /// A request's line and headers are complete.
    func begin(_ handle: OpaquePointer) -> Int32 {
        let connection = connections[handle] ?? WebConnection(handle: handle)
        connections[handle] = connection
        release(connection)
        connection.reset()
        let reader = RequestReader(handle: handle)
        connection.hasOrigin = lws_hdr_total_length(handle, WSI_TOKEN_ORIGIN) > 0
        if reader.targetSize > WebServerLimits.targetSize { return refuse(connection, 414, "the address is too long") }
        if reader.hasOversizedHeader { return refuse(connection, 431, "a header is too long") }
        guard let (method, path) = reader.line() else { return refuse(connection, 405, "unknown method") }
        if reader.lacksHost { return refuse(connection, 400, "the Host header is missing") }
        connection.isHead = method == .head
        var length = 0
        switch reader.body {
        case .refused(let status): return refuse(connection, status, HTTPResponse.reason(status))
        case .none:
            // Without a length the library waits for a body until the connection ends, so it cannot be used again.
            let hasLength = lws_hdr_total_length(handle, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0
            connection.keepsAlive = hasLength || !RequestReader.expectsBody(method)
        case .bytes(let bytes): length = bytes
        }
        if method == .options { return preflight(connection) }
        guard bodyBytes + length <= WebServerLimits.bodiesTotal else { return refuse(connection, 503, "busy") }
        bodyBytes += length
        connection.remainingBody = length
        connection.request = HTTPRequest(
            id: nextID, method: method == .head ? .get : method, path: path, query: reader.query,
            accept: reader.header(WSI_TOKEN_HTTP_ACCEPT), contentType: reader.header(WSI_TOKEN_HTTP_CONTENT_TYPE))
        nextID += 1
        if length == 0 { return deliver(connection) }
        lws_set_timer_usecs(handle, bodyMicroseconds)
        return 0
    }

    /// A part of the body.
    func receive(_ bytes: UnsafeRawBufferPointer, on handle: OpaquePointer) -> Int32 {
        guard let connection = connections[handle], connection.request != nil else { return 0 }
        guard bytes.count <= connection.remainingBody else { return -1 }
        connection.request?.body.append(contentsOf: bytes)
        connection.remainingBody -= bytes.count
        return 0
    }

    /// The body is complete.
    func complete(_ handle: OpaquePointer) -> Int32 {
        guard let connection = connections[handle], connection.request != nil, !connection.isWaiting else { return 0 }
        return deliver(connection)
    }

    private func deliver(_ connection: WebConnection) -> Int32 {
        guard let request = connection.request else { return -1 }
        guard mailbox.deliver(request) else { return refuse(connection, 503, "busy") }
        bodyBytes -= request.body.count
        connection.request?.body = []
        connection.isWaiting = true
        waiting[request.id] = connection
        lws_set_timeout(connection.handle, NO_PENDING_TIMEOUT, 0)
        lws_set_timer_usecs(connection.handle, answerMicroseconds)
        return 0
    }

    // MARK: Answers

    /// Takes the answers of the control loop and asks for a turn to write each.
    func takeAnswers() {
        while let answer = mailbox.responses.pop() {
            guard let connection = waiting.removeValue(forKey: answer.id) else { continue }
            connection.answer = answer
            lws_callback_on_writable(connection.handle)
        }
    }

    /// The body came too slowly, or the control loop took too long. The timer is never cancelled (libwebsockets 4.1
    /// fires it at once when asked to), so it also comes for connections that were answered long ago.
    func timeOut(_ handle: OpaquePointer) -> Int32 {
        guard let connection = connections[handle], let request = connection.request else { return 0 }
        if connection.remainingBody > 0 { return refuse(connection, 408, "the body came too slowly") }
        guard waiting.removeValue(forKey: request.id) != nil else { return 0 }
        connection.answer = .text(id: request.id, status: 503, "no answer in time")
        lws_callback_on_writable(handle)
        return 0
    }

    /// The connection can take bytes.
    func write(_ handle: OpaquePointer) -> Int32 {
        guard let connection = connections[handle], let answer = connection.answer else { return 0 }
        connection.answer = nil
        return send(answer, on: connection)
    }

    private func preflight(_ connection: WebConnection) -> Int32 {
        send(
            HTTPResponse(id: 0, status: 200, allow: "GET, HEAD, POST, PATCH, OPTIONS"), on: connection,
            isPreflight: connection.hasOrigin)
    }

    private func refuse(_ connection: WebConnection, _ status: Int, _ reason: String) -> Int32 {
        connection.keepsAlive = false
        return send(.text(id: 0, status: status, reason), on: connection)
    }

    /// - Returns: what the callback must answer: zero, or -1 to close.
    private func send(_ answer: HTTPResponse, on connection: WebConnection, isPreflight: Bool = false) -> Int32 {
        let keepsAlive = connection.keepsAlive && !answer.endsConnection
        let head = answer.head(
            keepsAlive: keepsAlive, allowsAnyOrigin: connection.hasOrigin, isPreflight: isPreflight)
        let body = connection.isHead ? [] : answer.body
        release(connection)
        connection.reset()
        let written = put(Array(head.utf8) + body, on: connection.handle)
        if !written || !keepsAlive { return -1 }
        if lws_partial_buffered(connection.handle) != 0 {
            // Lasts until the rest has left; then the library sets the one for idle connections.
            let seconds = Int32(clamping: bodyMicroseconds / 1_000_000 + 1)
            lws_set_timeout(connection.handle, PENDING_TIMEOUT_HTTP_CONTENT, seconds)
        }
        return lws_http_transaction_completed(connection.handle) == 0 ? 0 : -1
    }

    /// Writes bytes; the library keeps what the socket does not take.
    private func put(_ bytes: [UInt8], on handle: OpaquePointer) -> Bool {
        let headroom = Int(viaduct_lws_headroom)
        var buffer = [UInt8](repeating: 0, count: headroom) + bytes
        return buffer.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return false }
            return lws_write(handle, base + headroom, bytes.count, LWS_WRITE_HTTP_FINAL) >= 0
        }
    }

    /// There is nothing to upgrade to: no WebSocket, no HTTP/2.
    func refuseUpgrade(_ handle: OpaquePointer) -> Int32 {
        let answer = HTTPResponse.text(id: 0, status: 400, "no upgrade is possible here")
        _ = put(Array(answer.head(keepsAlive: false, allowsAnyOrigin: false).utf8) + answer.body, on: handle)
        return -1
    }

    /// Something that is not HTTP, or a method the library does not know, was received.
    func refuseRaw(_ bytes: UnsafeRawBufferPointer, on handle: OpaquePointer) -> Int32 {
        let isRequest = Self.looksLikeRequest(bytes)
        var answer = HTTPResponse.text(
            id: 0, status: isRequest ? 405 : 400, isRequest ? "unknown method" : "this is not HTTP")
        if isRequest { answer.allow = "GET, HEAD, POST, PATCH, OPTIONS" }
        let text = answer.head(keepsAlive: false, allowsAnyOrigin: false)
        _ = put(Array(text.utf8) + answer.body, on: handle)
        return -1
    }

    /// `TOKEN target HTTP/1.` on the first line.
    static func looksLikeRequest(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let line = bytes.prefix(WebServerLimits.targetSize).prefix { $0 != 0x0D && $0 != 0x0A }
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard words.count == 3, (1...32).contains(words[0].count), !words[1].isEmpty else { return false }
        let isToken = words[0].allSatisfy { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
        return isToken && words[2].starts(with: "HTTP/1.".utf8)
    }
}
