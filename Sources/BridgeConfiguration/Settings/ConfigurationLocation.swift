// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Where the configuration is, and what the environment adds to it (operations.md a.1, a.6).
public enum ConfigurationLocation {
    /// Where the package puts the file.
    public static let defaultPath = "/etc/jitsi/videobridge/jvb.conf"

    /// The file to read: `--config`, then `VIADUCT_CONFIG`, then `-Dconfig.file=` in `JAVA_SYS_PROPS`, then the
    /// default.
    public static func path(option: String?, environment: [String: String]) -> String {
        if let option, !option.isEmpty { return option }
        if let path = environment["VIADUCT_CONFIG"], !path.isEmpty { return path }
        let named = definitions(in: environment["JAVA_SYS_PROPS", default: ""]).last { $0.name == "config.file" }
        if let named, !named.value.isEmpty { return named.value }
        return defaultPath
    }

    /// Where `sip-communicator.properties` would be: in the folder that `JAVA_SYS_PROPS` names, as the unit of older
    /// packages does, else beside the configuration (operations.md a.6).
    public static func legacyPath(configuration: String, environment: [String: String]) -> String {
        let prefix = "net.java.sip.communicator.SC_HOME_DIR_"
        var location: String?
        var name: String?
        for definition in definitions(in: environment["JAVA_SYS_PROPS", default: ""]) {
            if definition.name == prefix + "LOCATION" { location = definition.value }
            if definition.name == prefix + "NAME" { name = definition.value }
        }
        if let location, let name { return "\(location)/\(name)/\(legacyName)" }
        let folder = configuration.lastIndex(of: "/").map { configuration[...$0] } ?? ""
        return folder + legacyName
    }

    /// The file of settings that packages made before there was a `jvb.conf`.
    public static let legacyName = "sip-communicator.properties"

    /// `-D` definitions that are settings of the bridge; they rank below the file (Q2).
    public static func systemProperties(environment: [String: String]) -> [(name: String, value: String)] {
        definitions(in: environment["JAVA_SYS_PROPS", default: ""]).filter { definition in
            ["videobridge.", "jmt.", "ice4j.", "org.ice4j.", "viaduct."].contains { definition.name.hasPrefix($0) }
        }
    }

    /// Splits a command line as a shell would (blanks, quotes) and picks `-Dname=value`.
    static func definitions(in line: String) -> [(name: String, value: String)] {
        words(line).compactMap { word in
            guard word.hasPrefix("-D"), let equals = word.firstIndex(of: "=") else { return nil }
            let name = word[word.index(word.startIndex, offsetBy: 2)..<equals]
            return name.isEmpty ? nil : (String(name), String(word[word.index(after: equals)...]))
        }
    }

    private static func words(_ line: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in line {
            if character == quote {
                quote = nil
            } else if quote == nil, character == "\"" || character == "'" {
                quote = character
                word = word ?? ""
            } else if quote == nil, character.isWhitespace {
                if let complete = word { words.append(complete) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if let complete = word { words.append(complete) }
        return words
    }
}
