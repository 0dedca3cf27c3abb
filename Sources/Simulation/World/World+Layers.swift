// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages

// What scenarios do with sources of several encodings.

extension World {
    /// A new source of a client, with its streams.
    func encoder(of client: VirtualClient, _ layers: LayerSettings) -> VideoEncoder {
        var list: [VideoEncoder.Encoding] = []
        var repeats: [UInt32] = []
        let position = groups.count
        for number in 0..<layers.encodings {
            let media = source(of: client, .video)
            ledgers[media.ledger].layers = (position, number)
            let rtx = layers.hasRTX ? freeSSRC() : nil
            if let rtx { repeats.append(rtx) }
            list.append(
                VideoEncoder.Encoding(
                    ledger: media.ledger, ssrc: media.ssrc, rtxSSRC: rtx, timestampOffset: media.timestamp,
                    pictureID: UInt16(random.int(in: 0...0x7FFF)), base: UInt8(random.int(in: 0...255)),
                    rtxSequence: UInt16(random.int(in: 0...32_767))))
        }
        groups.append(
            SourceGroup(
                owner: client.index, conference: client.conference, name: "client\(client.index)-v0",
                ledgers: list.map(\.ledger), rtxSSRCs: repeats,
                heights: (0..<layers.encodings).map { 180 << Int32($0) },
                hasLongPictureIDs: layers.hasLongPictureIDs))
        return VideoEncoder(group: position, settings: layers, encodings: list, next: now)
    }

    /// An SSRC that nobody has.
    private func freeSSRC() -> UInt32 {
        let known = Set(ledgers.map(\.ssrc) + groups.flatMap(\.rtxSSRCs))
        var number = UInt32(truncatingIfNeeded: random.next() >> 32)
        while number < 16 || known.contains(number) { number = UInt32(truncatingIfNeeded: random.next() >> 32) }
        return number
    }

    /// A receiver says which pictures it wants, as over its bridge channel.
    /// - Parameters:
    ///   - others: height of the sources that are not named; 0 for none, -1 without limit.
    ///   - named: heights by name of the source.
    func prefer(_ client: VirtualClient, others: Int32, named: [String: Int32] = [:]) {
        guard client.isPresent else { return }
        var preferences = ReceiverPreferences()
        preferences.video.defaultConstraint = VideoConstraint(maxHeight: others)
        for name in named.keys.sorted() {
            preferences.video.constraints[name] = VideoConstraint(maxHeight: named[name] ?? 0)
        }
        // Where a source that was wanted is not any more, or the other way round, grace begins anew.
        client.heights = (others, named, now)
        worker.prefer(preferences, of: client.number)
        trace.note("prefer", at: now, client: client.index, UInt64(bitPattern: Int64(others)), UInt64(named.count))
        absorb()
    }

    /// An encoding of a client's source begins, or ends.
    func setEncoding(_ position: Int, of client: VirtualClient, isActive: Bool) {
        guard client.isPresent else { return }
        client.encoder?.setActive(position, isActive)
        schedule(client)
        trace.note("encoding", at: now, client: client.index, UInt64(position), isActive ? 1 : 0)
    }

    /// Everybody who wants a picture of a source with layers must have seen one just now.
    func expectViews() {
        for client in clients where client.isPresent && client.settings.isWatched && !client.estimatesNonsense {
            for (position, group) in groups.enumerated() where group.conference == client.conference {
                let owner = clients[group.owner]
                guard owner.index != client.index, owner.isPresent, ledgers[group.ledgers[0]].isSignalled,
                    !owner.settings.isVisitor, !owner.isVideoMuted, owner.encoder?.isActive == true,
                    client.wishHeight(of: position, in: self) != 0
                else { continue }
                let what = "client \(client.index) does not see"
                guard let view = client.views[position], let shown = view.shownAt,
                    now - shown <= SimulationLimits.livenessWindow
                else { return fail(.liveness, "\(what) client \(owner.index)") }
                guard BridgeTraits.allocates else { continue }
                let wanted = group.ledgers[group.encoding(for: client.wishHeight(of: position, in: self))]
                guard view.ledger == wanted else {
                    return fail(
                        .liveness,
                        "\(what) encoding \(ledgers[wanted].layers?.encoding ?? -1) of client \(owner.index), but "
                            + "\(ledgers[view.ledger].layers?.encoding ?? -1)")
                }
            }
        }
    }
}
