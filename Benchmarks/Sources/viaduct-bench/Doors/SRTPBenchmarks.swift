// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import CSRTP
import IPsecMB
import OpenSSL
import Primitives
import SRTP

/// Protecting and unprotecting one packet, ours against libsrtp2 as Debian packages it.
enum SRTPBenchmarks {
    static func all() -> [Benchmark] {
        _ = srtp_init()
        var result: [Benchmark] = []
        for (profile, name) in [(SRTPProfile.aeadAES128GCM, "GCM"), (.aes128CMHMACSHA1_80, "CM-SHA1")] {
            for bytes in [100, 1_200] {
                for engine in engines {
                    result.append(
                        ourProtect(profile, engine, "\(name) \(bytes) B protect, \(engine.name)", bytes))
                    result.append(
                        ourUnprotect(profile, engine, "\(name) \(bytes) B unprotect, \(engine.name)", bytes))
                }
                result.append(theirProtect(profile, "\(name) \(bytes) B protect, libsrtp2", bytes))
                result.append(theirUnprotect(profile, "\(name) \(bytes) B unprotect, libsrtp2", bytes))
            }
            // As the bridge seals: by handle, the tags of a turn together.
            for payload in payloads {
                for engine in engines {
                    result.append(seal(profile, engine, sealName(name, payload, engine), payload))
                }
            }
        }
        return result
    }

    /// What libipsec-mb may cost, as a part of what EVP costs in the same run, by payload.
    private static let limits: [(profile: String, payload: Int, ratio: Double)] = [
        ("GCM", 90, 0.25), ("GCM", 1_150, 0.65), ("CM-SHA1", 90, 0.75), ("CM-SHA1", 160, 0.75),
        ("CM-SHA1", 1_150, 0.75),
    ]

    /// Compares the engines, and says whether libipsec-mb is worth its package.
    static func printRatios(_ measurements: [Measurement]) {
        guard engines.count == 2 else {
            print("  libipsec-mb: cannot be used here, nothing to compare")
            return
        }
        heading("Sealing by libipsec-mb, as a part of EVP's time (medians)")
        for (profile, payload, limit) in limits {
            func median(_ engine: SRTPEngine) -> Double {
                measurements.first { $0.name == sealName(profile, payload, engine) }?.median ?? .nan
            }
            let ratio = median(engines[1]) / median(engines[0])
            print(
                "  " + padded("\(profile), \(payload) bytes of payload", 44) + leftPadded(decimal(ratio, 2), 10)
                    + "   limit \(decimal(limit, 2))" + (ratio <= limit ? "" : "   EXCEEDED"))
        }
    }

    private static let payloads = [90, 160, 1_150]
    /// EVP, then libipsec-mb where it is.
    static let engines: [SRTPEngine] = [.evp] + ((try? IPsecMB.installed.get()).map { [.ipsecMB($0)] } ?? [])

    private static func sealName(_ profile: String, _ payload: Int, _ engine: SRTPEngine) -> String {
        "\(profile) \(payload) B payload sealed, \(engine.name)"
    }

    /// One packet to each of 100 receivers, which is what a turn of a meeting looks like, then the queue is finished.
    private static func seal(
        _ profile: SRTPProfile, _ engine: SRTPEngine, _ name: String, _ payloadBytes: Int
    ) -> Benchmark {
        // Reached through a pointer, as the bridge reaches its endpoints.
        let receivers = 100
        let senders = UnsafeMutablePointer<SRTPSender>.allocate(capacity: receivers)
        var handles: [SRTPSender.StreamHandle] = []
        for number in 0..<receivers {
            (senders + number).initialize(
                to: SRTPSender(
                    profile: profile, key: [UInt8](repeating: UInt8(number), count: 16), salt: salt(profile),
                    settings: SRTPSettings(engine: engine)))
            guard let handle = senders[number].handle(for: 0x7856_3412) else { fatal(name) }
            handles.append(handle)
        }
        let plain = buffer(payloadBytes)
        let slots = UnsafeMutableRawBufferPointer.allocate(byteCount: receivers * 1_536, alignment: 64)
        for slot in 0..<receivers {
            slots[slot * 1_536] = 0x80
            slots.storeBytes(of: UInt32(0x1234_5678), toByteOffset: slot * 1_536 + 8, as: UInt32.self)
        }
        let queue = UnsafeMutablePointer<SealQueue>.allocate(capacity: 1)
        queue.initialize(to: SealQueue(engine))
        var sequence: UInt16 = 0
        return Benchmark(name, operations: operations) { count in
            let payload = UnsafeRawBufferPointer(rebasing: plain[..<payloadBytes])
            for _ in 0..<count / receivers {
                sequence &+= 1
                for number in 0..<receivers {
                    let slot = UnsafeMutableRawBufferPointer(rebasing: slots[number * 1_536..<(number + 1) * 1_536])
                    setSequence(slot, sequence)
                    guard
                        senders[number].protectRTP(
                            handles[number], slot: slot, headerBytes: 12, payload: payload, into: &queue.pointee)
                            != nil
                    else { fatal(name) }
                }
                guard queue.pointee.finish() == 0 else { fatal(name) }
            }
            return 0
        }
    }

    private static let operations = 20_000
    private static let key = [UInt8](repeating: 7, count: 16)

    private static func salt(_ profile: SRTPProfile) -> [UInt8] { [UInt8](repeating: 9, count: profile.saltBytes) }

    private static func setSequence(_ packet: UnsafeMutableRawBufferPointer, _ sequence: UInt16) {
        packet.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
    }

    private static func buffer(_ bytes: Int) -> UnsafeMutableRawBufferPointer {
        let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes + 256, alignment: 64)
        for index in 0..<packet.count { packet[index] = UInt8(truncatingIfNeeded: index &* 31) }
        packet[0] = 0x80
        packet[1] = 111
        packet.storeBytes(of: UInt32(0x1234_5678), toByteOffset: 8, as: UInt32.self)
        return packet
    }

    private static func ourProtect(
        _ profile: SRTPProfile, _ engine: SRTPEngine, _ name: String, _ bytes: Int
    ) -> Benchmark {
        let sender = OurSender(
            SRTPSender(profile: profile, key: key, salt: salt(profile), settings: SRTPSettings(engine: engine)))
        let plain = buffer(bytes)
        let slot = buffer(bytes)
        var sequence: UInt16 = 0
        return Benchmark(name, operations: operations) { count in
            let payload = UnsafeRawBufferPointer(rebasing: plain[12..<bytes])
            for _ in 0..<count {
                sequence &+= 1
                setSequence(slot, sequence)
                guard sender.sender.protectRTP(slot: slot, headerBytes: 12, payload: payload) != nil else {
                    fatal(name)
                }
            }
            return 0
        }
    }

    private static func theirProtect(_ profile: SRTPProfile, _ name: String, _ bytes: Int) -> Benchmark {
        let session = theirSession(profile, ssrc_any_outbound)
        let packet = buffer(bytes)
        var sequence: UInt16 = 0
        return Benchmark(name, operations: operations) { count in
            for _ in 0..<count {
                sequence &+= 1
                setSequence(packet, sequence)
                var length = Int32(bytes)
                guard srtp_protect(session, packet.baseAddress, &length) == srtp_err_status_ok else { fatal(name) }
            }
            return 0
        }
    }

    /// Protected packets to be opened again and again: each round gets them fresh, copied outside the measured time.
    private static func protectedPackets(_ sender: OurSender, _ bytes: Int, _ first: UInt16, _ count: Int) -> [[UInt8]]
    {
        let plain = buffer(bytes)
        defer { plain.deallocate() }
        let slot = buffer(bytes)
        defer { slot.deallocate() }
        return (0..<count).map { index in
            setSequence(slot, first &+ UInt16(truncatingIfNeeded: index))
            let payload = UnsafeRawBufferPointer(rebasing: plain[12..<bytes])
            guard let length = sender.sender.protectRTP(slot: slot, headerBytes: 12, payload: payload) else {
                fatal("making packets")
            }
            return Array(slot[0..<length])
        }
    }

    private static func unprotect(
        _ profile: SRTPProfile, _ name: String, _ bytes: Int,
        _ open: @escaping (UnsafeMutableRawBufferPointer) -> Bool
    ) -> Benchmark {
        let sender = OurSender(SRTPSender(profile: profile, key: key, salt: salt(profile)))
        var sequence: UInt16 = 0
        let slots = UnsafeMutableRawBufferPointer.allocate(byteCount: 500 * 1_600, alignment: 64)
        return Benchmark(name, operations: operations) { count in
            var uncounted: Int64 = 0
            for _ in 0..<count / 500 {
                let begin = threadNanoseconds()
                let packets = protectedPackets(sender, bytes, sequence, 500)
                sequence &+= 500
                for (index, packet) in packets.enumerated() {
                    UnsafeMutableRawBufferPointer(rebasing: slots[index * 1_600..<index * 1_600 + packet.count])
                        .copyBytes(from: packet)
                }
                uncounted += threadNanoseconds() - begin
                for (index, packet) in packets.enumerated() {
                    let slot = UnsafeMutableRawBufferPointer(
                        rebasing: slots[index * 1_600..<index * 1_600 + packet.count])
                    guard open(slot) else { fatal(name) }
                }
            }
            return uncounted
        }
    }

    private static func ourUnprotect(
        _ profile: SRTPProfile, _ engine: SRTPEngine, _ name: String, _ bytes: Int
    ) -> Benchmark {
        let receiver = OurReceiver(
            SRTPReceiver(profile: profile, key: key, salt: salt(profile), settings: SRTPSettings(engine: engine)))
        return unprotect(profile, name, bytes) { packet in
            if case .success = receiver.receiver.unprotectRTP(packet, headerBytes: 12) { true } else { false }
        }
    }

    private static func theirUnprotect(_ profile: SRTPProfile, _ name: String, _ bytes: Int) -> Benchmark {
        let session = theirSession(profile, ssrc_any_inbound)
        return unprotect(profile, name, bytes) { packet in
            var length = Int32(packet.count)
            return srtp_unprotect(session, packet.baseAddress, &length) == srtp_err_status_ok
        }
    }

    private static func theirSession(_ profile: SRTPProfile, _ type: srtp_ssrc_type_t) -> srtp_t? {
        var policy = srtp_policy_t()
        if profile == .aeadAES128GCM {
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        } else {
            srtp_crypto_policy_set_rtp_default(&policy.rtp)
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        }
        policy.ssrc.type = type
        policy.window_size = 1_024
        var session: srtp_t?
        var master = key + salt(profile)
        let status = master.withUnsafeMutableBufferPointer { bytes in
            policy.key = bytes.baseAddress
            return srtp_create(&session, &policy)
        }
        guard status == srtp_err_status_ok else { fatal("srtp_create") }
        return session
    }
}

/// Lets a closure own a noncopyable value.
final class OurSender {
    var sender: SRTPSender
    init(_ sender: consuming SRTPSender) { self.sender = sender }
}

/// Lets a closure own a noncopyable value.
final class OurReceiver {
    var receiver: SRTPReceiver
    init(_ receiver: consuming SRTPReceiver) { self.receiver = receiver }
}
