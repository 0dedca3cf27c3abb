// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CExpat

/// What expat's callbacks write into: the elements that are open and the events that are complete.
///
/// Owned by one ``XMLStreamParser``, which keeps it alive as long as expat holds the pointer to it.
final class ExpatTree {
    /// Bytes given to expat so far.
    var bytesFed = 0
    /// Where in the stream the stanza in progress began, at the latest.
    private(set) var stanzaStart = 0
    /// Why parsing was stopped from inside a callback.
    private(set) var refusal: XMLError?
    /// The root element has ended.
    private(set) var isClosed = false

    private let collectsRoot: Bool
    private var parser: OpaquePointer?
    private var depth = 0
    private var nodes = 0
    /// Why the stanza in progress is passed over to its end.
    private var discarding: XMLError?
    private var open: [XMLElement] = []
    private var pendingText = ""
    private var events: [XMLStreamParser.Event] = []
    private var nextEvent = 0
    /// Expat's joined names, split once. Keyed with the prefix, because expat's own tables are.
    private var names: [String: (name: String, namespace: String)] = [:]

    init(collectsRoot: Bool) {
        self.collectsRoot = collectsRoot
    }

    func attach(to parser: OpaquePointer) {
        self.parser = parser
        XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
        XML_SetReturnNSTriplet(parser, 1)
        // With deferral, expat keeps a complete stanza back until more bytes come, which they may never do.
        viaduct_expat_parse_at_once(parser)
        XML_SetElementHandler(
            parser,
            { tree, name, attributes in
                guard let tree, let name, let attributes else { return }
                ExpatTree.from(tree).startElement(name, attributes)
            },
            { tree, _ in
                guard let tree else { return }
                ExpatTree.from(tree).endElement()
            }
        )
        XML_SetCharacterDataHandler(parser) { tree, characters, count in
            guard let tree, let characters else { return }
            ExpatTree.from(tree).text(characters, Int(count))
        }
        XML_SetStartDoctypeDeclHandler(parser) { tree, _, _, _, _ in
            guard let tree else { return }
            ExpatTree.from(tree).refuse(.restricted)
        }
        XML_SetProcessingInstructionHandler(parser) { tree, _, _ in
            guard let tree else { return }
            ExpatTree.from(tree).refuse(.restricted)
        }
    }

    func popEvent() -> XMLStreamParser.Event? {
        guard nextEvent < events.count else { return nil }
        defer { nextEvent += 1 }
        let event = events[nextEvent]
        if nextEvent + 1 == events.count {
            events.removeAll()
            nextEvent = -1
        }
        return event
    }

    private static func from(_ pointer: UnsafeMutableRawPointer) -> ExpatTree {
        Unmanaged<ExpatTree>.fromOpaque(pointer).takeUnretainedValue()
    }

    private func refuse(_ error: XMLError) {
        if refusal == nil { refusal = error }
        if let parser { XML_StopParser(parser, 0) }
    }

    private func startElement(_ name: UnsafePointer<CChar>, _ attributes: UnsafeMutablePointer<UnsafePointer<CChar>?>) {
        flushText()
        guard refusal == nil else { return }
        depth += 1
        if discarding != nil {
            if depth > XMLLimits.refusedDepth { refuse(.tooDeep) }
            return
        }
        guard depth <= XMLLimits.depth else { return exceed(.tooDeep) }
        let split = resolve(name)
        var element = XMLElement(split.name, split.namespace)
        var index = 0
        while let attribute = attributes[index], let value = attributes[index + 1],
            index / 2 < XMLLimits.attributesPerElement
        {
            let split = resolve(attribute)
            element.attributes.append(XMLAttribute(split.name, namespace: split.namespace, String(cString: value)))
            index += 2
        }
        let hasMore = attributes[index] != nil
        if depth == 1, !collectsRoot {
            if hasMore { return refuse(.tooManyAttributes) }
            events.append(.opened(element))
            startStanza()
            return
        }
        guard countNode() else { return }
        open.append(element)
        if hasMore { exceed(.tooManyAttributes) }
    }

    /// A document ends here; of a stanza only the head is kept.
    private func exceed(_ error: XMLError) {
        guard !collectsRoot, let head = open.first else { return refuse(error) }
        discarding = error
        open = [XMLElement(head.name, head.namespace)]
        open[0].attributes = head.attributes
        pendingText = ""
    }

    private func endElement() {
        flushText()
        guard refusal == nil else { return }
        depth -= 1
        if depth == 0 { isClosed = true }
        if discarding != nil, depth > 1 { return }
        guard let element = open.popLast() else {
            events.append(.closed)
            return
        }
        if open.isEmpty {
            let before = stanzaStart
            startStanza()
            guard stanzaStart - before <= XMLLimits.stanzaBytes else { return refuse(.tooLarge) }
            events.append(discarding.map { .refused(element, $0) } ?? .stanza(element))
            discarding = nil
            if !collectsRoot, names.count > XMLLimits.namesPerParser { refuse(.tooManyNames) }
        } else {
            open[open.count - 1].children.append(.element(element))
        }
    }

    /// Expat delivers a text in pieces (at each line end and reference), so they are gathered until a tag comes.
    private func text(_ characters: UnsafePointer<CChar>, _ count: Int) {
        guard refusal == nil, discarding == nil else { return }
        guard !open.isEmpty else { return startStanza() }
        pendingText += String(decoding: UnsafeRawBufferPointer(start: characters, count: count), as: UTF8.self)
    }

    private func flushText() {
        guard !pendingText.isEmpty else { return }
        let text = pendingText
        pendingText = ""
        if countNode(), !open.isEmpty { open[open.count - 1].children.append(.text(text)) }
    }

    /// A stanza may start here: what came before no longer counts against the limits.
    private func startStanza() {
        nodes = 0
        if let parser { stanzaStart = max(stanzaStart, Int(XML_GetCurrentByteIndex(parser))) }
    }

    private func countNode() -> Bool {
        nodes += 1
        guard nodes <= XMLLimits.nodesPerStanza else {
            exceed(.tooManyNodes)
            return false
        }
        return true
    }

    /// Splits `uri ␁ name ␁ prefix`, where the first and the last part may be missing.
    private func resolve(_ joined: UnsafePointer<CChar>) -> (name: String, namespace: String) {
        let key = String(cString: joined)
        if let known = names[key] { return known }
        let parts = key.split(separator: "\u{1}", omittingEmptySubsequences: false)
        let split = parts.count == 1 ? (key, "") : (String(parts[1]), String(parts[0]))
        names[key] = split
        return split
    }
}
