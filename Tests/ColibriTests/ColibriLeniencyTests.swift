// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Colibri
import Primitives
import Testing
import XML

@Suite("Colibri2 XML, lenient and strict")
struct ColibriLeniencyTests {
    private func decode(_ xml: String) throws -> ConferenceModify { try ConferenceModify(XMLDocument.parse(xml)) }

    private func refusal(_ xml: String) -> ColibriError? {
        do {
            _ = try decode(xml)
            return nil
        } catch { return error as? ColibriError }
    }

    private func endpoint(_ inside: String) -> String {
        "<conference-modify xmlns='jitsi:colibri2' meeting-id='m'>"
            + "<endpoint id='e'>\(inside)</endpoint></conference-modify>"
    }

    @Test("T11: foreign prefixes, repeated namespaces, unknown children and attributes change nothing")
    func prefixes() throws {
        let plain = try decode(
            """
            <conference-modify xmlns='jitsi:colibri2' meeting-id='m' create='true' name='r@c.example.net'>
              <endpoint id='e' create='true'><transport ice-controlling='true'>
                <transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='u' pwd='p'><rtcp-mux/></transport>
              </transport><capability name='source-names'/></endpoint></conference-modify>
            """
        )
        let odd = try decode(
            """
            <c:conference-modify xmlns:c="jitsi:colibri2" xmlns:i="urn:xmpp:jingle:transports:ice-udp:1" future="1"
              name="r@c.example.net" create="true" meeting-id="m">
              <traceparent xmlns="jitsi:opentelemetry" trace_id="0"/>
              <c:future><c:endpoint id="inner"/></c:future>
              <endpoint xmlns="urn:example:other" id="not ours"/>
              <c:endpoint xmlns:c="jitsi:colibri2" create="true" id="e" diarize="true">
                <c:capability name="source-names"/><capability xmlns="urn:example:other" name="no"/>
                <c:transport ice-controlling="true"><c:rtcp-mux/>
                  <i:transport pwd="p" ufrag="u"><i:rtcp-mux/><i:future/></i:transport>
                </c:transport>
              </c:endpoint>
            </c:conference-modify>
            """
        )
        #expect(odd == plain)
        #expect(odd.endpoints.first?.transport?.iceUDP?.hasRTCPMux == true)
    }

    @Test("T32: the largest SSRC, a source without SSRC and an empty list are read")
    func ssrcs() throws {
        let request = try decode(
            endpoint(
                """
                <sources><media-source type='video' id='e-v0'>
                <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='4294967295' name='e-v0' videoType='desktop'/>
                <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' name='e-v0'/>
                </media-source></sources>
                """
            )
        )
        let ssrcs = request.endpoints[0].sources?.first?.ssrcs
        #expect(ssrcs?.map(\.ssrc) == [4_294_967_295, nil])
        #expect(try decode(endpoint("<sources/>")).endpoints[0].sources == [])
        #expect(try decode(endpoint("")).endpoints[0].sources == nil)
    }

    @Test("the blob of H264 and the nameless parameter of RED are kept as they are")
    func oddParameters() throws {
        let request = try decode(
            endpoint(
                """
                <media type='audio'>
                <payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' id='112' name='red' clockrate='48000'>
                <parameter value='111/111'/></payload-type>
                <payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' id='107' name='H264' clockrate='90000'>
                <parameter name='profile-level-id' value='42e01f;level-asymmetry-allowed=1;packetization-mode=1;'/>
                </payload-type></media>
                """
            )
        )
        let types = request.endpoints[0].media[0].payloadTypes
        #expect(types[0].parameters == [ParameterDescription(name: nil, value: "111/111")])
        #expect(types[1].parameter("profile-level-id") == "42e01f;level-asymmetry-allowed=1;packetization-mode=1;")
    }

    @Test("force-mute without attributes un-mutes both; rtcstats is on unless switched off")
    func defaults() throws {
        let request = try decode(endpoint("<force-mute video='true'/>"))
        #expect(request.endpoints[0].forceMute == ForceMute(audio: false, video: true))
        #expect(request.isRTCStatsEnabled)
        #expect(!request.isCreate)
    }

    @Test("unusable candidates are skipped, names are kept for the layer that resolves them")
    func candidates() throws {
        let ice = "urn:xmpp:jingle:transports:ice-udp:1"
        let request = try decode(
            endpoint(
                """
                <transport><transport xmlns='\(ice)' ufrag='u' pwd='p'>
                <candidate ip='192.0.2.1' port='99999' priority='1' type='host'/>
                <candidate ip='x.local' port='9' priority='1' type='host'/><candidate/>
                </transport></transport>
                """
            )
        )
        #expect(request.endpoints[0].transport?.iceUDP?.candidates.map(\.ip) == ["x.local"])
    }

    @Test(
        "E6: what cannot be understood is a bad request that names the trouble",
        arguments: [
            ("<conference-modify xmlns='jitsi:colibri2'/>", "meeting-id"),
            ("<conference-modify xmlns='jitsi:colibri2' meeting-id=' '/>", "blank"),
            ("<conference-modify xmlns='urn:other' meeting-id='m'/>", "conference-modify"),
            ("<conference-modify xmlns='jitsi:colibri2' meeting-id='m'><endpoint/></conference-modify>", "id"),
        ]
    )
    func refusals(xml: String, word: String) {
        let error = refusal(xml)
        #expect(error?.condition == .badRequest)
        #expect(error?.reason == nil)
        #expect(error?.text?.contains(word) == true)
    }

    @Test(
        "E6: unusable values inside an endpoint are bad requests",
        arguments: [
            ("<media type='text'/>", "audio or video"),
            ("<media type='audio'><payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' id='128'/></media>", "payload-type"),
            ("<media type='audio'><payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' name='x'/></media>", "payload-type"),
            (
                "<media type='audio'><rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'"
                    + " id='0' uri='u'/></media>",
                "rtp-hdrext"
            ),
            ("<transport><sctp port='many'/></transport>", "port"),
            ("<sources><media-source id='s'/></sources>", "media-source"),
            ("<sources><media-source type='audio'/></sources>", "media-source"),
            (
                "<sources><media-source type='audio' id='s'>"
                    + "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='4294967296'/></media-source></sources>",
                "ssrc"
            ),
            ("<initial-last-n value='ten'/>", "value"),
        ]
    )
    func refusedEndpoints(inside: String, word: String) {
        let error = refusal(endpoint(inside))
        #expect(error?.condition == .badRequest)
        #expect(error?.text?.contains(word) == true)
    }

    @Test("identifiers may be long but not boundless")
    func longIdentifiers() throws {
        let long = String(repeating: "i", count: 700)
        #expect(try decode("<conference-modify xmlns='jitsi:colibri2' meeting-id='\(long)'/>").meetingID == long)
        let error = refusal("<conference-modify xmlns='jitsi:colibri2' meeting-id='\(long)\(long)'/>")
        #expect(error?.condition == .badRequest)
    }

    @Test("more endpoints than one request may hold are refused, more of other things are left out")
    func limits() throws {
        let many = String(repeating: "<endpoint id='e'/>", count: ColibriLimits.endpointsPerRequest + 1)
        #expect(
            refusal("<conference-modify xmlns='jitsi:colibri2' meeting-id='m'>\(many)</conference-modify>")?.condition
                == .badRequest
        )
        let capabilities = String(repeating: "<capability name='c'/>", count: 100)
        #expect(
            try decode(endpoint(capabilities)).endpoints[0].capabilities.count
                == ColibriLimits.capabilitiesPerEndpoint
        )
    }
}
