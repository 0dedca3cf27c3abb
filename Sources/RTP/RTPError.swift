// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why bytes are not an RTP packet.
public enum RTPError: Error, Hashable, Sendable {
    /// The fixed header or the list of contributing sources is cut off.
    case tooShort
    /// The version is not 2.
    case wrongVersion
    /// The header extension reaches beyond the packet.
    case truncatedExtension
    /// The padding bit is set and the padding length is zero or more than there is.
    case invalidPadding
}
