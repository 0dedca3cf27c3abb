// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import CTestHooks
import CUsrsctp
import Primitives

/// One end of an association by Debian's libusrsctp, in virtual time. The library has one state for the whole process:
/// only one peer at a time, and only in the one suite that runs its tests one after another.
final class UsrsctpPeer {
    /// What it told.
    enum Event: Equatable {
        case up
        case lost
        case restarted
        case message(stream: UInt16, protocolIdentifier: UInt32, [UInt8])
        /// A stream of the other side's, or of its own, began anew.
        case reset(stream: UInt16, flags: UInt16)
        case shutdown
    }

    /// What the library gave us to send, since it was last asked.
    nonisolated(unsafe) private static var output: [[UInt8]] = []
    private static let start: Void = viaduct_usrsctp_start { _, packet, count, _, _ in
        UsrsctpPeer.output.append([UInt8](UnsafeRawBufferPointer(start: packet, count: count)))
        return 0
    }

    private let address: UnsafeMutableRawPointer
    private var socket: OpaquePointer?
    private var listener: OpaquePointer?
    private var buffer = [UInt8](repeating: 0, count: 1 << 20)
    private var partial: [UInt8] = []
    private var now: Timestamp

    /// - Parameter packetBytes: the largest SCTP packet it sends.
    init(isServer: Bool, packetBytes: Int, at now: Timestamp) {
        Self.start
        Self.output = []
        self.now = now
        viaduct_test_set_time(now.nanoseconds / 1_000)
        address = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16)
        let socket = viaduct_usrsctp_open(address, UInt32(packetBytes))
        if isServer {
            listener = socket
            usrsctp_listen(socket, 1)
        } else {
            self.socket = socket
        }
    }

    /// Closes the sockets and lets the library forget them.
    func end() {
        if let socket { usrsctp_close(socket) }
        if let listener { usrsctp_close(listener) }
        for _ in 0..<50 { usrsctp_handle_timers(200) }
        usrsctp_deregister_address(address)
        Self.output = []
        address.deallocate()
        viaduct_test_set_time(0)
    }

    func connect() -> Bool {
        guard let socket else { return false }
        return viaduct_usrsctp_connect(socket, address)
    }

    func advance(to time: Timestamp) {
        let milliseconds = (time - now).milliseconds
        guard milliseconds > 0 else { return }
        now = now + .milliseconds(milliseconds)
        viaduct_test_set_time(now.nanoseconds / 1_000)
        usrsctp_handle_timers(UInt32(milliseconds))
    }

    func handle(_ packet: [UInt8]) {
        packet.withUnsafeBytes { usrsctp_conninput(address, $0.baseAddress, $0.count, 0) }
    }

    func pollTransmit() -> [UInt8]? {
        Self.output.isEmpty ? nil : Self.output.removeFirst()
    }

    /// Whether it took the message.
    func send(
        _ bytes: [UInt8], stream: UInt16, protocolIdentifier: UInt32, isUnordered: Bool = false,
        retransmissions: UInt32? = nil, lifetime: UInt32? = nil
    ) -> Bool {
        guard let socket else { return false }
        var how = viaduct_usrsctp_sending()
        how.stream = stream
        how.protocol_identifier = protocolIdentifier
        how.unordered = isUnordered
        if let retransmissions { (how.policy, how.value) = (UInt16(SCTP_PR_SCTP_RTX), retransmissions) }
        if let lifetime { (how.policy, how.value) = (UInt16(SCTP_PR_SCTP_TTL), lifetime) }
        return bytes.withUnsafeBytes { viaduct_usrsctp_send(socket, $0.baseAddress, $0.count, how) }
    }

    func reset(stream: UInt16) -> Bool {
        socket.map { viaduct_usrsctp_reset($0, stream) } ?? false
    }

    func shutdown() {
        if let socket { usrsctp_shutdown(socket, Int32(SHUT_WR)) }
    }

    /// Everything that it has to tell.
    func pollEvents() -> [Event] {
        var events: [Event] = []
        if socket == nil, let listener { socket = usrsctp_accept(listener, nil, nil) }
        guard let socket else { return [] }
        usrsctp_set_non_blocking(socket, 1)
        // Ends: reads what waits, and a socket that has nothing says so.
        while true {
            let reading = buffer.withUnsafeMutableBytes {
                viaduct_usrsctp_receive(socket, $0.baseAddress, $0.count)
            }
            guard reading.count > 0 else { return events }
            if reading.is_notification {
                note(reading, &events)
                continue
            }
            partial += buffer[0..<reading.count]
            guard reading.is_end else { continue }
            events.append(
                .message(stream: reading.stream, protocolIdentifier: reading.protocol_identifier, partial))
            partial = []
        }
    }

    private func note(_ reading: viaduct_usrsctp_reading, _ events: inout [Event]) {
        switch Int32(reading.type) {
        case SCTP_ASSOC_CHANGE:
            switch Int32(reading.state) {
            case SCTP_COMM_UP: events.append(.up)
            case SCTP_RESTART: events.append(.restarted)
            default: events.append(.lost)
            }
        case SCTP_STREAM_RESET_EVENT: events.append(.reset(stream: reading.stream, flags: reading.flags))
        case SCTP_SHUTDOWN_EVENT: events.append(.shutdown)
        default: break
        }
    }
}
