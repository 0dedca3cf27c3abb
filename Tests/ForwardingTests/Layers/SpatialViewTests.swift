// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing
import VideoPayload

@testable import Forwarding

/// One receiver's stream of a VP9 source (media-plane.md 5.6).
@Suite("LayerView, VP9")
struct SpatialViewTests {
    /// A sender, a receiver, and the bridge between them.
    private struct Call {
        var random: Random
        var sender: LayerSender
        var histories: [FrameHistory]
        var view: LayerView
        var judge = LayerJudge()
        var now = Timestamp(nanoseconds: 1_000_000_000)
        let isFlexible: Bool

        init(seed: UInt64, _ mode: LayerSender.Mode, layers: Int = 3, encodings: Int = 1) {
            random = Random(seed: seed)
            sender = LayerSender(mode, layers: layers, encodings: encodings, &random)
            histories = [FrameHistory](repeating: FrameHistory(), count: encodings)
            view = LayerView(after: UInt16(truncatingIfNeeded: random.next()), random: random.next())
            isFlexible = random.next() & 1 == 0
        }

        mutating func aim(_ encoding: Int8, _ spatial: UInt8, _ temporal: UInt8) {
            view.aim(at: LayerTarget(encoding: encoding, spatial: spatial, temporal: temporal))
        }

        func descriptor(of sent: LayerSender.Sent) -> VP9Descriptor {
            let (frame, numbers) = (sender.frames[sent.frame], sender.numbers[sent.frame])
            var descriptor = VP9Descriptor()
            descriptor.isInterPicturePredicted = !frame.isKeyPicture
            descriptor.isFlexible = isFlexible
            descriptor.isStartOfFrame = sent.isStart
            descriptor.isEndOfFrame = sent.isEnd
            descriptor.isNotReferenceForUpperLayers = frame.isUnreferenced
            descriptor.pictureID = Int16(numbers.picture & 0x7FFF)
            descriptor.hasLongPictureID = true
            descriptor.temporalID = Int8(frame.temporal)
            descriptor.spatialID = Int8(frame.spatial)
            descriptor.usesInterLayerDependency =
                frame.spatial > 0 && frame.references.contains(sent.frame - 1)
            if !isFlexible { descriptor.tl0PictureIndex = Int16(numbers.base & 0xFF) }
            descriptor.hasScalabilityStructure = frame.isKeyPicture && frame.spatial == 0 && sent.isStart
            return descriptor
        }

        @discardableResult
        mutating func pass(_ sent: LayerSender.Sent) -> LayerView.Outgoing? {
            let descriptor = descriptor(of: sent)
            let index = Int(sent.encoding)
            let facts = PictureFacts(
                descriptor, spatialLayers: descriptor.hasScalabilityStructure ? sender.layers : 0)
            guard let frame = histories[index].note(FrameHistory.Sighting(facts)) else { return nil }
            let packet = LayerView.Packet(
                facts, encoding: sent.encoding, sequence: sent.sequence, timestamp: sent.timestamp, frame: frame)
            guard let outgoing = view.take(packet, history: &histories[index], at: now) else { return nil }
            judge.got.append(LayerJudge.Got(outgoing: outgoing, sent: sent))
            return outgoing
        }

        /// Moments on a network that loses nothing.
        mutating func run(_ moments: Int) {
            for _ in 0..<moments {
                for sent in sender.next(&random) { pass(sent) }
                now = now + .milliseconds(33)
            }
        }

        /// Once in a while the receiver wants something else, and the sender hears of the key frame that this takes.
        mutating func wish(isFirst: Bool) {
            if isFirst || random.next() % 30 == 0 {
                aim(
                    Int8(random.next() % UInt64(histories.count)), UInt8(random.next() % 4), UInt8(random.next() % 3))
            }
            if view.needsKeyframe, random.next() % 8 == 0 { sender.wantsKeyframe = true }
        }

        /// Within an encoding picture ids and TL0PICIDX stay as far apart as they are; a switch goes on with the next.
        func numberFaults() -> [String] {
            var faults: [String] = []
            for (one, next) in zip(judge.ordered, judge.ordered.dropFirst()) {
                let (old, new) = (sender.numbers[one.sent.frame], sender.numbers[next.sent.frame])
                let isSwitch = one.sent.encoding != next.sent.encoding
                let pictures = Int(Int16(bitPattern: next.outgoing.pictureID &- one.outgoing.pictureID))
                let bases = Int(Int8(bitPattern: next.outgoing.base &- one.outgoing.base))
                if pictures != (isSwitch ? 1 : new.picture - old.picture) {
                    faults.append("picture ids go on by \(pictures) behind \(one.outgoing.sequence)")
                }
                if !isFlexible, bases != (isSwitch ? 1 : new.base - old.base) {
                    faults.append("TL0PICIDX goes on by \(bases) behind \(one.outgoing.sequence)")
                }
            }
            return faults
        }
    }

    @Test("whatever is wanted when, of one scalable encoding or of three: no gap, right markers, all can be decoded")
    func switching() {
        for seed in UInt64(1)...120 {
            for mode in [LayerSender.Mode.full, .key] {
                let isSimulcast = seed % 3 == 0
                var call = Call(
                    seed: seed, mode, layers: isSimulcast ? 1 + Int(seed % 2) : 3, encodings: isSimulcast ? 3 : 1)
                for moment in 0..<300 {
                    call.wish(isFirst: moment == 0)
                    call.run(1)
                }
                let faults = call.judge.faults(call.sender, isLossless: true) + call.numberFaults()
                #expect(faults.isEmpty, "seed \(seed), \(mode): \(faults.prefix(3))")
                #expect(call.judge.got.count > 100, "seed \(seed), \(mode): \(call.judge.got.count)")
            }
        }
    }

    @Test("with full scalability the way down takes no key frame, the way up does; each target is reached and kept")
    func full() {
        var call = Call(seed: 3, .full)
        call.aim(0, 2, 2)
        call.run(20)
        #expect(call.judge.best(call.sender, since: 0) == (0, 2, 2, 20))
        call.aim(0, 1, 2)
        call.run(20)
        #expect(call.judge.best(call.sender, since: 20) == (0, 1, 2, 20) && !call.view.needsKeyframe)
        call.aim(0, 0, 0)
        call.run(20)
        #expect(call.judge.best(call.sender, since: 40) == (0, 0, 0, 5) && !call.view.needsKeyframe)
        call.aim(0, 2, 1)
        call.run(20)
        #expect(call.judge.best(call.sender, since: 60).spatial == 0 && call.view.needsKeyframe)
        call.sender.wantsKeyframe = true
        call.run(20)
        #expect(call.judge.best(call.sender, since: 80) == (0, 2, 1, 10) && !call.view.needsKeyframe)
        #expect(call.judge.faults(call.sender, isLossless: true).isEmpty)
    }

    @Test("with K-SVC both ways take a key frame, and lower layers are sent with key pictures alone")
    func key() {
        var call = Call(seed: 4, .key)
        call.aim(0, 2, 2)
        call.run(20)
        let frames = call.judge.got.map { call.sender.frames[$0.sent.frame] }
        #expect(frames.allSatisfy { $0.spatial == 2 || $0.isKeyPicture })
        #expect(frames.contains { $0.spatial == 0 } && frames.contains { $0.spatial == 2 && !$0.isKeyPicture })
        call.aim(0, 1, 2)
        call.run(20)
        #expect(call.view.needsKeyframe && call.judge.best(call.sender, since: 20).spatial == 2)
        let saved = call.judge.got.map { call.sender.frames[$0.sent.frame] }.filter { $0.moment >= 21 }
        #expect(saved.allSatisfy { $0.temporal == 0 }, "on the way down bits are saved")
        call.sender.wantsKeyframe = true
        call.run(20)
        #expect(call.judge.best(call.sender, since: 40) == (0, 1, 2, 20) && !call.view.needsKeyframe)
        call.aim(0, 2, 2)
        call.run(4)
        #expect(call.view.needsKeyframe)
        call.sender.wantsKeyframe = true
        call.run(20)
        #expect(call.judge.best(call.sender, since: 64) == (0, 2, 2, 20))
        #expect(call.judge.faults(call.sender, isLossless: true).isEmpty)
    }

    @Test("a sender that has fewer layers than are wanted is sent as far as it goes, and so when it comes to that")
    func fewerLayers() {
        for mode in [LayerSender.Mode.full, .key] {
            var call = Call(seed: 5, mode)
            call.aim(0, 2, 2)
            call.run(20)
            call.sender.layers = 2
            call.sender.wantsKeyframe = true
            call.run(20)
            #expect(call.judge.best(call.sender, since: 20) == (0, 1, 2, 20) && !call.view.needsKeyframe)
            call.sender.layers = 3
            call.sender.wantsKeyframe = true
            call.run(20)
            #expect(call.judge.best(call.sender, since: 40) == (0, 2, 2, 20))
            #expect(call.judge.faults(call.sender, isLossless: true).isEmpty)
        }
    }

    @Test("what was suspended goes on with a key frame: the next number and id, the sender's time")
    func resumption() {
        var call = Call(seed: 6, .full)
        call.aim(0, 2, 2)
        call.run(10)
        call.view.aim(at: .suspended)
        let count = call.judge.got.count
        call.run(10)
        #expect(call.judge.got.count == count)
        call.aim(0, 2, 2)
        call.run(5)
        #expect(call.judge.got.count == count && call.view.needsKeyframe)
        call.sender.wantsKeyframe = true
        call.run(5)
        guard call.judge.got.count > count else { return #expect(Bool(false)) }
        let (last, first) = (call.judge.got[count - 1].outgoing, call.judge.got[count].outgoing)
        #expect(first.sequence == last.sequence &+ 1 && first.pictureID == last.pictureID &+ 1)
        #expect(first.base == last.base &+ 1 && first.timestamp == last.timestamp &+ 16 * 3_000)
    }

    @Test("the layers of a picture that the receiver was told is over are not sent, though they are wanted meanwhile")
    func endedPicture() {
        var call = Call(seed: 7, .full)
        call.aim(0, 0, 2)
        let sent = call.sender.next(&call.random)
        for one in sent {
            let outgoing = call.pass(one)
            let frame = call.sender.frames[one.frame]
            #expect((outgoing != nil) == (frame.spatial == 0))
            if frame.spatial == 0, one.isEnd {
                #expect(outgoing?.setsMarker == true)
                call.aim(0, 2, 2)
            }
        }
        call.run(3)
        #expect(call.view.needsKeyframe)
        #expect(call.judge.faults(call.sender, isLossless: true).isEmpty)
        // The other way: where the wish falls in the middle of a key picture, that has its end.
        call.sender.wantsKeyframe = true
        for one in call.sender.next(&call.random) {
            _ = call.pass(one)
            if call.sender.frames[one.frame].spatial == 0, one.isEnd { call.aim(0, 0, 2) }
        }
        call.run(3)
        #expect(call.judge.faults(call.sender, isLossless: true).isEmpty)
    }

    @Test("packets lost, late and out of order: no number twice, nothing goes back, markers at ends alone")
    func badNetwork() {
        for seed in UInt64(1)...150 {
            var call = Call(seed: seed, seed % 2 == 0 ? .full : .key, encodings: seed % 4 == 0 ? 2 : 1)
            var late: [(moment: Int, sent: LayerSender.Sent)] = []
            for moment in 0..<250 {
                call.wish(isFirst: moment == 0)
                var arriving = late.filter { $0.moment <= moment }.map(\.sent)
                late.removeAll { $0.moment <= moment }
                for sent in call.sender.next(&call.random) {
                    switch call.random.next() % 40 {
                    case 0: late.append((moment + 1 + Int(call.random.next() % 8), sent))
                    case 1: break
                    default: arriving.append(sent)
                    }
                }
                if arriving.count > 1, call.random.next() % 3 == 0 {
                    let place = Int(call.random.next() % UInt64(arriving.count - 1))
                    arriving.swapAt(place, place + 1)
                }
                for sent in arriving { call.pass(sent) }
                call.now = call.now + .milliseconds(33)
            }
            let faults = call.judge.faults(call.sender, isLossless: false) + call.numberFaults()
            #expect(faults.isEmpty, "seed \(seed): \(faults.prefix(3))")
            #expect(call.judge.got.count > 50)
        }
    }

    @Test("a loss in a layer that is left out leaves no gap")
    func foldedLosses() {
        for seed in UInt64(1)...50 {
            var call = Call(seed: seed, .full)
            call.aim(0, 0, 2)
            for moment in 0..<60 {
                var isLost = false
                for sent in call.sender.next(&call.random) {
                    // One packet of each picture, but never a whole frame: which layer that had nobody would know.
                    let frame = call.sender.frames[sent.frame]
                    if moment > 0, !isLost, frame.spatial > 0, frame.packetCount > 1, call.random.next() % 3 == 0 {
                        isLost = true
                        continue
                    }
                    call.pass(sent)
                }
                call.now = call.now + .milliseconds(33)
            }
            let faults = call.judge.faults(call.sender, isLossless: true)
            #expect(faults.isEmpty, "seed \(seed): \(faults.prefix(3))")
        }
    }

    @Test("layers beyond those that are told apart, and what cannot be, go to nobody and break nothing")
    func hostile() {
        var history = FrameHistory()
        var descriptor = VP9Descriptor()
        descriptor.spatialID = 5
        #expect(history.note(FrameHistory.Sighting(PictureFacts(descriptor, spatialLayers: 8))) == nil)
        for seed in UInt64(1)...50 {
            var random = Random(seed: seed)
            var view = LayerView(after: 0, random: seed)
            var history = FrameHistory()
            for _ in 0..<3_000 {
                let bits = random.next()
                var descriptor = VP9Descriptor()
                descriptor.isInterPicturePredicted = bits & 1 != 0
                descriptor.isStartOfFrame = bits & 2 != 0
                descriptor.isEndOfFrame = bits & 4 != 0
                descriptor.isNotReferenceForUpperLayers = bits & 8 != 0
                descriptor.usesInterLayerDependency = bits & 16 != 0
                descriptor.hasLongPictureID = bits & 32 != 0
                descriptor.pictureID = Int16(truncatingIfNeeded: bits >> 8 & 0x7FFF)
                descriptor.spatialID = Int8(bits >> 24 & 7)
                descriptor.temporalID = Int8(bits >> 28 & 7)
                if bits >> 32 & 0xF == 0 {
                    view.aim(
                        at: LayerTarget(
                            encoding: Int8(bits >> 36 & 1), spatial: UInt8(bits >> 40 & 0xFF), temporal: 1))
                }
                let sighting = FrameHistory.Sighting(PictureFacts(descriptor, spatialLayers: Int(bits >> 48 & 15)))
                guard let frame = history.note(sighting) else { continue }
                let packet = LayerView.Packet(
                    PictureFacts(descriptor, spatialLayers: 0), encoding: Int8(bits >> 52 & 1),
                    sequence: UInt16(truncatingIfNeeded: random.next()),
                    timestamp: UInt32(truncatingIfNeeded: random.next()), frame: frame)
                let outgoing = view.take(packet, history: &history, at: Timestamp(nanoseconds: Int64(bits >> 20)))
                #expect(outgoing == nil || packet.encoding == view.currentEncoding)
            }
        }
    }

    @Test("from VP8 to VP9 and back: numbers of frames go on, and so does what the receiver sees")
    func codecChange() {
        var call = Call(seed: 8, .full)
        call.aim(0, 2, 2)
        call.run(10)
        guard let last = call.judge.got.last?.outgoing else { return #expect(Bool(false)) }
        var outgoing: [LayerView.Outgoing] = []
        for frame in UInt16(0)..<8 {
            let sighting = FrameHistory.Sighting(
                pictureID: 500 + frame, isLong: true, temporal: 0, isStart: true, isEnd: true, isKeyframe: frame == 2)
            guard let number = call.histories[0].note(sighting) else { return #expect(Bool(false)) }
            let packet = LayerView.Packet(
                encoding: 0, sequence: call.sender.encodings[0].sequence &+ frame, timestamp: UInt32(frame) * 3_000,
                frame: number, temporal: 0, isStart: true, isKeyframe: frame == 2, base: 9)
            if let one = call.view.take(packet, history: &call.histories[0], at: call.now) { outgoing.append(one) }
            if frame == 0 { #expect(call.view.needsKeyframe) }
        }
        #expect(outgoing.map(\.sequence) == (1...6).map { last.sequence &+ $0 })
        #expect(outgoing.map(\.pictureID) == (1...6).map { last.pictureID &+ $0 })
        #expect(outgoing.allSatisfy { !$0.setsMarker && $0.base == last.base &+ 1 })
        call.sender.encodings[0].sequence &+= 8
        call.run(2)
        #expect(call.view.currentEncoding == -1)
        call.sender.wantsKeyframe = true
        let count = call.judge.got.count
        call.run(10)
        guard call.judge.got.count > count else { return #expect(Bool(false)) }
        #expect(call.judge.got[count].outgoing.sequence == last.sequence &+ 7)
        #expect(call.judge.best(call.sender, since: 12) == (0, 2, 2, 10))
    }
}
