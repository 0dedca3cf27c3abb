// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL

/// Seals and opens packets with known results, once at start, before an engine is trusted with anybody's.
enum EngineSelfTest {
    /// A packet with its protected form.
    struct Vector: Sendable {
        var profile: SRTPProfile
        var key: [UInt8]
        var salt: [UInt8]
        /// Whether key and salt are session keys already, as in RFC 7714, or master keys.
        var isDerived: Bool
        var plain: [UInt8]
        var protected: [UInt8]
        /// RTCP packets are opened only: their index counts from zero, which no published one has.
        var isControl = false
    }

    /// Whether every operation of `engine` gives what it should.
    static func passes(_ engine: SRTPEngine) -> Bool {
        vectors.allSatisfy { passes($0, engine) }
            && SRTPProfile.allCases.allSatisfy { agrees($0, engine) }
    }

    private static func passes(_ vector: Vector, _ engine: SRTPEngine) -> Bool {
        var opened = vector.protected
        var damaged = vector.protected
        damaged[vector.plain.count - 1] ^= 1
        let before = damaged
        var receiver = receiver(vector, engine)
        guard !open(&receiver, &damaged, vector.isControl), damaged == before,
            open(&receiver, &opened, vector.isControl), opened.starts(with: vector.plain)
        else { return false }
        return vector.isControl || seal(vector, engine) == vector.protected
    }

    private static func seal(_ vector: Vector, _ engine: SRTPEngine) -> [UInt8] {
        var sender = SRTPSender(ciphers(vector, engine))
        var slot = vector.plain + [UInt8](repeating: 0, count: vector.profile.rtpTagBytes)
        let length = slot.withUnsafeMutableBytes { slot in
            vector.plain.withUnsafeBytes {
                sender.protectRTP(slot: slot, headerBytes: 12, payload: UnsafeRawBufferPointer(rebasing: $0[12...]))
            }
        }
        return length == slot.count ? slot : []
    }

    private static func receiver(_ vector: Vector, _ engine: SRTPEngine) -> SRTPReceiver {
        SRTPReceiver(ciphers(vector, engine), SRTPSettings(engine: engine))
    }

    private static func ciphers(_ vector: Vector, _ engine: SRTPEngine) -> DirectionCiphers {
        guard vector.isDerived else {
            return DirectionCiphers(profile: vector.profile, key: vector.key, salt: vector.salt, engine: engine)
        }
        let keys = SessionKeys(encryption: vector.key, authentication: [], salt: vector.salt)
        return DirectionCiphers(profile: vector.profile, keys: keys, controlKeys: keys, engine: engine)
    }

    private static func open(_ receiver: inout SRTPReceiver, _ packet: inout [UInt8], _ isControl: Bool) -> Bool {
        packet.withUnsafeMutableBytes { bytes in
            let result = isControl ? receiver.unprotectRTCP(bytes) : receiver.unprotectRTP(bytes, headerBytes: 12)
            return (try? result.get()) != nil
        }
    }

    /// Whether batches of all sizes give what EVP gives packet by packet, and RTCP as well.
    private static func agrees(_ profile: SRTPProfile, _ engine: SRTPEngine) -> Bool {
        let key = [UInt8](repeating: 0x5A, count: profile.keyBytes)
        let salt = [UInt8](repeating: 0xA5, count: profile.saltBytes)
        var plain = SRTPSender(profile: profile, key: key, salt: salt)
        var sender = SRTPSender(profile: profile, key: key, salt: salt, settings: SRTPSettings(engine: engine))
        var queue = SealQueue(engine)
        guard let stream = sender.handle(for: 0x0102_0304) else { return false }
        let bytes = 1_280
        var sequence: UInt16 = 65_530
        var slots = [UInt8](repeating: 0, count: largestBatch * bytes)
        let payload = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for batch in [1, 2, 7, 16, 33, largestBatch] {
            var expected = slots
            var lengths: [Int?] = []
            for number in 0..<batch {
                let length = (number &* 97 &+ batch) % 1_200
                let header: [UInt8] = [
                    0x80, 96, UInt8(sequence >> 8), UInt8(truncatingIfNeeded: sequence), 0, 0, 0, 9, 1, 2, 3, 4,
                ]
                sequence &+= 1
                let range = number * bytes..<(number + 1) * bytes
                slots.replaceSubrange(range.lowerBound..<range.lowerBound + 12, with: header)
                expected.replaceSubrange(range, with: slots[range])
                payload.withUnsafeBytes { payload in
                    let payload = UnsafeRawBufferPointer(rebasing: payload[..<length])
                    lengths.append(
                        expected.withUnsafeMutableBytes {
                            plain.protectRTP(
                                slot: UnsafeMutableRawBufferPointer(rebasing: $0[range]), headerBytes: 12,
                                payload: payload)
                        })
                }
            }
            let isDone = slots.withUnsafeMutableBytes { slots in
                for number in 0..<batch {
                    let slot = UnsafeMutableRawBufferPointer(rebasing: slots[number * bytes..<(number + 1) * bytes])
                    let isSealed = payload.withUnsafeBytes { payload in
                        let length = (number &* 97 &+ batch) % 1_200
                        return sender.protectRTP(
                            stream, slot: slot, headerBytes: 12,
                            payload: UnsafeRawBufferPointer(rebasing: payload[..<length]), into: &queue)
                            == lengths[number]
                    }
                    guard isSealed else { return false }
                }
                return queue.finish() == 0
            }
            guard isDone, slots == expected else { return false }
        }
        return protectedReport(&plain) == protectedReport(&sender)
    }

    private static let largestBatch = 70

    private static func protectedReport(_ sender: inout SRTPSender) -> [UInt8]? {
        let report = [0x80, 201, 0, 1] + [UInt8](repeating: 3, count: 28)
        var slot = [UInt8](repeating: 0, count: report.count + SRTPSender.maxControlOverhead)
        let length = slot.withUnsafeMutableBytes { slot in
            report.withUnsafeBytes { sender.protectRTCP($0, into: slot) }
        }
        return length.map { Array(slot[..<$0]) }
    }
}
