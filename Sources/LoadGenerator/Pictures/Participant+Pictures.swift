// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import Synchronization

/// Video in encodings, sent as the bridge wants it and received as a decoder would.
extension Participant {
    /// Makes the senders of our encodings, in step.
    func addVideos(_ stream: PlannedStream, _ options: LoadOptions, at now: Timestamp) {
        let interval = 1_000_000_000 / Double(options.videoFrameRate)
        let first = now + .nanoseconds(Int64(random.fraction() * interval))
        videos = VideoEncoding.all(options).map {
            VideoSender(
                planned: stream, encoding: $0, options: options, random: &random, firstFrame: first, at: now)
        }
    }

    // MARK: Judging

    /// Everybody else's video is judged from now on.
    func prepareJudges(_ options: LoadOptions, at now: Timestamp) {
        guard options.judgesPictures else { return }
        judges = (0..<conference.videoSenders).map { _ in PictureJudge() }
        if options.isRepairing { gaps = judges.map { _ in GapList() } }
        noteWishes(at: now)
    }

    /// What we ask for has changed.
    func noteWishes(at now: Timestamp) {
        for place in judges.indices where place != planned.member {
            let height = channel.map { $0.wishes.height(of: place) } ?? 720
            let isSingle = conference.streams[conference.firstVideo + place].encodings == 1
            let wanted = VideoEncoding.wanted(height: height)
            judges[place].time.want(isSingle ? wanted.map { _ in 0 } : wanted, at: now.nanoseconds)
        }
    }

    /// The measured call begins.
    func beginJudging(at now: Timestamp) {
        for place in judges.indices { judges[place].time.begin(at: now.nanoseconds) }
    }

    /// A packet of a judged video source came.
    func handlePicture(
        _ packet: UnsafeMutableRawBufferPointer, _ header: HeaderView, _ index: Int, at now: Timestamp,
        _ context: inout LoopContext
    ) {
        guard let inbound, let start = packet.baseAddress else { return }
        let length: Int
        switch inbound.unprotect(start, byteCount: packet.count) {
        case .success(let count): length = count
        case .failure(.replayed):
            trackers[index].noteRepetition()
            return
        case .failure(.refused):
            context.statistics.altered += 1
            return
        }
        let number = number(header, index, at: now)
        let isNew = trackers[index].note(header: number, stamp: number)
        if isNew { noteArrival(number, index, isRepair: false, at: now, &context) }
        let padding = header.hasPadding && length > header.byteCount ? Int(packet[length - 1]) : 0
        let end = length - padding
        guard end > header.byteCount else {
            context.statistics.paddingOnly += 1
            return
        }
        guard isNew else { return }
        let payload = UnsafeRawBufferPointer(rebasing: packet[header.byteCount..<end])
        judge(payload, header, number, index, at: now, &context)
    }

    /// Hands a packet that did not come before to its judge.
    func judge(
        _ payload: UnsafeRawBufferPointer, _ header: HeaderView, _ number: Int64, _ index: Int, at now: Timestamp,
        _ context: inout LoopContext
    ) {
        let stream = conference.streams[index]
        guard let covered = VP8Payload.descriptorBytes(of: payload),
            let stamp = PayloadStamp(payload, covered: covered)
        else {
            context.statistics.altered += 1
            return
        }
        guard let encoding = stream.encoding(of: stamp.ssrc), stamp.sender == UInt32(stream.sender) else {
            context.statistics.misdelivered += 1
            return
        }
        context.statistics.verified += 1
        guard let layers = VP8Payload.layers(of: payload) else {
            context.statistics.pictures.badDescriptors += 1
            return
        }
        context.statistics.videoTransit.note(context.arrivedAt - stamp.sentAt)
        let place = index - conference.firstVideo
        let picture = PicturePacket(
            number: number, timestamp: header.timestamp, isEnd: header.marker, layers: layers, encoding: encoding,
            stamp: stamp)
        judges[place].time.stalled = context.stalled
        judges[place].take(picture, at: context.arrivedAt, &context.statistics.pictures)
        if !gaps.isEmpty { gaps[place].settle(before: judges[place].settled, &context.statistics.repair) }
        if !trackers[index].hasKeyframe, judges[place].shown > 0 {
            trackers[index].hasKeyframe = true
            context.statistics.firstKeyframe.note((now - connectedAt).nanoseconds)
        }
    }

    /// Asks for a key frame of every video that is wanted and stands still: because none was seen yet, because decoding
    /// cannot go on without one, or because nothing became whole for a while.
    func requestMissingPictures(at now: Timestamp, _ context: inout LoopContext) {
        pictureRequestDue = context.isSending ? now + LoadGeneratorLimits.pictureRequestInterval : nil
        for place in judges.indices where place != planned.member && judges[place].time.wanted >= 0 {
            let stream = conference.streams[conference.firstVideo + place]
            guard stream.sent.load(ordering: .relaxed) > 0,
                let ssrc = slots.ssrc(of: conference.firstVideo + place)
            else { continue }
            let waitingSince = judges[place].waitingSince
            let isStuck =
                waitingSince >= 0 && now.nanoseconds - waitingSince > LoadGeneratorLimits.pictureTimeout.nanoseconds
            guard judges[place].needsKeyframe || isStuck else { continue }
            sendRTCP(Reports.pictureLoss(from: ownSSRC, about: ssrc), &context)
        }
    }

    /// Adds what was shown until `end`, in nanoseconds.
    func countPictures(until end: Int64, into result: inout LoopStatistics) {
        guard !judges.isEmpty else { return }
        var receiver = PictureStatistics.Receiver(number: planned.number, endpoint: planned.endpoint)
        for place in gaps.indices { result.repair.outstanding += UInt64(gaps[place].count) }
        for place in judges.indices where place != planned.member {
            let index = conference.firstVideo + place
            var time = judges[place].time
            time.end(at: end)
            result.streams += 1
            result.duplicates += trackers[index].duplicates
            result.reordered += trackers[index].reordered
            guard time.watched > 0 else { continue }
            if judges[place].shown == 0 { result.silentStreams += 1 }
            result.pictures.pairs += 1
            result.pictures.freezes += time.freezes
            result.pictures.longestGap = max(result.pictures.longestGap, time.longestGap)
            result.pictures.watched += time.watched
            result.pictures.atLayer += time.atLayer
            let heights = conference.streams[index].encodings == 1 ? [720] : VideoEncoding.heights
            receiver.sources.append(
                PictureStatistics.Source(
                    name: conference.videoSource(of: place), longestGap: time.longestGap, freezes: time.freezes,
                    watched: time.watched, atLayer: time.atLayer, shown: judges[place].shown,
                    height: time.current < 0 ? 0 : heights[time.current]))
        }
        result.pictures.receivers.append(receiver)
    }
}

extension [VideoSender] {
    /// The bridge says how high our video may be: encodings above that stop, all of them at 0, and what goes on begins
    /// anew with key frames, as browsers do it (media-plane.md 9.6).
    mutating func limit(height: Int64) {
        var hasStarted = false
        for index in indices {
            let isLowEnough = index == 0 || Int64(self[index].encoding.height) <= height
            let isWanted = height < 0 || (height > 0 && isLowEnough)
            if isWanted, !self[index].isActive { hasStarted = true }
            self[index].setActive(isWanted)
        }
        guard hasStarted else { return }
        for index in indices { self[index].requestKeyframe() }
    }
}
