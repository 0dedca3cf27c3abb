// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Something that happens in the world at a moment.
enum Event {
    /// A datagram reaches the bridge's socket.
    case arrival(UplinkDatagram)
    /// What the bridge sent reaches the address of a client.
    case delivery(client: Int, address: TransportAddress, DownlinkDatagram)
    /// A client's timers.
    case client(Int)
    /// A step of the scenario.
    case script(Int)
    /// The bridge's loop turns.
    case turn
}

/// What a client, or somebody else, sends to the bridge.
struct UplinkDatagram {
    /// Where it seems to come from.
    var source: TransportAddress
    var bytes: [UInt8]
    /// Which packet of which ledger it carries.
    var packet: (ledger: Int, index: Int)?
    /// It carries that packet once more, over RTX.
    var isRepeat = false
    /// Its transport-wide number, unwrapped.
    var transportNumber: Int?
    /// Sender reports in it that the ledgers know: ledger and number.
    var reports: [(ledger: Int, index: Int)] = []
    /// The network made it a second time.
    var isCopy = false
}

/// What the bridge sends to a client, as it was understood when it left.
enum DownlinkDatagram {
    /// ICE or DTLS.
    case transport([UInt8])
    /// A packet of a ledger, under the number (unwrapped) it left with.
    case media(ledger: Int, index: Int, out: Int64)
    /// A packet of a source with several encodings.
    case view(ViewPacket)
    /// Decrypted RTCP.
    case control([UInt8])
    /// Nothing that the client could open when it left.
    case unreadable
}
