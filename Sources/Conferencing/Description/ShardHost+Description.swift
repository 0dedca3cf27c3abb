// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import ShardMessages

/// A readable account that is being written, a piece of it each turn.
struct DescriptionProgress {
    let number: UInt64
    /// The next conference slot, and the next place in it.
    var conference = 0
    var place = 0
    /// Texts of conferences that are through, and of endpoints of the one that is not.
    var conferences: [String] = []
    var endpoints: [String] = []
    /// Requests that came meanwhile: they get the same account.
    var others: [UInt64] = []
}

// What the worker tells of itself: the account behind `/debug`.

extension ShardHost {
    /// Begins a readable account of every conference and endpoint, without addresses or secrets; it comes as an event
    /// when the turns to come have written it.
    public mutating func describe(_ number: UInt64) {
        if description == nil {
            description = DescriptionProgress(number: number)
        } else {
            description?.others.append(number)
        }
    }

    /// Whether an account is being written.
    public var isDescribing: Bool { description != nil }

    mutating func goOnDescribing(at now: Timestamp) {
        guard var progress = description else { return }
        var left = ConferencingLimits.descriptionsPerTurn
        while left > 0, progress.conference < conferences.touchedCount {
            left -= 1
            let index = progress.conference
            guard conferences.isLive(index), !conferences.pointer(at: index).pointee.isEnding else {
                progress.conference += 1
                continue
            }
            if let (place, member) = conferences.pointer(at: index).pointee.nextMember(from: progress.place) {
                progress.place = place + 1
                progress.endpoints.append(describeEndpoint(member, at: now).text)
                continue
            }
            progress.conferences.append(describeConference(index, members: progress.endpoints, at: now))
            progress.endpoints = []
            progress.place = 0
            progress.conference += 1
        }
        guard progress.conference >= conferences.touchedCount else {
            description = progress
            return
        }
        description = nil
        let text =
            "{\"conferences\":[\(progress.conferences.joined(separator: ","))],\"flows\":\(sorter.flows.count)"
            + ",\"ending_endpoints\":\(endingCount)}"
        for number in [progress.number] + progress.others { emit(.description(number: number, text: text)) }
    }

    private func describeConference(_ index: Int, members: [String], at now: Timestamp) -> String {
        let conference = conferences.pointer(at: index)
        let head = JSONValue.object([
            ("number", .integer(Int64(clamping: conference.pointee.number.value))),
            ("name", .string(conference.pointee.name)),
            ("age_seconds", .integer(Int64((now - conference.pointee.createdAt).seconds))),
            ("waiting_packets", .integer(Int64(conference.pointee.waitingCount))),
            ("speech_activity", describeSpeech(conference)),
        ]).text
        return head.dropLast() + ",\"endpoints\":[\(members.joined(separator: ","))]}"
    }

    private func describeEndpoint(_ index: Int, at now: Timestamp) -> JSONValue {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        var streams: [JSONValue] = []
        for position in 0..<endpoint.pointee.uplink.sources.count {
            let source = conference.pointee.sources.pointer(at: Int(endpoint.pointee.uplink.sources[position]))
            for number in 0..<source.pointee.encodings.count {
                let encoding = source.pointee.encodings.pointer(at: number)
                streams.append(
                    .object([
                        ("ssrc", .integer(Int64(encoding.pointee.ssrc))),
                        ("type", .string(source.pointee.mediaType == .audio ? "audio" : "video")),
                        ("encoding", .integer(Int64(number))),
                        ("forwarded", .bool(isForwarded(number, of: source))),
                        ("packets", .integer(Int64(clamping: encoding.pointee.statistics.packetsReceived))),
                    ]))
            }
        }
        let descriptions = endpoint.pointee.uplink.descriptions
        let refused = endpoint.pointee.uplink.refused.map { refusal in
            JSONValue.object([
                ("source", .string(descriptions[refusal.position].name)),
                ("reason", .string(refusal.reason.rawValue)),
            ])
        }
        let silent = endpoint.pointee.lastActivity.map { (now - $0).seconds } ?? -1
        return .object([
            ("id", .string(endpoint.pointee.id)),
            ("visitor", .bool(endpoint.pointee.isVisitor)),
            ("ice", .string(endpoint.pointee.connectionState.rawValue)),
            ("ice_restarts", .integer(Int64(endpoint.pointee.transport.restarts))),
            ("ice_restarting", .bool(endpoint.pointee.transport.coming != nil)),
            ("active", .bool(!endpoint.pointee.isSilent)),
            ("dtls_connected", .bool(endpoint.pointee.transport.hasKeys)),
            ("seconds_since_activity", .integer(Int64(silent))),
            ("rtt_us", .integer(endpoint.pointee.downlink.roundTrip.microseconds)),
            ("sources", .array(descriptions.map { .string($0.name) })),
            ("refused_sources", .array(refused)),
            ("streams", .array(streams)),
            ("pairs", .integer(Int64(endpoint.pointee.downlink.pairCount))),
            ("speech", describeSpeaker(endpoint, of: conference)),
            ("receives", describeChoice(endpoint, of: conference)),
            ("pictures", describePictures(endpoint, of: conference, at: now)),
        ])
    }

    /// Whether anybody gets an encoding or waits for it.
    private func isForwarded(_ encoding: Int, of source: UnsafeMutablePointer<Source>) -> Bool {
        source.pointee.mediaType == .audio ? encoding == 0 : source.pointee.used >> UInt8(encoding & 7) & 1 == 1
    }
}
