// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives

/// A conference of four whose members know their keys and mean harm: RTP, RTCP, checks and noise that are theirs to
/// send, through the whole hall, in receive batches as large as a worker's. The conference is made anew every five
/// hundred inputs.
@main struct FuzzConference {
    static func main() {
        fuzz { bytes, count in
            guard let conference = Stage.shared.conference() else { return 0 }
            conference.restore()
            var script = Script(input(bytes, count))
            // Keeps inputs fast that ask for many datagrams again and again.
            var datagrams = 2_000
            for _ in 0..<60 where !script.isAtEnd && datagrams > 0 {
                let member = Int(script.next() & 3)
                let kind = script.next()
                let flags = script.next()
                // One byte of input may stand for many datagrams: a batch has room for more than an input spells out.
                let times = flags & 0x80 == 0 ? 1 : min(1 + Int(script.next()), datagrams)
                datagrams -= times
                switch kind % 8 {
                case 0, 1: conference.sendRTP(script.takeSized(), flags: flags, times: times, from: member)
                case 2, 3: conference.sendRTCP(script.takeSized(), times: times, from: member)
                case 4 where flags & 2 == 2:
                    conference.sendCheck(of: member, from: Int(flags >> 2 & 3), bits: flags >> 4)
                case 4: conference.sendRaw(script.takeSized(), from: member, isStranger: flags & 1 == 1)
                case 5: conference.wait(.milliseconds(Int64(flags) * 4))
                case 6: conference.flush()
                default: conference.signal(script.take(4), flags: flags, of: member)
                }
            }
            conference.flush()
            return 0
        }
    }
}

extension Script {
    /// Bytes behind their length: below 128 in one byte, up to a datagram's in two.
    fileprivate mutating func takeSized() -> [UInt8] {
        let first = Int(next())
        return take(first < 128 ? first : min((first & 127) << 4 | Int(next() & 15), 1_480))
    }
}

/// Keeps one conference for many inputs.
final class Stage {
    nonisolated(unsafe) static let shared = Stage()
    private var uses = 0
    private var current: LiveConference?

    /// The conference to play in; `nil` when none can be made.
    func conference() -> LiveConference? {
        uses += 1
        if current == nil || uses % 500 == 0 {
            current = LiveConference()
            require(current?.isConnected == true, "the conference does not come about")
        }
        return current
    }
}
