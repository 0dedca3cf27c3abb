// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target. What goes beyond them ends the parse with an ``XMLError``.
public enum XMLLimits {
    /// Elements inside one another, the stream's root included (control-plane.md 9.33).
    public static let depth = 64
    /// Attributes of one element.
    public static let attributesPerElement = 128
    /// Bytes of one stanza, or of a whole document (control-plane.md 9.31).
    public static let stanzaBytes = 1 << 20
    /// Elements and texts of one stanza: keeps the tree's memory in proportion to what a peer may send.
    public static let nodesPerStanza = 1 << 16
    /// Different names of elements and attributes in the life of one parser; expat remembers each for ever.
    public static let namesPerParser = 4_096
    /// Bytes given to expat at a time, after which the limits are checked.
    static let bytesPerStep = 16_384
}
