// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import Forwarding
import Primitives
import ShardMessages
import Telemetry
import TestSupport
import Testing

@Suite("Header extensions through a shard (media-plane.md 4.3)")
struct ExtensionForwardingTests {
    @Test("receivers with abs-send-time and without transport-cc are told when each packet left, others are not")
    func sendTime() throws {
        var world = try World()
        world.createConference()
        let sendTime = HeaderExtensionMapping(id: 3, kind: .absoluteSendTime)
        expect(world.join { $0.headerExtensions.append(sendTime) })
        expect(
            world.join { media in
                media.payloadTypes[0].hasTransportCC = false
                media.headerExtensions.append(sendTime)
            })
        expect(world.join { $0.headerExtensions.append(sendTime) })
        expect(world.join { $0.payloadTypes[0].hasTransportCC = false })
        expect(world.connectAll())
        for (ssrc, type, payload) in [(1_000, 111, [1, 2]), (2_000, 100, vp8(isKeyframe: true))] {
            let packet = world.clients[0].makeRTP(
                ssrc: UInt32(ssrc), payloadType: UInt8(type), payload: payload, extensions: [(1, [9]), (3, [1, 2, 3])])
            world.send([try require(packet)], from: 0)
        }
        let value = AbsoluteSendTime(world.now).value
        let stamp = [UInt8(value >> 16), UInt8(value >> 8 & 255), UInt8(value & 255)]
        let stamped = world.clients[1].received.map(\.extensions)
        #expect(stamped == [[1: [9], 3: stamp], [1: [9], 3: stamp]])
        #expect(world.clients[1].received.last?.payload == vp8(isKeyframe: true))
        let others = [2, 3].map { index in world.clients[index].received.map { $0.extensions.keys.sorted() } }
        #expect(others == [[[1], [1]], [[1], [1]]])
    }

    @Test("a dependency descriptor crosses where the format needs it, to receivers that can take every one of them")
    func dependencyDescriptor() throws {
        var world = try World()
        world.createConference()
        let edit = { (media: inout EndpointMedia, id: UInt8, allowsMixed: Bool) in
            media.payloadTypes.append(PayloadType(number: 41, codec: .av1, clockRate: 90_000))
            media.headerExtensions.append(HeaderExtensionMapping(id: id, kind: .dependencyDescriptor))
            media.allowsMixedExtensions = allowsMixed
        }
        expect(world.join { edit(&$0, 11, true) })
        expect(world.join { edit(&$0, 12, true) })
        expect(world.join { edit(&$0, 11, false) })
        expect(world.connectAll())
        let long = [UInt8](0..<40)
        for descriptor in [long, [0, 0, 1]] {
            let packet = world.clients[0].makeRTP(
                ssrc: 2_000, payloadType: 41, payload: [0x18, 2, 3], extensions: [(11, descriptor)])
            world.send([try require(packet)], from: 0)
        }
        let opaque = world.clients[0].makeRTP(
            ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: true), extensions: [(11, long)])
        world.send([try require(opaque)], from: 0)
        let mixed = world.clients[1].received.map(\.extensions)
        #expect(mixed == [[12: long], [12: [0, 0, 1]], [:]])
        let plain = world.clients[2].received.map(\.extensions)
        #expect(plain == [[:], [:], [:]])
    }
}
