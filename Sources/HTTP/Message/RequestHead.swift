// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A request line and its header lines as they were sent: their syntax is right, nothing else is known yet.
struct RequestHead: Equatable, Sendable {
    var method = ""
    var target: [UInt8] = []
    /// The x of HTTP/1.x.
    var minorVersion = 1
    var fields: [Field] = []

    /// The values of all lines with this name.
    func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// The members of a list that may stand on several lines (RFC 9110 5.6.1), in lower case.
    func members(_ name: String) -> [String] {
        values(name).flatMap { value in
            value.split(separator: ",").map { String($0.trimmingSpace).lowercased() }.filter { !$0.isEmpty }
        }
    }

    /// Whether the connection may serve another request behind this one (RFC 9112 9.3).
    var keepsAlive: Bool {
        let options = members("connection")
        return !options.contains("close") && (minorVersion >= 1 || options.contains("keep-alive"))
    }
}

extension StringProtocol {
    /// Without spaces and tabulators at both ends.
    var trimmingSpace: SubSequence {
        let isSpace = { (character: Character) in character == " " || character == "\t" }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return self[startIndex..<startIndex]
        }
        return self[first...last]
    }
}
