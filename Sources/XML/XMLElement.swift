// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// One attribute of an element.
public struct XMLAttribute: Hashable, Sendable {
    /// The local name.
    public var name: String
    /// The namespace URI; empty for the usual attribute without a prefix.
    public var namespace: String
    /// The value, unescaped.
    public var value: String

    /// An attribute.
    public init(_ name: String, namespace: String = "", _ value: String) {
        self.name = name
        self.namespace = namespace
        self.value = value
    }
}

/// A child of an element.
public indirect enum XMLNode: Hashable, Sendable {
    /// An element.
    case element(XMLElement)
    /// Character data, unescaped, never empty and never beside another text when it comes from a parser.
    case text(String)
}

/// An element with all it contains: a plain value, compared by content.
///
/// An element is *named* by the pair of namespace URI and local name; prefixes are not kept (control-plane.md 9.12).
public struct XMLElement: Hashable, Sendable {
    /// The local name.
    public var name: String
    /// The namespace URI; empty for none.
    public var namespace: String
    /// The attributes in document order.
    public var attributes: [XMLAttribute]
    /// Elements and texts in document order.
    public var children: [XMLNode]

    /// The namespace of `xml:lang` and its kin.
    public static let xmlNamespace = "http://www.w3.org/XML/1998/namespace"

    /// An element.
    ///
    /// - Parameters:
    ///   - attributes: in the order to be written; values of `nil` are left out.
    ///   - children: elements, written before `text`.
    ///   - text: character data; empty for none.
    public init(
        _ name: String, _ namespace: String = "", attributes: KeyValuePairs<String, String?> = [:],
        children: [XMLElement] = [], text: String = ""
    ) {
        self.name = name
        self.namespace = namespace
        self.attributes = attributes.compactMap { name, value in value.map { XMLAttribute(name, $0) } }
        self.children = children.map { .element($0) }
        if !text.isEmpty { self.children.append(.text(text)) }
    }

    /// The value of an attribute without a namespace. Setting `nil` removes it.
    public subscript(name: String) -> String? {
        get { self[name, ""] }
        set {
            let index = attributes.firstIndex { $0.name == name && $0.namespace.isEmpty }
            switch (index, newValue) {
            case (let index?, let value?): attributes[index].value = value
            case (let index?, nil): attributes.remove(at: index)
            case (nil, let value?): attributes.append(XMLAttribute(name, value))
            case (nil, nil): break
            }
        }
    }

    /// The value of an attribute in a namespace.
    public subscript(name: String, namespace: String) -> String? {
        attributes.first { $0.name == name && $0.namespace == namespace }?.value
    }

    /// Whether this is the name of the element.
    public func isNamed(_ name: String, _ namespace: String) -> Bool {
        self.name == name && self.namespace == namespace
    }

    /// The child elements in document order.
    public var elements: [XMLElement] {
        children.compactMap { if case .element(let element) = $0 { element } else { nil } }
    }

    /// The first child element of that name.
    public func child(_ name: String, _ namespace: String) -> XMLElement? {
        for case .element(let element) in children where element.isNamed(name, namespace) { return element }
        return nil
    }

    /// All child elements of that name, in document order.
    public func children(_ name: String, _ namespace: String) -> [XMLElement] {
        elements.filter { $0.isNamed(name, namespace) }
    }

    /// The character data directly inside the element, joined.
    public var text: String {
        var result = ""
        for case .text(let part) in children { result += part }
        return result
    }

    /// Appends a child element.
    public mutating func append(_ element: XMLElement) {
        children.append(.element(element))
    }
}
