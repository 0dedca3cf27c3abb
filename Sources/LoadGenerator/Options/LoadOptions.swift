// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a run does; the defaults are a perfect little call of three.
public struct LoadOptions: Equatable, Sendable {
    /// How the bridge is asked to host conferences.
    public enum Door: Equatable, Sendable {
        /// `POST/PATCH /colibri/v2/conferences` under this address.
        case rest(host: String, port: UInt16)
        /// Beside the bridge in an XMPP room.
        case xmpp(XMPPDoor)
    }

    /// Where and as whom to log in.
    public struct XMPPDoor: Equatable, Sendable {
        /// The server's name or address.
        public var host: String
        /// Its client port.
        public var port: UInt16
        /// XMPP domain of the account.
        public var domain = ""
        /// Account name, without domain.
        public var user = "focus"
        /// Password of the account.
        public var password = ""
        /// The brewery, a bare JID.
        public var room = ""
        /// Our name in the room.
        public var nick = "focus"
        /// The bridge's name in the room; `nil` takes the first bridge seen.
        public var bridge: String?
        /// Whether the server's certificate is verified.
        public var verifiesCertificate = false
    }

    /// How thoroughly arrivals are checked.
    public enum Verification: String, Sendable, CaseIterable {
        /// Every packet is decrypted and its stamp and checksum compared.
        case all
        /// One packet in eight is; of the others the header is followed.
        case sample
        /// One packet in sixty-four is; of the others the header is followed.
        case headers

        /// Of so many packets one is decrypted; a power of two.
        var interval: UInt16 {
            switch self {
            case .all: 1
            case .sample: 8
            case .headers: 64
            }
        }
    }

    /// Which SRTP profile participants offer.
    public enum Profile: String, Sendable, CaseIterable {
        case gcm, cm, any
    }

    /// What carries the bridge channel.
    public enum Channel: String, Sendable, CaseIterable {
        /// A data channel over the media path: what Jicofo and lib-jitsi-meet choose by default.
        case sctp
        /// The address that the bridge names.
        case websocket
        /// There is none: nothing is asked for and nobody is told anything.
        case none
    }

    /// How the bridge is reached.
    public var door = Door.rest(host: "127.0.0.1", port: 8080)
    /// Conferences, all alike.
    public var conferences = 1
    /// Participants of each conference.
    public var participants = 3
    /// How many of them send audio: the first ones.
    public var audioSenders = 3
    /// How many of them send video: the first ones.
    public var videoSenders = 3
    /// Audio packets per second and sender: 50, 100, 200 or 400.
    public var audioRate = 50
    /// Bits per second of the audio codec.
    public var audioBitrate = 32_000
    /// Bits per second of a video stream, payload only.
    public var videoBitrate = 1_500_000
    /// Video frames per second.
    public var videoFrameRate = 30
    /// Whether video is sent as three simulcast encodings with three temporal layers each, which stop and go on as the
    /// bridge says.
    public var isSimulcast = false
    /// Whether missing packets of video are asked for and sent again, as with ``isSimulcast`` and with loss.
    public var repairs = false
    /// Percent of their media and RTCP that participants lose on purpose before sending it.
    public var lossUp = 0.0
    /// The same after receiving it.
    public var lossDown = 0.0
    /// What receivers ask for in the course of the call; `nil`: 720 lines of everybody.
    public var constraints: ConstraintScript?
    /// Percent of the time for which pictures must be of the encoding asked for.
    public var leastShare = 80.0
    /// Whether participants get each other's streams under SSRCs of which the bridge tells (media-plane.md 5.10).
    public var isRewriting = false
    /// What carries the bridge channel. SCTP unless told otherwise, as in a deployment that changed nothing.
    public var channel = Channel.sctp
    /// Endpoint messages a second that the members of a conference send to everybody, together; 0: one each.
    public var messageRate = 0
    /// Seconds that each audio sender talks, one after another; 0: all at once. `nil`: 2.5 with a channel, 0 without.
    public var turnOption: Double?
    /// Seconds of the call, from everyone being connected.
    public var durationSeconds = 10.0
    /// Participants joining per second; 0 lets them join as fast as the bridge answers.
    public var ramp = 0.0
    /// Seconds that bridge and server may take to answer, and participants to connect.
    public var joinTimeoutSeconds = 30.0
    /// Which SRTP profile is offered.
    public var profile = Profile.any
    /// How thoroughly arrivals are checked.
    public var verification = Verification.all
    /// Start of all random numbers.
    public var seed: UInt64 = 1
    /// Media threads.
    public var threads = 1
    /// Process whose processor time and memory are measured.
    public var bridgePID: Int32?
    /// File for the result as JSON.
    public var jsonPath: String?
    /// Local address to bind to; `nil` lets the route to the bridge decide.
    public var localAddress: String?
    /// Whether video frames leave as trains (UDP GSO). Off: browsers send single datagrams.
    public var usesGSO = false
    /// Whether video frames are paced over their interval, so that packets of all senders mix. Off: frames leave whole,
    /// as browsers send them.
    public var isInterleaved = false
    /// Interleaved packets leave at multiples of so many milliseconds; 0 lets each leave at its own moment.
    public var tickMilliseconds = 0
    /// Whether participants answer DTLS passively instead of actively.
    public var isPassive = false
    /// Whether the live table is left out.
    public var isQuiet = false

    /// The defaults.
    public init() {}

    /// Seconds that each audio sender talks, one after another; 0: all at once.
    public var turnSeconds: Double { turnOption ?? (channel == .none ? 0 : 2.5) }

    /// Whole turns of the call; one who is alone takes no turns.
    public var turns: Int { turnSeconds > 0 && audioSenders > 1 ? Int(durationSeconds / turnSeconds) : 0 }

    /// Whether retransmissions are signalled.
    var isRepairing: Bool { isSimulcast || repairs || isLossy }

    /// Whether anything is lost on purpose.
    var isLossy: Bool { lossUp > 0 || lossDown > 0 }

    /// Whether what comes of video is judged as a decoder would: its packets are all decrypted, and not all of them
    /// have to come.
    var judgesPictures: Bool { isSimulcast || isRepairing }

    /// Participants of all conferences.
    public var totalParticipants: Int { conferences * participants }
}
