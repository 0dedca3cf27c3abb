# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Participants made of aiortc in calls through a bridge, all calls at once.

    aiortc_call.py --bridge HOST:PORT [--participants N] [--address CLIENT-ADDRESS] WAY...

A way is SETUP-PROFILE-FAMILY, as in active-gcm-4 or passive-both-6: the client's DTLS role, the SRTP profiles it
offers, the IP version. Each participant sends a tone and a picture of its own pitch and brightness, so that a receiver
can tell whom it hears and sees. Prints one JSON object; the caller judges.
"""

import argparse
import asyncio
import contextvars
import fractions
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "Focus"), HERE]

import aioice.ice  # noqa: E402
import aiortc.rtcdtlstransport as dtls  # noqa: E402
import av  # noqa: E402
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription  # noqa: E402
from aiortc.mediastreams import MediaStreamTrack  # noqa: E402

from colibri import Bridge, Conference  # noqa: E402
from plain_sdp import OfferBuilder, parse_answer  # noqa: E402

RATE = 48000
FRAME = RATE // 50
PROFILES = {
    "gcm": [dtls.SRTP_AEAD_AES_128_GCM],
    "cm": [dtls.SRTP_AES128_CM_SHA1_80],
    "both": [dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_SHA1_80],
}
# aioice passes over loopback, where the tests' bridge lives; each call has an address of its own.
ADDRESS = contextvars.ContextVar("ADDRESS")


SECRETS = set()


def remember_keys():
    """Lets every SRTP key and salt that is derived be reported, for the test that searches the bridge's log."""
    derive = dtls.SRTPProtectionProfile.get_key_and_salt

    def remembering(profile, source, index):
        result = derive(profile, source, index)
        SECRETS.add(result.hex())
        SECRETS.add(result[: profile.key_length].hex())
        return result

    dtls.SRTPProtectionProfile.get_key_and_salt = remembering


class Tone(MediaStreamTrack):
    """A square wave of `100 * (number + 3)` Hz."""

    kind = "audio"

    def __init__(self, number):
        super().__init__()
        half_period = RATE // (200 * (number + 3))
        levels = (8000 if index // half_period % 2 else -8000 for index in range(RATE))
        self.second = b"".join(level.to_bytes(2, "little", signed=True) for level in levels)
        self.position, self.start = 0, time.monotonic()

    async def recv(self):
        """The next 20 ms."""
        await asyncio.sleep(max(0, self.start + self.position / RATE - time.monotonic()))
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME)
        begin = 2 * (self.position % RATE)
        frame.planes[0].update(self.second[begin : begin + 2 * FRAME])
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.position, fractions.Fraction(1, RATE)
        self.position += FRAME
        return frame


class Picture(MediaStreamTrack):
    """Grey of brightness `40 * (number + 1)`, with a moving bar so that frames differ."""

    kind = "video"
    width, height, rate = 320, 180, 15

    def __init__(self, number):
        super().__init__()
        self.luma = 40 * (number + 1)
        self.count, self.start = 0, time.monotonic()

    async def recv(self):
        """The next frame."""
        await asyncio.sleep(max(0, self.start + self.count / self.rate - time.monotonic()))
        frame = av.VideoFrame(self.width, self.height, "yuv420p")
        plane = frame.planes[0]
        rows = bytearray(bytes([self.luma]) * (plane.line_size * self.height))
        bar = self.count * 4 % (self.height - 8)
        rows[bar * plane.line_size : (bar + 8) * plane.line_size] = bytes([235]) * (8 * plane.line_size)
        plane.update(bytes(rows))
        for chroma in frame.planes[1:]:
            chroma.update(bytes([128]) * chroma.buffer_size)
        frame.pts, frame.time_base = self.count * 90000 // self.rate, fractions.Fraction(1, 90000)
        self.count += 1
        return frame


def pitch(samples):
    """The pitch of a square wave, by its changes of sign, in Hz; `None` for silence."""
    changes = sum(1 for a, b in zip(samples, samples[1:]) if (a < 0) != (b < 0))
    loud = max(samples, default=0) > 1000
    return changes * RATE / (2 * len(samples)) if loud and len(samples) else None


class Participant:
    """One aiortc client of the conference."""

    def __init__(self, conference, number, setup, profile):
        self.name = f"{number:04x}a10c"
        self.number = number
        self.conference = conference
        self.profiles = PROFILES[profile]
        # As lib-jitsi-meet asks for it.
        self.connection = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        # The client takes the role that the offer leaves: towards "active" it is passive.
        self.builder = OfferBuilder(
            conference, self.name, {"active": "actpass", "passive": "active"}[setup]
        )
        self.pictures, self.tones, self.tasks = [], [], []
        self.joined, self.first_picture = None, None
        self.connection.on("track", self.take)

    async def negotiate(self):
        """One round of offer and answer; after the first the bridge knows the transport."""
        is_first = self.builder.version == 0
        await self.connection.setRemoteDescription(RTCSessionDescription(self.builder.offer(), "offer"))
        if is_first:
            self.connection.getTransceivers()[0].sender.transport._srtp_profiles = self.profiles  # no public way
            for kind, track in (("audio", Tone(self.number)), ("video", Picture(self.number))):
                place = next(t for t in self.connection.getTransceivers() if t.kind == kind)
                place.sender.replaceTrack(track)
                place.direction = "sendrecv"
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        if is_first:
            client = parse_answer(self.connection.localDescription.sdp)
            self.setup = client["setup"]
            SECRETS.update([client["pwd"], self.conference.endpoints[self.name].pwd])
            await asyncio.to_thread(self.conference.connect, self.name, client)
            self.conference.endpoints[self.name].learn_sources(client)

    async def join(self):
        """Makes the endpoint and connects."""
        self.joined = time.monotonic()
        await asyncio.to_thread(self.conference.join, self.name)
        await self.negotiate()

    def take(self, track):
        """A remote track has come."""
        seen = {"frames": 0, "last": None}
        (self.pictures if track.kind == "video" else self.tones).append(seen)
        self.tasks.append(asyncio.ensure_future(self.watch(track, seen)))

    async def watch(self, track, seen):
        """Counts and judges what a track brings until it ends."""
        while True:
            try:
                frame = await track.recv()
            except Exception:  # pylint: disable=broad-except
                return
            seen["frames"] += 1
            if track.kind == "video":
                if self.first_picture is None:
                    self.first_picture = time.monotonic() - self.joined
                plane = frame.planes[0]
                middle = bytes(plane)[plane.line_size * (frame.height - 2) + 4]
                seen["last"] = middle
            elif seen["frames"] % 10 == 0:
                data = bytes(frame.planes[0])
                step = 2 * len(frame.layout.channels)
                samples = [
                    int.from_bytes(data[i : i + 2], "little", signed=True)
                    for i in range(0, frame.samples * step, step)
                ]
                heard = pitch(samples)
                if heard is not None:
                    seen["last"] = heard

    def recognised(self):
        """Numbers of the participants that are seen, and that are heard, by brightness and pitch."""
        seen = {round(p["last"] / 40) - 1 for p in self.pictures if p["frames"] > 5 and p["last"] is not None}
        heard = {round(t["last"] / 100) - 3 for t in self.tones if t["frames"] > 20 and t["last"] is not None}
        return sorted(seen), sorted(heard)

    @staticmethod
    def profile_name(transport):
        """The SRTP profile that the handshake chose."""
        chosen = transport._ssl.get_selected_srtp_profile() if transport._ssl else b""
        return chosen.decode()

    async def report(self):
        """What the caller judges."""
        seen, heard = self.recognised()
        transport = self.connection.getTransceivers()[0].sender.transport
        lost = 0
        for entry in (await self.connection.getStats()).values():
            if entry.type == "inbound-rtp":
                lost += max(0, entry.packetsLost)
        pair = transport.transport._connection._nominated.get(1)  # no public way to the chosen pair
        return {
            "number": self.number,
            "seen": seen,
            "heard": heard,
            "setup": self.setup,
            "state": self.connection.connectionState,
            "lost": lost,
            "firstPictureSeconds": self.first_picture,
            "remote": pair.remote_candidate.host if pair else None,
            "profile": self.profile_name(transport),
        }

    async def close(self):
        """Hangs up."""
        await self.connection.close()
        for task in self.tasks:
            task.cancel()


async def call(arguments, way):
    """A whole call; the last participant joins late."""
    setup, profile, family = way.split("-")
    ADDRESS.set(arguments.address or {"4": "127.0.0.1", "6": "::1"}[family])
    host, port = arguments.bridge.rsplit(":", 1)
    conference = Conference(Bridge(host, int(port)))
    participants = []
    numbers = list(range(arguments.participants))
    result = {"way": way, "errors": []}

    def is_complete():
        others = {p.number: [n for n in numbers if n != p.number] for p in participants}
        return len(participants) == len(numbers) and all(
            p.recognised() == (others[p.number], others[p.number]) for p in participants
        )

    try:
        for number in numbers:
            participant = Participant(conference, number, setup, profile)
            participants.append(participant)
            await participant.join()
            for other in participants[:-1]:
                await other.negotiate()
            await asyncio.to_thread(conference.publish, participant.name)
            await asyncio.sleep(1)
        deadline = time.monotonic() + arguments.seconds
        while time.monotonic() < deadline and not is_complete():
            await asyncio.sleep(0.1)
        result["participants"] = [await p.report() for p in participants]
    except Exception as error:  # pylint: disable=broad-except
        result["errors"].append(repr(error))
    for participant in participants:
        await participant.close()
    try:
        await asyncio.to_thread(conference.end)
    except Exception as error:  # pylint: disable=broad-except
        result["errors"].append(f"end: {error!r}")
    return result


async def calls(arguments):
    """All calls, beside each other."""
    results = await asyncio.gather(*(call(arguments, way) for way in arguments.ways))
    print(json.dumps({"calls": results, "secrets": sorted(SECRETS)}))


def main():
    """Reads arguments and bends aiortc to them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bridge", required=True)
    parser.add_argument("ways", nargs="+", metavar="WAY")
    parser.add_argument("--participants", type=int, default=2)
    parser.add_argument("--address", help="the participants' own address, instead of loopback's usual one")
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    remember_keys()
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [ADDRESS.get()]
    asyncio.run(calls(arguments))


main()
