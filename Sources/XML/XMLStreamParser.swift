// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CExpat
internal import Primitives

/// Cuts a stream of bytes into XMPP's pieces: the opening tag of the root, whole children of the root, the end.
///
/// Feed bytes as they arrive, then poll events until `nil`. After an error the parser accepts nothing more.
/// Memory is bounded by ``XMLLimits``: by the stanza in progress and by the number of names ever seen. Text directly
/// inside the root (the whitespace keep-alive of RFC 6120 §4.6.1) is dropped.
public struct XMLStreamParser: ~Copyable {
    /// A piece of the stream.
    public enum Event: Hashable, Sendable {
        /// The root element's opening tag.
        case opened(XMLElement)
        /// A complete child of the root.
        case stanza(XMLElement)
        /// A child of the root that goes beyond a limit: its name and first attributes, nothing inside, and why.
        case refused(XMLElement, XMLError)
        /// The root element's closing tag.
        case closed
    }

    private let parser: OpaquePointer?
    private let tree: ExpatTree
    private var failure: XMLError?

    /// A parser at the start of a stream.
    public init() {
        self.init(collectsRoot: false)
    }

    /// - Parameter collectsRoot: the root is kept with its children, as one stanza (for whole documents).
    init(collectsRoot: Bool) {
        tree = ExpatTree(collectsRoot: collectsRoot)
        // U+0001 cannot occur in XML, hence not in a namespace either.
        parser = XML_ParserCreateNS("UTF-8", 1)
        guard let parser else {
            failure = .outOfMemory
            return
        }
        tree.attach(to: parser)
    }

    deinit {
        if let parser { XML_ParserFree(parser) }
    }

    /// Accepts the next bytes.
    public mutating func feed(_ bytes: RawSpan) throws(XMLError) {
        if let failure { throw failure }
        var offset = 0
        // Small steps, so that expat never buffers much more than the limit before it is checked.
        while offset < bytes.byteCount {
            let count = min(XMLLimits.bytesPerStep, bytes.byteCount - offset)
            try step(bytes.slice(offset, count: count), isLast: false)
            offset += count
        }
    }

    /// Says that no more bytes will come.
    mutating func finish() throws(XMLError) {
        if let failure { throw failure }
        guard tree.isClosed else { throw fail(.incomplete) }
        let nothing: [UInt8] = []
        try step(nothing.rawSpan, isLast: true)
    }

    /// The next piece, if one is complete.
    public mutating func pollEvent() -> Event? {
        tree.popEvent()
    }

    private mutating func step(_ bytes: RawSpan, isLast: Bool) throws(XMLError) {
        guard let parser else { throw fail(.outOfMemory) }
        let status = bytes.withUnsafeBytes { buffer in
            XML_Parse(
                parser, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), isLast ? 1 : 0)
        }
        tree.bytesFed += bytes.byteCount
        if let refusal = tree.refusal { throw fail(refusal) }
        guard status == XML_STATUS_OK else {
            throw fail(XML_GetErrorCode(parser) == XML_ERROR_NO_MEMORY ? .outOfMemory : .malformed)
        }
        guard tree.bytesFed - tree.stanzaStart <= XMLLimits.stanzaBytes else { throw fail(.tooLarge) }
    }

    private mutating func fail(_ error: XMLError) -> XMLError {
        failure = error
        return error
    }
}
