// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import Allocation

/// Which layers of a source come into question (media-plane.md 9.3): told by what is sent as the rate rises.
@Suite("Candidate layers")
struct CandidateTests {
    /// What one source is sent with each of the rates, without repetitions: its candidates in their order.
    private func steps(_ meeting: Meeting, source: Int = 0) -> [String] {
        var steps: [String] = []
        for kilobits in 0...400 {
            meeting.forget()
            meeting.run(kilobits: UInt64(kilobits) * 10 + 1)
            let sent = meeting.sent(source)
            if sent != "-", steps.last != sent { steps.append(sent) }
        }
        return steps
    }

    private func camera(maxHeight: Int32, frameRate: Double = -1, _ kilobits: [UInt64] = Meeting.usual) -> Meeting {
        let meeting = Meeting()
        meeting.add(kilobits)
        meeting.demand.defaultWish = SourceWish(maxHeight: maxHeight, maxFrameRate: FrameRate(perSecond: frameRate))
        return meeting
    }

    @Test("a camera for 720 lines: small at any frame rate, larger only fluent")
    func large() {
        #expect(steps(camera(maxHeight: 720)) == ["180@7.5", "180@15", "180@30", "360@30", "720@30"])
        #expect(steps(camera(maxHeight: -1)) == ["180@7.5", "180@15", "180@30", "360@30", "720@30"])
        #expect(steps(camera(maxHeight: 360)) == ["180@7.5", "180@15", "180@30", "360@30"])
    }

    @Test("a thumbnail: every frame rate of the smallest")
    func small() {
        #expect(steps(camera(maxHeight: 180)) == ["180@7.5", "180@15", "180@30"])
        // Soft: the smallest is shown although it is larger than asked for.
        #expect(steps(camera(maxHeight: 90)) == ["180@7.5", "180@15", "180@30"])
    }

    @Test("a camera that has but one height, above the preferred one: every frame rate of it")
    func oneHeight() {
        let meeting = Meeting()
        meeting.add([800, 1_400, 2_000], heights: [720])
        meeting.demand.defaultWish = SourceWish(maxHeight: 720)
        #expect(steps(meeting) == ["720@7.5", "720@15", "720@30"])
        // On stage it is served first up to its best.
        meeting.add()
        meeting.name(0)
        meeting.run(kilobits: 1_500)
        #expect(meeting.sent() == "720@15 -")
    }

    @Test("between thumbnail and preferred height the limit holds, where the original admits more")
    func between() {
        let meeting = Meeting()
        meeting.add(heights: [180, 320, 720])
        meeting.demand.defaultWish = SourceWish(maxHeight: 240)
        #expect(steps(meeting) == ["180@7.5", "180@15", "180@30"])
        meeting.demand.defaultWish = SourceWish(maxHeight: 320)
        // 320 lines are below the preferred height: any frame rate will do, in the order of what they show.
        #expect(steps(meeting) == ["180@7.5", "180@15", "180@30", "320@7.5", "320@15", "320@30"])
    }

    @Test("the limit on frames holds; the slowest are shown in any case")
    func frameRates() {
        #expect(steps(camera(maxHeight: 720, frameRate: 15)) == ["180@7.5", "180@15", "360@15", "720@15"])
        #expect(steps(camera(maxHeight: 720, frameRate: 30)).last == "720@30")
        #expect(steps(camera(maxHeight: 180, frameRate: 15)) == ["180@7.5", "180@15"])
        #expect(steps(camera(maxHeight: 720, frameRate: 1)) == ["180@7.5", "360@7.5", "720@7.5"])
        #expect(steps(camera(maxHeight: 720, frameRate: 0)) == [])
        // A camera of 31 frames a second for who asked for 30.
        let meeting = camera(maxHeight: 720, frameRate: 30)
        meeting.layers = meeting.layers.map { layer in
            var layer = layer
            layer.frameRate.thousandths = layer.frameRate.thousandths * 31 / 30
            return layer
        }
        #expect(steps(meeting).last == "720@31")
        let screen = Meeting()
        screen.add(kind: .desktop)
        screen.demand.defaultWish = SourceWish(maxHeight: 720, maxFrameRate: FrameRate(perSecond: 7.5))
        #expect(steps(screen) == ["180@7.5", "360@7.5", "720@7.5"])
    }

    @Test("layers that do not come are not waited for")
    func inactive() {
        let stopped: [UInt64] = [50, 100, 150, 200, 350, 500, 0, 0, 0]
        let meeting = camera(maxHeight: 720, stopped)
        #expect(steps(meeting).last == "360@30")
        #expect(meeting.ideal(0) == "360@30")
    }

    @Test("where nothing comes yet the best is waited for, at no cost")
    func nothingYet() {
        let meeting = camera(maxHeight: 720, [0, 0, 0, 0, 0, 0, 0, 0, 0])
        meeting.run(kilobits: 1)
        #expect(meeting.sent() == "720@30")
        meeting.run(kilobits: 0)
        #expect(meeting.results[0].state == .inactive)
    }

    @Test("a camera whose small encodings have stopped is shown as it comes, where the original shows nothing")
    func onlyLarge() {
        let meeting = camera(maxHeight: 180, [0, 0, 0, 200, 350, 500, 800, 1_400, 2_000])
        #expect(steps(meeting) == ["360@7.5", "360@15", "360@30"])
    }

    @Test("encodings that come largest first are taken by their heights")
    func inverted() {
        let meeting = Meeting()
        meeting.add([800, 1_400, 2_000, 200, 350, 500, 50, 100, 150], heights: [720, 360, 180])
        meeting.demand.defaultWish = SourceWish(maxHeight: 720)
        #expect(steps(meeting) == ["180@7.5", "180@15", "180@30", "360@30", "720@30"])
        #expect(meeting.results[0].target.encoding == 0)
    }

    @Test("where a height is not known encodings stay in their order, and fit")
    func unknownHeights() {
        let meeting = camera(maxHeight: 180)
        for place in 3..<6 { meeting.layers[place].height = -1 }
        #expect(steps(meeting) == ["180@7.5", "180@15", "180@30", "-1@7.5", "-1@15", "-1@30"])
        let all = camera(maxHeight: 180)
        for place in 0..<9 { all.layers[place].height = 0 }
        #expect(steps(all).last == "0@30")
        #expect(all.results[0].ideal == LayerIndex(encoding: 2, spatial: 0, temporal: 2))
    }

    @Test("unknown frame rates fit")
    func unknownRates() {
        let meeting = Meeting()
        meeting.add(
            layers: [180, 360, 720].enumerated().map { sid, height in
                VideoLayer(
                    LayerIndex(encoding: 0, spatial: sid, temporal: 0), height: height, frameRate: .unknown,
                    bitrate: UInt64(height) * 1_000)
            })
        meeting.demand.defaultWish = SourceWish(maxHeight: 720, maxFrameRate: FrameRate(perSecond: 5))
        #expect(steps(meeting) == ["180@?", "360@?", "720@?"])
    }

    @Test("decode targets of one encoding in any order are taken by what they show")
    func decodeTargets() {
        let meeting = Meeting()
        let shown: [(Int32, Double, UInt64)] = [(360, 30, 500), (360, 15, 400), (180, 30, 150), (180, 15, 100)]
        meeting.add(
            layers: shown.enumerated().map { target, layer in
                VideoLayer(
                    LayerIndex(encoding: 0, decodeTarget: target), height: layer.0,
                    frameRate: FrameRate(perSecond: layer.1), bitrate: layer.2 * 1_000)
            })
        meeting.demand.defaultWish = SourceWish(maxHeight: 360)
        #expect(steps(meeting) == ["180@15", "180@30", "360@30"])
        #expect(meeting.results[0].target.decodeTarget == 0)
    }

    @Test("a better layer that costs no more goes before")
    func dominated() {
        let meeting = camera(maxHeight: 720, [50, 100, 700, 200, 350, 500, 800, 1_400, 450])
        #expect(steps(meeting) == ["180@7.5", "180@15", "720@30"])
    }

    @Test("a screen: every layer that is not too high, the smallest if all are")
    func screen() {
        let meeting = Meeting()
        meeting.add(kind: .desktop)
        meeting.demand.defaultWish = SourceWish(maxHeight: 360)
        #expect(steps(meeting) == ["180@7.5", "180@15", "180@30", "360@7.5", "360@15", "360@30"])
        meeting.demand.defaultWish = SourceWish(maxHeight: 100)
        #expect(steps(meeting) == ["180@7.5", "180@15", "180@30"])
        // Encodings below the top one do not come.
        for place in 0..<6 { meeting.layers[place].bitrate = 0 }
        #expect(steps(meeting) == ["720@7.5", "720@15", "720@30"])
    }

    @Test("a screen that is too high and whose frame rates nobody knows: its first layer, on stage all of them")
    func screenOfUnknownRate() {
        let meeting = Meeting()
        meeting.add(
            layers: (0..<3).map { tid in
                VideoLayer(
                    LayerIndex(encoding: 0, spatial: 0, temporal: tid), height: 1_080, frameRate: .unknown,
                    bitrate: UInt64(tid + 1) * 200_000)
            }, kind: .desktop)
        meeting.run(kilobits: 5_000)
        #expect(meeting.results[0].ideal.temporal == 0)
        meeting.name(0, maxHeight: 180)
        meeting.run(kilobits: 5_000)
        #expect(meeting.results[0].ideal.temporal == 2)
    }

    @Test("what the sender announced counts where that is asked for")
    func announced() {
        var settings = AllocationSettings()
        settings.usesAnnouncedBitrates = true
        for uses in [false, true] {
            let meeting = uses ? Meeting(settings: settings) : Meeting()
            meeting.add()
            meeting.demand.defaultWish = SourceWish(maxHeight: 720)
            for place in 6..<9 { meeting.layers[place].announcedBitrate = 3_000_000 }
            meeting.run(kilobits: 2_500)
            #expect(meeting.sent() == (uses ? "360@30" : "720@30"))
            // A sender that announces nothing of a layer sends nothing of it, whatever still comes.
            for place in 6..<9 { meeting.layers[place].announcedBitrate = 0 }
            meeting.forget()
            let outcome = meeting.run(kilobits: 10_000)
            #expect(meeting.sent() == (uses ? "360@30" : "720@30"))
            #expect(outcome.idealRate == (uses ? 500_000 : 2_000_000))
        }
    }
}
