// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import VideoPayload

/// What a receiver was sent of a ``DescribedCamera`` on a network that loses nothing, and whether it can be shown.
final class DescribedScreen {
    typealias Name = ScalableCamera.Name

    private(set) var pictures: [ScalableScreen.Picture] = []
    private(set) var faults: [String] = []
    /// Layer frames that came whole.
    private(set) var complete: Set<Name> = []
    private var parts: [Name: Int] = [:]
    private var history = DependencyHistory()
    private var count: Int64 = 0
    private var last: (packet: Client.Received, name: Name, number: UInt16)?
    private let element: UInt8

    /// - Parameter element: the receiver's number of the extension.
    init(element: UInt8) { self.element = element }

    /// Takes in what came, in order.
    func show(_ received: [Client.Received], of camera: DescribedCamera) {
        for packet in received {
            let tail = packet.payload.suffix(5).map { Int($0) }
            guard tail.count == 5,
                case let name = Name(encoding: tail[0], moment: tail[2] << 8 | tail[3], spatial: tail[1]),
                let frame = camera.frames[name]
            else {
                faults.append("no such packet")
                continue
            }
            count += 1
            let bytes = packet.extensions[element] ?? []
            guard let descriptor = try? history.read(bytes.rawSpan, from: 0, to: bytes.count, sequence: count),
                descriptor.resolution == .resolved
            else {
                faults.append("\(name): unreadable")
                continue
            }
            if Int(descriptor.spatialID) != name.spatial || Int(descriptor.temporalID) != frame.temporal
                || descriptor.differences.count != frame.references.count
            {
                faults.append("\(name) reads as \(descriptor.spatialID), \(descriptor.temporalID)")
            }
            if let last { compare(packet, name, frame, descriptor.frameNumber, with: last, camera) }
            last = (packet, name, descriptor.frameNumber)
            take(name, frame, part: tail[4])
        }
    }

    private func take(_ name: Name, _ frame: DescribedCamera.Frame, part: Int) {
        if parts[name, default: 0] != part { faults.append("\(name): part \(part)") }
        parts[name] = part + 1
        guard part == frame.packets - 1 else { return }
        for reference in frame.references where !complete.contains(reference) {
            faults.append("\(name) builds on \(reference), which did not come")
        }
        complete.insert(name)
        let picture = ScalableScreen.Picture(encoding: name.encoding, moment: name.moment, spatial: name.spatial)
        if let shown = pictures.last, shown.encoding == name.encoding, shown.moment == name.moment {
            pictures[pictures.count - 1] = picture
        } else {
            pictures.append(picture)
        }
    }

    private func compare(
        _ packet: Client.Received, _ name: Name, _ frame: DescribedCamera.Frame, _ number: UInt16,
        with last: (packet: Client.Received, name: Name, number: UInt16), _ camera: DescribedCamera
    ) {
        if packet.sequence != last.packet.sequence &+ 1 {
            faults.append("\(name): number \(packet.sequence) behind \(last.packet.sequence)")
        }
        let isSame = name.encoding == last.name.encoding && name.moment == last.name.moment
        if isSame == last.packet.marker { faults.append("\(name): marker \(last.packet.marker) before it") }
        let step = Int32(bitPattern: packet.timestamp &- last.packet.timestamp)
        if isSame ? step != 0 : step <= 0 || step > 3_000 * 40 { faults.append("\(name): time \(step)") }
        let distance =
            name.encoding == last.name.encoding ? frame.number - (camera.frames[last.name]?.number ?? 0) : 1
        if number != last.number &+ UInt16(truncatingIfNeeded: distance) {
            faults.append("\(name): frame \(number) behind \(last.number)")
        }
    }
}
