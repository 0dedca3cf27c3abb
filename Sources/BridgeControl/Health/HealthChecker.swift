// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// What a health check looks at (operations.md e.1).
public struct HealthFacts: Hashable, Sendable {
    /// Local addresses the UDP port is bound on.
    public var boundAddresses: [TransportAddress] = []
    /// Public sides of mappings (static, AWS, STUN).
    public var mappedAddresses: [TransportAddress] = []
    /// The media worker does not turn any more.
    public var isMediaStalled = false
    /// STUN servers are configured.
    public var hasSTUNServers = false
    /// One of them answered.
    public var hasSTUNAnswer = false

    /// Nothing is bound.
    public init() {}
}

/// The result of a health check.
public enum HealthResult: Hashable, Sendable {
    case healthy
    /// Unhealthy; the sentence goes to `/about/health` and to the focus.
    case unhealthy(reason: String)

    /// Whether all is well.
    public var isHealthy: Bool { self == .healthy }

    /// Why not.
    public var reason: String? {
        guard case .unhealthy(let reason) = self else { return nil }
        return reason
    }
}

/// Remembers the last self-check and says whether the bridge is healthy now.
///
/// Unhealthy by IQ means that the focus moves all conferences away, so load and XMPP play no part in it. The bridge is
/// healthy until the first check says otherwise; the shell makes the first one as soon as its sockets are open.
public struct HealthChecker: Sendable {
    /// `videobridge.health`.
    public struct Settings: Sendable {
        /// Between checks.
        public var interval = TimeDelta.seconds(Int64(60))
        /// A result older than this counts as a failure.
        public var timeout = TimeDelta.seconds(Int64(90))
        /// A check that takes longer counts as a failure.
        public var maximumCheckDuration = TimeDelta.seconds(Int64(3))
        /// Once failed, stay failed.
        public var isSticky = false
        /// Fail without a public address.
        public var requiresValidAddress = true
        /// Fail when STUN servers are configured and none answered.
        public var requiresSTUN = false

        /// The defaults.
        public init() {}
    }

    private let settings: Settings
    private let start: Timestamp
    private var last: (result: HealthResult, at: Timestamp)?
    private var due: Timestamp

    /// A checker that has not checked.
    public init(_ settings: Settings = Settings(), startedAt now: Timestamp) {
        self.settings = settings
        start = now
        due = now
    }

    /// When the next check is due.
    public var nextTimeout: Timestamp { due }

    /// Takes the outcome of a check.
    ///
    /// - Parameter began: when the shell began to gather the facts.
    public mutating func check(_ facts: HealthFacts, began: Timestamp, at now: Timestamp) {
        due = now + settings.interval
        var result = judge(facts)
        if now - began > settings.maximumCheckDuration { result = .unhealthy(reason: "health check took too long") }
        if settings.isSticky, let last, !last.result.isHealthy { result = last.result }
        last = (result, now)
    }

    /// Whether the bridge is healthy now.
    public func result(at now: Timestamp) -> HealthResult {
        if now - (last?.at ?? start) > settings.timeout, last?.result.isHealthy ?? true {
            return .unhealthy(reason: "no recent health check")
        }
        return last?.result ?? .healthy
    }

    /// The rules in their order.
    private func judge(_ facts: HealthFacts) -> HealthResult {
        if facts.isMediaStalled { return .unhealthy(reason: "media worker hangs") }
        let candidates = facts.boundAddresses + facts.mappedAddresses
        if settings.requiresValidAddress, !candidates.contains(where: Self.isUsable) {
            return .unhealthy(
                reason: "no public address: name one in ice4j.harvest.mapping.static-mappings, or set"
                    + " videobridge.health.require-valid-address = false where private ones do")
        }
        if settings.requiresSTUN, facts.hasSTUNServers, !facts.hasSTUNAnswer {
            return .unhealthy(reason: "no STUN server answered")
        }
        if facts.boundAddresses.isEmpty { return .unhealthy(reason: "UDP port not bound") }
        return .healthy
    }

    /// Site-local in the sense of Java: shared (100.64/10) and unique local (fc00::/7) addresses count as usable.
    private static func isUsable(_ address: TransportAddress) -> Bool {
        !(address.isSiteLocal || address.isLinkLocal || address.isLoopback || address.isUnspecified)
    }
}
