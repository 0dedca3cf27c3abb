// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives
internal import Synchronization

extension Participant {
    /// Sends the audio packet and what is due of the video frame.
    func sendMedia(at now: Timestamp, _ context: inout LoopContext) {
        guard context.isSending, let destination, let outbound else {
            audio?.due = now + .seconds(1 as Int64)
            for index in videos.indices { videos[index].due = now + .seconds(1 as Int64) }
            return
        }
        if let due = audio?.due, due <= now {
            context.statistics.lag.note((now - due).nanoseconds)
            sendAudio(destination, outbound, at: now, &context)
        }
        for index in videos.indices where videos[index].due <= now {
            context.statistics.lag.note((now - videos[index].due).nanoseconds)
            sendFrame(index, destination, outbound, at: now, &context)
        }
        if context.batch.batch.messageCount > 0 { port.flush(&context.batch.batch) }
    }

    private func sendAudio(
        _ destination: Destination, _ outbound: SRTPContext, at now: Timestamp, _ context: inout LoopContext
    ) {
        guard let slot = context.batch.batch.reserve() else { return }
        let level = context.script.level(of: planned.member, of: conference.speakers, at: now)
        guard let length = audio?.write(to: slot, transportWide: transportWide, level: level, at: now) else { return }
        transportWide &+= 1
        let isSent = commit(length, slot, destination, outbound, &context)
        guard let audio else { return }
        if !isSent { audio.planned.dropped.add(1, ordering: .relaxed) }
        audio.planned.sent.store(audio.stream.stampSequence, ordering: .releasing)
        self.audio?.due = audio.due.following(audio.interval, now)
    }

    /// Sends what is due of the encoding at `index`.
    private func sendFrame(
        _ index: Int, _ destination: Destination, _ outbound: SRTPContext, at now: Timestamp,
        _ context: inout LoopContext
    ) {
        _ = videos[index].beginFrame(at: now)
        // Ends: a frame has a last packet.
        while videos[index].hasPacket(at: now) {
            if !context.batch.batch.hasRoom(datagrams: 1) { port.flush(&context.batch.batch) }
            guard let slot = context.batch.batch.reserve() else { return }
            let length = videos[index].writePacket(to: slot, transportWide: transportWide, at: now)
            transportWide &+= 1
            commit(length, slot, destination, outbound, &context)
            if videos[index].yields(at: now) { break }
        }
        let sent = videos.reduce(UInt32(0)) { $0 &+ $1.stream.stampSequence }
        videos[index].planned.sent.store(sent, ordering: .releasing)
    }

    /// Encrypts a packet and puts it into the batch, unless it is lost on purpose.
    @discardableResult
    func commit(
        _ length: Int, _ slot: UnsafeMutableRawBufferPointer, _ destination: Destination, _ outbound: SRTPContext,
        _ context: inout LoopContext
    ) -> Bool {
        guard let start = slot.baseAddress, let protected = outbound.protect(start, byteCount: length) else {
            context.statistics.sendDrops += 1
            return false
        }
        guard !lossUp.drops() else {
            context.statistics.repair.droppedUp += 1
            return false
        }
        context.batch.batch.commit(protected, to: destination)
        context.statistics.sent += 1
        context.statistics.sentBytes += UInt64(protected)
        return true
    }

    /// Sends the reports, requests and feedback that are due.
    func sendReports(at now: Timestamp, _ context: inout LoopContext) {
        if let due = audio?.stream.reportDue, due <= now, let stream = audio?.stream {
            if stream.stampSequence > 0 { sendRTCP(Reports.sender(stream, cname: cname, at: now), &context) }
            audio?.stream.reportDue = now + .seconds(1 as Int64)
        }
        for index in videos.indices where videos[index].stream.reportDue <= now {
            let stream = videos[index].stream
            if stream.stampSequence > 0, videos[index].isActive {
                sendRTCP(Reports.sender(stream, cname: cname, at: now), &context)
            }
            videos[index].stream.reportDue = now + .seconds(1 as Int64)
        }
        if let due = receiverReportDue, due <= now {
            receiverReportDue = now + .seconds(1 as Int64)
            sendReceiverReports(at: now, &context)
        }
        if let due = pictureRequestDue, due <= now { requestPictures(at: now, &context) }
        if let due = feedbackDue, due <= now { sendFeedback(&context) }
        if let due = repairDue, due <= now { askForMissing(at: now, &context) }
    }

    /// Our SSRC in RTCP; those who send nothing use 1, as Chromium does.
    var ownSSRC: UInt32 { audio?.stream.ssrc ?? videos.first?.stream.ssrc ?? 1 }

    private func sendReceiverReports(at now: Timestamp, _ context: inout LoopContext) {
        var blocks: [Reports.Block] = []
        for index in conference.streams.indices where trackers[index].report.isFresh {
            guard let ssrc = slots.ssrc(of: index) else { continue }
            let loss = trackers[index].report.takeLoss()
            let report = trackers[index].report
            let delay = report.lastSenderReport == 0 ? 0 : (now - report.lastSenderReportAt).seconds * 65_536
            blocks.append(
                Reports.Block(
                    ssrc: ssrc, fraction: loss.fraction, lost: loss.cumulative,
                    highest: UInt32(truncatingIfNeeded: report.highestNumber), jitter: report.jitterUnits,
                    lastReport: report.lastSenderReport, delay: UInt32(min(max(delay, 0), 4e9))))
            if blocks.count == LoadGeneratorLimits.reportBlocks {
                sendRTCP(Reports.receiver(blocks, from: ownSSRC, cname: cname), &context)
                blocks = []
            }
        }
        if !blocks.isEmpty { sendRTCP(Reports.receiver(blocks, from: ownSSRC, cname: cname), &context) }
    }

    /// Asks for a key frame of every video that has begun and never showed one; again every half second.
    private func requestPictures(at now: Timestamp, _ context: inout LoopContext) {
        if context.options.judgesPictures {
            requestMissingPictures(at: now, &context)
            return
        }
        var isWaiting = false
        for (index, stream) in conference.streams.enumerated()
        where stream.isVideo && stream.sender != planned.number && !trackers[index].hasKeyframe {
            isWaiting = true
            guard stream.sent.load(ordering: .relaxed) > 0, let ssrc = slots.ssrc(of: index) else { continue }
            sendRTCP(Reports.pictureLoss(from: ownSSRC, about: ssrc), &context)
        }
        pictureRequestDue = isWaiting && context.isSending ? now + .milliseconds(500) : nil
    }

    /// Sends transport-wide feedback about what came since the last.
    func sendFeedback(_ context: inout LoopContext) {
        feedbackDue = nil
        while let feedback = recorder.takeFeedback(senderSSRC: ownSSRC, mediaSSRC: feedbackMedia) {
            sendRTCP(feedback, &context)
        }
    }

    /// Encrypts and sends one RTCP datagram.
    func sendRTCP(_ bytes: [UInt8], _ context: inout LoopContext) {
        guard let destination, let outbound, let slot = context.batch.batch.reserve(), let start = slot.baseAddress,
            bytes.count + SRTPContext.overheadBytes <= slot.count
        else { return }
        slot.copyBytes(from: bytes)
        guard let length = outbound.protectRTCP(start, byteCount: bytes.count) else { return }
        guard !lossUp.drops() else {
            context.statistics.repair.droppedUp += 1
            return
        }
        context.batch.batch.commit(length, to: destination)
        port.flush(&context.batch.batch)
    }
}
