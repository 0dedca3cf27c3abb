// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the client asks of its shell. Bytes that wait are written first.
public enum XMPPAction: Hashable, Sendable {
    /// Open a TCP connection; answer with `handleConnected` or `handleDisconnected`.
    case openConnection(host: String, port: UInt16)
    /// Begin TLS on the connection; answer with `handleTLSEstablished` or `handleTLSFailed`. Certificates are accepted
    /// from the authorities of the PEM file, or else of the system.
    case startTLS(serverName: String, verifiesCertificate: Bool, authoritiesFile: String?)
    /// Close the connection now; no answer is expected.
    case closeConnection
}
