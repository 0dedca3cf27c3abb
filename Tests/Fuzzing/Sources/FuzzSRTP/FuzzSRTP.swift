// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import IPsecMB
import OpenSSL
import Primitives
import RTP
import SRTP

/// SRTP and SRTCP packets: foreign ones, and our own after damage; by both engines where there are two, which must say
/// the same. And records of a session, which may come from anywhere.
@main struct FuzzSRTP {
    static func main() {
        fuzz { bytes, count in
            var script = Script(input(bytes, count))
            let profiles = SRTPProfile.allCases
            let kind = script.next()
            if kind & 0x80 != 0 {
                FuzzSRTP.record(script.take(Int(UInt16.max)))
                return 0
            }
            let profile = profiles[Int(kind) % profiles.count]
            let key = [UInt8](repeating: 3, count: profile.keyBytes)
            let salt = [UInt8](repeating: 5, count: profile.saltBytes)
            var evp = Pair(profile, key, salt, .evp)
            var other = Pair(profile, key, salt, FuzzSRTP.otherEngine)
            for _ in 0..<20 where !script.isAtEnd {
                let mode = script.next()
                let size = Int(script.next())
                var packet = script.take(size)
                if mode & 1 == 1 {
                    let protected = evp.protect(packet, isControl: mode & 2 != 0)
                    require(
                        other.protect(packet, isControl: mode & 2 != 0) == protected, "the engines seal differently")
                    packet = protected ?? packet
                }
                if mode & 4 != 0, !packet.isEmpty { packet[Int(script.next()) % packet.count] ^= script.next() }
                let headerBytes = RTPHeader.headerByteCount(packet.rawSpan) ?? Int(mode)
                let opened = evp.open(packet, headerBytes: headerBytes, isControl: mode & 2 != 0)
                require(
                    other.open(packet, headerBytes: headerBytes, isControl: mode & 2 != 0) == opened,
                    "the engines open differently")
            }
            return 0
        }
    }

    /// libipsec-mb where it is.
    fileprivate static let otherEngine: SRTPEngine =
        (try? IPsecMB.installed.get()).map { .ipsecMB($0) } ?? .evp

    /// Decodes, and goes on from what was decoded.
    fileprivate static func record(_ bytes: [UInt8]) {
        guard let record = try? SRTPRecord(bytes.rawSpan) else { return }
        require(record.bytes == bytes, "a record is not what it was read from")
        var receiver = SRTPReceiver(record)
        var packet = bytes
        packet.withUnsafeMutableBytes { _ = receiver.unprotectRTP($0, headerBytes: 12) }
        _ = SRTPSender(record).record
    }
}

/// Both directions by one engine.
struct Pair: ~Copyable {
    private var sender: SRTPSender
    private var receiver: SRTPReceiver
    private var queue: SealQueue

    init(_ profile: SRTPProfile, _ key: [UInt8], _ salt: [UInt8], _ engine: SRTPEngine) {
        let settings = SRTPSettings(engine: engine)
        sender = SRTPSender(profile: profile, key: key, salt: salt, settings: settings)
        receiver = SRTPReceiver(profile: profile, key: key, salt: salt, settings: settings)
        queue = SealQueue(engine)
    }

    mutating func protect(_ packet: [UInt8], isControl: Bool) -> [UInt8]? {
        var slot = packet + [UInt8](repeating: 0, count: SRTPSender.maxControlOverhead)
        var length: Int?
        packet.withUnsafeBytes { plain in
            slot.withUnsafeMutableBytes { slot in
                if isControl {
                    length = sender.protectRTCP(plain, into: slot)
                    return
                }
                guard let header = RTPHeader.headerByteCount(packet.rawSpan), header <= packet.count,
                    let stream = sender.handle(for: packet.rawSpan.uint32(at: 8))
                else { return }
                length = sender.protectRTP(
                    stream, slot: slot, headerBytes: header,
                    payload: UnsafeRawBufferPointer(rebasing: plain[header...]),
                    into: &queue)
                queue.finish()
            }
        }
        return length.map { Array(slot.prefix($0)) }
    }

    /// The packet afterwards, and its new length when it was accepted.
    mutating func open(_ packet: [UInt8], headerBytes: Int, isControl: Bool) -> [UInt8] {
        var copy = packet
        let result = copy.withUnsafeMutableBytes { buffer in
            isControl ? receiver.unprotectRTCP(buffer) : receiver.unprotectRTP(buffer, headerBytes: headerBytes)
        }
        let length = (try? result.get()) ?? -1
        return copy + [UInt8(truncatingIfNeeded: length), UInt8(truncatingIfNeeded: length >> 8)]
    }
}
