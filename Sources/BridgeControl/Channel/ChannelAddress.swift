// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Addresses of an endpoint's WebSockets (media-plane.md 11.2): a prefix for each advertised domain, then conference,
/// endpoint and password.
enum ChannelAddress {
    /// - Parameter prefixes: each up to and with the slash behind the server's id.
    static func list(
        prefixes: [String], conferenceID: String, endpointID: String, password: String
    ) -> [String] {
        prefixes.map { "\($0)\(conferenceID)/\(escaped(endpointID))?pwd=\(password)" }
    }

    /// One segment of a path (RFC 3986 3.3): an endpoint's id can be any text.
    private static func escaped(_ text: String) -> String {
        var result: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                result.append(byte)
            default: result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
