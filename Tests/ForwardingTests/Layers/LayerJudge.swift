// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

@testable import Forwarding

/// A receiver that keeps what it got of a ``LayerSender`` and judges it as a decoder would.
struct LayerJudge {
    struct Got {
        var outgoing: LayerView.Outgoing
        var sent: LayerSender.Sent
        var hasMarker: Bool { outgoing.setsMarker || sent.isLast }
    }
    var got: [Got] = []

    /// What came, in the order of the receiver's numbers.
    var ordered: [Got] {
        guard let first = got.first else { return [] }
        return got.sorted {
            Int16(bitPattern: $0.outgoing.sequence &- first.outgoing.sequence)
                < Int16(bitPattern: $1.outgoing.sequence &- first.outgoing.sequence)
        }
    }

    /// Faults that are none of the network's.
    func faults(_ sender: LayerSender, isLossless: Bool) -> [String] {
        var faults: [String] = []
        let ordered = ordered
        for (one, next) in zip(ordered, ordered.dropFirst()) {
            let step = next.outgoing.sequence &- one.outgoing.sequence
            if step == 0 { faults.append("number \(one.outgoing.sequence) twice") }
            if isLossless, step != 1 { faults.append("gap of \(step - 1) behind \(one.outgoing.sequence)") }
            let (frame, other) = (sender.frames[one.sent.frame], sender.frames[next.sent.frame])
            let isSamePicture = frame.moment == other.moment && frame.encoding == other.encoding
            let time = Int32(bitPattern: next.outgoing.timestamp &- one.outgoing.timestamp)
            if isSamePicture ? time != 0 : time <= 0 || time > 90_000 * 3 {
                faults.append("time goes on by \(time) behind \(one.outgoing.sequence)")
            }
            if isSamePicture, one.hasMarker {
                faults.append("marker within picture \(frame.moment), of spatial layer \(frame.spatial)")
            }
            if isLossless, !isSamePicture, !one.hasMarker { faults.append("picture \(frame.moment) has no marker") }
        }
        return faults + (isLossless ? undecodable(sender) : [])
    }

    /// Frames that came in part, or refer to something that did not come.
    func undecodable(_ sender: LayerSender) -> [String] {
        var packets: [Int: Int] = [:]
        for one in got { packets[one.sent.frame, default: 0] += 1 }
        var faults: [String] = []
        for (place, count) in packets {
            let frame = sender.frames[place]
            let name = "frame \(frame.moment)/\(frame.spatial) (TL\(frame.temporal), encoding \(frame.encoding))"
            if count != frame.packetCount { faults.append("\(name): \(count) of \(frame.packetCount) packets") }
            for reference in frame.references where packets[reference] == nil {
                let other = sender.frames[reference]
                faults.append("\(name) lacks \(other.moment)/\(other.spatial)")
            }
        }
        return faults
    }

    /// The highest spatial and temporal layers of what came since `moment`, and how many pictures that were.
    func best(_ sender: LayerSender, since moment: Int) -> (encoding: Int8, spatial: Int, temporal: Int, pictures: Int)
    {
        let frames = got.map { sender.frames[$0.sent.frame] }.filter { $0.moment >= moment }
        return (
            frames.map(\.encoding).max() ?? -1, frames.map(\.spatial).max() ?? -1, frames.map(\.temporal).max() ?? -1,
            Set(frames.map(\.moment)).count
        )
    }
}
