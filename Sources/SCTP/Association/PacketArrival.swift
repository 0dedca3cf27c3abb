// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the chunks of one packet ask for together.
struct PacketArrival: BitwiseCopyable {
    /// It brought DATA, or a FORWARD-TSN, to be acknowledged.
    var hasData = false
    /// At once.
    var isUrgent = false
}
