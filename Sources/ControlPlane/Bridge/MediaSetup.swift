// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import BridgeControl
internal import Colibri
internal import Conferencing
internal import DTLS
internal import Forwarding
internal import ICE
internal import IPsecMB
internal import MediaPlane
internal import OpenSSL
internal import PacketIO
internal import Primitives
internal import SRTP

/// What the configuration means for the media plane: which addresses are bound, which candidates are offered.
struct MediaSetup {
    /// What the worker is started with, but for its sockets.
    var worker: MediaWorker.Configuration
    /// What encrypts and decrypts media.
    let srtpEngine: SRTPEngineSelection
    /// The addresses, none of them bound yet.
    let addresses: MediaAddresses
    private let harvest: BridgeSettings.Harvest

    /// Reads the settings (media-plane.md 1.1).
    /// - Throws: a sentence that names the cause and the cure.
    init(_ settings: BridgeSettings) throws(BridgeFailure) {
        harvest = settings.harvest
        srtpEngine = try Self.engine(settings)
        var selection = AddressSelection()
        selection.allowedAddresses = harvest.allowedAddresses
        selection.blockedAddresses = harvest.blockedAddresses
        selection.allowedInterfaces = harvest.allowedInterfaces
        selection.blockedInterfaces = harvest.blockedInterfaces
        selection.usesIPv6 = harvest.usesIPv6
        selection.usesLinkLocal = harvest.usesLinkLocalAddresses
        worker = MediaWorker.Configuration(addresses: [])
        worker.port.receiveBufferBytes = harvest.receiveBufferSize
        worker.port.usesGSO = settings.media.usesGSO
        worker.port.usesGRO = settings.media.usesGRO
        worker.cpu = settings.media.pinsWorkers ? 0 : nil
        worker.shard = Self.shard(settings)
        worker.shard.srtp.engine = srtpEngine.engine
        addresses = MediaAddresses(selection, port: settings.ice.port, options: worker.port)
    }

    /// Opens the media port on whatever addresses the machine has, one at least.
    /// - Returns: the sockets, the addresses as they are now, and what stands in the way of others.
    /// - Throws: a sentence that names the cause and the cure.
    func open(
        at now: Timestamp
    ) throws(BridgeFailure) -> (sockets: [UDPSocket], addresses: MediaAddresses, changes: [MediaAddresses.Change]) {
        let present: [InterfaceAddress]
        do throws(SystemError) { present = try NetworkInterfaces.addresses() } catch {
            throw BridgeFailure("cannot list the network interfaces: \(error)")
        }
        var addresses = addresses
        let changes = addresses.look(at: present, now: now)
        var sockets: [UDPSocket] = []
        var refusals: [(place: LocalAddress, error: SystemError)] = []
        for change in changes {
            if case .bound(let socket, _) = change { sockets.append(socket) }
            if case .refused(let place, let error) = change { refusals.append((place, error)) }
        }
        if sockets.isEmpty, let first = refusals.first {
            let places = refusals.map(\.place.description).joined(separator: ", ")
            throw BridgeFailure(
                "cannot open the media port on \(places): \(first.error). Is another bridge running, or the port taken?"
                    + " It is set by videobridge.ice.udp.port.")
        }
        guard !sockets.isEmpty else {
            throw BridgeFailure(
                "no local address is usable for media. Bring a network interface up, or look at"
                    + " ice4j.harvest.allowed-addresses, allowed-interfaces and their blocked- counterparts.")
        }
        return (sockets, addresses, changes)
    }

    static func shard(_ settings: BridgeSettings) -> ShardSettings {
        var shard = ShardSettings(localAddresses: [])
        shard.ufragPrefix = settings.ice.ufragPrefix ?? ""
        shard.nomination = nomination(settings.ice.nominationStrategy)
        shard.stunSoftware = settings.ice.software ?? ""
        shard.consent.interval = settings.ice.consent.interval
        shard.consent.isRandomized = settings.ice.consent.isRandomized
        shard.consent.firstWait = settings.ice.consent.firstWait
        shard.consent.maxWait = settings.ice.consent.maxWait
        shard.consent.retransmissions = settings.ice.consent.maxRetransmissions
        shard.dtls.profiles = settings.srtpProfiles.compactMap { SRTPProfile(configurationName: $0) }
        shard.dtls.handshakeTimeout = settings.dtls.handshakeTimeout
        shard.dtls.acceptedHashes = settings.dtls.acceptedFingerprintHashes.compactMap { HashFunction(rawValue: $0) }
        shard.identity.cipherList = settings.dtls.openSSLCipherList
        shard.identity.fingerprintHash = HashFunction(rawValue: settings.dtls.fingerprintHash) ?? .sha256
        shard.keyframes = keyframes(settings.keyframes)
        shard.discardsSilence = settings.audio.discardsSilence
        shard.silentPackets = UInt32(clamping: settings.audio.forwardedSilencePackets)
        shard.inactivityLimit = settings.inactivityLimit
        shard.inactivityTimeout = settings.expiration.timeout
        shard.expiryCheckInterval = settings.expiration.checkInterval
        return shard
    }

    /// The engine that is wanted, or the best one there is.
    static func engine(
        _ settings: BridgeSettings, library: Result<IPsecMB, IPsecMBError> = IPsecMB.installed
    ) throws(BridgeFailure) -> SRTPEngineSelection {
        let name = settings.media.srtpEngine
        do throws(SRTPEngineError) {
            return try SRTPEngineSelection(SRTPEngineChoice(rawValue: name) ?? .automatic, library: library)
        } catch {
            throw BridgeFailure(
                "\(error). This is asked for by viaduct.srtp.engine = \(name); \"auto\" takes what is there.")
        }
    }

    private static func nomination(_ name: String) -> ICEAgent.NominationStrategy {
        switch name {
        case "NominateFirstValid": .firstValid
        case "NominateHighestPriority": .highestPriority
        case "NominateBestRTT": .bestRoundTrip
        case "None": .none
        default: .firstHostOrReflexiveValid
        }
    }

    private static func keyframes(_ settings: BridgeSettings.Keyframes) -> KeyframeLimits {
        var limits = KeyframeLimits()
        limits.interval = settings.minInterval
        limits.quota = settings.maxRequests
        limits.quotaInterval = settings.maxRequestInterval
        limits.sourceInterval = settings.sourceMinInterval
        limits.sourceQuota = settings.sourceMaxRequests
        limits.sourceQuotaInterval = settings.sourceMaxRequestInterval
        return limits
    }

    /// The candidates that every endpoint is offered, now that the port is bound (media-plane.md 1.4, 1.5).
    func candidates(on bound: [TransportAddress]) -> [Directory.Settings.LocalCandidate] {
        let mappings = harvest.staticMappings.map { mapping in
            mapping.local.port == 0
                ? AddressMapping(localAddress: mapping.local, publicAddress: mapping.public)
                : AddressMapping(
                    localAddress: mapping.local, localPort: mapping.local.port, publicAddress: mapping.public,
                    publicPort: mapping.public.port)
        }
        return LocalCandidate.gather(hosts: bound, mappings: mappings).map { candidate in
            Directory.Settings.LocalCandidate(
                Self.description(candidate), isPrivate: candidate.address.isPrivate)
        }
    }

    /// The public sides of the mappings, for the health check.
    var mappedAddresses: [TransportAddress] {
        harvest.staticMappings.map(\.public)
    }

    private static func description(_ candidate: LocalCandidate) -> CandidateDescription {
        var result = CandidateDescription(
            type: candidate.type.text, ip: candidate.address.ipText, port: candidate.address.port,
            priority: candidate.priority)
        result.foundation = candidate.foundation
        if candidate.type != .host {
            result.relatedAddress = candidate.relatedAddress.ipText
            result.relatedPort = candidate.relatedAddress.port
        }
        return result
    }
}

/// Why the bridge cannot start, in a sentence for the operator.
struct BridgeFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
