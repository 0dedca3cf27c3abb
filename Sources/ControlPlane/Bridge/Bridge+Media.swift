// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import BridgeControl
internal import PacketIO
internal import Primitives

// What the machine's network does while the bridge runs: addresses come and go, ways take no trains.

extension Bridge {
    /// Looks at the interfaces, now and then.
    func lookAtAddresses(at now: Timestamp) {
        nextAddressLook = now + ControlPlaneLimits.addressLookInterval
        // Workers that hang, or have not taken the last ones yet, get no sockets.
        guard workers.areAlive, workers.haveTakenSockets else { return }
        let present: [InterfaceAddress]
        // For want of memory or descriptors; the next look may have them.
        do throws(SystemError) { present = try NetworkInterfaces.addresses() } catch { return }
        let changes = addresses.look(at: present, now: now)
        guard !changes.isEmpty else { return }
        var hasChanged = false
        for change in changes {
            Self.log(change, to: log)
            switch change {
            case .bound(let socket, let local):
                // There is room for all: a look opens no more sockets than a port holds.
                workers.listen(on: socket, as: local)
                hasChanged = true
            case .lost, .returned: hasChanged = true
            case .refused, .tooMany: break
            }
        }
        if hasChanged { useAddresses(at: now) }
    }

    /// Offers what is usable now to endpoints that are made from now on.
    private func useAddresses(at now: Timestamp) {
        let usable = addresses.usable
        directory.setCandidates(setup.candidates(on: usable))
        facts.boundAddresses = usable
        checkHealth(at: now)
    }

    /// The line for a change of addresses.
    static func log(_ change: MediaAddresses.Change, to log: Logger) {
        switch change {
        case .bound(let socket, _):
            log.notice("Media uses an address", ["address": socket.local.description])
        case .refused(let place, let error):
            log.warning(
                "An address can't be used for media now; it is tried again",
                ["address": place.description, "reason": error.description])
        case .lost(let place):
            log.warning("An address that media uses is gone", ["address": place.description])
        case .returned(let place):
            log.notice("An address that media uses is back", ["address": place.description])
        case .tooMany(let count):
            log.warning(
                "There are more addresses than media can use; choose by ice4j.harvest.allowed-addresses",
                ["limit": String(PacketIOLimits.localAddresses), "left_out": String(count)])
        }
    }

    /// Tells of peers towards which the kernel cuts no trains, each once.
    func noteTrainRefusals() {
        while let peer = workers.nextTrainRefusal() {
            log.warning(
                "The way to a peer takes no segmentation offload; its packets are sent one by one for a while",
                ["remote": settings.redactsRemoteAddresses ? peer.redacted : peer.description])
        }
    }
}
