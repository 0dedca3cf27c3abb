// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

extension SettingsLoader {
    /// The XMPP client blocks. An incomplete block is dropped with a warning that names what is missing.
    mutating func clients() throws(ConfigurationError) -> [XMPPClientSettings] {
        // One complete client among the old properties, and the blocks of `jvb.conf` do not count (operations.md a.6).
        var old: [XMPPClientSettings] = []
        for (id, properties) in reader.legacy.clients.prefix(BridgeConfigurationLimits.xmppClients) {
            let location = properties.fields.first?.value.location
            let shown = id.isEmpty ? "without a name" : id
            switch XMPPClientSettings.make(id: id, properties: texts(of: properties)) {
            case .success(let client): old.append(client)
            case .failure(let problem): reader.warn("XMPP client \(shown) is not used: \(problem)", at: location)
            }
        }
        if !old.isEmpty { return old }
        let path = "videobridge.apis.xmpp-client.configs"
        guard let node = reader.node(path) else { return [] }
        guard let blocks = node.object else {
            throw ConfigurationError(at: node.location, "\(path) must be an object, not \(node.kindName)")
        }
        var result: [XMPPClientSettings] = []
        for (id, block) in blocks.fields {
            guard let properties = block.object else {
                if case .null = block.content { continue }
                throw ConfigurationError(at: block.location, "\(path).\(id) must be an object, not \(block.kindName)")
            }
            guard result.count < BridgeConfigurationLimits.xmppClients else {
                throw ConfigurationError(
                    at: block.location, "more than \(BridgeConfigurationLimits.xmppClients) XMPP clients")
            }
            switch XMPPClientSettings.make(id: id, properties: texts(of: properties)) {
            case .success(let client):
                warnAboutPassword(in: properties, id: id)
                if client.securityMode == .disabled {
                    reader.warn("XMPP client \(id) logs in without TLS", at: block.location)
                }
                result.append(client)
            case .failure(let problem):
                reader.warn("XMPP client \(id) is not used: \(problem)", at: block.location)
            }
        }
        return result
    }

    private func texts(of properties: ConfigurationObject) -> [(name: String, value: String)] {
        properties.fields.compactMap { name, node in
            if case .list(let items) = node.content {
                return (name, items.compactMap(\.text).joined(separator: ","))
            }
            return node.text.map { (name, $0) }
        }
    }

    /// `PASSWORD = 007` without quotes: jitsi-videobridge makes 7 of it, here it stays as written (operations.md Q22).
    private mutating func warnAboutPassword(in properties: ConfigurationObject, id: String) {
        for (name, node) in properties.fields where name.uppercased() == "PASSWORD" {
            guard case .text(let text, quoted: false) = node.content, SettingTextReader.number(text) != nil else {
                continue
            }
            reader.warn(
                "XMPP client \(id): the password is a number without quotes and is used as written; quote it",
                at: node.location)
        }
    }
}
