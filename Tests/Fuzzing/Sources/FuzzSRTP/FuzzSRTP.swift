// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import OpenSSL
import Primitives
import RTP
import SRTP

/// SRTP and SRTCP packets: foreign ones, and our own after damage.
@main struct FuzzSRTP {
    static func main() {
        fuzz { bytes, count in
            var script = Script(input(bytes, count))
            let profiles = SRTPProfile.allCases
            let profile = profiles[Int(script.next()) % profiles.count]
            let key = [UInt8](repeating: 3, count: profile.keyBytes)
            let salt = [UInt8](repeating: 5, count: profile.saltBytes)
            var sender = SRTPSender(profile: profile, key: key, salt: salt)
            var receiver = SRTPReceiver(profile: profile, key: key, salt: salt)
            for _ in 0..<20 where !script.isAtEnd {
                let mode = script.next()
                let size = Int(script.next())
                var packet = script.take(size)
                if mode & 1 == 1, let protected = FuzzSRTP.protect(packet, isControl: mode & 2 != 0, &sender) {
                    packet = protected
                }
                if mode & 4 != 0, !packet.isEmpty { packet[Int(script.next()) % packet.count] ^= script.next() }
                let headerBytes = RTPHeader.headerByteCount(packet.rawSpan) ?? Int(mode)
                packet.withUnsafeMutableBytes { buffer in
                    if mode & 2 != 0 {
                        _ = receiver.unprotectRTCP(buffer)
                    } else {
                        _ = receiver.unprotectRTP(buffer, headerBytes: headerBytes)
                    }
                }
            }
            return 0
        }
    }

    fileprivate static func protect(_ packet: [UInt8], isControl: Bool, _ sender: inout SRTPSender) -> [UInt8]? {
        var slot = packet + [UInt8](repeating: 0, count: SRTPSender.maxControlOverhead)
        let length = packet.withUnsafeBytes { plain in
            slot.withUnsafeMutableBytes { slot -> Int? in
                if isControl { return sender.protectRTCP(plain, into: slot) }
                guard let header = RTPHeader.headerByteCount(packet.rawSpan), header <= packet.count else { return nil }
                return sender.protectRTP(
                    slot: slot, headerBytes: header, payload: UnsafeRawBufferPointer(rebasing: plain[header...]))
            }
        }
        return length.map { Array(slot.prefix($0)) }
    }
}
