// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target. A file beyond one of them is refused with a ``ConfigurationError``.
public enum BridgeConfigurationLimits {
    /// Bytes in one configuration file.
    public static let fileSize = 1 << 20
    /// Objects and lists inside each other, dotted keys counted by their segments.
    public static let nesting = 64
    /// Files included by files included by … the main file.
    public static let includeNesting = 16
    /// Included files altogether.
    public static let includedFiles = 64
    /// Substitutions being followed at once.
    public static let substitutionNesting = 128
    /// Steps taken while substitutions are resolved.
    public static let resolutionSteps = 200_000
    /// The longest duration, in nanoseconds: ten years, so that sums of a few never overflow.
    static let durationNanoseconds = 3_650.0 * 86_400e9
    /// Bytes in one value after substitution.
    public static let textSize = 1 << 16
    /// Values in one tree after substitution.
    public static let values = 100_000
    /// Keys listed in one warning.
    public static let listedKeys = 200
    /// XMPP client blocks.
    public static let xmppClients = 64
    /// Rooms of one XMPP client block.
    public static let roomsPerClient = 32
    /// Bytes of the prefix of ICE user fragments.
    public static let ufragPrefixBytes = 64
    /// The most that `viaduct.limits.conferences` may be: what a worker has room for. The next two are likewise.
    public static let conferences = 2_048
    /// The most that `viaduct.limits.endpoints` may be.
    public static let endpoints = 8_192
    /// The most that `viaduct.limits.endpoints-per-conference` may be.
    public static let endpointsPerConference = 1_024
    /// Static address mappings.
    public static let staticMappings = 64
}
