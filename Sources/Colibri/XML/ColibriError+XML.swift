// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import XML

extension ColibriError {
    /// The namespace of the outer `error` element, which is that of the stream.
    private static let stream = "jabber:client"

    /// The `type` of the stanza error (RFC 6120 §8.3.2).
    public var stanzaErrorType: String {
        switch condition {
        case .badRequest: "modify"
        case .forbidden: "auth"
        default: "cancel"
        }
    }

    /// The `error` child of an IQ of type error, with the Colibri2 `error` beside the condition (control-plane.md 3.9).
    public var xmlElement: XMLElement {
        var result = XMLElement("error", Self.stream, attributes: ["type": stanzaErrorType])
        result.append(XMLElement(condition.rawValue, ColibriNamespace.stanzas))
        if let text {
            var child = XMLElement("text", ColibriNamespace.stanzas, text: text)
            child.attributes.append(XMLAttribute("lang", namespace: XMLElement.xmlNamespace, "en"))
            result.append(child)
        }
        if let reason {
            result.append(XMLElement("error", ColibriNamespace.colibri2, attributes: ["reason": reason.rawValue]))
        }
        if let endpointID {
            result.append(XMLElement("endpoint", ColibriNamespace.colibri2, attributes: ["id": endpointID]))
        }
        return result
    }

    /// Reads the `error` child of an IQ, as a focus does; unknown conditions become internal-server-error.
    public init(_ element: XMLElement) {
        let condition = element.elements.lazy
            .filter { $0.namespace == ColibriNamespace.stanzas && $0.name != "text" }
            .compactMap { Condition(rawValue: $0.name) }.first
        self.init(condition ?? .internalServerError)
        text = element.child("text", ColibriNamespace.stanzas)?.text
        reason = element.child("error", ColibriNamespace.colibri2)?["reason"].flatMap { Reason(rawValue: $0) }
        endpointID = element.child("endpoint", ColibriNamespace.colibri2)?["id"]
    }
}
