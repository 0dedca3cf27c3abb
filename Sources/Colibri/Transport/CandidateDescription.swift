// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// An ICE candidate as signalled (control-plane.md 4.3, XEP-0176).
public struct CandidateDescription: Hashable, Sendable {
    /// Component; only 1 is usable.
    public var component = 1
    /// Foundation.
    public var foundation = "1"
    /// Generation; only 0 is usable.
    public var generation = 0
    /// Unique text.
    public var id = ""
    /// Network number.
    public var network = 0
    /// RFC 8445 priority.
    public var priority: UInt32
    /// `udp`; others are not usable.
    public var protocolName = "udp"
    /// `host`, `srflx`, `prflx` or `relay`.
    public var type: String
    /// An address literal, or a name that is not resolved.
    public var ip: String
    /// Port.
    public var port: UInt16
    /// Address of the base, for candidates other than `host`.
    public var relatedAddress: String?
    /// Port of the base.
    public var relatedPort: UInt16?

    /// A UDP candidate of component 1.
    public init(type: String, ip: String, port: UInt16, priority: UInt32) {
        self.type = type
        self.ip = ip
        self.port = port
        self.priority = priority
    }
}
