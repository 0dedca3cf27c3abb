// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import PacketIO
internal import Primitives

/// One non-blocking TCP connection: tries the addresses of a name in turn, then reads and writes.
///
/// Its owner is the loop task that gets the events and passes them on; this type only knows the socket.
final class TCPConnection {
    /// What an event meant.
    enum Outcome {
        /// Nothing to tell.
        case nothing
        /// The connection stands.
        case connected
        /// These bytes came.
        case bytes([UInt8])
        /// The connection is over; why, in words.
        case ended(String)
    }

    private let loop: ControlLoop
    private unowned let owner: any LoopTask
    private var addresses: [SocketAddress]
    private var descriptor: Int32 = -1
    private var token: UInt64 = 0
    private var isConnected = false
    private var attemptDeadline = Timestamp.distantFuture
    private var lastFailure = "no address"
    /// What the kernel has not taken yet, from `writeOffset` on.
    private var writeBuffer: [UInt8] = []
    private var writeOffset = 0
    private var isWatchingWrites = false
    /// The peer takes nothing more. What it said before may still wait to be read, and reading tells of the end.
    private var isWriteBroken = false
    /// How long one address may take when there are others.
    private static let attemptLimit = TimeDelta.milliseconds(2_500)

    init(loop: ControlLoop, owner: any LoopTask, addresses: [SocketAddress]) {
        self.loop = loop
        self.owner = owner
        self.addresses = addresses
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    var isOpen: Bool { descriptor >= 0 }

    /// When the next address is tried although this one still might answer.
    var nextTimeout: Timestamp? { isConnected || addresses.isEmpty ? nil : attemptDeadline }

    /// Whether an event belongs to this connection.
    func owns(_ event: PollEvent) -> Bool { isOpen && event.token == token }

    /// Tries the next address.
    func connect(at now: Timestamp) -> Outcome {
        close()
        while !addresses.isEmpty {
            let address = addresses.removeFirst()
            let socket = Glibc.socket(
                address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard socket >= 0 else {
                lastFailure = Self.reason(errno)
                continue
            }
            setOptions(socket)
            let result = address.bytes.withUnsafeBytes { bytes in
                Glibc.connect(socket, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
            }
            guard result == 0 || errno == EINPROGRESS,
                let token = try? loop.watch(descriptor: socket, for: owner, writable: true)
            else {
                lastFailure = Self.reason(errno)
                Glibc.close(socket)
                continue
            }
            descriptor = socket
            self.token = token
            isWatchingWrites = true
            attemptDeadline = now + Self.attemptLimit
            return .nothing
        }
        return .ended(lastFailure)
    }

    /// Takes an event of the socket. Call again, while there is time, as long as bytes come.
    func handle(_ event: PollEvent, at now: Timestamp) -> Outcome {
        guard isConnected else { return finishConnecting(at: now) }
        if event.isWritable, let failure = flush() { return .ended(failure) }
        return event.isReadable || event.isHangup ? read() : .nothing
    }

    /// Reads what has arrived, a piece at a time.
    func read() -> Outcome {
        guard isConnected else { return .nothing }
        var failure: String?
        let bytes = [UInt8](unsafeUninitializedCapacity: ControlPlaneLimits.readBytes) { buffer, count in
            let result = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            count = max(0, result)
            if result == 0 { failure = "closed by the server" }
            if result < 0, errno != EAGAIN, errno != EINTR { failure = Self.reason(errno) }
        }
        if let failure { return .ended(failure) }
        if !bytes.isEmpty { acknowledgeAtOnce() }
        return bytes.isEmpty ? .nothing : .bytes(bytes)
    }

    /// Writes, keeping what the kernel does not take.
    ///
    /// - Returns: why the connection is over, if it is. Of a peer that has closed reading tells, after its last words.
    func write(_ bytes: [UInt8]) -> String? {
        guard isOpen, !isWriteBroken else { return nil }
        writeBuffer += bytes
        guard writeBuffer.count - writeOffset <= ControlPlaneLimits.writeBufferBytes else {
            return "the server does not read"
        }
        return isConnected ? flush() : nil
    }

    /// Closes at once; what was not written is lost.
    func close() {
        guard descriptor >= 0 else { return }
        loop.unwatch(descriptor: descriptor, token: token)
        Glibc.close(descriptor)
        descriptor = -1
        isConnected = false
        isWriteBroken = false
        writeBuffer = []
        writeOffset = 0
    }

    private func finishConnecting(at now: Timestamp) -> Outcome {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        guard error == 0 else {
            lastFailure = Self.reason(error)
            return connect(at: now)
        }
        isConnected = true
        if let failure = flush() { return .ended(failure) }
        return .connected
    }

    private func flush() -> String? {
        while writeOffset < writeBuffer.count {
            let count = writeBuffer.withUnsafeBytes { bytes in
                send(
                    descriptor, bytes.baseAddress.map { $0 + writeOffset }, bytes.count - writeOffset,
                    Int32(MSG_NOSIGNAL))
            }
            let code = count < 0 ? errno : 0
            if code == EINTR { continue }
            if code == EAGAIN { break }
            if code == EPIPE || code == ECONNRESET {
                isWriteBroken = true
                writeOffset = writeBuffer.count
                break
            }
            guard count > 0 else { return Self.reason(code) }
            writeOffset += count
        }
        if writeOffset == writeBuffer.count {
            writeBuffer.removeAll(keepingCapacity: writeBuffer.count < ControlPlaneLimits.readBytes)
            writeOffset = 0
        } else if writeOffset > writeBuffer.count / 2 {
            writeBuffer.removeFirst(writeOffset)
            writeOffset = 0
        }
        watchWrites(!writeBuffer.isEmpty)
        return nil
    }

    private func watchWrites(_ wanted: Bool) {
        guard wanted != isWatchingWrites else { return }
        isWatchingWrites = wanted
        loop.change(descriptor: descriptor, token: token, writable: wanted)
    }

    private func setOptions(_ socket: Int32) {
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, size)
    }

    /// Prosody leaves Nagle's algorithm on: a stanza behind another waits for our acknowledgement, which the kernel
    /// would hold back for 40 ms. The option does not last, hence it is set after every read (tcp(7)).
    private func acknowledgeAtOnce() {
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_QUICKACK, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func reason(_ code: Int32) -> String {
        strerror(code).map { String(cString: $0) } ?? "error \(code)"
    }
}
