// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Reads a request line and header lines, or the trailers behind a chunked body, one byte at a time (RFC 9112 2 to 5).
///
/// What comes out depends on the bytes alone, never on how they were cut into pieces, and the first wrong byte ends it.
/// Stricter than the specification asks where two readers could disagree about where a request ends: lines end in
/// carriage return and line feed, nothing else does, and no line continues another.
struct HeadReader: Sendable {
    /// What a byte led to.
    enum Progress: Equatable {
        /// More is needed.
        case more
        /// The empty line behind the header lines has come.
        case complete
    }

    private enum Place {
        case beforeLine, emptyLineEnd
        case method, target, version, requestLineEnd
        case fieldStart, name, value, valueEnd
        case sectionEnd
    }

    private var place: Place
    private var method: [UInt8] = []
    private var target: [UInt8] = []
    private var version: [UInt8] = []
    private var name: [UInt8] = []
    private var value: [UInt8] = []
    private var fields: [Field] = []
    private var sectionBytes = 0
    private var emptyLines = 0

    private static let versionForm = Array("HTTP/d.d".utf8)
    private static let carriageReturn: UInt8 = 0x0D
    private static let lineFeed: UInt8 = 0x0A

    /// A reader for the next request.
    init() { place = .beforeLine }

    /// A reader for trailers. They are checked like header lines and then forgotten: none means anything here.
    static var trailers: HeadReader {
        var reader = HeadReader()
        reader.place = .fieldStart
        return reader
    }

    /// What was read, once it is complete.
    var head: RequestHead {
        RequestHead(
            method: String(decoding: method, as: UTF8.self), target: target,
            minorVersion: Int(version.last ?? UInt8(ascii: "1")) - Int(UInt8(ascii: "0")), fields: fields)
    }

    /// Takes the next byte.
    mutating func read(_ byte: UInt8) throws(Refusal) -> Progress {
        switch place {
        case .beforeLine, .emptyLineEnd, .method, .target, .version, .requestLineEnd: try readLine(byte)
        case .fieldStart, .name, .value, .valueEnd, .sectionEnd:
            sectionBytes += 1
            guard sectionBytes <= HTTPLimits.fieldSectionBytes else { throw .fieldsTooLarge }
            return try readField(byte)
        }
        return .more
    }

    // MARK: Request line

    private mutating func readLine(_ byte: UInt8) throws(Refusal) {
        switch place {
        case .emptyLineEnd:
            // RFC 9112 2.2: an empty line before the request is passed over.
            guard byte == Self.lineFeed, emptyLines < HTTPLimits.leadingEmptyLines else { throw .notHTTP }
            emptyLines += 1
            place = .beforeLine
        case .beforeLine where byte == Self.carriageReturn: place = .emptyLineEnd
        case .beforeLine, .method:
            place = .method
            if byte == UInt8(ascii: " "), !method.isEmpty {
                place = .target
            } else {
                guard ByteClass.isToken(byte), method.count < HTTPLimits.methodBytes else { throw .notHTTP }
                method.append(byte)
            }
        case .target:
            if byte == UInt8(ascii: " "), !target.isEmpty {
                place = .version
            } else {
                guard ByteClass.isTarget(byte) else { throw .badLine }
                guard target.count < HTTPLimits.targetBytes else { throw .targetTooLong }
                target.append(byte)
            }
        case .version: try readVersion(byte)
        default:
            guard byte == Self.lineFeed else { throw .badLine }
            place = .fieldStart
        }
    }

    /// `HTTP/1.0`, or `HTTP/1.` and a larger digit, which is to be read as 1.1 (RFC 9110 2.5).
    private mutating func readVersion(_ byte: UInt8) throws(Refusal) {
        if version.count == Self.versionForm.count {
            guard byte == Self.carriageReturn else { throw .badLine }
            guard version[5] == UInt8(ascii: "1") else { throw .unsupportedVersion }
            place = .requestLineEnd
            return
        }
        let expected = Self.versionForm[version.count]
        let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        guard expected == UInt8(ascii: "d") ? isDigit : byte == expected else { throw .badLine }
        version.append(byte)
    }

    // MARK: Header lines

    private mutating func readField(_ byte: UInt8) throws(Refusal) -> Progress {
        switch place {
        case .sectionEnd:
            guard byte == Self.lineFeed else { throw .badField }
            return .complete
        case .fieldStart where byte == Self.carriageReturn: place = .sectionEnd
        case .fieldStart, .name:
            place = .name
            if byte == UInt8(ascii: ":"), !name.isEmpty {
                place = .value
            } else {
                // RFC 9112 5.1 and 5.2: neither a space before the colon nor a line that continues another.
                guard ByteClass.isToken(byte) else { throw .badField }
                name.append(byte)
            }
        case .value where byte == Self.carriageReturn: place = .valueEnd
        case .value:
            guard ByteClass.isFieldContent(byte) else { throw .badField }
            value.append(byte)
        default:
            guard byte == Self.lineFeed else { throw .badField }
            try finishField()
        }
        return .more
    }

    private mutating func finishField() throws(Refusal) {
        guard fields.count < HTTPLimits.fields else { throw .fieldsTooLarge }
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == 0x09 }
        while let last = value.last, isSpace(last) { value.removeLast() }
        fields.append(
            Field(
                name: String(decoding: name, as: UTF8.self).lowercased(),
                value: String(decoding: value.drop(while: isSpace), as: UTF8.self)))
        name.removeAll(keepingCapacity: true)
        value.removeAll(keepingCapacity: true)
        place = .fieldStart
    }
}
