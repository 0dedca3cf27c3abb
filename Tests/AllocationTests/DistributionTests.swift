// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import Allocation

/// The rate given out in rounds (media-plane.md 9.4).
@Suite("Distribution")
struct DistributionTests {
    /// One source on stage for 720 lines and three thumbnails.
    private func stage() -> Meeting {
        let meeting = Meeting()
        for _ in 0..<4 { meeting.add() }
        meeting.name(0)
        return meeting
    }

    @Test(
        "one on stage and three thumbnails, from nothing to everything",
        arguments: [
            (0, "- - - -"), (49, "- - - -"), (50, "180@7.5 - - -"), (149, "180@15 - - -"), (300, "180@30 - - -"),
            (499, "180@30 - - -"), (500, "360@30 - - -"), (550, "360@30 - - -"), (551, "360@30 180@7.5 - -"),
            (650, "360@30 180@7.5 180@7.5 -"), (651, "360@30 180@7.5 180@7.5 180@7.5"),
            (750, "360@30 180@15 180@7.5 180@7.5"), (951, "360@30 180@30 180@30 180@30"),
            // 720 lines must fit beside a thumbnail each, and then go before better thumbnails.
            (2_150, "360@30 180@30 180@30 180@30"), (2_151, "720@30 180@7.5 180@7.5 180@7.5"),
            (2_301, "720@30 180@15 180@15 180@15"), (2_451, "720@30 180@30 180@30 180@30"),
            (5_000, "720@30 180@30 180@30 180@30"),
        ])
    func stageAndThumbnails(kilobits: UInt64, expected: String) {
        let meeting = stage()
        let outcome = meeting.run(kilobits: kilobits)
        #expect(meeting.sent() == expected)
        #expect(outcome.targetRate <= kilobits * 1_000)
        #expect(outcome.idealRate == 2_450_000)
        #expect(outcome.isIdeal == (expected == "720@30 180@30 180@30 180@30"))
        #expect(outcome.forwarded + outcome.suspended == 4)
        #expect(!outcome.isOversending)
    }

    @Test("nobody else gets anything before the stage has what is preferred")
    func starvation() {
        let meeting = stage()
        let outcome = meeting.run(kilobits: 450)
        #expect(meeting.results.map(\.state) == [.forwarded, .suspended, .suspended, .suspended])
        #expect(outcome.suspended == 3)
        // Off stage the same rate is enough for all.
        meeting.wishes = [NamedWish(source: 0, wish: SourceWish(maxHeight: 720), rank: 0)]
        meeting.forget()
        meeting.run(kilobits: 451)
        #expect(meeting.sent() == "180@30 180@15 180@15 180@15")
    }

    @Test("tiles grow step by step, the first ones first")
    func tiles() {
        let meeting = Meeting()
        for _ in 0..<3 { meeting.add() }
        meeting.demand.defaultWish = SourceWish(maxHeight: 360)
        let expected: [(UInt64, String)] = [
            (50, "- - -"), (51, "180@7.5 - -"), (101, "180@7.5 180@7.5 -"), (151, "180@7.5 180@7.5 180@7.5"),
            (201, "180@15 180@7.5 180@7.5"), (451, "180@30 180@30 180@30"), (801, "360@30 180@30 180@30"),
            (1_501, "360@30 360@30 360@30"),
        ]
        for (kilobits, sent) in expected {
            meeting.forget()
            meeting.run(kilobits: kilobits)
            #expect(meeting.sent() == sent, "\(kilobits)")
        }
    }

    @Test("without a limit everybody gets the best")
    func unlimited() {
        let meeting = stage()
        let outcome = meeting.run()
        #expect(meeting.sent() == "720@30 180@30 180@30 180@30")
        #expect(outcome.isIdeal)
        #expect(outcome.targetRate == outcome.idealRate)
    }

    @Test("two on stage: the second after the first")
    func twoOnStage() {
        let meeting = Meeting()
        for _ in 0..<3 { meeting.add() }
        meeting.name(1)
        meeting.name(0)
        for (kilobits, sent) in [
            (400, "- 180@30 -"), (600, "180@15 360@30 -"), (999, "180@30 360@30 -"), (1_100, "360@30 360@30 180@7.5"),
        ] {
            meeting.forget()
            meeting.run(kilobits: UInt64(kilobits))
            #expect(meeting.sent() == sent, "\(kilobits)")
        }
    }

    // MARK: Screens

    /// A screen on stage with layers of 600, 900 and 2,000 kilobits, the last two of full height, and a thumbnail.
    private func screen() -> Meeting {
        let meeting = Meeting()
        meeting.add(
            layers: [(360, 600), (1_080, 900), (1_080, 2_000)].enumerated().map { place, layer in
                VideoLayer(
                    LayerIndex(encoding: 0, spatial: 0, temporal: place), height: layer.0,
                    frameRate: FrameRate(perSecond: 5 * Double(place + 1)), bitrate: layer.1 * 1_000)
            }, kind: .desktop)
        meeting.add()
        meeting.name(0, maxHeight: -1)
        return meeting
    }

    @Test(
        "a screen on stage exceeds the rate by what is allowed and no more, up to its full height",
        arguments: [
            (0, "-"), (99, "-"), (100, "360@5"), (399, "360@5"), (400, "1080@10"), (900, "1080@10"), (950, "1080@10"),
            (1_999, "1080@10"), (2_000, "1080@15"),
        ])
    func oversending(kilobits: UInt64, expected: String) {
        let meeting = screen()
        let outcome = meeting.run(kilobits: kilobits)
        #expect(meeting.sent(0) == expected)
        #expect(outcome.targetRate <= kilobits * 1_000 + 500_000)
        let isOver = outcome.targetRate > kilobits * 1_000
        #expect(outcome.isOversending == isOver)
        #expect(meeting.results[0].isOversent == isOver)
        #expect(!meeting.results[1].isOversent)
        // As long as the screen has less than all, nobody else has anything.
        #expect(meeting.sent(1) == "-")
    }

    @Test("only a screen, only on stage, only the first, only if it is allowed")
    func noOversending() {
        let off = screen()
        off.wishes[0].isOnStage = false
        #expect(!off.run(kilobits: 300).isOversending)
        #expect(off.sent() == "- 180@30")

        let camera = screen()
        camera.sources[0].kind = .camera
        #expect(!camera.run(kilobits: 300).isOversending)

        let second = screen()
        second.wishes[0].rank = 1
        second.wishes.append(NamedWish(source: 1, wish: SourceWish(maxHeight: 180), rank: 0, isOnStage: true))
        #expect(!second.run(kilobits: 300).isOversending)

        var settings = AllocationSettings()
        settings.allowsOversending = false
        let forbidden = Meeting(settings: settings)
        (forbidden.sources, forbidden.layers) = (second.sources, second.layers)
        (forbidden.wishes, forbidden.results) = (screen().wishes, screen().results)
        #expect(!forbidden.run(kilobits: 300).isOversending)
        #expect(forbidden.sent() == "- -")
    }

    @Test("a muted camera before it on stage does not keep a screen from exceeding the rate")
    func mutedBeforeScreen() {
        let meeting = screen()
        let muted = meeting.add()
        meeting.sources[muted].isEnabled = false
        meeting.wishes[0].rank = 1
        meeting.wishes.append(
            NamedWish(source: UInt32(muted), wish: SourceWish(maxHeight: 720), rank: 0, isOnStage: true))
        #expect(meeting.run(kilobits: 300).isOversending)
    }

    // MARK: What is told

    @Test("the outcome tells what is new, once")
    func news() {
        let meeting = stage()
        var outcome = meeting.run(kilobits: 600)
        #expect(outcome.hasNewTargets && outcome.hasNewForwarded && outcome.hasNewWishes)
        outcome = meeting.run(kilobits: 610)
        #expect(!outcome.hasNewTargets && !outcome.hasNewForwarded && !outcome.hasNewWishes)
        outcome = meeting.run(kilobits: 550)
        #expect(outcome.hasNewTargets && outcome.hasNewForwarded && !outcome.hasNewWishes)
        meeting.wishes[0].wish.maxHeight = 360
        outcome = meeting.run(kilobits: 550)
        // The ideal is another, what is sent is not.
        #expect(outcome.hasNewTargets && !outcome.hasNewForwarded && outcome.hasNewWishes)
        meeting.sources[0].isEnabled = false
        outcome = meeting.run(kilobits: 550)
        #expect(outcome.hasNewForwarded && outcome.hasNewWishes)
        #expect(meeting.results[0].target == .none)
    }

    @Test("what the place of another source held says nothing of the one that is there now")
    func otherSource() {
        let meeting = stage()
        meeting.run()
        meeting.sources[3].key = 99
        let outcome = meeting.run()
        #expect(outcome.hasNewTargets && outcome.hasNewForwarded && outcome.hasNewWishes)
        #expect(meeting.results[3].key == 99)
    }

    @Test("padding goes up to what would be ideal or what is estimated, and not where nothing is missing")
    func padding() {
        var outcome = AllocationOutcome()
        (outcome.targetRate, outcome.idealRate, outcome.isIdeal) = (1_000, 3_000, false)
        #expect(outcome.paddingRate(estimate: .limited(2_500)) == 1_500)
        #expect(outcome.paddingRate(estimate: .limited(900)) == 0)
        #expect(outcome.paddingRate(estimate: .limited(3_000)) == 0)
        #expect(outcome.paddingRate(estimate: .limited(.max)) == 0)
        #expect(outcome.paddingRate(estimate: .unlimited) == 0)
        outcome.isIdeal = true
        #expect(outcome.paddingRate(estimate: .limited(2_500)) == 0)
        outcome.isIdeal = false
        outcome.targetRate = 3_000
        #expect(outcome.paddingRate(estimate: .limited(2_500)) == 0)
    }
}
