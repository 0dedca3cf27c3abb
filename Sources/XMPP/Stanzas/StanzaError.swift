// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import XML

/// A stanza error (RFC 6120 §8.3): a condition, for humans a text, for programs further elements.
public struct StanzaError: Error, Hashable, Sendable {
    /// The conditions used by a bridge, with the type that goes with each (control-plane.md 1.7).
    public enum Condition: String, Hashable, Sendable, CaseIterable {
        case badRequest = "bad-request"
        case conflict
        case featureNotImplemented = "feature-not-implemented"
        case forbidden
        case internalServerError = "internal-server-error"
        case itemNotFound = "item-not-found"
        case notAcceptable = "not-acceptable"
        case notAllowed = "not-allowed"
        case notAuthorized = "not-authorized"
        case remoteServerTimeout = "remote-server-timeout"
        case resourceConstraint = "resource-constraint"
        case serviceUnavailable = "service-unavailable"
        case undefined = "undefined-condition"

        /// `type` of the error element.
        public var type: String {
            switch self {
            case .badRequest, .notAcceptable: "modify"
            case .forbidden, .notAuthorized: "auth"
            case .resourceConstraint, .remoteServerTimeout: "wait"
            default: "cancel"
            }
        }
    }

    /// What is wrong.
    public var condition: Condition
    /// A sentence for humans; empty for none.
    public var text: String
    /// Further elements inside `<error>`, e.g. colibri2's reason.
    public var extensions: [XMLElement]

    /// An error.
    public init(_ condition: Condition, text: String = "", extensions: [XMLElement] = []) {
        self.condition = condition
        self.text = text
        self.extensions = extensions
    }

    /// The error of a stanza of type `error`; unknown conditions become `undefined`.
    public init(of stanza: XMLElement) {
        let error = stanza.elements.first { $0.name == "error" }
        var condition: Condition?
        text = ""
        extensions = []
        for element in error?.elements ?? [] {
            if element.isNamed("text", Namespace.stanzaErrors) {
                text = element.text
            } else if element.namespace == Namespace.stanzaErrors {
                condition = condition ?? Condition(rawValue: element.name)
            } else {
                extensions.append(element)
            }
        }
        self.condition = condition ?? .undefined
    }

    /// The condition's name as it stands in the stanza, known or not.
    static func conditionName(of stanza: XMLElement) -> String {
        let error = stanza.elements.first { $0.name == "error" }
        let condition = error?.elements.first { $0.namespace == Namespace.stanzaErrors && $0.name != "text" }
        return condition?.name ?? Condition.undefined.rawValue
    }

    /// The `<error>` element.
    var element: XMLElement {
        var result = XMLElement("error", Namespace.client, attributes: ["type": condition.type])
        result.append(XMLElement(condition.rawValue, Namespace.stanzaErrors))
        if !text.isEmpty {
            var sentence = XMLElement("text", Namespace.stanzaErrors, text: text)
            sentence.attributes.append(XMLAttribute("lang", namespace: XMLElement.xmlNamespace, "en"))
            result.append(sentence)
        }
        for element in extensions { result.append(element) }
        return result
    }
}
