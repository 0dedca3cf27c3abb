// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import CSRTP
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
                result.append(ourProtect(profile, "\(name) \(bytes) B protect, Viaduct", bytes))
                result.append(theirProtect(profile, "\(name) \(bytes) B protect, libsrtp2", bytes))
                result.append(ourUnprotect(profile, "\(name) \(bytes) B unprotect, Viaduct", bytes))
                result.append(theirUnprotect(profile, "\(name) \(bytes) B unprotect, libsrtp2", bytes))
            }
        }
        return result
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

    private static func ourProtect(_ profile: SRTPProfile, _ name: String, _ bytes: Int) -> Benchmark {
        let sender = OurSender(SRTPSender(profile: profile, key: key, salt: salt(profile)))
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

    private static func ourUnprotect(_ profile: SRTPProfile, _ name: String, _ bytes: Int) -> Benchmark {
        let receiver = OurReceiver(SRTPReceiver(profile: profile, key: key, salt: salt(profile)))
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
