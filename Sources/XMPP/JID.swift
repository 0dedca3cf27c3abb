// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Parts of XMPP addresses (RFC 7622 §3.1), as far as a client of one server needs them.
public enum JID {
    /// The address without its resource.
    public static func bare(_ jid: String) -> String {
        guard let slash = jid.utf8.firstIndex(of: UInt8(ascii: "/")) else { return jid }
        return String(jid[..<slash])
    }

    /// The resource (in a room: the nickname); `nil` when there is none.
    public static func resource(_ jid: String) -> String? {
        guard let slash = jid.utf8.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        return String(jid[jid.utf8.index(after: slash)...])
    }

    /// The bare address in lower case: local parts and domains are compared without regard to case.
    public static func folded(_ jid: String) -> String {
        bare(jid).lowercased()
    }
}
