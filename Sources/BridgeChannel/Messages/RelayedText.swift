// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// A message that is passed on: everything but its sender stays, byte for byte.
public struct RelayedText: Hashable, Sendable {
    let object: MessageObject
    /// Who says to have sent it.
    public let from: String?

    init(_ object: MessageObject) throws(BridgeChannelError) {
        self.object = object
        guard let value = try object.value("from") else {
            from = nil
            return
        }
        guard let text = value.stringValue else { throw .invalidField }
        from = text
    }

    /// The text as it came.
    public var bytes: [UInt8] { object.bytes }

    /// The text as it is passed on: whatever the sender said of itself is replaced.
    func bytes(from id: String, behind neighbour: String) -> [UInt8] {
        object.setting("from", to: .string(id), behind: neighbour)
    }
}
