// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import MediaTransport
import Primitives
import TestSupport
import Testing

@Suite("DatagramClass")
struct DatagramClassTests {
    @Test(
        "the first byte tells what a datagram is (RFC 7983), the second RTP from RTCP (RFC 5761)",
        arguments: [
            ([0, 1], DatagramClass.stun), ([3, 0], .stun), ([4, 0], .unknown), ([19, 0], .unknown), ([20, 0], .dtls),
            ([63, 0], .dtls), ([64, 0], .turnChannel), ([79, 0], .turnChannel), ([80, 0], .unknown),
            ([127, 0], .unknown), ([192, 0], .unknown), ([255, 200], .unknown),
        ] as [([UInt8], DatagramClass)])
    func firstByte(start: [UInt8], expected: DatagramClass) {
        let bytes = start + [UInt8](repeating: 0, count: 30)
        #expect(DatagramClass(bytes.rawSpan) == expected)
    }

    @Test(
        "payload types 192 to 223 are RTCP",
        arguments: [(191, DatagramClass.rtp), (192, .rtcp), (200, .rtcp), (223, .rtcp), (224, .rtp), (111, .rtp)]
            as [(UInt8, DatagramClass)])
    func secondByte(second: UInt8, expected: DatagramClass) {
        let bytes = [128, second] + [UInt8](repeating: 0, count: 30)
        #expect(DatagramClass(bytes.rawSpan) == expected)
    }

    @Test("what is too short to be anything is unknown")
    func tooShort() {
        for (bytes, expected) in [
            ([], DatagramClass.unknown), ([128], .unknown), ([128, 96] + [UInt8](repeating: 0, count: 9), .unknown),
            ([128, 96] + [UInt8](repeating: 0, count: 10), .rtp), ([128, 200, 0, 0, 0, 0, 0], .unknown),
            ([128, 200, 0, 0, 0, 0, 0, 0], .rtcp),
        ] as [([UInt8], DatagramClass)] {
            #expect(DatagramClass(bytes.rawSpan) == expected)
        }
    }
}
