// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Zlib

/// A message for any number of connections: framed once and compressed once, as none of them keeps a history and a
/// server's frames are not masked.
public struct OutgoingText: Sendable {
    private let text: [UInt8]
    private var plainFrame: [UInt8]?
    private var deflatedFrame: [UInt8]?

    /// A message; the caller vouches for it being UTF-8.
    public init(_ text: [UInt8]) { self.text = text }

    /// The frame for a connection.
    /// - Parameters:
    ///   - isDeflated: whether compression was agreed on.
    ///   - deflater: compresses; without one the message goes as it is, which the client takes as well.
    public mutating func frame(isDeflated: Bool, _ deflater: inout Deflater?) -> [UInt8] {
        if isDeflated, text.count >= WebSocketLimits.deflateFrom {
            if let deflatedFrame { return deflatedFrame }
            if let small = deflater?.compress(text), small.count < text.count {
                let frame = FrameWriter.frame(.text, isDeflated: true, small)
                deflatedFrame = frame
                return frame
            }
        }
        if let plainFrame { return plainFrame }
        let frame = FrameWriter.frame(.text, text)
        plainFrame = frame
        return frame
    }

    /// A compressor as connections expect it; `nil` when there is no memory.
    public static func makeDeflater() -> Deflater? {
        try? Deflater(windowBits: WebSocketLimits.windowBits, level: WebSocketLimits.deflateLevel)
    }
}
