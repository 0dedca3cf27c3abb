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


def video_media(vp8, rtx):
    """The video half of an endpoint, with VP8 and its retransmission."""
    repair = (("ccm", "fir"), ("nack", None), ("nack", "pli"))
    return {
        "type": "video",
        "payload-types": [
            {
                "id": vp8,
                "name": "VP8",
                "clockrate": 90000,
                "channels": 1,
                "rtcp-fbs": feedback(*repair, ("transport-cc", None)),
            },
            {
                "id": rtx,
                "name": "rtx",
                "clockrate": 90000,
                "channels": 1,
                "parameters": {"apt": str(vp8)},
                "rtcp-fbs": feedback(*repair),
            },
        ],
        "rtp-hdrexts": [{"id": number, "uri": uri} for number, uri in VIDEO_EXTENSIONS.items()],
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
        self.video_ssrcs = []

    def learn_sources(self, client):
        """Takes over the SSRCs of the client's answer."""
        self.audio_ssrc, self.video_ssrcs = client["audio_ssrc"], client["video_ssrcs"]


class Conference:
    """One meeting on one bridge."""

    def __init__(self, bridge, opus=111, vp8=100, rtx=96, sctp=False):
        self.bridge = bridge
        self.sctp = sctp
        self.meeting = str(uuid.uuid4())
        self.media = [audio_media(opus), video_media(vp8, rtx)]
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
        if endpoint.video_ssrcs:
            source = f"{endpoint.name}-v0"
            video = {
                "type": "video",
                "id": source,
                "sources": [
                    {"ssrc": ssrc, "name": source, "videoType": "camera"} for ssrc in endpoint.video_ssrcs
                ],
            }
            if len(endpoint.video_ssrcs) == 2:
                video["ssrc-groups"] = [{"semantics": "FID", "sources": endpoint.video_ssrcs}]
            result.append(video)
        return result

    def leave(self, name):
        """Expires the endpoint."""
        del self.endpoints[name]
        self.bridge.modify(self.meeting, {"endpoints": [{"id": name, "expire": True}]})

    def end(self):
        """Expires the conference."""
        self.bridge.modify(self.meeting, {"expire": True})
