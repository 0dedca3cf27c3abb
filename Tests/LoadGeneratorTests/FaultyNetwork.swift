// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A UDP relay on loopback between participants and a bridge that damages what the bridge sends, and knows exactly how.
///
/// Of each stream to each receiver it spares the first packets, until everybody expects everything, and the last ones.
final class FaultyNetwork: Sendable {
    enum Fault: CaseIterable, Sendable {
        /// The packet is thrown away.
        case drop
        /// It comes twice.
        case duplicate
        /// It comes after the next one.
        case delay
        /// A byte of its payload is changed.
        case alterPayload
        /// A byte of its sequence number is changed.
        case alterNumber
    }

    /// Where participants send to.
    let port: UInt16
    private let front: Int32
    private let target: sockaddr_in
    private let faults: [Fault]
    /// An RTP packet of a participant, as the bridge gets to see it.
    struct Passage: Sendable {
        var ssrc: UInt32
        var sequence: UInt16
        var timestamp: UInt32
        var payloadType: UInt8
    }

    private struct State {
        var passages: [Passage] = []
        var counts: [Fault: UInt64] = [:]
        var isOver = false
    }
    private let state = Mutex(State())
    private static let spared = 40
    private static let faultsEnd = 160

    init(target port: UInt16, faults: [Fault]) throws {
        self.faults = faults
        target = Self.loopback(port)
        let front = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = Self.loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(front, $0, size) == 0 ? getsockname(front, $0, &size) : -1
            }
        }
        guard bound == 0 else { throw CocoaError(.fileReadUnknown) }
        self.front = front
        self.port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in relay() }
    }

    func stop() { state.withLock { $0.isOver = true } }

    /// How often it did that.
    func count(_ fault: Fault) -> UInt64 { state.withLock { $0.counts[fault] ?? 0 } }

    /// What the participants have sent, in the order in which it came out of the bridge's door.
    var passages: [Passage] { state.withLock { $0.passages } }

    private struct Client {
        var address: sockaddr_in
        /// Connected to the bridge.
        var socket: Int32
        var packets: [UInt32: Int] = [:]
        var held: [UInt32: [UInt8]] = [:]
    }

    private func relay() {
        var clients: [Client] = []
        while !state.withLock({ $0.isOver }) {
            var polled = ([front] + clients.map(\.socket)).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&polled, nfds_t(polled.count), 50) > 0 else { continue }
            if polled[0].revents != 0 { forwardFromClient(&clients) }
            for index in 1..<polled.count where polled[index].revents != 0 {
                var buffer = [UInt8](repeating: 0, count: 2_048)
                let count = recv(clients[index - 1].socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                guard count > 0 else { continue }
                for datagram in damaged(Array(buffer.prefix(count)), &clients[index - 1]) {
                    deliver(datagram, to: clients[index - 1].address)
                }
            }
        }
        for descriptor in [front] + clients.map(\.socket) { close(descriptor) }
    }

    private func forwardFromClient(_ clients: inout [Client]) {
        var buffer = [UInt8](repeating: 0, count: 2_048)
        var source = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &source) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(front, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, &size)
            }
        }
        guard count > 0 else { return }
        if !clients.contains(where: { $0.address.sin_port == source.sin_port }) {
            let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            _ = withUnsafePointer(to: target) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
            }
            clients.append(Client(address: source, socket: descriptor))
        }
        note(buffer.prefix(count))
        guard let client = clients.first(where: { $0.address.sin_port == source.sin_port }) else { return }
        _ = send(client.socket, buffer, count, 0)
    }

    private func note(_ datagram: ArraySlice<UInt8>) {
        guard datagram.count > 60, datagram[0] >> 6 == 2, !(192...223).contains(datagram[1]) else { return }
        func number(_ range: Range<Int>) -> UInt32 { datagram[range].reduce(0) { $0 << 8 | UInt32($1) } }
        let passage = Passage(
            ssrc: number(8..<12), sequence: UInt16(number(2..<4)), timestamp: number(4..<8),
            payloadType: datagram[1] & 0x7F)
        state.withLock { $0.passages.append(passage) }
    }

    /// What reaches the client instead of `datagram`.
    private func damaged(_ datagram: [UInt8], _ client: inout Client) -> [[UInt8]] {
        guard datagram.count > 60, datagram[0] >> 6 == 2, !(192...223).contains(datagram[1]) else { return [datagram] }
        let ssrc = datagram[8..<12].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let number = client.packets[ssrc, default: 0]
        client.packets[ssrc] = number + 1
        if let held = client.held.removeValue(forKey: ssrc) { return [datagram, held] }
        guard number >= Self.spared, number < Self.faultsEnd, number % 10 == 5 else { return [datagram] }
        guard !faults.isEmpty else { return [datagram] }
        let fault = faults[number / 10 % faults.count]
        state.withLock { $0.counts[fault, default: 0] += 1 }
        var changed = datagram
        switch fault {
        case .drop: return []
        case .duplicate: return [datagram, datagram]
        case .delay:
            client.held[ssrc] = datagram
            return []
        case .alterPayload: changed[datagram.count - 30] ^= 1
        case .alterNumber: changed[2] ^= 0x40
        }
        return [changed]
    }

    private func deliver(_ datagram: [UInt8], to address: sockaddr_in) {
        _ = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(front, datagram, datagram.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
