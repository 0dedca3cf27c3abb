// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// `/colibri-ws/SERVER-ID/CONFERENCE/ENDPOINT?pwd=PASSWORD` (media-plane.md 11.2).
struct WebSocketPath: Equatable {
    let conference: String
    let endpoint: String
    /// `nil` when the query does not begin with it.
    let password: String?

    /// `nil` for any other path, and for another server's.
    /// - Parameters: path and query as ``HTTPRequest`` has them, decoded.
    init?(path: String, query: String, serverID: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "colibri-ws", parts[2] == serverID, !parts[3].isEmpty,
            !parts[4].isEmpty
        else { return nil }
        conference = String(parts[3])
        endpoint = String(parts[4])
        password = query.hasPrefix("pwd=") ? String(query.dropFirst(4)) : nil
    }
}
