// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Hands things to another thread in their order, as far as its mailbox has room. The first that finds none is kept
/// and tried again after ``ControlPlaneLimits/fullRingPause``; those behind it stay with whom they come from.
struct Outbox<Element> {
    private var held: (element: Element, retry: Timestamp)?

    init() {}

    /// When what is kept is tried again.
    var nextTimeout: Timestamp? { held?.retry }

    /// Hands over what there is.
    /// - Parameters:
    ///   - next: takes the next one where they come from.
    ///   - send: whether the mailbox took it.
    mutating func pass(at now: Timestamp, next: () -> Element?, to send: (Element) -> Bool) {
        while let element = held?.element ?? next() {
            guard send(element) else {
                held = (element, now + ControlPlaneLimits.fullRingPause)
                return
            }
            held = nil
        }
    }
}
