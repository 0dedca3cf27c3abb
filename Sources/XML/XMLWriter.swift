// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Writes elements as text: single quotes, a default namespace where it changes, everything escaped.
public struct XMLWriter {
    /// What has been written.
    public private(set) var text = ""

    /// An empty writer.
    public init() {}

    /// Writes an element with all it contains.
    ///
    /// - Parameter parentNamespace: the default namespace where the element will stand, which is not declared again.
    public mutating func write(_ element: XMLElement, inside parentNamespace: String = "") {
        openTag(element, inside: parentNamespace)
        guard !element.children.isEmpty else {
            text += "/>"
            return
        }
        text += ">"
        for child in element.children {
            switch child {
            case .element(let element_): write(element_, inside: element.namespace)
            case .text(let characters): Self.escape(characters, attribute: false, into: &text)
            }
        }
        text += "</"
        text += element.name
        text += ">"
    }

    private mutating func openTag(_ element: XMLElement, inside parentNamespace: String) {
        text += "<"
        text += element.name
        if element.namespace != parentNamespace { attribute("xmlns", element.namespace) }
        var prefixes: [String] = []
        for item in element.attributes {
            switch item.namespace {
            case "": attribute(item.name, item.value)
            case XMLElement.xmlNamespace: attribute("xml:" + item.name, item.value)
            default:
                var index = prefixes.firstIndex(of: item.namespace)
                if index == nil {
                    attribute("xmlns:n\(prefixes.count)", item.namespace)
                    index = prefixes.count
                    prefixes.append(item.namespace)
                }
                attribute("n\(index ?? 0):" + item.name, item.value)
            }
        }
    }

    private mutating func attribute(_ name: String, _ value: String) {
        text += " "
        text += name
        text += "='"
        Self.escape(value, attribute: true, into: &text)
        text += "'"
    }

    /// Appends `characters` so that they can stand between quotes of either kind.
    public static func escapeAttribute(_ characters: String, into text: inout String) {
        escape(characters, attribute: true, into: &text)
    }

    /// Appends `characters` with XML's own characters escaped.
    ///
    /// Characters that XML 1.0 cannot hold at all are written as U+FFFD, since one of them would make the server
    /// close the stream. Line ends and tabs of attributes are written as references, because parsers fold them.
    static func escape(_ characters: String, attribute: Bool, into text: inout String) {
        for scalar in characters.unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "'" where attribute: text += "&apos;"
            case "\"" where attribute: text += "&quot;"
            case "\t" where attribute: text += "&#9;"
            case "\n" where attribute: text += "&#10;"
            case "\r": text += "&#13;"
            case "\t", "\n": text.unicodeScalars.append(scalar)
            case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": text += "\u{FFFD}"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}

extension XMLElement {
    /// The element as text.
    ///
    /// - Parameter parentNamespace: the default namespace where it will stand (`jabber:client` for stanzas).
    public func serialized(inside parentNamespace: String = "") -> String {
        var writer = XMLWriter()
        writer.write(self, inside: parentNamespace)
        return writer.text
    }
}
