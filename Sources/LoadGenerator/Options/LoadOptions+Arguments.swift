// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension LoadOptions {
    /// What the command line asks for.
    public enum Command: Equatable, Sendable {
        /// A run.
        case run(LoadOptions)
        /// The list of options.
        case help
        /// Name and version.
        case version
    }

    /// Reads a command line (without the program's name).
    public static func parse(_ arguments: [String]) throws(LoadError) -> Command {
        var reader = ArgumentReader(arguments)
        var options = LoadOptions()
        var senders: Senders = Senders()
        var xmpp = XMPPDoor(host: "", port: 5222)
        var isXMPP = false
        var isREST = false
        while let name = try reader.nextName() {
            switch name {
            case "--help", "-h": return .help
            case "--version": return .version
            case "--rest":
                let (host, port) = try hostAndPort(url: try reader.value())
                options.door = .rest(host: host, port: port)
                isREST = true
            case "--xmpp":
                (xmpp.host, xmpp.port) = try hostAndPort(try reader.value(), defaultPort: 5222)
                isXMPP = true
            default:
                if try options.takeShape(name, &reader, &senders) { continue }
                if try options.takePictures(name, &reader) { continue }
                if try options.takeMeasuring(name, &reader) { continue }
                if try xmpp.take(name, &reader) { continue }
                throw .usage("unknown option \(name)")
            }
        }
        if let stray = reader.stray { throw .usage("unexpected argument \(stray)") }
        try options.apply(senders)
        guard !isXMPP || !isREST else { throw .usage("either --rest or --xmpp") }
        guard isXMPP || xmpp == XMPPDoor(host: "", port: 5222) else { throw .usage("account and room need --xmpp") }
        if isXMPP { options.door = .xmpp(try xmpp.completed()) }
        try options.validate()
        return .run(options)
    }

    /// The options that together give the numbers of participants.
    private struct Senders {
        var participants: Int?
        var senders: Int?
        var receivers: Int?
        var audio: Int?
        var video: Int?
    }

    private mutating func apply(_ given: Senders) throws(LoadError) {
        if let senders = given.senders, let receivers = given.receivers {
            participants = given.participants ?? senders + receivers
            guard participants == senders + receivers else {
                throw .usage("--senders and --receivers do not add up to --participants")
            }
        } else {
            participants = given.participants ?? max(participants, given.senders ?? 0)
        }
        let sending = given.senders ?? given.receivers.map { participants - $0 } ?? participants
        guard sending >= 0 else { throw .usage("more receivers than participants") }
        audioSenders = given.audio ?? sending
        videoSenders = given.video ?? sending
    }

    private mutating func takeShape(
        _ name: String, _ reader: inout ArgumentReader, _ senders: inout Senders
    ) throws(LoadError) -> Bool {
        switch name {
        case "--conferences": conferences = try reader.integer(in: 1...LoadGeneratorLimits.participants)
        case "--participants": senders.participants = try reader.integer(in: 1...LoadGeneratorLimits.participants)
        case "--senders": senders.senders = try reader.integer(in: 0...LoadGeneratorLimits.participants)
        case "--receivers": senders.receivers = try reader.integer(in: 0...LoadGeneratorLimits.participants)
        case "--audio-senders", "--audio": senders.audio = try reader.integer(in: 0...LoadGeneratorLimits.participants)
        case "--video-senders", "--video": senders.video = try reader.integer(in: 0...LoadGeneratorLimits.participants)
        case "--audio-rate": audioRate = try reader.integer(in: 50...400)
        case "--audio-bitrate": audioBitrate = try reader.rate(in: 6_000...256_000)
        case "--video-bitrate": videoBitrate = try reader.rate(in: 30_000...50_000_000)
        case "--video-fps": videoFrameRate = try reader.integer(in: 1...120)
        case "--duration": durationSeconds = try reader.seconds(in: 0.1...86_400)
        case "--ramp": ramp = try reader.seconds(in: 0...10_000)
        case "--channel": channel = try reader.choice(Channel.self)
        case "--messages": messageRate = try reader.integer(in: 0...LoadGeneratorLimits.messagesPerSecond)
        case "--turn": turnOption = try reader.seconds(in: 0...60)
        case "--join-timeout": joinTimeoutSeconds = try reader.seconds(in: 1...600)
        case "--profile": profile = try reader.choice(Profile.self)
        case "--seed": seed = UInt64(try reader.integer(in: 0...Int.max))
        default: return false
        }
        return true
    }

    private mutating func takePictures(_ name: String, _ reader: inout ArgumentReader) throws(LoadError) -> Bool {
        switch name {
        case "--simulcast": isSimulcast = true
        case "--repair": repairs = true
        case "--ssrc-rewriting": isRewriting = true
        case "--loss-up": lossUp = try reader.seconds(in: 0...LoadGeneratorLimits.lossPercent)
        case "--loss-down": lossDown = try reader.seconds(in: 0...LoadGeneratorLimits.lossPercent)
        case "--constraints": constraints = try ConstraintScript(try reader.value())
        case "--least-share": leastShare = try reader.seconds(in: 0...100)
        default: return false
        }
        return true
    }

    private mutating func takeMeasuring(_ name: String, _ reader: inout ArgumentReader) throws(LoadError) -> Bool {
        switch name {
        case "--verify": verification = try reader.choice(Verification.self)
        case "--threads": threads = try reader.integer(in: 1...LoadGeneratorLimits.threads)
        case "--pid": bridgePID = Int32(try reader.integer(in: 1...Int(Int32.max)))
        case "--json": jsonPath = try reader.value()
        case "--local":
            let text = try reader.value()
            guard TransportAddress(ip: text, port: 0) != nil else { throw .usage("--local \(text) is no address") }
            localAddress = text
        case "--gso": usesGSO = true
        case "--interleave": isInterleaved = true
        case "--tick": tickMilliseconds = try reader.integer(in: 0...LoadGeneratorLimits.tickMilliseconds)
        case "--passive": isPassive = true
        case "--quiet": isQuiet = true
        default: return false
        }
        return true
    }

    private func validate() throws(LoadError) {
        guard participants <= LoadGeneratorLimits.participantsPerConference else {
            throw .usage("at most \(LoadGeneratorLimits.participantsPerConference) participants per conference")
        }
        guard totalParticipants <= LoadGeneratorLimits.participants else {
            throw .usage("at most \(LoadGeneratorLimits.participants) participants in all")
        }
        guard !usesGSO || !isInterleaved else { throw .usage("--gso sends frames as trains: not with --interleave") }
        // A speaker is noticed within a second; what comes sooner cannot be told apart.
        guard turnSeconds == 0 || turnSeconds >= 1.5 else { throw .usage("--turn is 0 or at least 1.5 seconds") }
        guard constraints == nil || channel != .none else { throw .usage("--constraints needs a --channel") }
        guard !isRewriting || channel != .none else { throw .usage("--ssrc-rewriting needs a --channel") }
        guard messageRate == 0 || channel != .none else { throw .usage("--messages needs a --channel") }
        guard isInterleaved || tickMilliseconds == 0 else { throw .usage("--tick needs --interleave") }
        guard tickMilliseconds * videoFrameRate <= 1_000 else { throw .usage("--tick is no longer than a frame") }
        guard audioSenders <= participants, videoSenders <= participants else {
            throw .usage("more senders than participants")
        }
        guard [50, 100, 200, 400].contains(audioRate) else {
            throw .usage("--audio-rate is 50, 100, 200 or 400 packets per second")
        }
    }

    private static func hostAndPort(url: String) throws(LoadError) -> (String, UInt16) {
        guard url.hasPrefix("http://") else { throw .usage("--rest wants http://HOST:PORT") }
        let rest = url.dropFirst(7).prefix { $0 != "/" }
        return try hostAndPort(String(rest), defaultPort: 80)
    }

    /// `host`, `host:port`, `[v6]:port`.
    static func hostAndPort(_ text: String, defaultPort: UInt16) throws(LoadError) -> (String, UInt16) {
        var host = Substring(text)
        var port: Substring?
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            let tail = text[text.index(after: end)...]
            guard tail.isEmpty || tail.first == ":" else { throw .usage("\(text) has no usable port") }
            if !tail.isEmpty { port = tail.dropFirst() }
        } else if text.count(where: { $0 == ":" }) > 1 {
            throw .usage("\(text): an IPv6 address stands in brackets")
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty else { throw .usage("\(text) names no host") }
        guard let port else { return (String(host), defaultPort) }
        guard let number = UInt16(port), number > 0 else { throw .usage("\(text) has no usable port") }
        return (String(host), number)
    }
}

extension LoadOptions.XMPPDoor {
    fileprivate mutating func take(_ name: String, _ reader: inout ArgumentReader) throws(LoadError) -> Bool {
        switch name {
        case "--domain": domain = try reader.value()
        case "--user": user = try reader.value()
        case "--password": password = try reader.value()
        case "--room", "--brewery": room = try reader.value()
        case "--nick": nick = try reader.value()
        case "--bridge": bridge = try reader.value()
        case "--verify-certificate": verifiesCertificate = true
        default: return false
        }
        return true
    }

    fileprivate func completed() throws(LoadError) -> Self {
        guard !domain.isEmpty else { throw .usage("--xmpp needs --domain") }
        guard !room.isEmpty else { throw .usage("--xmpp needs --room (the brewery's address)") }
        return self
    }
}

/// Walks over the arguments.
struct ArgumentReader {
    private let arguments: [String]
    private var index = 0
    private var name = ""
    private var attached: String?
    /// The first argument that is no option.
    private(set) var stray: String?

    init(_ arguments: [String]) {
        self.arguments = arguments
    }

    /// The next option, without a value written as `--name=value`.
    mutating func nextName() throws(LoadError) -> String? {
        // Whoever wanted the last one's value has taken it.
        guard attached == nil else { throw .usage("\(name) takes no value") }
        guard index < arguments.count, stray == nil else { return nil }
        let argument = arguments[index]
        index += 1
        guard argument.hasPrefix("-") else {
            stray = argument
            return nil
        }
        name = argument
        if argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") {
            name = String(argument[..<equals])
            attached = String(argument[argument.index(after: equals)...])
        }
        return name
    }

    mutating func value() throws(LoadError) -> String {
        if let given = attached {
            attached = nil
            return given
        }
        guard index < arguments.count else { throw .usage("\(name) needs a value") }
        index += 1
        return arguments[index - 1]
    }

    mutating func integer(in range: ClosedRange<Int>) throws(LoadError) -> Int {
        let text = try value()
        guard let number = Int(text), range.contains(number) else {
            throw .usage("\(name) wants a whole number from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return number
    }

    mutating func seconds(in range: ClosedRange<Double>) throws(LoadError) -> Double {
        let text = try value()
        guard let number = Double(text), range.contains(number) else {
            throw .usage("\(name) wants a number from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return number
    }

    /// Bits per second, with `k` or `M` behind the number where that is shorter.
    mutating func rate(in range: ClosedRange<Int>) throws(LoadError) -> Int {
        let text = try value()
        let factor = text.hasSuffix("M") ? 1e6 : text.hasSuffix("k") ? 1e3 : 1
        guard let number = Double(factor > 1 ? text.dropLast() : text[...]), number >= 0, number * factor < 1e12,
            range.contains(Int(number * factor))
        else {
            throw .usage("\(name) wants bits per second from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return Int(number * factor)
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ type: Choice.Type
    ) throws(LoadError) -> Choice where Choice.RawValue == String {
        let text = try value()
        guard let choice = Choice(rawValue: text) else {
            throw .usage("\(name) is one of \(Choice.allCases.map(\.rawValue).joined(separator: ", ")), not \(text)")
        }
        return choice
    }
}
