// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The password in the addresses of an endpoint's WebSockets: 24 letters and digits, fixed for the endpoint's life
/// (media-plane.md 11.2).
enum ChannelPassword {
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let length = 24

    /// A password out of secure random bytes: 142 bits.
    static func make(_ secureBytes: (Int) -> [UInt8]) -> String {
        let bytes = secureBytes(4 * length)
        var text: [UInt8] = []
        var start = 0
        while start + 4 <= bytes.count {
            var word: UInt64 = 0
            for byte in bytes[start..<start + 4] { word = word << 8 | UInt64(byte) }
            // Each of the 62 has its share of the 2^32 values, to a part in 69 million.
            text.append(letters[Int((word * UInt64(letters.count)) >> 32)])
            start += 4
        }
        return String(decoding: text, as: UTF8.self)
    }
}
