# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Colibri2 over REST (control-plane.md 7.2): what Jicofo says by XMPP, as JSON."""

import http.client
import json
import uuid

ICE_NAMESPACE = "urn:xmpp:jingle:transports:ice-udp:1"

AUDIO_EXTENSIONS = {
    1: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    10: "urn:ietf:params:rtp-hdrext:sdes:mid",
    5: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
}
VIDEO_EXTENSIONS = {
    3: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    10: "urn:ietf:params:rtp-hdrext:sdes:mid",
    5: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
}
DEPENDENCY_DESCRIPTOR = {
    11: "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
}


class Format:
    """A video format, its number and that of its repeats."""

    def __init__(self, name, number, rtx, **parameters):
        self.name, self.number, self.rtx, self.parameters = name, number, rtx, parameters


# As Jicofo numbers them (media-plane.md 4.1).
FORMATS = {
    "VP8": Format("VP8", 100, 96),
    "VP9": Format("VP9", 101, 97),
    "AV1": Format("AV1", 41, 42),
    "H264": Format("H264", 107, 99, **{
        "profile-level-id": "42e01f", "level-asymmetry-allowed": "1", "packetization-mode": "1"}),
}


def feedback(*pairs):
    """`("nack", "pli")` and the like in the JSON form."""
    return [{"type": kind, "subtype": detail} if detail else {"type": kind} for kind, detail in pairs]


def audio_media(opus):
    """The audio half of an endpoint, with Opus under the payload type `opus`."""
    return {
        "type": "audio",
        "payload-types": [
            {
                "id": opus,
                "name": "opus",
                "clockrate": 48000,
                "channels": 2,
                "parameters": {"minptime": "10", "useinbandfec": "1"},
                "rtcp-fbs": feedback(("transport-cc", None)),
            }
        ],
        "rtp-hdrexts": [{"id": number, "uri": uri} for number, uri in AUDIO_EXTENSIONS.items()],
        "extmap-allow-mixed": True,
    }


def video_media(formats, extensions):
    """The video half of an endpoint, each format with its retransmission."""
    repair = (("ccm", "fir"), ("nack", None), ("nack", "pli"))
    payload_types = [
        {
            "id": one.number,
            "name": one.name,
            "clockrate": 90000,
            "channels": 1,
            "parameters": one.parameters,
            "rtcp-fbs": feedback(*repair, ("transport-cc", None)),
        }
        for one in formats
    ]
    payload_types += [
        {
            "id": one.rtx,
            "name": "rtx",
            "clockrate": 90000,
            "channels": 1,
            "parameters": {"apt": str(one.number)},
            "rtcp-fbs": feedback(*repair),
        }
        for one in formats
    ]
    return {
        "type": "video",
        "payload-types": payload_types,
        "rtp-hdrexts": [{"id": number, "uri": uri} for number, uri in extensions.items()],
        "extmap-allow-mixed": True,
    }


class ColibriError(Exception):
    """The bridge did not answer 200."""


class Bridge:
    """A bridge by its private HTTP address."""

    def __init__(self, host, port):
        self.host, self.port = host, port

    def call(self, method, path, body=None):
        """One request; returns status and text."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=15)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def modify(self, meeting, body, is_new=False):
        """One conference-modify; returns the conference-modified."""
        if is_new:
            status, text = self.call("POST", "/colibri/v2/conferences", {"meeting-id": meeting, **body})
        else:
            status, text = self.call("PATCH", f"/colibri/v2/conferences/{meeting}", body)
        if status != 200:
            raise ColibriError(f"{status}: {text}")
        return json.loads(text)


class Source:
    """The SSRCs of a video and how they belong together."""

    def __init__(self):
        self.ssrcs, self.groups = [], []

    def complete(self):
        """Says which encodings are sizes of one video; Firefox leaves that out."""
        semantics = [kind for kind, _ in self.groups]
        if "SIM" not in semantics and semantics.count("FID") > 1:
            self.groups.append(("SIM", [ssrcs[0] for kind, ssrcs in self.groups if kind == "FID"]))

    @property
    def encodings(self):
        """One SSRC for each size, as they are listed."""
        return next((ssrcs for kind, ssrcs in self.groups if kind == "SIM"), self.ssrcs[:1])

    @property
    def shown(self):
        """What receivers are told of: the first encoding and its repeats."""
        return next((ssrcs for kind, ssrcs in self.groups if kind == "FID" and ssrcs[0] == self.encodings[0]),
                    self.ssrcs[:1])


class Endpoint:
    """What the focus knows of one endpoint."""

    def __init__(self, name, transport):
        self.name = name
        self.ufrag, self.pwd = transport["ufrag"], transport["pwd"]
        self.fingerprint = transport["fingerprints"][0]
        self.candidates = transport["candidates"]
        self.generation = None
        # The bridge channel: the data channel's port, the WebSocket's addresses.
        self.sctp_port = None
        self.web_sockets = transport.get("web-sockets", [])
        self.audio_ssrc = None
        self.videos = []
        # Its screen is a video that the others are not shown before there is one.
        self.shows_screen = False

    def learn_sources(self, client):
        """Takes over the SSRCs of the client's answer."""
        self.audio_ssrc, self.videos = client["audio_ssrc"], client["videos"]

    @property
    def shown_videos(self):
        """The videos that the bridge and the others know."""
        return self.videos[: 2 if self.shows_screen else 1]

    @property
    def video_ssrcs(self):
        """The SSRCs under which the others get the camera."""
        return self.videos[0].shown if self.videos else []


class Conference:
    """One meeting on one bridge."""

    def __init__(self, bridge, sctp=False, codecs=("VP8",), descriptors=False):
        """`codecs` in the order of preference, with `descriptors` the dependency descriptor beside them."""
        self.bridge = bridge
        self.sctp = sctp
        self.meeting = str(uuid.uuid4())
        self.formats = [FORMATS[name] for name in codecs]
        self.video_extensions = {**VIDEO_EXTENSIONS, **(DEPENDENCY_DESCRIPTOR if descriptors else {})}
        self.media = [audio_media(111), video_media(self.formats, self.video_extensions)]
        self.feedback_ssrcs = {}
        self.endpoints = {}

    def join(self, name):
        """Creates the endpoint (and the conference before the first); returns it."""
        body = {
            "endpoints": [
                {
                    "id": name,
                    "create": True,
                    "stats-id": f"Interop-{name[:3]}",
                    "capabilities": ["source-names"],
                    "medias": self.media,
                    "transport": {"ice-controlling": True, **({"sctp": {}} if self.sctp else {})},
                }
            ]
        }
        is_new = not self.endpoints
        if is_new:
            body = {"create": True, "name": "interop@conference.bridge.test", **body}
        answer = self.bridge.modify(self.meeting, body, is_new)
        for source in answer.get("sources", []):
            first = source["sources"][0]
            self.feedback_ssrcs[source["type"]] = first["ssrc"] if isinstance(first, dict) else first
        transport = answer["endpoints"][0]["transport"]
        endpoint = Endpoint(name, transport["transport"])
        endpoint.sctp_port = transport.get("sctp", {}).get("port")
        self.endpoints[name] = endpoint
        return endpoint

    def connect(self, name, client, generation=None):
        """Hands the client's half of the transport (ufrag, pwd, fingerprints, setup) to the bridge."""
        transport = {
            "xmlns": ICE_NAMESPACE,
            "ufrag": client["ufrag"],
            "pwd": client["pwd"],
            "rtcp-mux": True,
            "fingerprints": [
                {"hash": hash_name, "setup": client["setup"], "fingerprint": digest}
                for hash_name, digest in client["fingerprints"]
            ],
        }
        if generation is not None:
            transport["ice-generation"] = generation
        self.update(name, {"transport": {"transport": transport}})

    def restart(self, name):
        """Restarts an endpoint's ICE in place (control-plane.md 4.5): the next offer has the new credentials, and what
        the client answers belongs to the generation that the bridge named."""
        answer = self.update(name, {"transport": {"ice-restart": True}})
        transport = answer["endpoints"][0]["transport"]["transport"]
        endpoint = self.endpoints[name]
        endpoint.ufrag, endpoint.pwd = transport["ufrag"], transport["pwd"]
        endpoint.candidates = transport["candidates"]
        endpoint.generation = transport["ice-generation"]

    def add_data_channel(self, name):
        """Asks for a data channel for an endpoint that was made without."""
        answer = self.update(name, {"transport": {"sctp": {}}})
        self.endpoints[name].sctp_port = answer["endpoints"][0]["transport"]["sctp"]["port"]

    def mute(self, name, audio=False, video=False):
        """Lets the bridge discard what the endpoint sends of a kind, or no longer."""
        self.update(name, {"force-mute": {"audio": audio, "video": video}})

    def publish(self, name):
        """Tells the bridge the endpoint's sources, from when on it forwards them.

        The others should have them in their descriptions by then: a browser that gets packets of an SSRC it does not
        know may tie it to the wrong section.
        """
        self.update(name, {"sources": self.sources(self.endpoints[name])})

    def update(self, name, change):
        """Changes an endpoint; returns the answer."""
        return self.bridge.modify(self.meeting, {"endpoints": [{"id": name, **change}]})

    def sources(self, endpoint):
        """The endpoint's media-sources."""
        result = []
        if endpoint.audio_ssrc:
            source = f"{endpoint.name}-a0"
            result.append(
                {"type": "audio", "id": source, "sources": [{"ssrc": endpoint.audio_ssrc, "name": source}]}
            )
        for index, video in enumerate(endpoint.shown_videos):
            source = f"{endpoint.name}-v{index}"
            kind = "desktop" if index else "camera"
            result.append(
                {
                    "type": "video",
                    "id": source,
                    "sources": [{"ssrc": ssrc, "name": source, "videoType": kind} for ssrc in video.ssrcs],
                    "ssrc-groups": [{"semantics": kind, "sources": ssrcs} for kind, ssrcs in video.groups],
                }
            )
        return result

    def leave(self, name):
        """Expires the endpoint."""
        del self.endpoints[name]
        self.bridge.modify(self.meeting, {"endpoints": [{"id": name, "expire": True}]})

    def end(self):
        """Expires the conference."""
        self.bridge.modify(self.meeting, {"expire": True})
