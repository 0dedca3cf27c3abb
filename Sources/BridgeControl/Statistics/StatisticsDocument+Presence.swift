// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import XML

extension StatisticsDocument {
    private static let namespace = "http://jitsi.org/protocol/colibri"

    /// The `stats` child of a presence (control-plane.md 2.1).
    ///
    /// - Parameter whitelist: when given, only these keys.
    public func presenceElement(whitelist: Set<String>? = nil) -> XMLElement {
        let stats = texts(whitelist: whitelist).map { entry in
            XMLElement("stat", Self.namespace, attributes: ["name": entry.name, "value": entry.value])
        }
        return XMLElement("stats", Self.namespace, children: stats)
    }
}
