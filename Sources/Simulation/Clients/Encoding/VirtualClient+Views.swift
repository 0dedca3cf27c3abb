// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import MediaTransport
import Primitives
import RTP
import ShardMessages

// What a client does about sources with several encodings that it gets.

extension VirtualClient {
    /// A packet of such a source arrived.
    func receive(_ packet: ViewPacket, in world: World) {
        let sent = world.ledgers[packet.ledger].packets[packet.index]
        views[packet.group, default: ViewReception(first: packet.out)].receive(
            packet, sent, in: world.ledgers, repeatsAfter: roundTrip, asks: settings.asksForRepeats, at: world.now)
    }

    /// When the next number is to be asked for.
    var nextNack: Timestamp {
        var next = Timestamp.distantFuture
        guard settings.asksForRepeats else { return next }
        for view in views.values { next = min(next, view.nextNack) }
        return next
    }

    /// Asks for what is missing.
    func sendNacks(in world: World) {
        guard settings.asksForRepeats, nextNack <= world.now else { return }
        let pause = max(roundTrip * 5 / 4, .milliseconds(20))
        for group in views.keys.sorted() {
            guard let due = views[group]?.takeDue(pause: pause, at: world.now), !due.isEmpty else { continue }
            ask(for: due, of: group, in: world)
        }
    }

    /// Sends a NACK for these numbers.
    func ask(for numbers: [Int64], of group: Int, in world: World) {
        let ssrc = world.ledgers[world.groups[group].ledgers[0]].ssrc
        let lost = numbers.map { UInt16(truncatingIfNeeded: $0) }
        for out in numbers { viewLaws[group]?.noteRequest(out) }
        sendControl(in: world) { writer in
            GenericNACK.write(senderSSRC: name, mediaSSRC: ssrc, lost: lost.span, to: &writer)
        }
    }

    /// The SSRC that it reports under.
    var name: UInt32 { audio?.ssrc ?? video?.ssrc ?? encoder?.encodings.first?.ssrc ?? 1 }

    /// Sources with layers whose picture stands still for want of a key frame.
    func stuckViews(in world: World) -> [UInt32] {
        var wanted: [UInt32] = []
        for group in views.keys.sorted() {
            guard let view = views[group], view.isStuck(at: world.now), wishHeight(of: group, in: world) != 0,
                world.ledgers[world.groups[group].ledgers[0]].isSignalled
            else { continue }
            if let last = view.askedAt, world.now - last < SimulationLimits.pictureRetry { continue }
            views[group]?.askedAt = world.now
            wanted.append(world.ledgers[world.groups[group].ledgers[0]].ssrc)
        }
        return wanted
    }

    /// The height that it asked for of a source; -1 without limit.
    func wishHeight(of group: Int, in world: World) -> Int32 {
        heights.named[world.groups[group].name] ?? heights.others
    }
}
