# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Looks into a brewery room as the focus does, and prints each bridge with its statistics.

    brewery.py --port 5222 --domain D --room JID --user U --password P [--least N]

A second opinion on our own XMPP: nothing but Python's standard library. Fails unless N bridges (default 1) are listed.
"""

import argparse
import base64
import socket
import ssl
import sys
import xml.etree.ElementTree as tree

STATS = "{http://jitsi.org/protocol/colibri}"


class Stream:
    """One XMPP session."""

    def __init__(self, arguments):
        self.domain = arguments.domain
        self.socket = socket.create_connection((arguments.host, arguments.port), 10)
        self.restart()
        self.ask("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "proceed")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket, server_hostname=self.domain)
        self.restart()
        secret = base64.b64encode(f"\0{arguments.user}\0{arguments.password}".encode()).decode()
        self.ask(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>", "success")
        self.restart()
        self.ask("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "iq")

    def restart(self):
        """Opens a stream and waits for its features."""
        self.parser, self.depth = tree.XMLPullParser(["start", "end"]), 0
        header = f"<stream:stream to='{self.domain}' version='1.0' xmlns='jabber:client'"
        self.send(header + " xmlns:stream='http://etherx.jabber.org/streams'>")
        self.wait_for("features")

    def send(self, text):
        """Writes."""
        self.socket.sendall(text.encode())

    def ask(self, text, answer):
        """Writes and waits."""
        self.send(text)
        return self.wait_for(answer)

    def wait_for(self, name):
        """The next stanza of that local name."""
        for stanza in self.stanzas():
            if stanza.tag.endswith("}failure"):
                sys.exit("brewery: the server refuses TLS or the login")
            if stanza.tag.endswith("}" + name):
                return stanza
        return None

    def stanzas(self):
        """Stanzas as they come, until ten seconds pass without a byte."""
        while True:
            for event, element in self.parser.read_events():
                self.depth += 1 if event == "start" else -1
                if event == "end" and self.depth == 1:
                    yield element
            received = self.socket.recv(65536)
            if not received:
                sys.exit("brewery: the server closed the stream")
            self.parser.feed(received)


def main():
    """Joins, waits for the bridges, prints."""
    parser = argparse.ArgumentParser()
    for name, default in (("host", "127.0.0.1"), ("domain", None), ("room", None), ("user", None), ("password", None)):
        parser.add_argument(f"--{name}", default=default, required=default is None)
    parser.add_argument("--port", type=int, default=5222)
    parser.add_argument("--least", type=int, default=1)
    arguments = parser.parse_args()
    stream = Stream(arguments)
    join = "<x xmlns='http://jabber.org/protocol/muc'/>"
    stream.send(f"<presence to='{arguments.room}/onlooker'>{join}</presence>")
    bridges = {}
    for stanza in stream.stanzas():
        if not stanza.tag.endswith("}presence"):
            continue
        found = stanza.find(STATS + "stats")
        if found is not None:
            bridges[stanza.get("from")] = {one.get("name"): one.get("value") for one in found}
        if len(bridges) >= arguments.least:
            break
    for name, stats in sorted(bridges.items()):
        print(f"  {name}: {len(stats)} statistics")
        for key in ("healthy", "stress_level", "conferences", "endpoints", "drain", "shutting_down", "version"):
            print(f"    {key:<14} {stats.get(key, '–')}")
    stream.send("</stream:stream>")


try:
    main()
except TimeoutError:
    sys.exit("brewery: no bridge is listed")
