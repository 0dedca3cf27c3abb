// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A `sip-communicator.properties` as it was found.
public struct LegacyFile: Sendable {
    /// Its path.
    public let file: String
    /// Its content.
    public let bytes: [UInt8]

    /// A file with its content.
    public init(file: String, bytes: [UInt8]) {
        self.file = file
        self.bytes = bytes
    }
}

/// Settings by their old names, from `sip-communicator.properties` and, for those of ICE, from the tree of `jvb.conf`
/// (operations.md a.5, a.6). They outrank the newer names.
struct LegacySettings {
    /// Values by the paths of ``SettingsTable``, in the newer names' words.
    private(set) var values: [String: ConfigurationNode] = [:]
    /// Properties of XMPP clients by the block's name, in the order in which the blocks first appear.
    private(set) var clients: [(id: String, properties: ConfigurationObject)] = []
    /// What `NAT_HARVESTER_*` say: a static mapping, when both are there.
    private(set) var mapping: ConfigurationNode?
    private(set) var notices: [ConfigurationNotice] = []
    private var unknown: [String] = []

    init(_ document: ConfigurationDocument, file: LegacyFile?) throws(ConfigurationError) {
        var local: ConfigurationNode?
        var publicAddress: ConfigurationNode?
        for name in Self.namesInTree {
            guard let node = document.root.value(at: name.split(separator: ".").map(String.init)) else { continue }
            switch name {
            case LegacyName.natLocalAddress: local = node
            case LegacyName.natPublicAddress: publicAddress = node
            default: try take(name, node)
            }
        }
        for property in try file.map({ file throws(ConfigurationError) in try Self.properties(file) }) ?? [] {
            let text = String(trimmed(property.value[...]))
            let node = ConfigurationNode(.text(text, quoted: true), at: property.location)
            switch property.key {
            case _ where text.isEmpty: continue
            case LegacyName.natLocalAddress: local = node
            case LegacyName.natPublicAddress: publicAddress = node
            case LegacyName.restSwitch:
                if SettingTextReader.boolean(text) == false {
                    values["videobridge.apis.rest.enabled"] = node
                }
            case let key where key.hasPrefix(LegacyName.clientPrefix):
                addToClient(key.dropFirst(LegacyName.clientPrefix.count), node)
            case let key where LegacyName.byName[key] != nil: try take(key, node)
            case let key:
                unknown.append("\(key) (\(SourceLocation(file: node.location.file, line: node.location.line)))")
            }
        }
        finish(local, publicAddress)
    }

    private static func properties(_ file: LegacyFile) throws(ConfigurationError) -> [PropertiesReader.Property] {
        try PropertiesReader.properties(file.bytes, file: file.file)
    }

    /// The old names that may stand in `jvb.conf` too.
    static let namesInTree: [String] =
        LegacyName.byName.keys.filter { $0.hasPrefix("org.ice4j.") }.sorted()
        + [LegacyName.natLocalAddress, LegacyName.natPublicAddress]

    private mutating func take(_ name: String, _ node: ConfigurationNode) throws(ConfigurationError) {
        guard let legacy = LegacyName.byName[name] else { return }
        guard let text = node.text else {
            // A list, which `jvb.conf` can hold under an old name too.
            values[legacy.path] = node
            return
        }
        guard let converted = legacy.converted(text) else {
            throw ConfigurationError(at: node.location, "\(name) must be true or false, not \"\(text)\"")
        }
        values[legacy.path] = ConfigurationNode(.text(converted, quoted: true), at: node.location)
    }

    private mutating func addToClient(_ rest: Substring, _ node: ConfigurationNode) {
        let dot = rest.lastIndex(of: ".")
        let id = dot.map { String(rest[..<$0]) } ?? ""
        let property = dot.map { String(rest[rest.index(after: $0)...]) } ?? String(rest)
        let index = clients.firstIndex { $0.id == id } ?? clients.endIndex
        if index == clients.endIndex { clients.append((id, ConfigurationObject())) }
        clients[index].properties[property] = node
    }

    private mutating func finish(_ local: ConfigurationNode?, _ publicAddress: ConfigurationNode?) {
        if let local, let publicAddress {
            var object = ConfigurationObject()
            object["local-address"] = local
            object["public-address"] = publicAddress
            mapping = ConfigurationNode(.object(object), at: local.location)
        } else if let single = local ?? publicAddress {
            let (has, lacks) =
                local == nil
                ? (LegacyName.natPublicAddress, LegacyName.natLocalAddress)
                : (LegacyName.natLocalAddress, LegacyName.natPublicAddress)
            notices.append(
                ConfigurationNotice(
                    level: .warning, message: "\(single.location): \(has) is of no use without \(lacks)"))
        }
        guard !unknown.isEmpty else { return }
        notices.append(
            ConfigurationNotice(
                level: .warning, message: "unknown or outdated properties: " + KeyWalk.list(unknown)))
    }
}
