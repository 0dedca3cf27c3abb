// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A place in the bytes of one file that moves forward only.
struct HOCONCursor {
    let file: String
    private let bytes: [UInt8]
    private(set) var position = 0
    private var line = 1
    private var column = 1

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    var location: SourceLocation { SourceLocation(file: file, line: line, column: column) }
    var isAtEnd: Bool { position >= bytes.count }

    /// The byte `offset` places ahead, or `nil` beyond the end.
    func peek(_ offset: Int = 0) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    /// Whether the next bytes are exactly these.
    func startsWith(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        return text.withUTF8Buffer { wanted in
            for offset in 0..<count where unsafe wanted[offset] != bytes[position + offset] { return false }
            return true
        }
    }

    mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
    }

    /// The bytes from `start` up to here.
    func text(from start: Int) -> String {
        String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// How many bytes of white space other than a newline stand next: the blanks of ASCII, every space, line and
    /// paragraph separator of Unicode, the byte order mark (HOCON.md, "Whitespace").
    var spaceWidth: Int {
        switch peek() {
        case 0x20, 0x09, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x1F: 1
        case 0xC2 where peek(1) == 0xA0: 2
        case 0xE1, 0xE2, 0xE3, 0xEF: wideSpaceWidth
        default: 0
        }
    }

    private var wideSpaceWidth: Int {
        guard let first = peek(), let second = peek(1), let third = peek(2) else { return 0 }
        switch (first, second, third) {
        // U+1680, U+3000, U+FEFF
        case (0xE1, 0x9A, 0x80), (0xE3, 0x80, 0x80), (0xEF, 0xBB, 0xBF): return 3
        // U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F
        case (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8...0xA9), (0xE2, 0x80, 0xAF), (0xE2, 0x81, 0x9F): return 3
        default: return 0
        }
    }

    /// Passes white space on this line.
    mutating func skipSpaces() {
        while case let width = spaceWidth, width > 0 { advance(width) }
    }

    /// Whether a comment starts here.
    var isAtComment: Bool {
        peek() == UInt8(ascii: "#") || (peek() == UInt8(ascii: "/") && peek(1) == UInt8(ascii: "/"))
    }

    /// Passes white space and comments, newlines included.
    /// - Returns: whether there was a newline.
    @discardableResult
    mutating func skipBlank() -> Bool {
        var sawNewline = false
        while true {
            skipSpaces()
            if peek() == UInt8(ascii: "\n") {
                sawNewline = true
                advance()
            } else if isAtComment {
                while let byte = peek(), byte != UInt8(ascii: "\n") {
                    _ = byte
                    advance()
                }
            } else {
                return sawNewline
            }
        }
    }
}
