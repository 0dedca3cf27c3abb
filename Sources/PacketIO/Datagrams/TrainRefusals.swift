// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// The ways on which the kernel does not cut trains: a device there cannot fill in checksums, such as that of some
/// tunnels. It is asked again from time to time, because routes change.
struct TrainRefusals: ~Copyable {
    /// A destination as seen from one of our sockets; ports do not decide the route.
    struct Way: TableKey {
        var address: TransportAddress
        var local: UInt16

        init(_ destination: Destination) {
            address = destination.remote.with(port: 0)
            local = destination.local
        }

        var tableHash: UInt64 { address.tableHash &+ UInt64(local) &* 0x9E37_79B9_7F4A_7C15 }
    }

    private var askAgain = FixedTable<Way, Timestamp>(capacity: PacketIOLimits.trainRefusals)
    private var untold: [Destination] = []

    init() {
        untold.reserveCapacity(PacketIOLimits.untoldRefusals)
    }

    /// Whether no way is known to refuse, so that nobody needs to be looked up.
    @inline(__always)
    var isEmpty: Bool { askAgain.count == 0 }

    /// Whether trains for `destination` are cut beforehand.
    func contains(_ destination: Destination, at now: Timestamp) -> Bool {
        askAgain[Way(destination)].map { now < $0 } ?? false
    }

    /// The kernel took no train for `destination`.
    mutating func insert(_ destination: Destination, at now: Timestamp) {
        let isKnown = askAgain[Way(destination)] != nil
        if !isKnown, askAgain.count == askAgain.capacity { askAgain.removeAll() }
        askAgain.insert(Way(destination), now + PacketIOLimits.trainRefusalTime)
        if !isKnown, untold.count < PacketIOLimits.untoldRefusals { untold.append(destination) }
    }

    /// The kernel took a train for `destination`.
    mutating func remove(_ destination: Destination) {
        askAgain.remove(Way(destination))
    }

    /// A way that refused for the first time and was not told yet.
    mutating func nextUntold() -> Destination? { untold.popLast() }
}
