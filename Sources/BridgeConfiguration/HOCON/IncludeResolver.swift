// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What came of looking for an included file.
public enum IncludeOutcome: Sendable {
    /// Its content, and its name for messages and for its own includes.
    case found(file: String, bytes: [UInt8])
    /// There is no such file.
    case missing
    /// It exists but cannot be read, with the reason.
    case unreadable(String)
    /// There is a folder of that name, as container engines make one when a file to be mounted is missing.
    case folder
}

/// Finds included files for the reader, which itself touches no file.
public struct IncludeResolver: Sendable {
    private let find: @Sendable (_ name: String, _ includingFile: String) -> IncludeOutcome

    /// A resolver. `find` gets the name as written (relative to the including file) and the including file's name.
    public init(_ find: @escaping @Sendable (_ name: String, _ includingFile: String) -> IncludeOutcome) {
        self.find = find
    }

    /// Finds nothing.
    public static let none = IncludeResolver { _, _ in .missing }

    func outcome(for name: String, from includingFile: String) -> IncludeOutcome {
        find(name, includingFile)
    }
}

/// Counts includes across all files of one configuration.
final class IncludeSession {
    let resolver: IncludeResolver
    var files = 0
    /// What was passed over and should be known.
    private(set) var notices: [ConfigurationNotice] = []

    init(resolver: IncludeResolver) {
        self.resolver = resolver
    }

    /// The files that an include statement means, oldest first when several stand beside each other.
    func files(
        for name: String, isRequired: Bool, from includer: SourceLocation
    ) throws(ConfigurationError) -> [(String, [UInt8])] {
        var found: [(String, [UInt8])] = []
        for candidate in Self.candidates(for: name) {
            switch resolver.outcome(for: candidate, from: includer.file) {
            case .missing: continue
            case .folder where isRequired:
                throw ConfigurationError(at: includer, "the required file \"\(candidate)\" is a folder")
            case .folder:
                notices.append(
                    ConfigurationNotice(
                        level: .warning,
                        message: "\(includer): \"\(candidate)\" is a folder and is not included; if a container engine"
                            + " made it in the place of a missing file, remove it and provide the file"))
            case .unreadable(let reason):
                throw ConfigurationError(at: includer, "cannot read the included file \"\(candidate)\": \(reason)")
            case .found(let file, let bytes):
                files += 1
                guard files <= BridgeConfigurationLimits.includedFiles else {
                    throw ConfigurationError(
                        at: includer, "more than \(BridgeConfigurationLimits.includedFiles) included files")
                }
                found.append((file, bytes))
            }
        }
        return found
    }

    /// A name without extension stands for `.properties`, `.json` and `.conf`, the last one winning (HOCON.md).
    private static func candidates(for name: String) -> [String] {
        let leaf = name.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        let known = [".conf", ".json", ".properties"]
        if known.contains(where: { leaf.hasSuffix($0) }) { return [name] }
        return [name + ".properties", name + ".json", name + ".conf", name]
    }
}
