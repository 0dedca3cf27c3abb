// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Reads a chunked body (RFC 9112 7.1): sizes, extensions, content, trailers. Extensions and trailers are checked and
/// passed over.
struct ChunkReader: Sendable {
    private enum Place {
        case size, space, chunkExtension, sizeEnd
        case content, contentReturn, contentEnd
        case trailers
    }

    private var place = Place.size
    private var size = 0
    private var digits = 0
    private var extensionBytes = 0
    private var trailers = HeadReader.trailers

    private static let carriageReturn: UInt8 = 0x0D
    private static let lineFeed: UInt8 = 0x0A

    /// Takes bytes as far as they are there.
    /// - Returns: whether the body is complete.
    mutating func read(
        _ input: [UInt8], from index: inout Int, into body: inout [UInt8]
    ) throws(Refusal) -> Bool {
        while index < input.count {
            if case .content = place {
                let count = min(size, input.count - index)
                body += input[index..<index + count]
                index += count
                size -= count
                if size == 0 { place = .contentReturn }
                continue
            }
            let byte = input[index]
            index += 1
            if case .trailers = place {
                if try trailers.read(byte) == .complete { return true }
            } else {
                try readFrame(byte, bodyBytes: body.count)
            }
        }
        return false
    }

    private mutating func readFrame(_ byte: UInt8, bodyBytes: Int) throws(Refusal) {
        switch place {
        case .size:
            if let digit = ByteClass.hexadecimal(byte), digits < HTTPLimits.chunkSizeDigits {
                digits += 1
                // Cannot overflow: the size before was within the limit.
                size = size << 4 | Int(digit)
                guard size <= HTTPLimits.bodyBytes - bodyBytes else { throw .bodyTooLarge }
            } else {
                guard digits > 0 else { throw .badChunk }
                try readSizeEnd(byte)
            }
        case .space, .chunkExtension: try readSizeEnd(byte)
        case .sizeEnd:
            guard byte == Self.lineFeed else { throw .badChunk }
            place = size == 0 ? .trailers : .content
            digits = 0
        case .contentReturn:
            guard byte == Self.carriageReturn else { throw .badChunk }
            place = .contentEnd
        default:
            guard byte == Self.lineFeed else { throw .badChunk }
            place = .size
        }
    }

    /// Behind the size: the line's end, or an extension (RFC 9112 7.1.1), before which white space may stand.
    private mutating func readSizeEnd(_ byte: UInt8) throws(Refusal) {
        let isSpace = byte == UInt8(ascii: " ") || byte == 0x09
        switch place {
        case .size where byte == Self.carriageReturn, .chunkExtension where byte == Self.carriageReturn:
            place = .sizeEnd
            return
        case .size, .space:
            guard isSpace || byte == UInt8(ascii: ";") else { throw .badChunk }
            place = isSpace ? .space : .chunkExtension
        default:
            guard ByteClass.isFieldContent(byte) else { throw .badChunk }
        }
        extensionBytes += 1
        guard extensionBytes <= HTTPLimits.chunkExtensionBytes else { throw .badChunk }
    }
}
