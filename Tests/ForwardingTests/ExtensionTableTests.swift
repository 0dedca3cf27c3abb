// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages
import TestSupport
import Testing

@Suite("ExtensionTable")
struct ExtensionTableTests {
    @Test("an empty table knows no number and no kind")
    func empty() {
        let table = ExtensionTable()
        #expect((0...255).allSatisfy { table.kind(ofID: UInt8($0)) == ExtensionTable.noKind })
        #expect(HeaderExtensionKind.allCases.allSatisfy { table.id(of: $0.rawValue) == 0 && !table.has($0) })
    }

    @Test("mapping a number or a kind again replaces the earlier mapping")
    func replacement() {
        var table = ExtensionTable([.audioLevel: 1, .mid: 200])
        table.map(.audioLevel, to: 200)
        #expect(table.kind(ofID: 1) == ExtensionTable.noKind)
        #expect(table.kind(ofID: 200) == HeaderExtensionKind.audioLevel.rawValue)
        #expect(!table.has(.mid))
        table.map(.rid, to: 0)
        #expect(!table.has(.rid))
    }

    @Test("the table behaves like a one-to-one dictionary")
    func model() {
        let failure = checkProperty { random in
            var table = ExtensionTable()
            var model: [UInt8: HeaderExtensionKind] = [:]
            for _ in 0..<30 {
                let kind = HeaderExtensionKind.allCases[random.int(in: 0...HeaderExtensionKind.allCases.count - 1)]
                let id = UInt8(random.int(in: 1...(random.next() & 1 == 0 ? 20 : 255)))
                table.map(kind, to: id)
                model = model.filter { $0.value != kind }
                model[id] = kind
            }
            for id in 0...255 where table.kind(ofID: UInt8(id)) != (model[UInt8(id)]?.rawValue ?? ExtensionTable.noKind)
            {
                return "id \(id)"
            }
            for kind in HeaderExtensionKind.allCases {
                let expected = model.first { $0.value == kind }?.key ?? 0
                if table.id(of: kind.rawValue) != expected { return "\(kind)" }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
