// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import PacketIO
import Telemetry
import Testing

@testable import MediaPlane

@Suite("PortAccount")
struct PortAccountTests {
    @Test("what the port dropped is added to what the shard dropped for the same reason")
    func growth() {
        let counters = CounterBlock()
        var account = PortAccount()
        var io = PacketIOCounters()
        counters.add(.droppedSendBuffer, 3)
        io.droppedNoRoom = 2
        io.droppedTooLong = 1
        io.sendCalls = 9
        account.add(io, to: counters)
        io.droppedNoRoom = 5
        io.slabOverflow = 4
        account.add(io, to: counters)
        counters.add(.droppedSendBuffer)
        account.add(io, to: counters)
        #expect(counters.value(.droppedSendBuffer) == 3 + 5 + 1)
        #expect(counters.value(.droppedSendError) == 1)
        #expect(counters.value(.droppedTruncated) == 4)
        #expect(counters.value(.sendCalls) == 9)
    }
}
