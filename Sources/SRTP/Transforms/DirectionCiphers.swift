// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL

/// What a sender and a receiver have in common: the ciphers of one direction, and the secret that they are made of.
struct DirectionCiphers: ~Copyable {
    /// What they do.
    let profile: SRTPProfile
    /// For RTP.
    let rtp: PacketCipher
    /// For RTCP.
    let rtcp: PacketCipher
    private let master: MasterSecret

    /// Ciphers with the keys that follow from the master key and salt; their lengths are the profile's.
    init(profile: SRTPProfile, key: [UInt8], salt: [UInt8], engine: SRTPEngine) {
        var keys = SessionKeys(profile: profile, masterKey: key, masterSalt: salt, isControl: false)
        var controlKeys = SessionKeys(profile: profile, masterKey: key, masterSalt: salt, isControl: true)
        self.init(profile: profile, keys, control: controlKeys, MasterSecret(key: key, salt: salt), engine: engine)
        keys.wipe()
        controlKeys.wipe()
    }

    /// Ciphers with session keys that are known already, which only the vectors of RFC 7714 have.
    init(profile: SRTPProfile, keys: SessionKeys, controlKeys: SessionKeys, engine: SRTPEngine) {
        self.init(profile: profile, keys, control: controlKeys, MasterSecret(key: [], salt: []), engine: engine)
    }

    private init(
        profile: SRTPProfile, _ keys: SessionKeys, control controlKeys: SessionKeys, _ master: consuming MasterSecret,
        engine: SRTPEngine
    ) {
        self.profile = profile
        self.master = master
        rtp = PacketCipher(keys, profile: profile, isControl: false, engine: engine)
        rtcp = PacketCipher(controlKeys, profile: profile, isControl: true, engine: engine)
    }

    /// A record of them without any stream.
    var record: SRTPRecord { SRTPRecord(profile: profile, master: master) }

    /// Where tag and index word of an RTCP packet are.
    ///
    /// RFC 3711 3.4 has the word first, RFC 7714 9.4 the tag.
    func controlTrailer(behind plainBytes: Int) -> (tagOffset: Int, wordOffset: Int) {
        profile.isAEAD
            ? (tagOffset: plainBytes, wordOffset: plainBytes + rtcp.tagBytes)
            : (tagOffset: plainBytes + 4, wordOffset: plainBytes)
    }
}
