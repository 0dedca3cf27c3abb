// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// An SRTP protection profile by its DTLS code point (RFC 5764 4.1.2, RFC 7714 14.2).
public enum SRTPProfile: UInt16, Sendable, BitwiseCopyable, CaseIterable {
    case aeadAES128GCM = 0x0007
    case aes128CMHMACSHA1_80 = 0x0001
    case aes128CMHMACSHA1_32 = 0x0002
    case aeadAES256GCM = 0x0008

    /// Length of the master key in bytes.
    public var keyBytes: Int { self == .aeadAES256GCM ? 32 : 16 }

    /// Length of the master salt in bytes.
    public var saltBytes: Int { isAEAD ? 12 : 14 }

    /// Length of the tag at the end of an SRTP packet in bytes.
    public var rtpTagBytes: Int {
        switch self {
        case .aeadAES128GCM, .aeadAES256GCM: 16
        case .aes128CMHMACSHA1_80: 10
        case .aes128CMHMACSHA1_32: 4
        }
    }

    /// Length of the tag of an SRTCP packet in bytes; RFC 5764 keeps 80 bits for the profile with short RTP tags.
    public var rtcpTagBytes: Int { isAEAD ? 16 : 10 }

    /// Whether AES-GCM (RFC 7714) does encryption and authentication in one.
    public var isAEAD: Bool { self == .aeadAES128GCM || self == .aeadAES256GCM }

    /// The profile that `jmt.srtp.protection-profiles` means by this name; `nil` for a name that is none.
    public init?(configurationName: String) {
        switch configurationName {
        case "SRTP_AEAD_AES_128_GCM": self = .aeadAES128GCM
        case "SRTP_AEAD_AES_256_GCM": self = .aeadAES256GCM
        case "SRTP_AES128_CM_HMAC_SHA1_80": self = .aes128CMHMACSHA1_80
        case "SRTP_AES128_CM_HMAC_SHA1_32": self = .aes128CMHMACSHA1_32
        default: return nil
        }
    }

    /// OpenSSL's name for it.
    var libraryName: String {
        switch self {
        case .aeadAES128GCM: "SRTP_AEAD_AES_128_GCM"
        case .aeadAES256GCM: "SRTP_AEAD_AES_256_GCM"
        case .aes128CMHMACSHA1_80: "SRTP_AES128_CM_SHA1_80"
        case .aes128CMHMACSHA1_32: "SRTP_AES128_CM_SHA1_32"
        }
    }
}

/// SRTP master keys of both directions, as the handshake gave them.
public struct SRTPKeys: Equatable, Sendable {
    /// The negotiated profile.
    public var profile: SRTPProfile
    /// Protects what we send.
    public var localKey: [UInt8]
    /// Salt of what we send.
    public var localSalt: [UInt8]
    /// Protects what the peer sends.
    public var remoteKey: [UInt8]
    /// Salt of what the peer sends.
    public var remoteSalt: [UInt8]

    /// Keys from their parts; lengths are those of `profile`.
    public init(
        profile: SRTPProfile, localKey: [UInt8], localSalt: [UInt8], remoteKey: [UInt8], remoteSalt: [UInt8]
    ) {
        self.profile = profile
        self.localKey = localKey
        self.localSalt = localSalt
        self.remoteKey = remoteKey
        self.remoteSalt = remoteSalt
    }
}
