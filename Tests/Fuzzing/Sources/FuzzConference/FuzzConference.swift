// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives

/// A conference of three whose members know their keys and mean harm: RTP, RTCP, checks and noise that are theirs to
/// send, through the whole hall. The conference is made anew every thousand inputs.
@main struct FuzzConference {
    static func main() {
        fuzz { bytes, count in
            guard let conference = Stage.shared.conference() else { return 0 }
            var script = Script(input(bytes, count))
            for _ in 0..<40 where !script.isAtEnd {
                let member = Int(script.next() % 3)
                let kind = script.next()
                let flags = script.next()
                switch kind % 6 {
                case 0, 1: conference.sendRTP(script.take(Int(script.next())), flags: flags, from: member)
                case 2, 3: conference.sendRTCP(script.take(Int(script.next())), from: member)
                case 4: conference.sendRaw(script.take(Int(script.next())), from: member, isStranger: flags & 1 == 1)
                default: conference.wait(.milliseconds(Int64(flags) * 4))
                }
            }
            return 0
        }
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
        if current == nil || uses % 1_000 == 0 {
            current = LiveConference()
            require(current?.isConnected == true, "the conference does not come about")
        }
        return current
    }
}
