// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives

/// JSON text: what is understood reads back the same.
@main struct FuzzJSON {
    static func main() {
        fuzz { bytes, count in
            guard let value = try? JSONValue.parse(input(bytes, count)) else { return 0 }
            let again = try? JSONValue.parse(value.serialized())
            require(again == value, "what was written does not read back")
            return 0
        }
    }
}
