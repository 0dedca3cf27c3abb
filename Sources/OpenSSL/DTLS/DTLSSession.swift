// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
internal import Primitives

/// One DTLS 1.2 association over memory: datagrams in, datagrams out, SRTP keys at the end, and records of application
/// data both ways from then on (RFC 6347, 5764).
///
/// Knows nothing of time: the owner says when the last flight is to be sent again. `DTLSTransport` is that owner.
public struct DTLSSession: ~Copyable {
    /// Why the association ended.
    public enum Failure: Equatable, Sendable {
        /// The handshake was refused by either side; the text is OpenSSL's reason, or constant.
        case handshake(String)
        /// The peer presented a certificate that was not signalled.
        case fingerprintMismatch
        /// The peer presented a certificate before any usable fingerprint was signalled.
        case noFingerprint
        /// The peer offered no SRTP profile of ours.
        case noSRTPProfile

        /// A short constant or OpenSSL's own text.
        public var reason: String {
            switch self {
            case .handshake(let text): text
            case .fingerprintMismatch: "certificate does not match the signalled fingerprints"
            case .noFingerprint: "no usable fingerprint was signalled"
            case .noSRTPProfile: "no common SRTP profile"
            }
        }
    }

    /// Where the association stands.
    public enum State: Equatable, Sendable {
        case handshaking
        case connected
        case closed
        case failed(Failure)
    }

    /// Where the association stands.
    public private(set) var state = State.handshaking
    /// Whether this side is the DTLS client.
    public let isClient: Bool

    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private let hooks: UnsafeMutablePointer<viaduct_dtls_hooks>
    private let verifier: FingerprintVerifier
    // Held for the lifetime of the association.
    private let identity: DTLSIdentity

    /// An association that has not said anything yet.
    /// - Parameters:
    ///   - profiles: what to offer or to choose from, best first.
    ///   - acceptedHashes: hashes that fingerprints of the peer may have; the first for which there is one counts.
    public init(
        identity: DTLSIdentity, isClient: Bool, profiles: [SRTPProfile],
        acceptedHashes: [HashFunction] = HashFunction.strongestFirst
    ) {
        guard let ssl = SSL_new(identity.context), let input = viaduct_make_memory_bio(),
            let output = viaduct_make_memory_bio()
        else { preconditionFailure("no memory for a DTLS session") }
        self.ssl = ssl
        self.input = input
        self.output = output
        self.isClient = isClient
        self.identity = identity
        verifier = FingerprintVerifier(accepted: acceptedHashes)
        hooks = .allocate(capacity: 1)
        hooks.initialize(to: viaduct_dtls_hooks())
        hooks.pointee.verifier = Unmanaged.passUnretained(verifier).toOpaque()
        SSL_set_bio(ssl, input, output)
        viaduct_dtls_attach(ssl, input, hooks)
        viaduct_set_dtls_mtu(ssl, OpenSSLLimits.dtlsDatagramBytes)
        let names = profiles.map(\.libraryName).joined(separator: ":")
        // This function answers zero when it succeeds.
        if SSL_set_tlsext_use_srtp(ssl, names) != 0 { state = .failed(.noSRTPProfile) }
        if isClient { SSL_set_connect_state(ssl) } else { SSL_set_accept_state(ssl) }
    }

    deinit {
        SSL_free(ssl)
        hooks.deallocate()
        // The identity's context is counted by OpenSSL; this keeps the reference until here.
        withExtendedLifetime((identity, verifier)) {}
    }

    /// Adds a signalled fingerprint; see `DTLSTransport.addFingerprints`.
    /// - Returns: whether the bridge can use it.
    @discardableResult
    public mutating func addFingerprint(hash: String, digest: [UInt8]) -> Bool {
        verifier.add(hash: hash, digest: digest)
    }

    /// Begins: the client's first flight is made.
    public mutating func start() { advance { _ in } }

    /// Takes in one datagram.
    /// - Parameter application: gets the plaintext of each record of application data; it is valid during the call.
    public mutating func receive(_ datagram: UnsafeRawBufferPointer, application: (RawSpan) -> Void) {
        guard state == .handshaking || state == .connected, let base = datagram.baseAddress, datagram.count > 0 else {
            return
        }
        guard BIO_write(input, base, Int32(datagram.count)) == Int32(datagram.count) else { return }
        advance(application)
    }

    /// Makes one record of application data; it comes out by ``takeOutput()``.
    /// - Returns: whether it was taken: only while connected, and only as much as a record holds.
    public mutating func send(application: UnsafeRawBufferPointer) -> Bool {
        guard state == .connected, let base = application.baseAddress, application.count > 0,
            application.count <= OpenSSLLimits.dtlsRecordBytes
        else { return false }
        ErrorQueue.clear()
        SSL_alloc_buffers(ssl)
        defer { SSL_free_buffers(ssl) }
        return SSL_write(ssl, base, Int32(application.count)) == Int32(application.count)
    }

    /// Whether a flight waits for the peer's answer.
    public var awaitsAnswer: Bool { state == .handshaking && viaduct_dtls_timer_runs(ssl) == 1 }

    /// How many flights that wait for an answer have been sent; repetitions do not count.
    public var flights: UInt32 { hooks.pointee.flights }

    /// Sends the last flight again.
    public mutating func retransmit() {
        guard awaitsAnswer else { return }
        ErrorQueue.clear()
        if viaduct_dtls_retransmit(ssl) < 0 { noteFailure() }
    }

    /// Says goodbye (close_notify).
    public mutating func close() {
        guard state == .connected else {
            if state == .handshaking { state = .closed }
            return
        }
        ErrorQueue.clear()
        SSL_alloc_buffers(ssl)
        SSL_shutdown(ssl)
        state = .closed
    }

    /// All outgoing records since the last call, one after the other; cut them by ``DTLSRecords``.
    public mutating func takeOutput() -> [UInt8] {
        let count = viaduct_bio_pending(output)
        guard count > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, Int(BIO_read(output, buffer.baseAddress, Int32(count))))
        }
    }

    /// The SRTP master keys (RFC 5764 4.2); `nil` unless connected.
    public func exportKeys() -> SRTPKeys? {
        guard state == .connected, let profile = selectedProfile else { return nil }
        let keyBytes = profile.keyBytes
        let saltBytes = profile.saltBytes
        var material = [UInt8](repeating: 0, count: 2 * (keyBytes + saltBytes))
        defer { OPENSSL_cleanse(&material, material.count) }
        let label = "EXTRACTOR-dtls_srtp"
        guard SSL_export_keying_material(ssl, &material, material.count, label, label.utf8.count, nil, 0, 0) == 1 else {
            return nil
        }
        let clientKey = Array(material[0..<keyBytes])
        let serverKey = Array(material[keyBytes..<2 * keyBytes])
        let clientSalt = Array(material[2 * keyBytes..<2 * keyBytes + saltBytes])
        let serverSalt = Array(material[(2 * keyBytes + saltBytes)...])
        return isClient
            ? SRTPKeys(
                profile: profile, localKey: clientKey, localSalt: clientSalt, remoteKey: serverKey,
                remoteSalt: serverSalt)
            : SRTPKeys(
                profile: profile, localKey: serverKey, localSalt: serverSalt, remoteKey: clientKey,
                remoteSalt: clientSalt)
    }

    /// The negotiated cipher suite in OpenSSL's spelling, for `/debug`.
    public var cipherName: String? {
        guard let cipher = SSL_get_current_cipher(ssl), let name = SSL_CIPHER_get_name(cipher) else { return nil }
        return String(cString: name)
    }

    private var selectedProfile: SRTPProfile? {
        guard let selected = SSL_get_selected_srtp_profile(ssl) else { return nil }
        return SRTPProfile(rawValue: UInt16(truncatingIfNeeded: selected.pointee.id))
    }

    /// Lets OpenSSL work through what has arrived.
    private mutating func advance(_ application: (RawSpan) -> Void) {
        ErrorQueue.clear()
        if state == .handshaking {
            let result = SSL_do_handshake(ssl)
            if result == 1 {
                state = selectedProfile == nil ? .failed(.noSRTPProfile) : .connected
                if selectedProfile == nil { SSL_shutdown(ssl) }
            } else if !isWaiting(result) {
                noteFailure()
            }
        }
        guard state != .handshaking else { return }
        // Most associations are idle most of the time, so that none keeps its buffers of about 34 kB.
        // OpenSSL would bring the one for reading back by itself, and crash for want of the other one.
        SSL_alloc_buffers(ssl)
        if state == .connected { readRecords(application) }
        SSL_free_buffers(ssl)
    }

    /// Reads after the handshake: alerts, repeated Finished messages (which OpenSSL answers), application data.
    private mutating func readRecords(_ application: (RawSpan) -> Void) {
        // Ends: each round takes a record out of the one datagram that is in `input`.
        withUnsafeTemporaryAllocation(byteCount: OpenSSLLimits.tlsReadBytes, alignment: 1) { scratch in
            while true {
                let count = SSL_read(ssl, scratch.baseAddress, Int32(scratch.count))
                if count > 0 {
                    application(UnsafeRawBufferPointer(rebasing: scratch[..<Int(count)]).bytes)
                } else {
                    switch SSL_get_error(ssl, count) {
                    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: break
                    case SSL_ERROR_ZERO_RETURN:
                        // RFC 5246 7.2.1: a close_notify is answered by one.
                        SSL_shutdown(ssl)
                        state = .closed
                    default: noteFailure()
                    }
                    return
                }
            }
        }
    }

    private func isWaiting(_ result: Int32) -> Bool {
        let error = SSL_get_error(ssl, result)
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE
    }

    private mutating func noteFailure() {
        let reason = ErrorQueue.takeReason() ?? "handshake failed"
        state = .failed(verifier.rejection ?? .handshake(reason))
    }
}
