// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
internal import Primitives

/// Whether a connection uses TLS (`SECURITY_MODE`, control-plane.md 1.1).
public enum SecurityMode: String, Hashable, Sendable {
    /// TLS or nothing.
    case required
    /// TLS when the server offers it.
    case ifPossible = "ifpossible"
    /// Never TLS.
    case disabled
}

/// How the program names itself in answers to `jabber:iq:version` and disco#info.
public struct SoftwareVersion: Hashable, Sendable {
    /// The product; tools look for `JVB`.
    public var name: String
    /// Its version.
    public var version: String
    /// The operating system.
    public var operatingSystem: String

    /// A version.
    public init(name: String, version: String, operatingSystem: String) {
        self.name = name
        self.version = version
        self.operatingSystem = operatingSystem
    }
}

/// The namespace and local name of a payload.
public struct PayloadName: Hashable, Sendable {
    /// The local name.
    public var name: String
    /// The namespace URI.
    public var namespace: String

    /// A name.
    public init(_ name: String, _ namespace: String) {
        self.name = name
        self.namespace = namespace
    }
}

/// One connection block (control-plane.md 1.1).
public struct XMPPSettings: Hashable, Sendable {
    /// The block's name, e.g. `shard0`.
    public var id: String
    /// TCP host.
    public var host: String
    /// TCP port.
    public var port: UInt16 = 5222
    /// XMPP domain: stream header, SASL, certificate name.
    public var domain: String
    /// Local part of the account.
    public var username: String
    /// Its password.
    public var password: String
    /// Bare addresses of the rooms.
    public var rooms: [String]
    /// The nickname in every room.
    public var nickname: String
    /// Whether the certificate chain and name are checked.
    public var verifiesCertificate = true
    /// A PEM file of the authorities to believe instead of the system's.
    public var authoritiesFile: String?
    /// Whether TLS is used.
    public var security: SecurityMode
    /// The resource to bind: fixed, so that a restarted bridge ends its own ghost (control-plane.md 1.6).
    public var resource: String
    /// Answers to questions about the program.
    public var software = SoftwareVersion(name: "JVB", version: "unknown", operatingSystem: "Linux")
    /// The payloads that become ``XMPPEvent/request(_:)``; others are refused.
    public var handledPayloads: [PayloadName] = []
    /// Whether other occupants' presence becomes ``XMPPEvent/occupant(_:)``.
    public var reportsOccupants = false
    /// Whether health checks are answered and shutdown requests refused, as a bridge does.
    public var isBridge = true
    /// Periods and limits of time.
    public var timing = XMPPTiming()

    /// A block with the defaults of control-plane.md 1.1.
    ///
    /// - Parameters:
    ///   - domain: the host when `nil`.
    ///   - security: by the host when `nil`: `ifPossible` for this machine, else `required`.
    public init(
        id: String, host: String, domain: String? = nil, username: String, password: String, rooms: [String],
        nickname: String, security: SecurityMode? = nil
    ) {
        self.id = id
        self.host = host
        self.domain = domain ?? host
        self.username = username
        self.password = password
        self.rooms = rooms
        self.nickname = nickname
        let isLocal = ["localhost", "127.0.0.1", "::1"].contains(host)
        self.security = security ?? (isLocal ? .ifPossible : .required)
        let identity = Array((id + "\u{0}" + nickname).utf8)
        let digest = MessageDigest.sha256(identity.rawSpan).prefix(4)
        resource = nickname + "-" + digest.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
    }
}
