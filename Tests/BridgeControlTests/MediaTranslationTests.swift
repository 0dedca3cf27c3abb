// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Primitives
import ShardMessages
import Testing

@Suite("What the worker is told of media and transports")
struct MediaTranslationTests {
    private let ssma = "urn:xmpp:jingle:apps:rtp:ssma:0"

    /// The media of an update as the worker sees it.
    private func update(_ inside: String) throws -> (EndpointMedia, RemoteTransport?) {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        _ = try bridge.ask(TestBridge.modify("m", "", "<endpoint id='a'>\(inside)</endpoint>"))
        guard case .updateEndpoint(_, let media, let remote)? = bridge.lastOperations.first else {
            return (EndpointMedia(), nil)
        }
        return (media, remote)
    }

    private func sources(_ inside: String, type: String = "video") throws -> [SourceDescription] {
        let text = "<sources><media-source type='\(type)' id='s'>\(inside)</media-source></sources>"
        return try update(text).0.sources ?? []
    }

    private func source(_ ssrc: UInt32, _ more: String = "") -> String {
        "<source xmlns='\(ssma)' ssrc='\(ssrc)' \(more)/>"
    }
    private func group(_ semantics: String, _ ssrcs: UInt32...) -> String {
        let members = ssrcs.map { "<source ssrc='\($0)'/>" }.joined()
        return "<ssrc-group xmlns='\(ssma)' semantics='\(semantics)'>\(members)</ssrc-group>"
    }

    @Test("without a SIM group the first SSRC that repairs no other is the stream")
    func singleStream() throws {
        let result = try sources(source(2) + source(1) + source(3) + group("fid", 1, 2))
        #expect(result.map(\.streams) == [[SourceStreamDescription(ssrc: 1, rtxSSRC: 2)]])
        #expect(try sources(source(7), type: "audio").first?.streams == [SourceStreamDescription(ssrc: 7)])
    }

    @Test("the SIM group counts wherever it stands, its order is that of the layers")
    func simulcast() throws {
        let result = try sources(
            source(1) + group("FID", 3, 30) + group("SIM", 3, 2, 1) + group("FID", 1, 10) + group("FEC-FR", 2, 99)
        )
        #expect(
            result.first?.streams == [
                SourceStreamDescription(ssrc: 3, rtxSSRC: 30), SourceStreamDescription(ssrc: 2),
                SourceStreamDescription(ssrc: 1, rtxSSRC: 10),
            ]
        )
    }

    @Test("groups of one say nothing, sources without SSRC yield nothing, the empty list clears")
    func unusable() throws {
        #expect(try sources(source(1) + group("SIM", 5)).first?.streams == [SourceStreamDescription(ssrc: 1)])
        #expect(try sources("<source xmlns='\(ssma)' name='s'/>").isEmpty)
        #expect(try sources("").isEmpty)
        #expect(try update("<sources/>").0.sources == [])
        #expect(try update("<force-mute/>").0.sources == nil)
        #expect(try sources(source(4_294_967_295)).first?.streams.first?.ssrc == .max)
    }

    @Test("a screen share is one; the type is taken without regard to case")
    func desktop() throws {
        #expect(try sources(source(1, "videoType='Desktop'")).first?.isDesktop == true)
        #expect(try sources(source(1, "videoType='camera'")).first?.isDesktop == false)
    }

    @Test("a synthetic source is one; only audio can be")
    func synthetic() throws {
        for (type, isSynthetic) in [("audio", true), ("video", false)] {
            let text =
                "<sources><media-source type='\(type)' id='s' synthetic='true'>\(source(1))</media-source></sources>"
            #expect(try update(text).0.sources?.first?.isSynthetic == isSynthetic)
        }
        #expect(try sources(source(1), type: "audio").first?.isSynthetic == false)
    }

    @Test("encodings and extensions are known by name and URI without regard to case, unknown ones do no harm")
    func media() throws {
        let rtp = "urn:xmpp:jingle:apps:rtp:1"
        let hdrext = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
        let text = """
            <media type='video'><payload-type xmlns='\(rtp)' id='96' name='vP8' clockrate='90000'>
            <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='goog-remb'/></payload-type>
            <payload-type xmlns='\(rtp)' id='97' name='H266' clockrate='90000'/>
            <payload-type xmlns='\(rtp)' id='98' name='RTX' clockrate='90000'>
            <parameter name='apt' value='96'/></payload-type>
            <rtp-hdrext xmlns='\(hdrext)' id='3' uri='URN:IETF:params:rtp-hdrext:sdes:MID'/>
            <rtp-hdrext xmlns='\(hdrext)' id='4' uri='urn:example:unknown'/>
            <extmap-allow-mixed xmlns='\(hdrext)'/></media>
            <media type='audio'><payload-type xmlns='\(rtp)' id='0' name='PCMU' clockrate='8000'/>
            <payload-type xmlns='\(rtp)' id='112' name='RED' clockrate='48000'>
            <parameter value='111/111'/></payload-type></media>
            """
        let (media, _) = try update(text)
        #expect(media.payloadTypes.map(\.codec) == [.vp8, .otherVideo, .rtx, .otherAudio, .red])
        #expect(media.payloadTypes[0].hasREMB)
        #expect(media.payloadTypes[2].associated == 96)
        #expect(media.headerExtensions == [HeaderExtensionMapping(id: 3, kind: .mid)])
        // The last media element decides.
        #expect(media.allowsMixedExtensions == false)
    }

    @Test("an unknown header extension is reported with conference and endpoint")
    func unknownExtension() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        let mapping = "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='4' uri='urn:example:x'/>"
        _ = try bridge.ask(
            TestBridge.modify("m", "", "<endpoint id='a'><media type='audio'>\(mapping)</media></endpoint>"))
        let event = bridge.events.first { $0.kind == .unknownHeaderExtension(uri: "urn:example:x") }
        #expect(event?.meetingID == "m" && event?.endpointID == "a")
    }

    private func transport(_ inside: String, _ attributes: String = "ufrag='u' pwd='p'") throws -> RemoteTransport? {
        try update(
            "<transport><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' \(attributes)>"
                + "\(inside)</transport></transport>"
        ).1
    }

    @Test("only usable candidates reach the worker: UDP, component 1, generation 0, a literal")
    func candidates() throws {
        func candidate(_ ip: String, _ more: String) -> String {
            "<candidate ip='\(ip)' port='9' priority='7' \(more)/>"
        }
        let remote = try transport(
            candidate("192.0.2.1", "type='relay' protocol='UDP' component='1' generation='0'")
                + candidate("192.0.2.2", "type='host' protocol='tcp'") + candidate("192.0.2.3", "component='2'")
                + candidate("192.0.2.4", "generation='1'") + candidate("x.local", "type='host'")
                + candidate("2001:db8::1", "type='srflx'")
        )
        #expect(remote?.candidates.map(\.address.ipText) == ["192.0.2.1", "2001:db8::1"])
        #expect(remote?.candidates.map(\.isRelayed) == [true, false])
    }

    @Test("fingerprints are read in either case, unusable ones left out; only active and passive decide a role")
    func fingerprints() throws {
        func fingerprint(_ setup: String, _ text: String) -> String {
            "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='SHA-256' setup='\(setup)'>\(text)</fingerprint>"
        }
        let remote = try transport(
            fingerprint("actpass", "0a:1B:fF") + fingerprint("active", "zz") + fingerprint("active", "0a1b"))
        #expect(remote?.fingerprints == [RemoteFingerprint(hash: "sha-256", digest: [0x0A, 0x1B, 0xFF])])
        #expect(remote?.setup == nil)
        #expect(try transport(fingerprint("passive", "0a"))?.setup == .passive)
    }

    @Test("half of the credentials is none, and which restart they belong to reaches the worker")
    func credentials() throws {
        #expect(try transport("", "ufrag='u'")?.credentials == nil)
        let tagged = try transport("", "ufrag='u' pwd='p' ice-generation='2'")
        #expect(tagged?.generation == 2 && tagged?.credentials?.password == "p")
        let first = try transport("", "ufrag='u' pwd='p' ice-generation='0'")
        #expect(first?.generation == nil && first?.credentials?.password == "p")
        // A number that no restart ever has.
        #expect(try transport("", "ufrag='u' pwd='p' ice-generation='-1'")?.generation == 0)
        let huge = try transport("", "ufrag='u' pwd='p' ice-generation='99999999999'")
        #expect(huge?.generation == .max)
    }
}
