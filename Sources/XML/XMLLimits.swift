// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target. A document beyond them is refused with an ``XMLError``. In a stream the first three
/// refuse the stanza alone, since servers carry what any of their users wrote; the others end the parse.
public enum XMLLimits {
    /// Elements inside one another, the stream's root included (control-plane.md 9.33).
    public static let depth = 64
    /// Attributes of one element.
    public static let attributesPerElement = 128
    /// Elements and texts of one stanza: keeps the tree's memory in proportion to what a peer may send.
    public static let nodesPerStanza = 1 << 16
    /// Elements inside one another in a stanza that is refused: more than fit the 256 KiB that servers let pass.
    public static let refusedDepth = 90_000
    /// Bytes of one stanza, or of a whole document (control-plane.md 9.31).
    public static let stanzaBytes = 1 << 20
    /// Different names of elements and attributes at the end of a stanza; expat remembers each for ever.
    public static let namesPerParser = 1 << 16
    /// Bytes given to expat at a time, after which the limits are checked.
    static let bytesPerStep = 16_384
}
