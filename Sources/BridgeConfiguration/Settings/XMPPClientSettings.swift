// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// One XMPP server to log in to (control-plane.md 1.1).
public struct XMPPClientSettings: Sendable, Hashable {
    /// When TLS is demanded.
    public enum SecurityMode: String, Sendable {
        /// No login without TLS.
        case required
        /// TLS when it is offered.
        case ifPossible = "ifpossible"
        /// Never TLS.
        case disabled
    }

    /// The block's name in the file, or the id given over HTTP.
    public var id: String
    /// Host to connect to.
    public var hostname: String
    /// TCP port.
    public var port: UInt16
    /// XMPP domain.
    public var domain: String
    /// Local part of the account.
    public var username: String
    /// Password of the account. Never logged.
    public var password: String
    /// Rooms to join.
    public var mucJIDs: [String]
    /// Nickname in every room.
    public var mucNickname: String
    /// Whether any certificate is accepted.
    public var disablesCertificateVerification: Bool
    /// A PEM file of the authorities to believe instead of the system's.
    public var authoritiesFile: String?
    /// When TLS is demanded.
    public var securityMode: SecurityMode

    /// Makes a client from property names (any case) and texts, as they stand in a block or in a
    /// `/colibri/muc-client/add` request.
    ///
    /// - Returns: the client, or what is missing or wrong with it.
    public static func make(id: String, properties: [(name: String, value: String)]) -> Result<Self, Problem> {
        var values: [String: String] = [:]
        for (name, value) in properties { values[name.uppercased()] = value }
        for required in ["HOSTNAME", "USERNAME", "PASSWORD", "MUC_JIDS", "MUC_NICKNAME"]
        where values[required, default: ""].isEmpty {
            return .failure(Problem(description: "\(required) is missing"))
        }
        guard let port = UInt16(values["PORT", default: "5222"]), port > 0 else {
            return .failure(Problem(description: "PORT is not a port number"))
        }
        let hostname = values["HOSTNAME", default: ""]
        let isLocal = ["localhost", "127.0.0.1", "::1"].contains(hostname)
        let modeText = values["SECURITY_MODE"] ?? (isLocal ? "ifpossible" : "required")
        guard let mode = SecurityMode(rawValue: modeText) else {
            return .failure(Problem(description: "SECURITY_MODE must be required, ifpossible or disabled"))
        }
        let verificationText = values["DISABLE_CERTIFICATE_VERIFICATION", default: "false"]
        guard let disablesVerification = SettingTextReader.boolean(verificationText) else {
            return .failure(Problem(description: "DISABLE_CERTIFICATE_VERIFICATION must be true or false"))
        }
        var rooms: [String] = []
        for room in values["MUC_JIDS", default: ""].split(separator: ",").map({ String(trimmed($0)) })
        where !room.isEmpty && !rooms.contains(where: { $0.lowercased() == room.lowercased() }) {
            guard isRoom(room) else {
                return .failure(Problem(description: "MUC_JIDS has \"\(room)\", which is not a room's address"))
            }
            rooms.append(room)
        }
        guard !rooms.isEmpty, rooms.count <= BridgeConfigurationLimits.roomsPerClient else {
            return .failure(
                Problem(description: "MUC_JIDS must name 1 to \(BridgeConfigurationLimits.roomsPerClient) rooms"))
        }
        let domain = values["DOMAIN", default: ""]
        return .success(
            Self(
                id: id, hostname: hostname, port: port, domain: domain.isEmpty ? hostname : domain,
                username: values["USERNAME", default: ""], password: values["PASSWORD", default: ""], mucJIDs: rooms,
                mucNickname: values["MUC_NICKNAME", default: ""],
                disablesCertificateVerification: disablesVerification,
                authoritiesFile: values["CA_FILE"].flatMap { $0.isEmpty ? nil : $0 }, securityMode: mode))
    }

    /// `room@service`, without a nickname: that has a property of its own.
    private static func isRoom(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && !text.contains { $0 == "/" || $0.isWhitespace }
    }

    /// Why a block cannot be used.
    public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// The property and what is wrong with it.
        public let description: String
    }
}
