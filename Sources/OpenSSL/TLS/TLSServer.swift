// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// The server side of one TLS connection (1.2 or 1.3) over memory: ciphertext in and out, plaintext in and out.
///
/// After each call drain ``pollCiphertext()`` and ``pollPlaintext()`` and look at ``state``. While nothing is on its
/// way OpenSSL keeps no record buffers for it.
public struct TLSServer: ~Copyable {
    private var engine: TLSEngine

    /// Where the connection stands.
    public var state: TLSState { engine.state }

    /// A connection that waits for the client's first flight.
    public init(_ identity: TLSServerIdentity) throws(OpenSSLError) {
        ErrorQueue.clear()
        engine = try TLSEngine(identity.context)
        SSL_set_accept_state(engine.ssl)
    }

    /// Takes in bytes from the client.
    public mutating func handle(ciphertext: [UInt8]) { engine.handle(ciphertext: ciphertext) }

    /// Sends `plaintext`; what is written during the handshake goes out after it.
    public mutating func write(plaintext: [UInt8]) { engine.write(plaintext: plaintext) }

    /// Bytes for the client; `nil` when there are none.
    public mutating func pollCiphertext() -> [UInt8]? { engine.pollCiphertext() }

    /// Bytes from the client; `nil` when there are none.
    public mutating func pollPlaintext() -> [UInt8]? { engine.pollPlaintext() }

    /// Says goodbye (close_notify).
    public mutating func close() { engine.close() }

    /// The protocol version in OpenSSL's spelling, such as `TLSv1.3`.
    public var versionName: String { engine.versionName }
}
