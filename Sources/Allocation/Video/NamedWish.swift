// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a receiver asks of a source that it named: on stage, as selected, or with constraints of its own.
public struct NamedWish: Hashable, Sendable, BitwiseCopyable {
    /// Which source: its place in ConferenceVideo/sources. Of several for one source the first counts.
    public var source: UInt32
    /// What is asked of it.
    public var wish: SourceWish
    /// Its place among the sources on stage and, behind them, those selected; `.max` if it is none of them.
    public var rank: UInt32
    /// Whether it is on stage.
    public var isOnStage: Bool

    /// A wish.
    public init(source: UInt32, wish: SourceWish, rank: UInt32 = .max, isOnStage: Bool = false) {
        self.source = source
        self.wish = wish
        self.rank = rank
        self.isOnStage = isOnStage
    }
}
