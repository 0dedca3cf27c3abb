// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CSRTP
internal import OpenSSL

/// One direction of a participant's SRTP, by libsrtp2: an implementation that shares nothing with the bridge's.
///
/// The only file that sees that library. Used by one thread.
final class SRTPContext {
    /// What libsrtp2 said to a packet.
    enum Failure: Equatable {
        /// Seen before.
        case replayed
        /// Anything else, forged or altered most likely; a number far behind the window, too.
        case refused(Int32)
    }

    /// Which way packets go through the context.
    enum Direction {
        case outbound, inbound
    }

    private let session: OpaquePointer
    /// Bytes that encryption may add at most (SRTCP's index and tag among them).
    static let overheadBytes = 148

    // The library refuses a second initialisation.
    private static let initialised = srtp_init()

    /// Called before any other use.
    static func prepareLibrary() throws(LoadError) {
        if initialised == srtp_err_status_ok { return }
        // Somebody else in the process may have been first; then contexts can be made.
        let key = [UInt8](repeating: 0, count: 16)
        _ = try SRTPContext(
            profile: .aeadAES128GCM, key: key, salt: [UInt8](repeating: 0, count: 12), direction: .inbound)
    }

    /// A context for all SSRCs of one direction.
    init(profile: SRTPProfile, key: [UInt8], salt: [UInt8], direction: Direction) throws(LoadError) {
        var policy = srtp_policy_t()
        switch profile {
        case .aeadAES128GCM:
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        case .aes128CMHMACSHA1_80:
            srtp_crypto_policy_set_rtp_default(&policy.rtp)
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        default:
            throw .library("an SRTP profile was negotiated that was not offered")
        }
        policy.ssrc.type = direction == .inbound ? ssrc_any_inbound : ssrc_any_outbound
        policy.window_size = 1_024
        var created: OpaquePointer?
        var master = key + salt
        let status = master.withUnsafeMutableBufferPointer { bytes in
            policy.key = bytes.baseAddress
            return srtp_create(&created, &policy)
        }
        guard status == srtp_err_status_ok, let created else {
            throw .library("srtp_create failed with \(status.rawValue)")
        }
        session = created
    }

    deinit {
        srtp_dealloc(session)
    }

    /// Encrypts an RTP packet in place; there must be room for ``overheadBytes`` behind it.
    /// - Returns: the new length, `nil` on failure.
    func protect(_ packet: UnsafeMutableRawPointer, byteCount: Int) -> Int? {
        var length = Int32(byteCount)
        guard srtp_protect(session, packet, &length) == srtp_err_status_ok else { return nil }
        return Int(length)
    }

    /// Encrypts an RTCP datagram in place; there must be room for ``overheadBytes`` behind it.
    func protectRTCP(_ packet: UnsafeMutableRawPointer, byteCount: Int) -> Int? {
        var length = Int32(byteCount)
        guard srtp_protect_rtcp(session, packet, &length) == srtp_err_status_ok else { return nil }
        return Int(length)
    }

    /// Decrypts an RTP packet in place.
    func unprotect(_ packet: UnsafeMutableRawPointer, byteCount: Int) -> Result<Int, Failure> {
        var length = Int32(byteCount)
        return Self.outcome(srtp_unprotect(session, packet, &length), length)
    }

    /// Decrypts an RTCP datagram in place.
    func unprotectRTCP(_ packet: UnsafeMutableRawPointer, byteCount: Int) -> Result<Int, Failure> {
        var length = Int32(byteCount)
        return Self.outcome(srtp_unprotect_rtcp(session, packet, &length), length)
    }

    private static func outcome(_ status: srtp_err_status_t, _ length: Int32) -> Result<Int, Failure> {
        switch status {
        case srtp_err_status_ok: .success(Int(length))
        case srtp_err_status_replay_fail: .failure(.replayed)
        default: .failure(.refused(Int32(bitPattern: status.rawValue)))
        }
    }
}

extension SRTPContext.Failure: Error {}
