// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why a connection is closed: a number and a short text (RFC 6455 7.1.5, 7.1.6).
public struct CloseReason: Equatable, Sendable {
    /// The number.
    public let code: UInt16
    /// The text; longer ones are cut so that they fit a control frame.
    public let text: String

    /// A reason.
    public init(_ code: UInt16, _ text: String = "") {
        self.code = code
        self.text = text
    }

    /// The purpose is fulfilled.
    public static let normal: UInt16 = 1000
    /// One side goes away.
    public static let goingAway: UInt16 = 1001
    /// A frame that may not be.
    static let protocolError: UInt16 = 1002
    /// A message that is not what it says.
    static let invalidPayload: UInt16 = 1007
    /// A message that is within the rules and not wanted.
    static let policyViolation: UInt16 = 1008
    /// A message that is too long.
    static let tooBig: UInt16 = 1009

    /// Whether a client may send the number (RFC 6455 7.4).
    static func maySend(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    /// The frame's content.
    var payload: [UInt8] {
        var text = Array(text.utf8.prefix(WebSocketLimits.controlBytes - 2))
        // Cut between characters: a byte that continues one does not begin what is left out.
        if text.count < self.text.utf8.count {
            while let last = text.last, last & 0xC0 == 0x80 { text.removeLast() }
            if let last = text.last, last >= 0xC0 { text.removeLast() }
        }
        return [UInt8(code >> 8), UInt8(code & 0xFF)] + text
    }
}
