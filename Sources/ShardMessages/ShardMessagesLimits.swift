// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Sizes of the mailboxes between the control plane and a worker (house rule 2.6) and of what travels in them.
public enum ShardMessagesLimits {
    /// Places in the ring of commands.
    public static let commandRing = 1_024
    /// Places in the ring of events.
    public static let eventRing = 4_096
    /// Payload types per endpoint; more are ignored.
    public static let payloadTypes = 64
    /// Header extensions per endpoint; more are ignored.
    public static let headerExtensions = 32
    /// Sources per endpoint; more are ignored.
    public static let sources = 64
    /// Encodings per source; more are ignored.
    public static let streamsPerSource = 8
    /// Remote candidates per update; more are ignored.
    public static let remoteCandidates = 64
}
