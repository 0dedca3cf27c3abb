// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Numbers as the original writes them, which is Java's way: `3.0`, `1.788272000118E9`.
enum MetricNumber {
    /// Shortest digits that read back as the same number.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
        let (digits, exponent) = decimal(value.magnitude)
        let sign = value < 0 ? "-" : ""
        // Digits mean 0.d1d2d3… × 10^exponent.
        switch exponent {
        case -2...0: return sign + "0." + String(repeating: "0", count: -exponent) + digits
        case 1...7:
            if digits.count <= exponent {
                return sign + digits + String(repeating: "0", count: exponent - digits.count) + ".0"
            }
            return sign + digits.prefix(exponent) + "." + digits.dropFirst(exponent)
        default:
            let rest = digits.dropFirst()
            return sign + digits.prefix(1) + "." + (rest.isEmpty ? "0" : String(rest)) + "E\(exponent - 1)"
        }
    }

    /// Significant digits without zeros at the ends, and the exponent of the point in front of them.
    private static func decimal(_ value: Double) -> (digits: String, exponent: Int) {
        let text = value.description
        let parts = text.split(separator: "e", maxSplits: 1)
        let written = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", maxSplits: 1)
        let whole = String(mantissa[0])
        let fraction = mantissa.count == 2 ? String(mantissa[1]) : ""
        var digits = Substring(whole + fraction)
        var exponent = whole.count + written
        while digits.first == "0", digits.count > 1 {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.last == "0", digits.count > 1 { digits.removeLast() }
        return (String(digits), exponent)
    }
}
