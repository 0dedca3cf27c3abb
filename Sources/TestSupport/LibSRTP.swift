// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CSRTP

/// Debian's libsrtp2, one direction with one master key: an implementation that shares no code with ours.
public final class LibSRTP {
    /// Which of the two directions.
    public enum Direction: Sendable {
        case sender, receiver
    }

    /// What the library answered to a packet it did not take.
    public struct Refusal: Error, Equatable {
        /// `srtp_err_status_t`: 7 is a wrong tag, 9 a replay, 10 an index behind the window.
        public var status: UInt32
    }

    private static let isReady: Bool = srtp_init() == srtp_err_status_ok

    private var session: srtp_t?

    /// A session that takes every SSRC.
    /// - Parameters:
    ///   - profile: the DTLS code point, 1, 2, 7 or 8.
    ///   - keyAndSalt: master key followed by master salt.
    public init(_ direction: Direction, profile: UInt16, keyAndSalt: [UInt8], window: UInt = 128) {
        precondition(Self.isReady, "libsrtp2 does not start")
        var policy = srtp_policy_t()
        let number = srtp_profile_t(rawValue: UInt32(profile))
        precondition(
            srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, number) == srtp_err_status_ok
                && srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, number) == srtp_err_status_ok,
            "libsrtp2 does not know the profile")
        policy.ssrc.type = direction == .sender ? ssrc_any_outbound : ssrc_any_inbound
        policy.window_size = window
        var key = keyAndSalt
        let status = key.withUnsafeMutableBufferPointer {
            policy.key = $0.baseAddress
            return srtp_create(&session, &policy)
        }
        precondition(status == srtp_err_status_ok, "libsrtp2 does not take the policy")
    }

    deinit {
        if let session { srtp_dealloc(session) }
    }

    /// Protects a whole RTP packet.
    public func protectRTP(_ packet: [UInt8]) throws(Refusal) -> [UInt8] {
        try run(packet, srtp_protect)
    }

    /// Checks and decrypts an SRTP packet.
    public func unprotectRTP(_ packet: [UInt8]) throws(Refusal) -> [UInt8] {
        try run(packet, srtp_unprotect)
    }

    /// Protects a compound RTCP packet.
    public func protectRTCP(_ packet: [UInt8]) throws(Refusal) -> [UInt8] {
        try run(packet, srtp_protect_rtcp)
    }

    /// Checks and decrypts an SRTCP packet.
    public func unprotectRTCP(_ packet: [UInt8]) throws(Refusal) -> [UInt8] {
        try run(packet, srtp_unprotect_rtcp)
    }

    private typealias Operation = (srtp_t?, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>?) -> srtp_err_status_t

    private func run(_ packet: [UInt8], _ operation: Operation) throws(Refusal) -> [UInt8] {
        // Room for the longest trailer; the library also wants 32-bit alignment, which arrays have.
        var buffer = packet + [UInt8](repeating: 0, count: Int(SRTP_MAX_TRAILER_LEN) + 4)
        var length = Int32(packet.count)
        let status = operation(session, &buffer, &length)
        guard status == srtp_err_status_ok else { throw Refusal(status: status.rawValue) }
        return Array(buffer.prefix(Int(length)))
    }
}
