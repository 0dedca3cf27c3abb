// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import IPsecMB
import OpenSSL
import Primitives
import TestSupport
import Testing

@testable import SRTP

/// The engines of this machine.
let engines: [SRTPEngine] = [.evp] + ((try? IPsecMB.installed.get()).map { [.ipsecMB($0)] } ?? [])

/// A profile and what computes it: every test of packets runs over each engine.
@dynamicMemberLookup
struct Protection: Sendable, CustomTestStringConvertible {
    var profile: SRTPProfile
    var engine: SRTPEngine

    /// The two profiles that browsers choose.
    static let common = make([.aeadAES128GCM, .aes128CMHMACSHA1_80])
    /// All profiles.
    static let all = make(SRTPProfile.allCases)

    private static func make(_ profiles: [SRTPProfile]) -> [Protection] {
        engines.flatMap { engine in profiles.map { Protection(profile: $0, engine: engine) } }
    }

    subscript<T>(dynamicMember path: KeyPath<SRTPProfile, T>) -> T { profile[keyPath: path] }

    var testDescription: String { "\(profile) by \(engine.name)" }
}

/// A master key and salt of the right lengths.
struct MasterKey {
    var profile: SRTPProfile
    var key: [UInt8]
    var salt: [UInt8]
    var settings: SRTPSettings

    init(_ protection: Protection, seed: UInt64 = 7) {
        self.init(protection.profile, seed: seed)
        settings.engine = protection.engine
    }

    init(_ profile: SRTPProfile, seed: UInt64 = 7) {
        var random = Random(seed: seed)
        self.profile = profile
        settings = SRTPSettings()
        key = random.bytes(profile.keyBytes)
        salt = random.bytes(profile.saltBytes)
    }

    func sender() -> SRTPSender { SRTPSender(profile: profile, key: key, salt: salt, settings: settings) }
    func receiver() -> SRTPReceiver { SRTPReceiver(profile: profile, key: key, salt: salt, settings: settings) }
    func oracle(_ direction: LibSRTP.Direction) -> LibSRTP {
        LibSRTP(direction, profile: profile.rawValue, keyAndSalt: key + salt)
    }
}

/// An RTP packet with its parts known.
struct TestPacket: Equatable {
    var header: [UInt8]
    var payload: [UInt8]
    var bytes: [UInt8] { header + payload }

    init(
        ssrc: UInt32 = 0x1234_5678, sequence: UInt16, payload: [UInt8], csrcs: [UInt32] = [],
        extensionWords: Int? = nil
    ) {
        var writer = ByteWriter()
        writer.uint8(0x80 | UInt8(csrcs.count) | (extensionWords == nil ? 0 : 0x10))
        writer.uint8(111)
        writer.uint16(sequence)
        writer.uint32(UInt32(sequence) &* 960)
        writer.uint32(ssrc)
        for csrc in csrcs { writer.uint32(csrc) }
        if let extensionWords {
            writer.uint16(0xBEDE)
            writer.uint16(UInt16(extensionWords))
            for word in 0..<extensionWords { writer.uint32(UInt32(word)) }
        }
        header = writer.bytes
        self.payload = payload
    }

    /// A packet with everything but the sequence number up to chance.
    static func random(_ sequence: UInt16, ssrc: UInt32 = 0x1234_5678, _ random: inout Random) -> TestPacket {
        TestPacket(
            ssrc: ssrc, sequence: sequence, payload: random.bytes(random.int(in: 0...1_400)),
            csrcs: (0..<random.int(in: 0...3)).map { UInt32($0) },
            extensionWords: random.int(in: 0...1) == 0 ? nil : random.int(in: 0...4))
    }
}

/// A sender report of `ssrc` followed by whatever.
func makeReport(ssrc: UInt32, rest: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.uint8(0x80)
    writer.uint8(200)
    writer.uint16(UInt16(rest.count / 4 + 1))
    writer.uint32(ssrc)
    writer.append(rest)
    return writer.bytes
}

func protect(_ sender: inout SRTPSender, _ packet: TestPacket) -> [UInt8]? {
    var slot = packet.header + [UInt8](repeating: 0xEE, count: packet.payload.count + SRTPSender.maxOverhead)
    let length = slot.withUnsafeMutableBytes { slot in
        packet.payload.withUnsafeBytes {
            sender.protectRTP(slot: slot, headerBytes: packet.header.count, payload: $0)
        }
    }
    return length.map { Array(slot.prefix($0)) }
}

func handle(_ sender: inout SRTPSender, _ ssrc: UInt32) -> SRTPSender.StreamHandle? { sender.handle(for: ssrc) }

/// Sealed by handle, with the queue finished.
func protect(
    _ sender: inout SRTPSender, _ handle: SRTPSender.StreamHandle, _ packet: TestPacket, _ queue: inout SealQueue
) -> [UInt8]? {
    var slot = packet.header + [UInt8](repeating: 0xEE, count: packet.payload.count + SRTPSender.maxOverhead)
    let length = slot.withUnsafeMutableBytes { slot in
        let length = packet.payload.withUnsafeBytes {
            sender.protectRTP(
                handle, slot: slot, headerBytes: packet.header.count, payload: $0, into: &queue)
        }
        queue.finish()
        return length
    }
    return length.map { Array(slot.prefix($0)) }
}

func protectControl(_ sender: inout SRTPSender, _ packet: [UInt8]) -> [UInt8]? {
    var slot = [UInt8](repeating: 0xEE, count: packet.count + SRTPSender.maxControlOverhead)
    let length = slot.withUnsafeMutableBytes { slot in
        packet.withUnsafeBytes { sender.protectRTCP($0, into: slot) }
    }
    return length.map { Array(slot.prefix($0)) }
}

func unprotect(_ receiver: inout SRTPReceiver, _ packet: [UInt8], headerBytes: Int = 12) -> Result<[UInt8], SRTPFailure>
{
    var copy = packet
    let result = copy.withUnsafeMutableBytes { receiver.unprotectRTP($0, headerBytes: headerBytes) }
    return result.map { Array(copy.prefix($0)) }
}

func unprotectControl(_ receiver: inout SRTPReceiver, _ packet: [UInt8]) -> Result<[UInt8], SRTPFailure> {
    var copy = packet
    let result = copy.withUnsafeMutableBytes { receiver.unprotectRTCP($0) }
    return result.map { Array(copy.prefix($0)) }
}
