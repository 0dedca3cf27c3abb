// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives

/// The machine's addresses that media uses. A host has whatever addresses it has, and they come and go: what can't be
/// bound is left out and tried again, what comes later is added, what went is not offered any more.
///
/// A socket stays open when its address goes: it works again as soon as the address is back. Only when the port is full
/// does a new address take the place of the one that is gone for longest.
struct MediaAddresses {
    /// What a look at the interfaces has shown.
    enum Change {
        /// A new address is bound; the worker gets the socket under this number: the next one, or that of an address
        /// that is gone.
        case bound(UDPSocket, local: Int)
        /// An address can't be bound; told once, until it is gone or bound.
        case refused(LocalAddress, SystemError)
        /// A bound address is not on any interface any more.
        case lost(LocalAddress)
        /// It is there again.
        case returned(LocalAddress)
        /// There are so many addresses that this number of them is left out; told once.
        case tooMany(Int)
    }

    /// One of the worker's sockets.
    private struct Socket {
        var place: LocalAddress
        /// Since when its address is gone.
        var goneSince: Timestamp?
    }

    private let selection: AddressSelection
    private let options: UDPPortOptions
    /// 0 until the kernel has chosen.
    private var port: UInt16
    private var sockets: [Socket] = []
    /// Addresses that could not be bound, as far as they are told.
    private var refused: Set<LocalAddress> = []
    private var hasToldTooMany = false

    /// - Parameter port: of all addresses; 0 lets the kernel choose.
    init(_ selection: AddressSelection, port: UInt16, options: UDPPortOptions) {
        self.selection = selection
        self.port = port
        self.options = options
    }

    /// The bound addresses that the machine has, without repetition (a link-local one may be on two interfaces).
    var usable: [TransportAddress] {
        var result: [TransportAddress] = []
        for socket in sockets where socket.goneSince == nil && !result.contains(socket.place.address) {
            result.append(socket.place.address)
        }
        return result
    }

    /// Compares the machine's interfaces with what is bound.
    /// - Parameter present: all addresses of all interfaces.
    /// - Returns: what has changed, in the order in which it shall be done.
    mutating func look(at present: [InterfaceAddress], now: Timestamp) -> [Change] {
        let wanted = NetworkInterfaces.select(present, selection)
        var changes: [Change] = []
        for index in sockets.indices {
            let place = sockets[index].place
            let isThere = wanted.contains(place.with(port: 0))
            if !isThere, sockets[index].goneSince == nil {
                sockets[index].goneSince = now
                changes.append(.lost(place))
            } else if isThere, sockets[index].goneSince != nil {
                sockets[index].goneSince = nil
                changes.append(.returned(place))
            }
        }
        refused.formIntersection(wanted)
        var leftOut = 0
        for place in wanted where !sockets.contains(where: { $0.place.with(port: 0) == place }) {
            guard let slot = freeSlot() else {
                leftOut += 1
                continue
            }
            do throws(SystemError) {
                let socket = try UDPSocket(place.with(port: port), options: options)
                changes.append(.bound(socket, local: slot))
                take(socket, slot)
            } catch {
                if refused.insert(place).inserted { changes.append(.refused(place.with(port: port), error)) }
            }
        }
        if leftOut > 0, !hasToldTooMany {
            hasToldTooMany = true
            changes.append(.tooMany(leftOut))
        }
        return changes
    }

    private mutating func take(_ socket: UDPSocket, _ slot: Int) {
        port = socket.local.address.port
        refused.remove(socket.local.with(port: 0))
        if slot < sockets.count {
            sockets[slot] = Socket(place: socket.local)
        } else {
            sockets.append(Socket(place: socket.local))
        }
    }

    /// Where one more socket can go: behind the others, or in the place of the one that is gone for longest.
    private func freeSlot() -> Int? {
        if sockets.count < PacketIOLimits.localAddresses { return sockets.count }
        var found: (index: Int, since: Timestamp)?
        for (index, socket) in sockets.enumerated() {
            guard let since = socket.goneSince, since < found?.since ?? .distantFuture else { continue }
            found = (index, since)
        }
        return found?.index
    }
}
