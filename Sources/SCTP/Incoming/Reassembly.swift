// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Makes messages of fragments and puts ordered ones in order.
///
/// A fragment in its turn is appended to its message at once; runs of fragments that came early lie in a sorted list
/// until the gap before them closes. What waits is charged by bytes and by piece.
struct Reassembly {
    /// Bytes and overhead of everything that waits.
    private(set) var charged = 0
    /// Refusals since the owner took them over.
    var brokenFragments: UInt64 = 0
    var oversizedMessages: UInt64 = 0

    private let largestMessage: Int
    /// Incomplete messages, by TSN.
    private var segments: [Segment] = []
    /// Complete ordered messages whose predecessor is missing, by stream and number.
    private var early: [Segment] = []
    /// Streams that were used, by number.
    private var streams: [IncomingStream] = []
    /// Messages whose turn it is.
    private var ready: [ReceivedMessage] = []
    private var readyIndex = 0

    init(largestMessage: Int) {
        self.largestMessage = largestMessage
    }

    /// Whether one more piece can be kept.
    var hasRoom: Bool { segments.count + early.count < SCTPLimits.segments }

    /// Takes the next message out.
    mutating func pollMessage() -> ReceivedMessage? {
        guard readyIndex < ready.count else { return nil }
        var message = ReceivedMessage(stream: 0, protocolIdentifier: 0, bytes: [])
        swap(&message, &ready[readyIndex])
        readyIndex += 1
        if readyIndex == ready.count {
            ready = []
            readyIndex = 0
        }
        return message
    }

    /// Takes a chunk in that was not here before. `cumulative`: all up to there is known, this chunk included when it
    /// is not beyond.
    mutating func insert(_ chunk: DataChunk, _ payload: RawSpan, cumulative: UInt64) {
        let index = firstSegment(endingAtOrAfter: chunk.tsn)
        let hasPredecessor = index > 0 && segments[index - 1].lastTSN + 1 == chunk.tsn && !segments[index - 1].hasEnding
        var hasSuccessor =
            index < segments.count && segments[index].firstTSN == chunk.tsn + 1 && !segments[index].hasBeginning
        if hasSuccessor, chunk.flags.contains(.ending) || !segments[index].belongsWith(chunk) {
            discard(at: index)
            hasSuccessor = false
        }
        if chunk.flags.isSuperset(of: [.beginning, .ending]) {
            if hasPredecessor { discard(at: index - 1) }
            return complete(Segment(chunk, bytes: payload.toArray()))
        }
        if chunk.flags.contains(.beginning) {
            // Whatever came before can never end now.
            let position = hasPredecessor ? index - 1 : index
            if hasPredecessor { discard(at: index - 1) }
            insert(Segment(chunk, bytes: payload.toArray()), at: position)
            return joinSuccessor(of: position, hasSuccessor)
        }
        if hasPredecessor {
            guard segments[index - 1].belongsWith(chunk) else {
                brokenFragments &+= 1
                return
            }
            append(chunk, payload, to: index - 1)
            return joinSuccessor(of: index - 1, hasSuccessor)
        }
        // All before it is known and none of it is this message's beginning: given up by the peer, or never there.
        if chunk.tsn <= cumulative || index > 0 && segments[index - 1].lastTSN + 1 == chunk.tsn {
            brokenFragments &+= 1
            return
        }
        insert(Segment(chunk, bytes: payload.toArray()), at: index)
        joinSuccessor(of: index, hasSuccessor)
    }

    private mutating func append(_ chunk: DataChunk, _ payload: RawSpan, to index: Int) {
        charged -= segments[index].charge
        segments[index].lastTSN = chunk.tsn
        segments[index].hasEnding = chunk.flags.contains(.ending)
        if !segments[index].isOversized {
            let offset = segments[index].bytes.count
            if offset + payload.byteCount > largestMessage {
                tooLarge(index)
            } else {
                unsafe payload.withUnsafeBytes { unsafe segments[index].bytes.append(contentsOf: $0) }
            }
        }
        charged += segments[index].charge
    }

    private mutating func tooLarge(_ index: Int) {
        guard !segments[index].isOversized else { return }
        oversizedMessages &+= 1
        segments[index].isOversized = true
        segments[index].bytes = []
    }

    private mutating func insert(_ segment: Segment, at index: Int) {
        charged += segment.charge
        segments.insert(segment, at: index)
    }

    private mutating func discard(at index: Int) {
        brokenFragments &+= 1
        charged -= segments[index].charge
        segments.remove(at: index)
    }

    /// Makes one of the segments at `index` and after it, where they touch, and takes out what is complete.
    private mutating func joinSuccessor(of index: Int, _ touches: Bool) {
        if touches, index + 1 < segments.count {
            let next = segments.remove(at: index + 1)
            charged -= next.charge + segments[index].charge
            segments[index].lastTSN = next.lastTSN
            segments[index].hasEnding = next.hasEnding
            if next.isOversized || segments[index].bytes.count + next.bytes.count > largestMessage {
                tooLarge(index)
            } else if !segments[index].isOversized {
                segments[index].bytes += next.bytes
            }
            charged += segments[index].charge
        }
        guard segments[index].isComplete else { return }
        let segment = segments.remove(at: index)
        charged -= segment.charge
        if segments.isEmpty { segments = [] }
        complete(segment)
    }

    // MARK: order

    private mutating func complete(_ segment: Segment) {
        if segment.isUnordered { return deliver(segment) }
        let stream = streamIndex(segment.stream)
        let distance = Int16(bitPattern: segment.ssn &- streams[stream].nextSSN)
        if distance == 0 {
            streams[stream].nextSSN &+= 1
            deliver(segment)
            if !early.isEmpty { deliverEarly(of: stream) }
        } else if distance < 0 {
            // Its number was used or given up before.
            brokenFragments &+= 1
        } else {
            let index = firstEarly(atOrAfter: segment.place)
            guard index == early.count || early[index].place != segment.place else {
                brokenFragments &+= 1
                return
            }
            charged += segment.charge
            early.insert(segment, at: index)
        }
    }

    private mutating func deliver(_ segment: Segment) {
        guard !segment.isOversized, segment.bytes.count <= largestMessage else {
            if !segment.isOversized { oversizedMessages &+= 1 }
            return
        }
        ready.append(
            ReceivedMessage(
                stream: segment.stream, protocolIdentifier: segment.protocolIdentifier, bytes: segment.bytes))
    }

    /// Delivers the messages of a stream whose turn has come.
    private mutating func deliverEarly(of stream: Int) {
        // Ends: each turn takes at least one message out; a second one is needed only where numbers wrap.
        while true {
            let place = UInt32(streams[stream].number) << 16 | UInt32(streams[stream].nextSSN)
            let first = firstEarly(atOrAfter: place)
            var end = first
            while end < early.count, early[end].stream == streams[stream].number,
                early[end].ssn == streams[stream].nextSSN
            {
                charged -= early[end].charge
                deliver(early[end])
                streams[stream].nextSSN &+= 1
                end += 1
            }
            if end == first { return }
            early.removeSubrange(first..<end)
            if early.isEmpty { early = [] }
        }
    }

    private mutating func streamIndex(_ number: UInt16) -> Int {
        let index = streams.firstIndex(notBefore: { $0.number < number })
        if index == streams.count || streams[index].number != number {
            streams.insert(IncomingStream(number: number), at: index)
        }
        return index
    }

    private func firstEarly(atOrAfter place: UInt32) -> Int {
        early.firstIndex(notBefore: { $0.place < place })
    }

    private func firstSegment(endingAtOrAfter tsn: UInt64) -> Int {
        segments.firstIndex(notBefore: { $0.lastTSN < tsn })
    }

    // MARK: what the peer gives up or begins anew

    /// Forgets fragments up to `tsn` (RFC 3758 §3.6).
    mutating func forget(upTo tsn: UInt64) {
        var end = 0
        while end < segments.count, segments[end].firstTSN <= tsn {
            charged -= segments[end].charge
            end += 1
        }
        segments.removeSubrange(0..<end)
        if segments.isEmpty { segments = [] }
    }

    /// The messages of a stream up to number `ssn` that are not here will not come.
    mutating func skip(stream number: UInt16, through ssn: UInt16) {
        let stream = streamIndex(number)
        guard Int16(bitPattern: ssn &- streams[stream].nextSSN) >= 0 else { return }
        // Ends: the distance is less than half the numbers, and each turn jumps to the next message that is here.
        var here: [UInt16] = []
        var index = firstEarly(atOrAfter: UInt32(number) << 16)
        while index < early.count, early[index].stream == number {
            let distance = early[index].ssn &- streams[stream].nextSSN
            if distance <= ssn &- streams[stream].nextSSN { here.append(early[index].ssn) }
            index += 1
        }
        let start = streams[stream].nextSSN
        here.sort { $0 &- start < $1 &- start }
        for present in here {
            let index = firstEarly(atOrAfter: UInt32(number) << 16 | UInt32(present))
            let segment = early.remove(at: index)
            charged -= segment.charge
            deliver(segment)
        }
        streams[stream].nextSSN = ssn &+ 1
        deliverEarly(of: stream)
    }

    /// The numbers of these streams begin at 0 again; of all when there is none (RFC 6525 §5.2.2).
    mutating func reset(_ numbers: [UInt16]) {
        for index in streams.indices where numbers.isEmpty || numbers.contains(streams[index].number) {
            streams[index].nextSSN = 0
        }
    }
}
