// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A source that a receiver may get.
struct WantedSource: BitwiseCopyable {
    /// Its place in ``ConferenceVideo/sources``.
    let source: Int
    let wish: SourceWish
    let isOnStage: Bool
    /// Where its candidates begin, and how many there are.
    var first = 0
    var count = 0
    /// Up to which candidate it is served before anybody else, when on stage; -1 for none.
    var preferred = -1
    /// Up to which it may exceed the rate; -1 for none.
    var oversend = -1
    /// Which candidate it gets; -1 for none.
    var target = -1
    /// What was there could not be given to it, and less will not do.
    var isSettled = false
    /// Something of it comes.
    var isActive = false
}
