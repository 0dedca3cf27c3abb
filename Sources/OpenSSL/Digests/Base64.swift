// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Base 64 with padding and nothing else (RFC 4648 section 4), as SASL needs it.
public enum Base64 {
    private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The text for `bytes`.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let group =
                UInt32(bytes[index]) << 16
                | (left > 1 ? UInt32(bytes[index + 1]) << 8 : 0) | (left > 2 ? UInt32(bytes[index + 2]) : 0)
            text.append(alphabet[Int(group >> 18)])
            text.append(alphabet[Int(group >> 12 & 63)])
            text.append(left > 1 ? alphabet[Int(group >> 6 & 63)] : UInt8(ascii: "="))
            text.append(left > 2 ? alphabet[Int(group & 63)] : UInt8(ascii: "="))
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of `text`; `nil` for anything but the canonical form: white space, missing padding, stray bits.
    public static func decode(_ text: String) -> [UInt8]? {
        let input = Array(text.utf8)
        guard input.count % 4 == 0, input.count <= OpenSSLLimits.base64Bytes else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(input.count / 4 * 3)
        for start in stride(from: 0, to: input.count, by: 4) {
            let isLast = start + 4 == input.count
            let padding =
                !isLast || input[start + 3] != UInt8(ascii: "=") ? 0 : input[start + 2] == UInt8(ascii: "=") ? 2 : 1
            var group: UInt32 = 0
            for offset in 0..<4 {
                guard offset < 4 - padding else {
                    group <<= 6
                    continue
                }
                guard let value = value(of: input[start + offset]) else { return nil }
                group = group << 6 | value
            }
            // RFC 4648 section 3.5: the unused bits of the last digit are zero, or one value had several texts.
            if padding == 1, group & 0xFF != 0 { return nil }
            if padding == 2, group & 0xFFFF != 0 { return nil }
            result.append(UInt8(group >> 16))
            if padding < 2 { result.append(UInt8(group >> 8 & 0xFF)) }
            if padding < 1 { result.append(UInt8(group & 0xFF)) }
        }
        return result
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
