// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// An IP address and port. IPv4 addresses are kept in the first four bytes, the rest zero.
public struct TransportAddress: Hashable, Sendable, BitwiseCopyable, TableKey {
    /// The address family.
    public enum Family: UInt8, Sendable, BitwiseCopyable {
        case ipv4 = 4
        case ipv6 = 6
    }

    /// First eight bytes of the address, as a big-endian number.
    public var high: UInt64
    /// Last eight bytes of the address, as a big-endian number; zero for IPv4.
    public var low: UInt64
    /// UDP or TCP port, host order.
    public var port: UInt16
    /// IPv4 or IPv6.
    public var family: Family

    /// An IPv4 address from its 32 bits (host order).
    public init(ipv4: UInt32, port: UInt16) {
        high = UInt64(ipv4) << 32
        low = 0
        self.port = port
        family = .ipv4
    }

    /// An IPv6 address from its two halves (host order).
    public init(ipv6High: UInt64, low: UInt64, port: UInt16) {
        high = ipv6High
        self.low = low
        self.port = port
        family = .ipv6
    }

    /// Parses a literal such as `192.0.2.1` or `2001:db8::1`; names, zones and ports are refused with `nil`.
    public init?(ip text: String, port: UInt16) {
        if let value = Self.parseIPv4(text[...]) {
            self.init(ipv4: value, port: port)
        } else if let (high, low) = Self.parseIPv6(text) {
            self.init(ipv6High: high, low: low, port: port)
        } else {
            return nil
        }
    }

    /// The 32 bits of an IPv4 address (meaningless for IPv6).
    @inlinable public var ipv4: UInt32 { UInt32(truncatingIfNeeded: high >> 32) }

    /// The same address with another port.
    public func with(port: UInt16) -> TransportAddress {
        var copy = self
        copy.port = port
        return copy
    }

    @inlinable
    public var tableHash: UInt64 {
        var z = high ^ (low &* 0x9E37_79B9_7F4A_7C15) ^ (UInt64(port) << 17) ^ UInt64(family.rawValue)
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Loopback: 127/8 or ::1.
    public var isLoopback: Bool {
        family == .ipv4 ? ipv4 >> 24 == 127 : (high == 0 && low == 1)
    }

    /// Link-local: 169.254/16 or fe80::/10.
    public var isLinkLocal: Bool {
        family == .ipv4 ? ipv4 >> 16 == 0xA9FE : high >> 54 == 0x3FA
    }

    /// RFC 1918, fec0::/10 (what Java calls site-local).
    public var isSiteLocal: Bool {
        if family == .ipv6 { return high >> 54 == 0x3FB }
        return ipv4 >> 24 == 10 || ipv4 >> 20 == 0xAC1 || ipv4 >> 16 == 0xC0A8
    }

    /// Site-local or unique local (fc00::/7): not offered when private candidates are hidden (media-plane.md 1.4).
    public var isPrivate: Bool {
        isSiteLocal || (family == .ipv6 && high >> 57 == 0x7E)
    }

    /// The wildcard address 0.0.0.0 or ::.
    public var isUnspecified: Bool { high == 0 && low == 0 }

    /// The address without its port, in canonical text (RFC 5952 for IPv6).
    public var ipText: String {
        if family == .ipv4 {
            let v = ipv4
            return "\(v >> 24).\(v >> 16 & 255).\(v >> 8 & 255).\(v & 255)"
        }
        let groups =
            [48, 32, 16, 0].map { (shift: UInt64) in high >> shift & 0xFFFF }
            + [48, 32, 16, 0].map { (shift: UInt64) in low >> shift & 0xFFFF }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        func hex(_ part: ArraySlice<UInt64>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return hex(groups[...]) }
        return hex(groups[..<best.lowerBound]) + "::" + hex(groups[best.upperBound...])
    }

    /// Shortened for logs: the network part only (`192.0.x.x:p`, `2001:db8:x`), never the whole address.
    public var redacted: String {
        if family == .ipv4 { return "\(ipv4 >> 24).\(ipv4 >> 16 & 255).x.x:\(port)" }
        return "[\(String(high >> 48, radix: 16)):\(String(high >> 32 & 0xFFFF, radix: 16)):x]:\(port)"
    }

    private static func parseIPv4(_ text: Substring) -> UInt32? {
        var value: UInt32 = 0
        var parts = 0
        var digits = 0
        var part: UInt32 = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, parts < 3 else { return nil }
                value = value << 8 | part
                parts += 1
                digits = 0
                part = 0
            } else {
                guard byte >= 48, byte <= 57, digits < 3 else { return nil }
                part = part * 10 + UInt32(byte - 48)
                digits += 1
                guard part <= 255 else { return nil }
            }
        }
        guard parts == 3, digits > 0 else { return nil }
        return value << 8 | part
    }

    private static func parseIPv6(_ text: String) -> (UInt64, UInt64)? {
        guard text.utf8.count <= 45, text.contains(":") else { return nil }
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return nil }
        func groups(_ half: Substring) -> [UInt64]? {
            if half.isEmpty { return [] }
            var result: [UInt64] = []
            let parts = half.split(separator: ":", omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() {
                if index == parts.count - 1, let tail = parseIPv4(part) {
                    result += [UInt64(tail >> 16), UInt64(tail & 0xFFFF)]
                } else {
                    guard (1...4).contains(part.utf8.count), let group = UInt64(part, radix: 16), part.first != "+"
                    else { return nil }
                    result.append(group)
                }
            }
            return result
        }
        guard var left = groups(halves[0]) else { return nil }
        if halves.count == 2 {
            guard let right = groups(halves[1]), left.count + right.count <= 7 else { return nil }
            left += [UInt64](repeating: 0, count: 8 - left.count - right.count) + right
        }
        guard left.count == 8 else { return nil }
        let fold = { (part: ArraySlice<UInt64>) in part.reduce(UInt64(0)) { $0 << 16 | $1 } }
        return (fold(left[0..<4]), fold(left[4..<8]))
    }
}

extension TransportAddress: CustomStringConvertible {
    /// The whole address and port. For the wire and for tests; logs use ``redacted``.
    public var description: String {
        family == .ipv4 ? "\(ipText):\(port)" : "[\(ipText)]:\(port)"
    }
}
