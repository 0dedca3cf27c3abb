// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why a packet was refused.
public enum SRTPFailure: UInt8, Error, Sendable, BitwiseCopyable, CaseIterable {
    /// Shorter than its headers and its tag, or the slot is too short for the result.
    case tooShort
    /// The tag is wrong.
    case authentication
    /// The index was seen before.
    case replay
    /// The index lies behind the window, so that nobody knows whether it was seen.
    case replayOld
    /// The sender was asked to seal an index a second time, or one behind its window.
    case reused
    /// All indices of this SSRC and key are used up.
    case exhausted
    /// There are ``SRTPLimits/sendContexts`` SSRCs already.
    case contextsFull
    /// The cipher refused.
    case cipher
}

/// How many packets went through and how many were refused, by reason.
public struct SRTPCounters: Equatable, Sendable, BitwiseCopyable {
    /// Packets that went through.
    public var packets: UInt64 = 0
    public var tooShort: UInt64 = 0
    public var authentication: UInt64 = 0
    public var replay: UInt64 = 0
    public var replayOld: UInt64 = 0
    public var reused: UInt64 = 0
    public var exhausted: UInt64 = 0
    public var contextsFull: UInt64 = 0
    public var cipher: UInt64 = 0
    /// Receive contexts that made room for newer ones.
    public var evictedContexts: UInt64 = 0

    /// Nothing counted yet.
    public init() {}

    /// Packets refused for any reason.
    public var refused: UInt64 {
        tooShort + authentication + replay + replayOld + reused + exhausted + contextsFull + cipher
    }

    mutating func note(_ failure: SRTPFailure) {
        switch failure {
        case .tooShort: tooShort += 1
        case .authentication: authentication += 1
        case .replay: replay += 1
        case .replayOld: replayOld += 1
        case .reused: reused += 1
        case .exhausted: exhausted += 1
        case .contextsFull: contextsFull += 1
        case .cipher: cipher += 1
        }
    }
}
