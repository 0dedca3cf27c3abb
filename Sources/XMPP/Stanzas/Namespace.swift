// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Namespace URIs of the protocols that the client itself speaks.
enum Namespace {
    static let stream = "http://etherx.jabber.org/streams"
    static let client = "jabber:client"
    static let tls = "urn:ietf:params:xml:ns:xmpp-tls"
    static let sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
    static let bind = "urn:ietf:params:xml:ns:xmpp-bind"
    static let streamErrors = "urn:ietf:params:xml:ns:xmpp-streams"
    static let stanzaErrors = "urn:ietf:params:xml:ns:xmpp-stanzas"
    static let streamManagement = "urn:xmpp:sm:3"
    static let muc = "http://jabber.org/protocol/muc"
    static let mucUser = "http://jabber.org/protocol/muc#user"
    static let mucOwner = "http://jabber.org/protocol/muc#owner"
    static let forms = "jabber:x:data"
    static let ping = "urn:xmpp:ping"
    static let time = "urn:xmpp:time"
    static let version = "jabber:iq:version"
    static let disco = "http://jabber.org/protocol/disco#info"
    static let healthCheck = "http://jitsi.org/protocol/healthcheck"
    static let colibri = "http://jitsi.org/protocol/colibri"
}
