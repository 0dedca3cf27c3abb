// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import Conferencing
internal import IPsecMB
internal import MediaPlane
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
    let harvest: BridgeSettings.Harvest

    /// The processor of the one worker.
    static let workerProcessor = 0

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
        worker.cpu = settings.media.pinsWorkers ? Self.workerProcessor : nil
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
        shard.setNomination(name: settings.ice.nominationStrategy)
        shard.stunSoftware = settings.ice.software ?? ""
        shard.consent.interval = settings.ice.consent.interval
        shard.consent.isRandomized = settings.ice.consent.isRandomized
        shard.consent.firstWait = settings.ice.consent.firstWait
        shard.consent.maxWait = settings.ice.consent.maxWait
        shard.consent.retransmissions = settings.ice.consent.maxRetransmissions
        shard.setHandshakes(
            profiles: settings.srtpProfiles, acceptedHashes: settings.dtls.acceptedFingerprintHashes,
            handshakeTimeout: settings.dtls.handshakeTimeout)
        shard.setIdentity(
            cipherList: settings.dtls.openSSLCipherList, fingerprintHash: settings.dtls.fingerprintHash)
        let keyframes = settings.keyframes
        shard.setKeyframes(
            interval: keyframes.minInterval, quota: keyframes.maxRequests, within: keyframes.maxRequestInterval)
        shard.setSourceKeyframes(
            interval: keyframes.sourceMinInterval, quota: keyframes.sourceMaxRequests,
            within: keyframes.sourceMaxRequestInterval)
        shard.discardsSilence = settings.audio.discardsSilence
        shard.silentPackets = UInt32(clamping: settings.audio.forwardedSilencePackets)
        shard.inactivityLimit = settings.connectivity.inactivityLimit
        shard.firstTransferTimeout = settings.connectivity.firstTransferTimeout
        shard.connectivityInterval = settings.connectivity.checkInterval
        shard.restart.isEnabled = settings.ice.restart.isEnabled
        shard.restart.transitionWindow = settings.ice.restart.transitionWindow
        shard.restart.timeout = settings.ice.restart.timeout
        shard.setRedundancy(
            policyName: settings.audio.redundancyPolicy, distance: settings.audio.redundancyDistance,
            isForVoiceOnly: settings.audio.isRedundancyForVoiceOnly)
        shard.discardedEarly = settings.audio.discardedEarly ?? 0
        shard.setSpeech(
            recent: settings.speech.recentSpeakers,
            silence: settings.speech.detectsSilence ? settings.speech.silenceTimeout : nil)
        shard.setLoudest(
            settings.speech.routesLoudestOnly ? settings.speech.loudest : nil,
            withDominant: settings.speech.alwaysRoutesDominant, lifetime: settings.speech.energyLifetime,
            alpha: settings.speech.energyAlpha)
        apply(settings.allocation, to: &shard)
        shard.inactivityTimeout = settings.expiration.timeout
        shard.expiryCheckInterval = settings.expiration.checkInterval
        return shard
    }

    private static func apply(_ allocation: BridgeSettings.Allocation, to shard: inout ShardSettings) {
        shard.setLayers(
            preferredHeight: allocation.preferredHeight, preferredFrameRate: allocation.preferredFrameRate,
            oversending: allocation.allowsOversending ? allocation.maxOversending : nil,
            pictures: allocation.pictures)
        shard.audioSlots = allocation.voices
        shard.setEstimates(
            areTrusted: allocation.trustsEstimates, ignorePeriod: allocation.ignorePeriod,
            assumedLimit: allocation.assumedLimit, rates: allocation.rates,
            changeThreshold: allocation.changeThreshold, maxInterval: allocation.maxInterval)
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
}

/// Why the bridge cannot start, in a sentence for the operator.
struct BridgeFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
