// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives
import XML

/// XML documents, and the same bytes as a stream in pieces.
@main struct FuzzXML {
    static func main() {
        fuzz { bytes, count in
            let text = input(bytes, count)
            if let root = try? XMLDocument.parse(text) {
                let again = try? XMLDocument.parse(root.serialized())
                require(again == root, "what was written does not read back")
            }
            var parser = XMLStreamParser()
            var offset = 0
            while offset < text.count {
                let size = min(text.count - offset, 1 + Int(text[offset] & 15))
                do { try parser.feed(text.rawSpan.slice(offset, count: size)) } catch { break }
                while parser.pollEvent() != nil {}
                offset += size
            }
            return 0
        }
    }
}
