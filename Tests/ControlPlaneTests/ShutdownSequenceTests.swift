// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import ControlPlane

@Suite("The steps of the end")
struct ShutdownSequenceTests {
    private let start = Timestamp.zero + .seconds(100)
    private let grace = TimeDelta.seconds(30)

    /// A sequence that has announced the end at `start`.
    private func announced() -> ShutdownSequence {
        var sequence = ShutdownSequence()
        #expect(sequence.begin(status: 143, grace: grace, at: start) == [.announce])
        return sequence
    }

    @Test("who serves is never told to do anything")
    func serving() {
        var sequence = ShutdownSequence()
        #expect(sequence.advance(conferences: 0, areConnectionsClosed: true, at: start) == nil)
        #expect(sequence.skipGrace(at: start) == nil)
        #expect(sequence.exitStatus == nil && sequence.nextTimeout == nil && !sequence.isDisconnecting)
    }

    @Test("while there are conferences the focus has its time, then streams are closed, then all ends")
    func allSteps() {
        var sequence = announced()
        #expect(sequence.nextTimeout == start + grace)
        let early = start + grace - .milliseconds(1)
        #expect(sequence.advance(conferences: 1, areConnectionsClosed: true, at: early) == nil)
        #expect(!sequence.isDisconnecting)
        let late = start + grace
        #expect(sequence.advance(conferences: 1, areConnectionsClosed: false, at: late) == .disconnect)
        #expect(sequence.isDisconnecting)
        #expect(sequence.nextTimeout == late + ControlPlaneLimits.closeTime)
        #expect(sequence.advance(conferences: 1, areConnectionsClosed: false, at: late) == nil)
        let end = late + ControlPlaneLimits.closeTime
        #expect(sequence.advance(conferences: 1, areConnectionsClosed: false, at: end) == .finish)
        #expect(sequence.nextTimeout == nil && !sequence.isDisconnecting && sequence.exitStatus == 143)
        #expect(sequence.advance(conferences: 0, areConnectionsClosed: true, at: end) == nil)
    }

    @Test("without conferences and streams nothing is waited for")
    func nothingLeft() {
        var sequence = announced()
        #expect(sequence.advance(conferences: 0, areConnectionsClosed: true, at: start) == .disconnect)
        #expect(sequence.advance(conferences: 0, areConnectionsClosed: true, at: start) == .finish)
        #expect(sequence.advance(conferences: 0, areConnectionsClosed: true, at: start) == nil)
    }

    @Test("the last conference's end cuts the grace short, and so does a focus that needs no more")
    func graceCutShort() {
        var sequence = announced()
        let soon = start + .seconds(1)
        #expect(sequence.advance(conferences: 2, areConnectionsClosed: false, at: soon) == nil)
        #expect(sequence.advance(conferences: 0, areConnectionsClosed: false, at: soon) == .disconnect)
        sequence = announced()
        #expect(sequence.skipGrace(at: soon) == .disconnect)
        #expect(sequence.nextTimeout == soon + ControlPlaneLimits.closeTime)
        // Time for the streams is not given twice.
        #expect(sequence.skipGrace(at: soon + .seconds(1)) == nil)
        #expect(sequence.nextTimeout == soon + ControlPlaneLimits.closeTime)
    }

    @Test("who asks a second time gets the end at once, with the first status; a third time changes nothing")
    func impatience() {
        var sequence = announced()
        #expect(sequence.begin(status: 130, grace: grace, at: start) == [.disconnect, .finish])
        #expect(sequence.exitStatus == 143 && sequence.nextTimeout == nil)
        #expect(sequence.begin(status: 130, grace: grace, at: start) == [])
        #expect(sequence.skipGrace(at: start) == nil)
        var closing = announced()
        #expect(closing.skipGrace(at: start) == .disconnect)
        #expect(closing.begin(status: 130, grace: grace, at: start) == [.disconnect, .finish])
    }
}
