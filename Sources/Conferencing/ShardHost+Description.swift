// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
public import Primitives
public import ShardMessages

// What the worker tells of itself: answers as events, and the account behind `/debug`.

extension ShardHost {
    /// Carries a request out and queues the answer as an event.
    public mutating func answer(_ request: ShardRequest, at now: Timestamp, into egress: inout EgressBatch) {
        emit(.answer(apply(request, at: now, into: &egress)))
    }

    /// Queues a readable account of every conference and endpoint, without addresses or secrets.
    public mutating func answerDescription(_ number: UInt64, at now: Timestamp) {
        var list: [JSONValue] = []
        for index in 0..<conferences.touchedCount where conferences.isLive(index) {
            list.append(describeConference(index, at: now))
        }
        let document = JSONValue.object([("conferences", .array(list)), ("flows", .integer(Int64(sorter.flows.count)))])
        emit(.description(number: number, text: document.text))
    }

    private func describeConference(_ index: Int, at now: Timestamp) -> JSONValue {
        let conference = conferences.pointer(at: index)
        var members: [JSONValue] = []
        for position in 0..<conference.pointee.members.count {
            members.append(describeEndpoint(Int(conference.pointee.members[position]), at: now))
        }
        return .object([
            ("number", .integer(Int64(clamping: conference.pointee.number.value))),
            ("name", .string(conference.pointee.name)),
            ("age_seconds", .integer(Int64((now - conference.pointee.createdAt).seconds))),
            ("endpoints", .array(members)),
        ])
    }

    private func describeEndpoint(_ index: Int, at now: Timestamp) -> JSONValue {
        let endpoint = endpoints.pointer(at: index)
        var streams: [JSONValue] = []
        for position in 0..<endpoint.pointee.streams.count {
            let stream = endpoint.pointee.streams.pointer(at: position)
            streams.append(
                .object([
                    ("ssrc", .integer(Int64(stream.pointee.ssrc))),
                    ("type", .string(stream.pointee.mediaType == .audio ? "audio" : "video")),
                    ("role", .string(String(describing: stream.pointee.role))),
                    ("packets", .integer(Int64(clamping: stream.pointee.statistics.packetsReceived))),
                ]))
        }
        let silent = endpoint.pointee.lastActivity.map { (now - $0).seconds } ?? -1
        return .object([
            ("id", .string(endpoint.pointee.id)),
            ("visitor", .bool(endpoint.pointee.isVisitor)),
            ("ice", .string(endpoint.pointee.iceState)),
            ("dtls_connected", .bool(endpoint.pointee.transport.hasKeys)),
            ("seconds_since_activity", .integer(Int64(silent))),
            ("rtt_us", .integer(endpoint.pointee.roundTrip.microseconds)),
            ("sources", .array(endpoint.pointee.sources.map { .string($0.name) })),
            ("streams", .array(streams)),
        ])
    }
}
