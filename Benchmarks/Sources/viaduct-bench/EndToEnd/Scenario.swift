// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A call to be carried: who sends what to how many, and how.
struct Scenario {
    /// How the packets of a video frame leave.
    enum Pacing {
        /// All at once, as browsers send them.
        case whole
        /// Spread over the frame's interval, each sender's at moments of its own.
        case even
        /// Spread over the interval, all senders' at common multiples of so many milliseconds, in turn.
        case ticks(Int)
    }

    var name: String
    /// Conferences, all alike.
    var conferences = 1
    /// Participants of each.
    var participants: Int
    /// How many of them send audio.
    var audioSenders: Int
    /// How many of them send video.
    var videoSenders: Int
    /// Bits per second of each video.
    var videoBitrate = 1_500_000
    var pacing = Pacing.whole
    /// How thoroughly the generator looks at what comes.
    var verification = "sample"
    /// What carries the bridge channel. None where media alone is measured, as before there was a channel.
    var channel = "none"
    /// Endpoint messages a second to everybody.
    var messagesPerSecond = 0

    /// The calls that stand beside the floor.
    static let calls = [
        Scenario(name: "1 → 20, audio + 1.5 Mbit/s", participants: 21, audioSenders: 1, videoSenders: 1),
        Scenario(name: "1 → 100, audio + 1.5 Mbit/s", participants: 101, audioSenders: 1, videoSenders: 1),
        Scenario(name: "20 × 20, audio", participants: 20, audioSenders: 20, videoSenders: 0),
    ]
    /// Twenty who see and hear each other.
    static let twenty = Scenario(
        name: "20 × 20, audio + 1.5 Mbit/s", participants: 20, audioSenders: 20, videoSenders: 20)

    /// The same with frames that leave otherwise.
    func paced(_ pacing: Pacing, _ name: String) -> Scenario {
        var result = self
        result.pacing = pacing
        result.name = name
        return result
    }

    /// What viaduct-load is told.
    var arguments: [String] {
        var result = [
            "--conferences", "\(conferences)", "--participants", "\(participants)", "--audio-senders",
            "\(audioSenders)",
            "--video-senders", "\(videoSenders)", "--video-bitrate", "\(videoBitrate)", "--verify", verification,
            "--channel", channel, "--turn", "0", "--messages", "\(messagesPerSecond)",
        ]
        switch pacing {
        case .whole: break
        case .even: result += ["--interleave"]
        case .ticks(let milliseconds): result += ["--interleave", "--tick", "\(milliseconds)"]
        }
        return result
    }
}
