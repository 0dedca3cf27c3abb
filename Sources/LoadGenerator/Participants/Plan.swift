// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
internal import Primitives
internal import Synchronization

/// A stream that a participant sends, known to everybody in its conference from the start.
final class PlannedStream: Sendable {
    let ssrc: UInt32
    let isVideo: Bool
    /// Number of the sending participant, over all conferences.
    let sender: Int
    /// Its encodings, each with an SSRC: three where there is simulcast.
    let encodings: Int
    /// Whether each encoding has a second SSRC for retransmissions (RFC 4588).
    let hasRepair: Bool
    /// Packets sent so far, of all encodings: with one of them the next packet has this stamp number.
    let sent = Atomic<UInt32>(0)
    /// Of those, packets that the sender lost on purpose.
    let dropped = Atomic<UInt32>(0)

    init(ssrc: UInt32, isVideo: Bool, sender: Int, encodings: Int = 1, hasRepair: Bool = false) {
        self.ssrc = ssrc
        self.isVideo = isVideo
        self.sender = sender
        self.encodings = encodings
        self.hasRepair = hasRepair
    }

    /// The SSRC of an encoding; that of the first is the stream's own.
    func ssrc(ofEncoding number: Int) -> UInt32 { ssrc | UInt32(number) << Plan.encodingShift }

    /// The SSRC of an encoding's retransmissions.
    func repairSSRC(ofEncoding number: Int) -> UInt32 { ssrc(ofEncoding: number) | Plan.repairBit }

    /// Which encoding has this SSRC.
    func encoding(of ssrc: UInt32) -> Int? {
        guard encodings > 1 else { return ssrc == self.ssrc ? 0 : nil }
        let number = Int(ssrc >> Plan.encodingShift & 3)
        return number < encodings && self.ssrc(ofEncoding: number) == ssrc ? number : nil
    }
}

/// Somebody in a conference, as the others know it.
final class PlannedMember: Sendable {
    let endpoint: String
    /// Endpoint messages that it has sent to everybody.
    let sentToAll = Atomic<UInt32>(0)
    /// Whether it has sent the one to the next in line.
    let hasSentToOne = Atomic<Bool>(false)
    /// EndpointStats sent.
    let statsSent = Atomic<UInt32>(0)

    init(endpoint: String) {
        self.endpoint = endpoint
    }
}

/// A conference: its names, who is in it and who sends what.
final class PlannedConference: Sendable {
    let meeting: String
    let name: String
    /// The place in this list is the low part of the stream's SSRC.
    let streams: [PlannedStream]
    let members: [PlannedMember]
    /// How many of the members send audio: the first ones.
    let speakers: Int
    /// How many of the members send video: the first ones. Their streams are the last ones.
    let videoSenders: Int
    private let places: [String: Int]

    init(
        meeting: String, name: String, streams: [PlannedStream], endpoints: [String] = [], speakers: Int = 0,
        videoSenders: Int = 0
    ) {
        self.videoSenders = videoSenders
        self.meeting = meeting
        self.name = name
        self.streams = streams
        members = endpoints.map { PlannedMember(endpoint: $0) }
        self.speakers = speakers
        places = Dictionary(endpoints.enumerated().map { ($0.element, $0.offset) }) { first, _ in first }
    }

    /// The place of an endpoint among the members.
    func place(of endpoint: String) -> Int? { places[endpoint] }

    /// Where in ``streams`` those of video begin.
    var firstVideo: Int { streams.count - videoSenders }

    /// The name of the video source of the member at `place`.
    func videoSource(of place: Int) -> String { "\(members[place].endpoint)-v0" }

    /// The stream whose retransmissions an incoming SSRC carries.
    @inline(__always)
    func index(ofRepair ssrc: UInt32) -> Int? {
        let index = Int(ssrc & Plan.streamMask)
        guard index < streams.count, streams[index].hasRepair, streams[index].repairSSRC(ofEncoding: 0) == ssrc
        else { return nil }
        return index
    }

    /// The stream an incoming SSRC belongs to.
    @inline(__always)
    func index(of ssrc: UInt32) -> Int? {
        let index = Int(ssrc & Plan.streamMask)
        guard index < streams.count, streams[index].ssrc == ssrc else { return nil }
        return index
    }
}

/// A participant: who it is and which streams it sends.
struct PlannedParticipant: Sendable {
    /// Number over all conferences.
    let number: Int
    /// Its place among the members of the conference.
    let member: Int
    let endpoint: String
    let conference: PlannedConference
    /// Index of its audio stream in the conference's list.
    let audio: Int?
    /// Index of its video stream in the conference's list.
    let video: Int?

    /// The sources it signals.
    var sources: [SignalledSource] {
        var result: [SignalledSource] = []
        if let audio {
            result.append(
                SignalledSource(name: "\(endpoint)-a0", isVideo: false, ssrc: conference.streams[audio].ssrc))
        }
        if let video {
            let stream = conference.streams[video]
            let numbers = Array(0..<stream.encodings)
            result.append(
                SignalledSource(
                    name: "\(endpoint)-v0", isVideo: true, ssrc: stream.ssrc,
                    encodings: numbers.map { stream.ssrc(ofEncoding: $0) },
                    repairs: stream.hasRepair ? numbers.map { stream.repairSSRC(ofEncoding: $0) } : []))
        }
        return result
    }
}

/// Everybody in every conference. All but the conferences' keys comes from the options and the seed alone: those are
/// new in each run, because the bridge may still hold the conferences of the last one.
struct Plan: Sendable {
    /// The part of an SSRC that numbers the streams of a conference.
    static let streamMask: UInt32 = 0xFFF
    /// Where in an SSRC the number of the encoding stands, in two bits.
    static let encodingShift: UInt32 = 13
    /// The bit that tells the SSRC of retransmissions from that of the encoding.
    static let repairBit: UInt32 = 0x8000

    let participants: [PlannedParticipant]

    init(_ options: LoadOptions) {
        var random = Random(seed: options.seed)
        var participants: [PlannedParticipant] = []
        for conference in 0..<options.conferences {
            // The bits below are those of stream, encoding and retransmission.
            let low = options.isSimulcast || options.isRepairing ? 0xFFFF : Self.streamMask
            let high = UInt32(truncatingIfNeeded: random.next()) & ~low | 0x1000
            let first = participants.count
            var streams: [PlannedStream] = []
            func add(_ isVideo: Bool, _ member: Int) -> Int {
                streams.append(
                    PlannedStream(
                        ssrc: high | UInt32(streams.count), isVideo: isVideo, sender: first + member,
                        encodings: isVideo && options.isSimulcast ? VideoEncoding.heights.count : 1,
                        hasRepair: isVideo && options.isRepairing))
                return streams.count - 1
            }
            let audio = (0..<options.participants).map { $0 < options.audioSenders ? add(false, $0) : nil }
            let video = (0..<options.participants).map { $0 < options.videoSenders ? add(true, $0) : nil }
            let endpoints = (0..<options.participants).map {
                Self.hex(UInt64(first + $0) | random.next() << 16, 8)
            }
            let planned = PlannedConference(
                meeting: Self.meeting(), name: "load-\(options.seed)-\(conference)@conference.load.invalid",
                streams: streams, endpoints: endpoints, speakers: options.audioSenders,
                videoSenders: options.videoSenders)
            for member in 0..<options.participants {
                participants.append(
                    PlannedParticipant(
                        number: first + member, member: member, endpoint: endpoints[member], conference: planned,
                        audio: audio[member], video: video[member]))
            }
        }
        self.participants = participants
    }

    /// A random UUID (RFC 9562 5.4).
    private static func meeting() -> String {
        let digits = Array(hex(SecureRandom.uint64(), 16) + hex(SecureRandom.uint64(), 16))
        func part(_ range: Range<Int>) -> String { String(digits[range]) }
        return "\(part(0..<8))-\(part(8..<12))-4\(part(13..<16))-a\(part(17..<20))-\(part(20..<32))"
    }

    private static func hex(_ value: UInt64, _ digits: Int) -> String {
        let text = String(value, radix: 16)
        return String((String(repeating: "0", count: 16) + text).suffix(digits))
    }
}
