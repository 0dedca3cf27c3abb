// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why bytes are not a STUN message (RFC 8489 §5, §14).
public enum STUNError: Error, Hashable, Sendable {
    /// Shorter than a header, or longer than ICELimits/messageBytes.
    case badSize
    /// The first two bits are not zero, or the magic cookie is missing.
    case notSTUN
    /// The length field does not match the datagram or is not a multiple of four.
    case badLength
    /// An attribute runs past the end.
    case truncatedAttribute(UInt16)
    /// A known attribute has an impossible length or value.
    case malformedAttribute(UInt16)
    /// FINGERPRINT is not the last attribute.
    case misplacedFingerprint
}
