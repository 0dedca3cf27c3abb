// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// What is kept per SSRC and direction: 24 bytes of plain data, from which a session can be made again.
struct SSRCContext: BitwiseCopyable, Equatable {
    /// Indices used.
    var window: ReplayWindow
    /// When it was last used, on the table's own count; wraps.
    var lastUse: UInt32 = 0
    /// Packets accepted, up to ``SRTPLimits/youngContextPackets``.
    var accepted: UInt8 = 1
}

/// The contexts of one direction by SSRC. Starts small, doubles when a new SSRC finds it full, never beyond its limit;
/// does not allocate for SSRCs it knows.
struct ContextTable: ~Copyable {
    private var table = FixedTable<UInt32, SSRCContext>(capacity: SRTPLimits.initialContexts)
    private let limit: Int
    private var clock: UInt32 = 0

    /// A table for at most `limit` contexts.
    init(limit: Int) {
        self.limit = limit
    }

    /// How many SSRCs are known.
    var count: Int { table.count }

    /// The context of `ssrc`.
    @inline(__always)
    subscript(_ ssrc: UInt32) -> SSRCContext? { table[ssrc] }

    /// Puts back a context that was found before.
    @inline(__always)
    mutating func update(_ ssrc: UInt32, _ context: SSRCContext) {
        clock &+= 1
        var stamped = context
        stamped.lastUse = clock
        table.insert(ssrc, stamped)
    }

    /// Whether a new SSRC finds room without another one leaving.
    var hasRoom: Bool { table.count < limit }

    /// Adds a context for a new SSRC.
    /// - Returns: whether the least recently used one had to leave.
    mutating func add(_ ssrc: UInt32, _ context: SSRCContext) -> Bool {
        var evicts = false
        if table.count >= limit {
            evicts = true
            evictLeastRecent()
        } else if table.count == table.capacity {
            grow()
        }
        update(ssrc, context)
        return evicts
    }

    private mutating func grow() {
        var larger = FixedTable<UInt32, SSRCContext>(capacity: min(limit, table.capacity * 2))
        table.forEach { larger.insert($0, $1) }
        table = larger
    }

    /// O(limit), but only when the peer has proven to own more SSRCs than the limit.
    private mutating func evictLeastRecent() {
        var oldest: (ssrc: UInt32, age: UInt32)?
        table.forEach { ssrc, context in
            let age = clock &- context.lastUse
            if age >= oldest?.age ?? 0 { oldest = (ssrc, age) }
        }
        if let oldest { table.remove(oldest.ssrc) }
    }
}
