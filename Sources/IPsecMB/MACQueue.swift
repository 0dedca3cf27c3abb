// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CIPsecMB

/// Messages that wait for their HMAC-SHA1, which is far cheaper for many at once. Belongs to one thread; nothing is
/// allocated per message.
public struct MACQueue: ~Copyable {
    /// Most messages that wait.
    public static let capacity = VIADUCT_MAC_QUEUE_CAPACITY

    private let queue: OpaquePointer

    /// An empty queue.
    public init(_ library: IPsecMB) {
        guard let queue = viaduct_mac_queue_make(library.library) else { preconditionFailure("no memory for a queue") }
        self.queue = queue
    }

    deinit { viaduct_mac_queue_free(queue) }

    /// How many messages wait.
    @inline(__always)
    public var count: Int { viaduct_mac_queue_count(queue) }

    /// Adds a message. There must be room; the message must stay where it is, the key may go.
    ///
    /// - Parameters:
    ///   - tag: gets the first `tagBytes` (at most 20) of the MAC; may lie in the message.
    @inline(__always)
    public mutating func add(
        _ key: borrowing MACKey, _ message: UnsafeRawBufferPointer, tag: UnsafeMutableRawPointer, tagBytes: Int
    ) {
        precondition(count < Self.capacity && tagBytes <= 20, "a full queue, or too long a tag")
        viaduct_mac_queue_add(
            queue, key.states, message.baseAddress?.assumingMemoryBound(to: UInt8.self), message.count,
            tag.assumingMemoryBound(to: UInt8.self), tagBytes)
    }

    /// Writes the tags of all messages.
    /// - Returns: how many could not be made; what was written there is worthless.
    @inline(__always)
    public mutating func finish() -> Int { viaduct_mac_queue_finish(queue) }
}
