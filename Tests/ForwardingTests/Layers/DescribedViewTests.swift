// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing
import VideoPayload

@testable import Forwarding

/// One receiver's stream of a source with dependency descriptors (media-plane.md 5.8), all the way through their bytes.
@Suite("LayerView, dependency descriptors")
struct DescribedViewTests {
    @Test("whatever is wanted when, of one scalable encoding or of three: no gap, right markers, all can be decoded")
    func switching() {
        for seed in UInt64(1)...120 {
            for mode in [LayerSender.Mode.full, .key] {
                let isSimulcast = seed % 3 == 0
                var call = DescribedCall(
                    seed: seed, mode, layers: isSimulcast ? 1 + Int(seed % 2) : 3, encodings: isSimulcast ? 3 : 1)
                for moment in 0..<300 {
                    call.wish(isFirst: moment == 0)
                    if call.random.next() % 300 == 0 { call.view.interrupt() }
                    call.run(1)
                }
                let faults = call.judge.faults(call.sender, isLossless: true) + call.faults
                #expect(faults.isEmpty, "seed \(seed), \(mode): \(faults.prefix(3))")
                #expect(call.judge.got.count > 100, "seed \(seed), \(mode): \(call.judge.got.count)")
            }
        }
    }

    @Test("with full scalability the way down takes no key frame, the way up in space does; the receiver is told")
    func full() {
        var call = DescribedCall(seed: 3, .full)
        call.aim(0, 2, 2)
        call.run(20)
        #expect(call.judge.best(call.sender, since: 0) == (0, 2, 2, 20))
        #expect(call.receiver.history.activeTargets == 0b1_1111_1111)
        call.aim(0, 1, 2)
        call.run(20)
        #expect(call.judge.best(call.sender, since: 21) == (0, 1, 2, 19) && !call.view.needsKeyframe)
        #expect(call.receiver.history.activeTargets == 0b1_1111_1111 >> 3)
        call.aim(0, 0, 0)
        call.run(20)
        #expect(call.judge.best(call.sender, since: 45) == (0, 0, 0, 3) && !call.view.needsKeyframe)
        #expect(call.receiver.history.activeTargets == 1)
        // In time the way up needs none.
        call.aim(0, 0, 2)
        call.run(20)
        #expect(call.judge.best(call.sender, since: 65) == (0, 0, 2, 15) && !call.view.needsKeyframe)
        call.aim(0, 2, 1)
        call.run(20)
        #expect(call.judge.best(call.sender, since: 80).spatial == 0 && call.view.needsKeyframe)
        call.sender.wantsKeyframe = true
        call.run(20)
        #expect(call.judge.best(call.sender, since: 100) == (0, 2, 1, 10) && !call.view.needsKeyframe)
        #expect(call.receiver.history.activeTargets == 0b0_1101_1011)
        #expect(call.judge.faults(call.sender, isLossless: true).isEmpty && call.faults.isEmpty)
    }

    @Test("with K-SVC both ways take a key frame, and lower layers are sent with key pictures alone")
    func key() {
        var call = DescribedCall(seed: 4, .key)
        call.aim(0, 2, 2)
        call.run(20)
        let frames = call.judge.got.map { call.sender.frames[$0.sent.frame] }
        #expect(frames.allSatisfy { $0.spatial == 2 || $0.isKeyPicture })
        #expect(frames.contains { $0.spatial == 2 && !$0.isKeyPicture })
        call.aim(0, 1, 2)
        call.run(20)
        #expect(call.view.needsKeyframe && call.judge.best(call.sender, since: 20).spatial == 2)
        call.sender.wantsKeyframe = true
        call.run(20)
        #expect(call.judge.best(call.sender, since: 40) == (0, 1, 2, 20) && !call.view.needsKeyframe)
        call.aim(0, 2, 2)
        call.run(4)
        #expect(call.view.needsKeyframe)
        call.sender.wantsKeyframe = true
        call.run(20)
        #expect(call.judge.best(call.sender, since: 64) == (0, 2, 2, 20))
        #expect(call.judge.faults(call.sender, isLossless: true).isEmpty && call.faults.isEmpty)
    }

    @Test("another structure, of fewer layers and of more, is gone along with")
    func structures() {
        for mode in [LayerSender.Mode.full, .key] {
            var call = DescribedCall(seed: 5, mode)
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
            #expect(call.judge.faults(call.sender, isLossless: true).isEmpty && call.faults.isEmpty)
        }
    }

    @Test("a sender that says that upper layers are no longer sent is followed as far as that goes without a key frame")
    func fewerTargets() {
        var call = DescribedCall(seed: 6, .full)
        call.aim(0, 2, 2)
        call.run(20)
        call.activeTargets = 0b111
        call.run(20)
        #expect(call.judge.best(call.sender, since: 25) == (0, 0, 2, 15) && !call.view.needsKeyframe)
        #expect(call.receiver.history.activeTargets == 0b111)
        call.activeTargets = nil
        #expect(call.judge.faults(call.sender, isLossless: true).isEmpty && call.faults.isEmpty)
    }

    @Test("a smaller encoding is sent until the target begins, on the way down only what is needed to go on")
    func encodings() {
        var call = DescribedCall(seed: 7, .full, layers: 1, encodings: 3)
        call.aim(1, 0, 2)
        call.run(10)
        #expect(call.view.currentEncoding == 1 && !call.view.needsKeyframe)
        call.aim(2, 0, 2)
        call.run(20)
        #expect(call.view.currentEncoding == 1 && call.view.needsKeyframe)
        call.sender.wantsKeyframe = true
        call.run(10)
        #expect(call.view.currentEncoding == 2 && !call.view.needsKeyframe)
        call.aim(0, 0, 2)
        call.run(10)
        let saved = call.judge.got.map { call.sender.frames[$0.sent.frame] }.filter { $0.moment >= 40 }
        #expect(saved.allSatisfy { $0.temporal == 0 && $0.encoding == 2 } && !saved.isEmpty)
        call.sender.wantsKeyframe = true
        call.run(10)
        #expect(call.judge.best(call.sender, since: 50) == (0, 0, 2, 10))
        #expect(call.judge.faults(call.sender, isLossless: true).isEmpty && call.faults.isEmpty)
    }

    @Test("layers that do not build on each other: of a key picture the wanted one is found")
    func independentLayers() {
        var call = DescribedCall(seed: 8, .none)
        call.aim(0, 2, 2)
        call.run(20)
        #expect(call.judge.best(call.sender, since: 1) == (0, 2, 2, 19) && !call.view.needsKeyframe)
        let frames = call.judge.got.map { call.sender.frames[$0.sent.frame] }
        #expect(frames.allSatisfy { $0.isKeyPicture || $0.spatial == 2 })
        call.aim(0, 0, 2)
        call.sender.wantsKeyframe = true
        call.run(20)
        #expect(call.judge.best(call.sender, since: 20) == (0, 0, 2, 20) && !call.view.needsKeyframe)
        #expect(call.judge.faults(call.sender, isLossless: true).isEmpty && call.faults.isEmpty)
    }

    @Test("packets lost, late and out of order: no number twice, nothing goes back, markers at ends alone")
    func badNetwork() {
        for seed in UInt64(1)...150 {
            var call = DescribedCall(seed: seed, seed % 2 == 0 ? .full : .key, encodings: seed % 4 == 0 ? 2 : 1)
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
                for sent in arriving { call.pass(sent, isLossless: false) }
                call.now = call.now + .milliseconds(33)
            }
            let faults = call.judge.faults(call.sender, isLossless: false) + call.numberFaults()
            #expect(faults.isEmpty, "seed \(seed): \(faults.prefix(3))")
            #expect(call.judge.got.count > 50)
        }
    }

    @Test("template ids and frame numbers go on where the stream was another codec's meanwhile")
    func codecChange() {
        var call = DescribedCall(seed: 9, .full)
        call.aim(0, 2, 2)
        call.run(10)
        guard let last = call.judge.got.last?.outgoing else { return #expect(Bool(false)) }
        let sequence = call.sender.encodings[0].sequence
        let plain = call.view.takePlain(
            encoding: 0, sequence: sequence, timestamp: 5, canStart: true, at: call.now)
        #expect(plain?.sequence == last.sequence &+ 1 && plain?.templateDelta == 0 && plain?.activeTargets == 0)
        call.sender.encodings[0].sequence &+= 1
        call.sender.wantsKeyframe = true
        let count = call.judge.got.count
        call.run(10)
        guard call.judge.got.count > count else { return #expect(Bool(false)) }
        let first = call.judge.got[count].outgoing
        #expect(first.sequence == last.sequence &+ 2 && first.pictureID == last.pictureID &+ 1)
        #expect(call.faults.isEmpty, "\(call.faults)")
    }

    @Test("structures and frames at random break nothing, and what is not understood has no number")
    func hostile() {
        var history = FrameHistory()
        let dependencies = DependencyHistory()
        #expect(history.note(DependencyDescriptor(), by: dependencies) == nil)
        for seed in UInt64(1)...60 {
            var random = Random(seed: seed)
            var call = DescribedCall(seed: seed, .full)
            call.aim(0, UInt8(random.next() & 7), UInt8(random.next() & 7))
            for moment in 0..<200 {
                call.sender.layers = 1 + Int(random.next() % 3)
                if random.next() % 10 == 0 { call.sender.wantsKeyframe = true }
                for var sent in call.sender.next(&random) {
                    if moment > 0 {
                        sent.frame = Int(random.next() % UInt64(call.sender.frames.count))
                        sent.sequence = UInt16(truncatingIfNeeded: random.next())
                        sent.timestamp = UInt32(truncatingIfNeeded: random.next())
                    }
                    call.pass(sent, isLossless: false)
                    if random.next() % 20 == 0 {
                        call.aim(
                            Int8(random.next() % 2), UInt8(truncatingIfNeeded: random.next()), UInt8(random.next() & 7))
                    }
                }
            }
        }
    }
}
