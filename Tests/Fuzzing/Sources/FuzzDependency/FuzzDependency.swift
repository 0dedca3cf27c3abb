// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives
import VideoPayload

/// AV1 dependency descriptors of one stream, read, moved along, and read again by a receiver. The input is a script: a
/// byte that places the packet, the length of its descriptor, the descriptor.
@main struct FuzzDependency {
    static func main() {
        fuzz { bytes, count in
            var script = Script(input(bytes, count))
            var sender = DependencyHistory()
            var receiver = DependencyHistory()
            var sequence: Int64 = 100
            while !script.isAtEnd {
                sequence += Int64(Int8(bitPattern: script.next()))
                let packet = script.take(Int(script.next()))
                guard
                    let descriptor = try? sender.read(packet.rawSpan, from: 0, to: packet.count, sequence: sequence)
                else { continue }
                require(descriptor.differences.count <= VideoPayloadLimits.frameDifferences, "too many references")
                let moved = FuzzDependency.rewrite(descriptor, packet)
                guard moved.count <= VideoPayloadLimits.dependencyDescriptorBytes else { continue }
                let arrived = try? receiver.read(moved.rawSpan, from: 0, to: moved.count, sequence: sequence)
                guard var arrived else {
                    require(false, "what was moved along is refused")
                    continue
                }
                require(arrived.frameNumber == descriptor.frameNumber &+ 1_000, "frame number")
                arrived.frameNumber = descriptor.frameNumber
                arrived.templateID = descriptor.templateID
                require(arrived == descriptor, "moving changed more")
            }
            return 0
        }
    }

    static func rewrite(_ descriptor: DependencyDescriptor, _ packet: [UInt8]) -> [UInt8] {
        BufferWriter.array(capacity: 300) {
            descriptor.rewrite(
                packet.rawSpan, from: 0, to: packet.count, templateDelta: 7, frameDelta: 1_000, activeTargets: nil,
                to: &$0)
        }
    }
}
