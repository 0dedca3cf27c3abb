// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What is known of one data channel.
struct ChannelState {
    /// Where it stands.
    enum Phase: UInt8 {
        /// Our OPEN is not answered.
        case opening
        case open
        /// Both of our streams are to begin anew; what still comes is thrown away.
        case closing
    }

    let stream: UInt16
    var phase: Phase
    var isUnordered: Bool
    var reliability: Reliability
    /// Whether our stream has begun anew, and the peer's.
    var isOursReset = false
    var isTheirsReset = false
    /// Told to the owner when our OPEN is answered.
    var label: [UInt8] = []
    var `protocol`: [UInt8] = []
}
