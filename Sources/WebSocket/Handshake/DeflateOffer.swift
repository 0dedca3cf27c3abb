// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a client offers of permessage-deflate, and what we make of it (RFC 7692 7.1).
///
/// Neither side keeps a history from message to message. Ours then serves any connection, and a client's needs no
/// state between messages; it does not matter whether the client offered that, since an answer may ask for it (7.1.1).
enum DeflateOffer {
    private static let name = "permessage-deflate"

    /// The extension header of the answer to the first offer that can be met; `nil` when none can.
    static func answer(to header: String) -> String? {
        for offer in split(header, at: ",").prefix(WebSocketLimits.offers) {
            let parts = split(offer, at: ";").map(\.trimmingSpace)
            guard parts.first?.lowercased() == name, parts.count <= WebSocketLimits.offers else { continue }
            if let answer = answer(to: parts.dropFirst()) { return answer }
        }
        return nil
    }

    /// Unknown parameters, ones that stand twice and impossible values mean that the offer is not for us (7.1).
    private static func answer(to parameters: ArraySlice<String>) -> String? {
        var seen: Set<String> = []
        var answer = "\(name); server_no_context_takeover; client_no_context_takeover"
        for parameter in parameters {
            let pair = parameter[...].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = pair.first.map { $0.trimmingSpace.lowercased() } ?? ""
            let value = pair.count > 1 ? unquoted(pair[1].trimmingSpace) : nil
            guard seen.insert(name).inserted else { return nil }
            switch name {
            case "server_no_context_takeover", "client_no_context_takeover":
                guard value == nil else { return nil }
            case "client_max_window_bits":
                // Whatever window the client has, ours for reading is the largest: nothing to say.
                if let value, windowBits(value) == nil { return nil }
            case "server_max_window_bits":
                guard let value, let bits = windowBits(value), bits >= WebSocketLimits.windowBits else { return nil }
                answer += "; server_max_window_bits=\(WebSocketLimits.windowBits)"
            default: return nil
            }
        }
        return answer
    }

    /// 8 to 15, without leading zeros.
    private static func windowBits(_ text: String) -> Int? {
        guard let bits = Int(text), (8...15).contains(bits), String(bits) == text else { return nil }
        return bits
    }

    private static func unquoted(_ text: String) -> String {
        text.count >= 2 && text.hasPrefix("\"") && text.hasSuffix("\"") ? String(text.dropFirst().dropLast()) : text
    }

    private static func split(_ text: some StringProtocol, at separator: Character) -> [Substring] {
        Substring(text).split(separator: separator)
    }
}
