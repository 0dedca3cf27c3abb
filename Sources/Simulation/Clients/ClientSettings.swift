// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives

/// What a client is and does.
struct ClientSettings {
    var sendsAudio = true
    var sendsVideo = true
    var isVisitor = false
    /// A real handshake instead of the stand-in.
    var usesDTLS = false
    /// Whether what it receives is decrypted and held against the laws; in a crowd a few are enough.
    var isWatched = true
    var profile = SRTPProfile.aeadAES128GCM
    var opusNumber: UInt8 = 111
    var vp8Number: UInt8 = 100
    var levelID: UInt8 = 1
    var rtxNumber: UInt8 = 101
    /// Whether it takes repeats of video, on a stream of their own.
    var hasRTX = false
    /// Whether it asks for repeats of what it misses.
    var asksForRepeats = false
    /// In which layers it sends its video; `nil`: in one stream without any.
    var layers: LayerSettings?
    var hasTransportCC = true
    /// Time in an audio packet.
    var audioInterval = TimeDelta.milliseconds(20)
    var framesPerSecond = 8
    /// Packets of a usual frame and of a key frame, at most.
    var parts = (usual: 2, key: 4)
    /// Time between two packets of a frame.
    var pace = TimeDelta.microseconds(1_500)
    /// Chance that padding follows a frame.
    var padding = 0.1
    /// Whether it falls silent from time to time.
    var pauses = true
    /// Whether it sends reports.
    var reports = true
    var uplink = Link.Settings()
    var downlink = Link.Settings()

    /// An ordinary client of many possible ones.
    static func any(_ random: inout Random) -> ClientSettings {
        var settings = ClientSettings()
        settings.profile = [.aeadAES128GCM, .aes128CMHMACSHA1_80, .aeadAES256GCM][random.int(in: 0...2)]
        settings.opusNumber = [111, 109, 96][random.int(in: 0...2)]
        settings.vp8Number = [100, 120, 97][random.int(in: 0...2)]
        settings.levelID = UInt8(random.int(in: 0...1) == 0 ? 1 : 14)
        settings.hasTransportCC = random.int(in: 0...3) > 0
        settings.audioInterval = .milliseconds([20, 40, 60][random.int(in: 0...2)])
        settings.framesPerSecond = random.int(in: 5...10)
        settings.parts = (random.int(in: 1...3), random.int(in: 3...5))
        settings.uplink.delay = .milliseconds(Int64(random.int(in: 1...60)))
        settings.downlink.delay = settings.uplink.delay
        settings.uplink.jitter = .milliseconds(Int64(random.int(in: 0...15)))
        settings.downlink.jitter = settings.uplink.jitter
        return settings
    }
}
