// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages

// What `/debug` tells of speakers, and of what receivers have chosen.

extension ShardHost {
    func describeSpeech(_ conference: UnsafeMutablePointer<Conference>) -> JSONValue {
        let dominant = conference.pointee.speech.dominant.flatMap { id(ofPlace: $0, in: conference) }
        var recent: [JSONValue] = []
        for position in 0..<conference.pointee.speech.recent.count {
            id(ofPlace: conference.pointee.speech.recent[position], in: conference).map { recent.append(.string($0)) }
        }
        var order: [JSONValue] = []
        for position in 0..<min(conference.pointee.speech.order.count, ConferencingLimits.describedSpeakers) {
            id(ofPlace: conference.pointee.speech.order[position], in: conference).map { order.append(.string($0)) }
        }
        return .object([
            ("dominant", dominant.map { .string($0) } ?? .null),
            ("silent", .bool(conference.pointee.speech.isSilent)),
            ("recent", .array(recent)),
            ("order", .array(order)),
            ("deciding", .bool(conference.pointee.speech.nextDecision != nil)),
        ])
    }

    private func id(ofPlace place: UInt16, in conference: UnsafeMutablePointer<Conference>) -> String? {
        conference.pointee.member(at: Int(place)).map { endpoints.pointer(at: $0).pointee.id }
    }

    /// A member's levels and scores, as of the last decision.
    func describeSpeaker(
        _ endpoint: UnsafeMutablePointer<Endpoint>, of conference: UnsafeMutablePointer<Conference>
    ) -> JSONValue {
        guard !endpoint.pointee.isVisitor else { return .null }
        let speaker = conference.pointee.speech.activity(of: endpoint.pointee.place)
        guard speaker.isKnown else { return .null }
        return .object([
            ("min_level", .integer(Int64(speaker.minLevel))),
            ("energy", .integer(Int64(speaker.energy))),
            ("immediate", .number(SpeechScore.immediate(speaker.immediate))),
            ("medium", .number(SpeechScore.medium(speaker.medium))),
            ("long", .number(SpeechScore.long(speaker.long))),
        ])
    }

    /// What a receiver asked for, and how many sources it gets.
    func describeChoice(
        _ endpoint: UnsafeMutablePointer<Endpoint>, of conference: UnsafeMutablePointer<Conference>
    ) -> JSONValue {
        var counts = (audio: 0, video: 0)
        for slot in 0..<conference.pointee.sources.count
        where conference.pointee.interest.wants(Int(endpoint.pointee.place), source: slot) {
            if conference.pointee.sources[slot].mediaType == .audio { counts.audio += 1 } else { counts.video += 1 }
        }
        let (audio, video) = (endpoint.pointee.preferences.audio, endpoint.pointee.preferences.video)
        func names(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
        return .object([
            ("audio_sources", .integer(Int64(counts.audio))),
            ("video_sources", .integer(Int64(counts.video))),
            ("audio_slots", .integer(Int64(endpoint.pointee.rewriting.audio.mappedCount))),
            ("video_slots", .integer(Int64(endpoint.pointee.rewriting.video.mappedCount))),
            ("audio_all", .bool(audio.all)),
            ("audio_include", names(audio.include)),
            ("audio_exclude", names(audio.exclude)),
            ("last_n", .integer(Int64(video.lastN))),
            ("on_stage", names(video.onStageSources)),
            ("selected", names(video.selectedSources)),
            ("default_max_height", .integer(Int64(video.defaultConstraint.maxHeight))),
            (
                "constraints",
                .object(
                    video.constraints.sorted { $0.key < $1.key }.map { ($0.key, .integer(Int64($0.value.maxHeight))) })
            ),
            ("assumed_bandwidth", .integer(video.assumedBandwidth)),
        ])
    }
}
