// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why bytes were not accepted as XML.
public enum XMLError: Error, Hashable, Sendable {
    /// Not well-formed, or not UTF-8.
    case malformed
    /// A document type, an entity declaration or a processing instruction, which XMPP forbids (RFC 6120 §11.1).
    case restricted
    /// More than ``XMLLimits/depth`` elements inside one another.
    case tooDeep
    /// More than ``XMLLimits/attributesPerElement`` attributes.
    case tooManyAttributes
    /// More than ``XMLLimits/stanzaBytes`` bytes without an end of the stanza.
    case tooLarge
    /// More than ``XMLLimits/nodesPerStanza`` elements and texts in a stanza.
    case tooManyNodes
    /// More than ``XMLLimits/namesPerParser`` different names: this parser has seen enough, its last stanza is whole.
    case tooManyNames
    /// The document ended before its root element did.
    case incomplete
    /// Expat could not allocate.
    case outOfMemory
}
