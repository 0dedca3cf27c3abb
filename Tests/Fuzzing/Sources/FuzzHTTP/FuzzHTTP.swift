// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import FuzzDriver
import WebServer

@testable import ControlPlane

/// What libwebsockets hands us of a request: a method, a path, a query, an Accept header and a body, one a line.
@main struct FuzzHTTP {
    static func main() {
        fuzz { bytes, count in
            let parts = input(bytes, count).split(separator: 0x0A, maxSplits: 4, omittingEmptySubsequences: false)
            guard parts.count == 5, let choice = parts[0].first else { return 0 }
            let methods = [HTTPMethod.post, .get, .put, .patch, .delete, .options, .head]
            let text = { (index: Int) in String(decoding: parts[index], as: UTF8.self) }
            let request = HTTPRequest(
                id: 1, method: methods[Int(choice) % methods.count], path: text(1), query: text(2),
                accept: parts[3].isEmpty ? nil : text(3), contentType: "application/json", body: Array(parts[4]))
            let switches = BridgeSettings.REST(
                colibri: true, debug: true, drain: true, health: true, prometheus: true, version: true, shutdown: true)
            _ = HTTPRouter(switches: switches, version: "0").action(for: request)
            return 0
        }
    }
}
