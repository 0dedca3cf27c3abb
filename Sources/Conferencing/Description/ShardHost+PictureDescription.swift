// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Forwarding
import Primitives
import ShardMessages

// What `/debug` tells of a receiver's pictures: which layer it gets of each, which it would get if its rate did not
// matter, and why it gets none (docs/allocation.md).

extension ShardHost {
    /// What a receiver may be sent, in bits per second, and what was chosen for it.
    func describePictures(
        _ endpoint: UnsafeMutablePointer<Endpoint>, of conference: UnsafeMutablePointer<Conference>, at now: Timestamp
    ) -> JSONValue {
        var pictures: [JSONValue] = []
        for position in 0..<endpoint.pointee.reception.pictures.count {
            let picture = endpoint.pointee.reception.pictures[position]
            let slot = Int(picture.slot)
            let source = conference.pointee.sources.pointer(at: slot)
            // What was decided of a source that has gone since is of no use.
            guard source.pointee.isLive, source.pointee.allocationKey(slot: slot) == picture.allocation.key else {
                continue
            }
            pictures.append(
                .object([
                    ("source", .string(source.pointee.name)),
                    ("state", .string("\(picture.allocation.state)")),
                    ("asked_height", .integer(Int64(picture.allocation.wish.maxHeight))),
                    ("layer", Self.describe(picture.allocation.target)),
                    ("ideal_layer", Self.describe(picture.allocation.ideal)),
                    ("oversent", .bool(picture.allocation.isOversent)),
                    ("sent_encoding", .integer(Int64(sentEncoding(of: slot, source, to: endpoint)))),
                ]))
        }
        let rate: JSONValue =
            switch availableRate(of: endpoint, at: now) {
            case .unlimited: .null
            case .limited(let rate): .integer(Int64(clamping: rate))
            }
        return .object([("rate_bps", rate), ("sources", .array(pictures))])
    }

    /// Which encoding a receiver is sent; -1 while it waits for a key frame or gets none.
    private func sentEncoding(
        of slot: Int, _ source: UnsafeMutablePointer<Source>, to endpoint: UnsafeMutablePointer<Endpoint>
    ) -> Int {
        guard
            let pair = endpoint.pointee.downlink.position(ofSlot: slot, generation: source.pointee.generation)
        else { return -1 }
        return endpoint.pointee.downlink.projection(at: pair).pointee.currentEncoding
    }

    private static func describe(_ layer: LayerIndex) -> JSONValue {
        guard layer.isLayer else { return .null }
        return .object([
            ("encoding", .integer(Int64(layer.encoding))), ("spatial", .integer(Int64(layer.spatial))),
            ("temporal", .integer(Int64(layer.temporal))),
        ])
    }
}
