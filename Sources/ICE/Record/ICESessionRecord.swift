// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// What an established session's agent needs to go on in another process (house-style.md 2.10): credentials, role,
/// selected pair, the other addresses that are ours, and how old consent is.
///
/// Of fixed size and without references. Times are ages, because the other process has another clock. What is missing
/// can be lost: checks under way are begun anew, a request that is repeated is answered as a new one. Holds passwords:
/// what is said of keys in the threat model holds for it.
public struct ICESessionRecord: BitwiseCopyable, Sendable {
    /// A user fragment or a password.
    struct Credential: BitwiseCopyable, Sendable {
        private(set) var count: UInt16 = 0
        private(set) var storage = [256 of UInt8](repeating: 0)

        /// - Returns: `nil` when there are no bytes or more than ``ICELimits/credentialBytes``.
        init?(_ bytes: [UInt8]) {
            guard !bytes.isEmpty, bytes.count <= ICELimits.credentialBytes, bytes.count <= storage.count else {
                return nil
            }
            count = UInt16(truncatingIfNeeded: bytes.count)
            for (index, byte) in bytes.enumerated() { storage[index] = byte }
        }

        var bytes: [UInt8] { (0..<Int(count)).map { storage[$0] } }
    }

    /// A 4-tuple of the session.
    struct Path: BitwiseCopyable, Sendable, Equatable {
        var remote: TransportAddress
        /// The bound address; its socket may have another index in the next process.
        var local: TransportAddress
        var remotePriority: UInt32
        /// How long ago the peer last answered there; `noAnswer` when it never did.
        var answerAge: TimeDelta
        var isRelayed: Bool
        var isBound: Bool
        var isValid: Bool
        var isNominated: Bool

        static let noAnswer = TimeDelta(nanoseconds: -1)

        /// The place of a path that is not there.
        static let none = Path(
            remote: TransportAddress(ipv4: 0, port: 0), local: TransportAddress(ipv4: 0, port: 0), remotePriority: 0,
            answerAge: noAnswer, isRelayed: false, isBound: false, isValid: false, isNominated: false)
    }

    /// Paths that a record has room for: the selected one and those that datagrams are routed by.
    static let pathCapacity = 1 + ICELimits.remoteAddresses

    /// Who the agent is: the session goes back into this slot, which peers and their checks know.
    public var owner: TransactionOwner
    var localUfrag: Credential
    var localPassword: Credential
    var remoteUfrag: Credential
    var remotePassword: Credential
    var isControlling: Bool
    var roleSwitches: UInt8
    var tieBreaker: UInt64
    var hasConsent: Bool
    /// How long ago the peer agreed to receive, in real time.
    var consentAge: TimeDelta
    /// The same without the time in which nobody listened.
    var silence: TimeDelta
    private(set) var pathCount: UInt8 = 0
    private var pathStorage = [17 of Path](repeating: .none)

    /// Everything but the paths.
    init(
        owner: TransactionOwner, localUfrag: Credential, localPassword: Credential, remoteUfrag: Credential,
        remotePassword: Credential, isControlling: Bool, roleSwitches: UInt8, tieBreaker: UInt64, hasConsent: Bool,
        consentAge: TimeDelta, silence: TimeDelta
    ) {
        self.owner = owner
        self.localUfrag = localUfrag
        self.localPassword = localPassword
        self.remoteUfrag = remoteUfrag
        self.remotePassword = remotePassword
        self.isControlling = isControlling
        self.roleSwitches = roleSwitches
        self.tieBreaker = tieBreaker
        self.hasConsent = hasConsent
        self.consentAge = consentAge
        self.silence = silence
    }

    /// The 4-tuples, the selected one first.
    var paths: [Path] { (0..<Int(pathCount)).map { pathStorage[$0] } }

    /// Adds a 4-tuple while there is room.
    mutating func append(_ path: Path) {
        guard Int(pathCount) < Self.pathCapacity, Int(pathCount) < pathStorage.count else { return }
        pathStorage[Int(pathCount)] = path
        pathCount += 1
    }
}
