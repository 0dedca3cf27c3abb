# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Two aiortc clients who talk over their bridge channels, data channels over SCTP.

    aiortc_channel.py --bridge HOST:PORT SETUP...

A setup is the client's DTLS role, active or passive; each is a conference of its own, all at once. With `late` the
focus asks for the data channels when the endpoints are there already. Prints one JSON object; the caller judges.
"""

import argparse
import asyncio
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "Focus"), HERE]

import aioice.ice  # noqa: E402
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription  # noqa: E402
from aiortc.rtcsctptransport import RTCSctpTransport  # noqa: E402

from colibri import Bridge, Conference  # noqa: E402
from plain_sdp import OfferBuilder, parse_answer  # noqa: E402

# In order, more than a packet holds, and more than the first window of the congestion control.
NUMBERED = 200
LONG = 40_000


class Client:
    """One endpoint with a data channel and no media."""

    def __init__(self, conference, number, setup):
        self.name = f"{number:04x}c4a1"
        self.conference = conference
        self.connection = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        offered = {"active": "actpass", "passive": "active", "late": "actpass"}[setup]
        self.builder = OfferBuilder(conference, self.name, offered)
        self.messages, self.channel = [], None
        self.opened = asyncio.Event()
        self.begin, self.seconds = None, None

    async def join(self):
        """Makes the endpoint, connects and opens the channel."""
        self.begin = time.monotonic()
        await asyncio.to_thread(self.conference.join, self.name)
        if not self.conference.sctp:
            await asyncio.to_thread(self.conference.add_data_channel, self.name)
        await self.connection.setRemoteDescription(RTCSessionDescription(self.builder.offer(), "offer"))
        self.channel = self.connection.createDataChannel(
            "JVB data channel", protocol="http://jitsi.org/protocols/colibri"
        )
        self.channel.on("open", self.is_open)
        self.channel.on("message", lambda text: self.messages.append(json.loads(text)))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        client = parse_answer(self.connection.localDescription.sdp)
        await asyncio.to_thread(self.conference.connect, self.name, client)
        await asyncio.wait_for(self.opened.wait(), 15)

    def is_open(self):
        """The bridge has acknowledged the channel."""
        self.seconds = time.monotonic() - self.begin
        self.opened.set()

    def send(self, kind, **fields):
        """One message."""
        self.channel.send(json.dumps({"colibriClass": kind, **fields}))

    async def wait_for(self, is_wanted, count=1, seconds=10):
        """Waits until so many such messages have come; returns them."""
        deadline = time.monotonic() + seconds
        while True:
            found = [message for message in self.messages if is_wanted(message)]
            if len(found) >= count or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.01)


def of_class(name):
    """Whether a message is of a class."""
    return lambda message: message["colibriClass"] == name


async def talk(bridge, setup):
    """One conference of two."""
    result = {"setup": setup, "errors": []}
    conference = Conference(bridge, sctp=setup != "late")
    clients = [Client(conference, number, setup) for number in (1, 2)]
    first, second = clients
    try:
        for client in clients:
            await client.join()
        result["ports"] = [conference.endpoints[client.name].sctp_port for client in clients]
        result["openSeconds"] = [client.seconds for client in clients]
        # What comes by itself, and that a hello is answered.
        await first.wait_for(of_class("ForwardedSources"))
        await asyncio.sleep(0.3)
        result["onOpen"] = [message["colibriClass"] for message in first.messages]
        first.send("ClientHello")
        result["hellos"] = len(await first.wait_for(of_class("ServerHello")))
        # To one and to all, in order, short and long.
        is_message = of_class("EndpointMessage")
        for number in range(NUMBERED):
            first.send("EndpointMessage", to=second.name, msgPayload={"number": number})
        first.send("EndpointMessage", to="", msgPayload={"text": "x" * LONG})
        received = await second.wait_for(is_message, NUMBERED + 1)
        result["numbers"] = [m["msgPayload"]["number"] for m in received if "number" in m["msgPayload"]]
        result["longest"] = max([len(m["msgPayload"].get("text", "")) for m in received], default=0)
        result["from"] = sorted({m["from"] for m in received})
        second.send("EndpointMessage", to=first.name, msgPayload={"answer": True})
        result["answers"] = [m["msgPayload"] for m in await first.wait_for(is_message)]
        # Nonsense ends nothing.
        first.channel.send("no JSON")
        first.channel.send(b"\x00\x01")
        first.send("ClientHello")
        result["hellos"] = len(await first.wait_for(of_class("ServerHello"), 2))
        result["states"] = [client.channel.readyState for client in clients]
        result["name"] = first.name
    except Exception as error:  # pylint: disable=broad-except
        result["errors"].append(repr(error))
    for client in clients:
        await client.connection.close()
    try:
        await asyncio.to_thread(conference.end)
    except Exception as error:  # pylint: disable=broad-except
        result["errors"].append(f"end: {error!r}")
    return result


async def conferences(arguments):
    """All conferences, beside each other."""
    host, port = arguments.bridge.rsplit(":", 1)
    bridge = Bridge(host, int(port))
    results = await asyncio.gather(*(talk(bridge, setup) for setup in arguments.setups))
    print(json.dumps({"conferences": results}))


def main():
    """Reads arguments and bends aiortc to them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bridge", required=True)
    parser.add_argument("setups", nargs="+", metavar="SETUP")
    arguments = parser.parse_args()
    # aioice passes over loopback, where the tests' bridge lives.
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    # aiortc takes the SCTP role from ICE's; a client of a bridge sends the INIT whatever its ICE role is.
    RTCSctpTransport.is_server = property(lambda transport: False)
    asyncio.run(conferences(arguments))


main()
