// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Whole documents, under the same limits as stanzas.
public enum XMLDocument {
    /// The root element of a document.
    public static func parse(_ bytes: [UInt8]) throws(XMLError) -> XMLElement {
        guard bytes.count <= XMLLimits.stanzaBytes else { throw .tooLarge }
        var parser = XMLStreamParser(collectsRoot: true)
        try parser.feed(bytes.rawSpan)
        try parser.finish()
        guard case .stanza(let root)? = parser.pollEvent() else { throw .incomplete }
        return root
    }

    /// The root element of a document.
    public static func parse(_ text: String) throws(XMLError) -> XMLElement {
        try parse(Array(text.utf8))
    }
}
