// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Colibri
import Testing
import XML

@Suite("Colibri2 errors on the wire")
struct ColibriErrorTests {
    @Test(
        "each error of the catalogue has the form of the catalogue",
        arguments: [
            (
                ColibriError.unknownConference("m1"),
                "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                    + "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>no meeting m1</text>"
                    + "<error xmlns='jitsi:colibri2' reason='conference_not_found'/></error>"
            ),
            (
                .conferenceExists,
                "<error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                    + "<error xmlns='jitsi:colibri2' reason='conference_already_exists'/></error>"
            ),
            (
                .gracefulShutdown,
                "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                    + "<error xmlns='jitsi:colibri2' reason='graceful_shutdown'/></error>"
            ),
            (
                .unknownEndpoint("e1"),
                "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                    + "<error xmlns='jitsi:colibri2' reason='unknown_endpoint'/>"
                    + "<endpoint xmlns='jitsi:colibri2' id='e1'/></error>"
            ),
            (
                .badRequest("transport needed"),
                "<error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                    + "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>transport needed</text></error>"
            ),
            (
                .notImplemented("endpoint and relay"),
                "<error type='cancel'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                    + "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>endpoint and relay</text>"
                    + "<error xmlns='jitsi:colibri2' reason='feature_not_implemented'/></error>"
            ),
            (
                .switchedOff("relays are switched off"),
                "<error type='cancel'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                    + "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>"
                    + "relays are switched off</text></error>"
            ),
            (
                .internalError("port pool empty"),
                "<error type='cancel'><internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                    + "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>port pool empty</text></error>"
            ),
        ]
    )
    func form(error: ColibriError, inside: String) throws {
        let iq = try XMLDocument.parse("<iq xmlns='jabber:client' type='error'>\(inside)</iq>")
        let expected = try #require(iq.child("error", "jabber:client"))
        #expect(error.xmlElement == expected)
        #expect(ColibriError(expected) == error)
    }

    @Test("a change of an unknown meeting is 404, every other error 400")
    func statuses() {
        #expect(httpStatus(of: .unknownConference("m"), isUpdate: true) == 404)
        #expect(httpStatus(of: .unknownConference("m"), isUpdate: false) == 400)
        #expect(httpStatus(of: .unknownEndpoint("e"), isUpdate: true) == 400)
        #expect(httpStatus(of: .conferenceExists, isUpdate: false) == 400)
        #expect(httpStatus(of: .internalError("x"), isUpdate: false) == 400)
    }
}
