// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Colibri

/// The rules of media exports (control-plane.md 3.8). The bridge does not export: it only keeps the books, so that it
/// gives the answers that an exporting bridge would give.
enum ConnectRules {
    /// The connects after `changes`, which are checked as a whole first.
    static func apply(
        _ changes: [ConnectModify], to running: [String: ConnectModify]
    ) throws(ColibriError) -> [String: ConnectModify] {
        var result = running
        let expired = Set(changes.filter(\.isExpire).map(\.key))
        for key in expired { result[key] = nil }
        var seen: Set<String> = []
        for change in changes where change.isExpire && !seen.insert(change.key).inserted {
            throw .badRequest("connect \(name(change)) is mentioned twice")
        }
        seen = []
        for change in changes where !change.isExpire {
            guard seen.insert(change.key).inserted else {
                throw .badRequest("connect \(name(change)) is mentioned twice")
            }
            try checkFeatures(change)
            // Older focuses send neither ids nor delta markers: there a mention means that it shall run.
            let isPlain = change.id == nil && !change.isCreate
            if let old = result[change.key] {
                guard !change.isCreate else { throw .badRequest("connect \(name(change)) is running") }
                try checkUpdate(change, of: old)
                result[change.key]?.exports = change.exports ?? old.exports
                result[change.key]?.requests = change.requests ?? old.requests
            } else {
                guard change.isCreate || isPlain, !(expired.contains(change.key) && !change.isCreate) else {
                    throw .badRequest("connect \(name(change)) is not running")
                }
                result[change.key] = change
            }
        }
        guard result.count <= BridgeControlLimits.connectsPerConference else {
            throw .badRequest("too many connects in this conference")
        }
        return result
    }

    private static func checkFeatures(_ connect: ConnectModify) throws(ColibriError) {
        if let name = connect.protocolName, name.lowercased() != "mediajson" {
            throw .notImplemented("connect protocol \(name)")
        }
        if connect.video { throw .notImplemented("video of a connect") }
    }

    private static func checkUpdate(_ change: ConnectModify, of old: ConnectModify) throws(ColibriError) {
        guard change.url == old.url, change.type == old.type, change.audio == old.audio,
            change.headers == old.headers, change.ping == old.ping
        else { throw .notImplemented("changing more than exports and requests of a connect") }
    }

    /// The id, never the address: addresses may hold tokens.
    private static func name(_ connect: ConnectModify) -> String { connect.id ?? "without id" }
}
