// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Colibri
import FuzzDriver
import Primitives
import XML

/// Conference-modify in both forms: what is understood reads back the same.
@main struct FuzzColibri {
    static func main() {
        fuzz { bytes, count in
            let text = input(bytes, count)
            if text.first == UInt8(ascii: "<") {
                guard let element = try? XMLDocument.parse(text) else { return 0 }
                _ = try? ConferenceModified(element)
                _ = ColibriError(element)
                guard let request = try? ConferenceModify(element) else { return 0 }
                let again = try? ConferenceModify(request.xmlElement)
                require(again == request, "what was written does not read back")
            } else {
                guard let json = try? JSONValue.parse(text) else { return 0 }
                _ = try? ConferenceModified(json: json)
                _ = try? ConferenceModify(json: json)
                _ = try? ConferenceModify(json: json, meetingID: "5b1c")
            }
            return 0
        }
    }
}
