// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Primitives
import XML

/// A recorded XMPP session of a bridge, from `Tests/Vectors/colibri2`.
struct Recording {
    struct Stanza {
        let isToBridge: Bool
        let element: XMLElement
        /// Which of several bridges it is about.
        let bridge: String?
    }

    enum Broken: Error { case line(Int) }

    var stanzas: [Stanza] = []

    static func load(_ name: String = "one-bridge-three-participants") throws -> Recording {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Vectors/colibri2/\(name).jsonl")
        var result = Recording()
        for (index, line) in try [UInt8](Data(contentsOf: file)).split(separator: 0x0A).enumerated() {
            let json = try JSONValue.parse(Array(line))
            if json["step"] != nil { continue }
            guard let direction = json["direction"]?.stringValue, let xml = json["xml"]?.stringValue else {
                throw Broken.line(index + 1)
            }
            let element = try XMLDocument.parse(xml)
            result.stanzas.append(
                Stanza(isToBridge: direction == "to-bridge", element: element, bridge: json["bridge"]?.stringValue))
        }
        return result
    }
}
