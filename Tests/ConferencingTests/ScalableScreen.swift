// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import VideoPayload

/// What a receiver was sent of a ``ScalableCamera`` on a network that loses nothing, and whether it can be shown.
struct ScalableScreen {
    /// The best of a picture that could be shown.
    struct Picture: Equatable {
        var encoding: Int
        var moment: Int
        var spatial: Int
    }

    private(set) var pictures: [Picture] = []
    private(set) var faults: [String] = []
    /// Layer frames that came whole.
    private(set) var complete: Set<ScalableCamera.Name> = []
    private var parts: [ScalableCamera.Name: Int] = [:]
    private var last: (packet: Client.Received, name: ScalableCamera.Name, id: Int, base: Int)?

    /// Takes in what came, in order.
    mutating func show(_ received: [Client.Received], of camera: ScalableCamera) {
        for packet in received {
            let tail = packet.payload.suffix(5).map { Int($0) }
            guard let descriptor = VP9Descriptor(packet.payload.rawSpan, from: 0, to: packet.payload.count),
                tail.count == 5,
                case let name = ScalableCamera.Name(
                    encoding: tail[0], moment: tail[2] << 8 | tail[3], spatial: tail[1]),
                let frame = camera.frames[name]
            else {
                faults.append("no such packet")
                continue
            }
            if let last { compare(packet, name, frame, descriptor, with: last, camera) }
            last = (packet, name, Int(descriptor.pictureID), Int(descriptor.tl0PictureIndex))
            take(name, frame, part: tail[4])
        }
    }

    private mutating func take(_ name: ScalableCamera.Name, _ frame: ScalableCamera.Frame, part: Int) {
        if parts[name, default: 0] != part { faults.append("\(name): part \(part)") }
        parts[name] = part + 1
        guard part == frame.packets - 1 else { return }
        for reference in frame.references where !complete.contains(reference) {
            faults.append("\(name) builds on \(reference), which did not come")
        }
        complete.insert(name)
        let picture = Picture(encoding: name.encoding, moment: name.moment, spatial: name.spatial)
        if let shown = pictures.last, shown.encoding == name.encoding, shown.moment == name.moment {
            pictures[pictures.count - 1] = picture
        } else {
            pictures.append(picture)
        }
    }

    private mutating func compare(
        _ packet: Client.Received, _ name: ScalableCamera.Name, _ frame: ScalableCamera.Frame,
        _ descriptor: VP9Descriptor,
        with last: (packet: Client.Received, name: ScalableCamera.Name, id: Int, base: Int), _ camera: ScalableCamera
    ) {
        if packet.sequence != last.packet.sequence &+ 1 {
            faults.append("\(name): number \(packet.sequence) behind \(last.packet.sequence)")
        }
        let isSame = name.encoding == last.name.encoding && name.moment == last.name.moment
        if isSame == last.packet.marker { faults.append("\(name): marker \(last.packet.marker) before it") }
        let step = Int32(bitPattern: packet.timestamp &- last.packet.timestamp)
        if isSame ? step != 0 : step <= 0 || step > 3_000 * 40 { faults.append("\(name): time \(step)") }
        // Within an encoding numbers stay as far apart as they are; a switch goes on with the next.
        let isSwitch = name.encoding != last.name.encoding
        let mask = camera.hasLongPictureIDs ? 0x7FFF : 0x7F
        let distance = isSwitch ? 1 : name.moment - last.name.moment
        if Int(descriptor.pictureID) != (last.id + distance) & mask {
            faults.append("\(name): picture id \(descriptor.pictureID) behind \(last.id)")
        }
        guard !camera.isFlexible, let former = camera.frames[last.name] else { return }
        let bases = isSwitch ? 1 : frame.bases - former.bases
        if Int(descriptor.tl0PictureIndex) != (last.base + bases) & 0xFF {
            faults.append("\(name): base \(descriptor.tl0PictureIndex) behind \(last.base)")
        }
    }
}
