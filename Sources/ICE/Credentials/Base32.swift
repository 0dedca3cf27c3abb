// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Base 32 with the digits `0-9a-v` ("base32hex" in lower case, RFC 4648 §7), without padding.
enum Base32 {
    /// The text of some bytes; five bytes make eight characters, a rest is filled with zero bits.
    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        var bits: UInt32 = 0
        var bitCount = 0
        for byte in bytes {
            bits = (bits << 8 | UInt32(byte)) & 0xFFFF
            bitCount += 8
            while bitCount >= 5 {
                bitCount -= 5
                text.unicodeScalars.append(scalar(UInt8(bits >> UInt32(bitCount) & 31)))
            }
        }
        if bitCount > 0 { text.unicodeScalars.append(scalar(UInt8(bits << UInt32(5 - bitCount) & 31))) }
        return text
    }

    /// The value of a digit, 0…31.
    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "v"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    private static func scalar(_ value: UInt8) -> Unicode.Scalar {
        Unicode.Scalar(value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10)
    }
}
