// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What is kept per SSRC and direction: plain data, from which a stream can be taken up again.
struct SSRCContext: BitwiseCopyable, Equatable {
    /// Indices used.
    var window: ReplayWindow
    /// Whose they are.
    let ssrc: UInt32
    /// Packets accepted, up to ``SRTPLimits/youngContextPackets``.
    var accepted: UInt8 = 1
}
