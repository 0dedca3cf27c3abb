// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Everything that happened, as one number: two runs of one seed must agree on it.
///
/// What OpenSSL's own randomness touches is left out: the bytes of STUN and DTLS, and the lengths of handshakes
/// (signatures vary by a byte).
struct Trace {
    /// The number so far.
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    /// Events so far.
    private(set) var count = 0
    /// Whether each event is also written out.
    var isPrinted = false

    /// Notes an event.
    mutating func note(
        _ kind: StaticString, at time: Timestamp, client: Int, _ a: UInt64 = 0, _ b: UInt64 = 0, _ c: UInt64 = 0
    ) {
        mix(UInt64(bitPattern: time.nanoseconds))
        mix(kind.utf8CodeUnitCount > 0 ? UInt64(kind.utf8Start[0]) << 8 | UInt64(kind.utf8CodeUnitCount) : 0)
        mix(UInt64(truncatingIfNeeded: client))
        mix(a)
        mix(b)
        mix(c)
        count += 1
        if isPrinted { print("\(time.text) \(kind) client=\(client) \(a) \(b) \(c)") }
    }

    private mutating func mix(_ value: UInt64) {
        hash = (hash ^ value) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
    }
}

extension Timestamp {
    /// In seconds with six digits.
    var text: String {
        let micros = nanoseconds / 1_000
        let rest = String(micros % 1_000_000)
        return "\(micros / 1_000_000)." + String(repeating: "0", count: 6 - rest.count) + rest + "s"
    }
}
