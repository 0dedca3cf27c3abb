# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Session descriptions as a plain-mode client of Jitsi sees them (media-plane.md 5.12)."""

from colibri import AUDIO_EXTENSIONS, Source

# Names of the sizes of a camera, as Firefox is given them.
RIDS = ("1", "2", "3")


class Section:
    """One m-line of the offers to one client; its place never changes. An owner's videos are counted."""

    def __init__(self, kind, owner=None, index=0):
        self.kind, self.owner, self.index = kind, owner, index

    @property
    def key(self):
        """What no two sections have in common."""
        return self.kind, self.owner, self.index


class OfferBuilder:
    """The offers that one client gets, one after the other, as others come and go."""

    def __init__(self, conference, name, setup="actpass", opus=111, screen=False, rids=False):
        """With `screen` the client may send a second video, with `rids` it is asked for its camera in three sizes."""
        self.conference, self.name, self.setup = conference, name, setup
        self.opus, self.screen, self.rids = opus, screen, rids
        self.sections = []
        self.version = 0
        # The generation of ICE that the last offer describes.
        self.generation = None

    def offer(self):
        """The next offer: own sections first, in the first round all audio before all video."""
        others = [e for e in self.conference.endpoints.values() if e.name != self.name and e.audio_ssrc]
        wanted = [("audio", None, 0)] + [("audio", e.name, 0) for e in others]
        wanted += [("video", None, index) for index in range(2 if self.screen else 1)]
        wanted += [("video", e.name, index) for e in others for index, _ in enumerate(e.shown_videos)]
        if self.conference.endpoints[self.name].sctp_port:
            wanted.append(("application", None, 0))
        known = {section.key for section in self.sections}
        self.sections += [Section(*key) for key in wanted if key not in known]
        self.version += 1
        self.generation = self.conference.endpoints[self.name].generation
        present = {e.name for e in others} | {None}
        live = [str(mid) for mid, section in enumerate(self.sections) if section.owner in present]
        lines = [
            "v=0",
            f"o=- 1 {self.version} IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            "a=msid-semantic: WMS *",
            "a=group:BUNDLE " + " ".join(live),
        ]
        for mid, section in enumerate(self.sections):
            lines += self.section_lines(mid, section, section.owner in present)
        return "\r\n".join(lines) + "\r\n"

    def owners(self):
        """Whose media each section of the last offer brings, by its mid."""
        return {
            str(mid): section.owner
            for mid, section in enumerate(self.sections)
            if section.owner in self.conference.endpoints
        }

    def section_lines(self, mid, section, is_live):
        """One m-line with everything under it."""
        endpoint = self.conference.endpoints[self.name]
        if section.kind == "application":
            lines = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0"]
            lines += [f"a=sctp-port:{endpoint.sctp_port}"]
            return lines + self.transport_lines(mid, endpoint)
        if section.kind == "audio":
            lines = [
                f"m=audio {9 if is_live else 0} UDP/TLS/RTP/SAVPF {self.opus}",
                "c=IN IP4 0.0.0.0",
                f"a=rtpmap:{self.opus} opus/48000/2",
                f"a=fmtp:{self.opus} minptime=10;useinbandfec=1",
                f"a=rtcp-fb:{self.opus} transport-cc",
            ]
            extensions = AUDIO_EXTENSIONS
        else:
            formats = self.conference.formats
            numbers = [one.number for one in formats] + [one.rtx for one in formats]
            lines = [
                f"m=video {9 if is_live else 0} UDP/TLS/RTP/SAVPF {' '.join(map(str, numbers))}",
                "c=IN IP4 0.0.0.0",
                *(line for one in formats for line in format_lines(one)),
            ]
            extensions = self.conference.video_extensions
        lines += [f"a=extmap:{number} {uri}" for number, uri in extensions.items()]
        direction = "inactive" if not is_live else self.direction(section)
        lines += [f"a={direction}"] + self.transport_lines(mid, endpoint)
        if is_live:
            lines += self.source_lines(section)
        if self.rids and section.key == ("video", None, 0):
            lines += [f"a=rid:{rid} recv" for rid in RIDS] + [f"a=simulcast:recv {';'.join(RIDS)}"]
        return lines + ["a=rtcp-mux", "a=extmap-allow-mixed"]

    @staticmethod
    def direction(section):
        """Who sends in a section; the bridge has nothing to say in that of the client's screen."""
        if section.owner is not None:
            return "sendonly"
        return "sendrecv" if section.index == 0 else "recvonly"

    def transport_lines(self, mid, endpoint):
        """What all sections repeat of the transport that they share."""
        fingerprint = endpoint.fingerprint
        return [
            f"a=setup:{self.setup}",
            f"a=mid:{mid}",
            f"a=ice-ufrag:{endpoint.ufrag}",
            f"a=ice-pwd:{endpoint.pwd}",
            f"a=fingerprint:{fingerprint['hash']} {fingerprint['fingerprint']}",
            *(f"a=candidate:{candidate_line(c)}" for c in endpoint.candidates),
        ]

    def source_lines(self, section):
        """The SSRCs under which the section's media comes."""
        if section.owner is None:
            ssrc = None if section.index else self.conference.feedback_ssrcs.get(section.kind)
            return [] if ssrc is None else [f"a=ssrc:{ssrc} msid:mixedmslabel mixedlabel{section.kind}0"]
        owner = self.conference.endpoints[section.owner]
        ssrcs = [owner.audio_ssrc] if section.kind == "audio" else owner.videos[section.index].shown
        label = f"{owner.name}-{section.kind}-{section.index}"
        lines = [f"a=ssrc:{ssrc} msid:{label} {label}-track" for ssrc in ssrcs]
        lines += [f"a=ssrc:{ssrc} cname:{owner.name}" for ssrc in ssrcs]
        if len(ssrcs) == 2:
            lines.append(f"a=ssrc-group:FID {ssrcs[0]} {ssrcs[1]}")
        return lines


def candidate_line(candidate):
    """A Colibri candidate as SDP writes it."""
    line = (
        f"{candidate['foundation']} {candidate['component']} {candidate['protocol']} {candidate['priority']}"
        f" {candidate['ip']} {candidate['port']} typ {candidate['type']}"
    )
    if candidate.get("rel-addr"):
        line += f" raddr {candidate['rel-addr']} rport {candidate['rel-port']}"
    return line + " generation 0"


def format_lines(one):
    """What there is to say of a video format and its repeats."""
    lines = [f"a=rtpmap:{one.number} {one.name}/90000", f"a=rtpmap:{one.rtx} rtx/90000"]
    lines.append(f"a=fmtp:{one.rtx} apt={one.number}")
    if one.parameters:
        lines.append(f"a=fmtp:{one.number} " + ";".join(f"{key}={value}" for key, value in one.parameters.items()))
    for number in (one.number, one.rtx):
        lines += [f"a=rtcp-fb:{number} {what}" for what in ("ccm fir", "nack", "nack pli")]
    return lines + [f"a=rtcp-fb:{one.number} transport-cc"]


def parse_answer(sdp, screen=False):
    """What the bridge must learn of a client's answer: credentials, fingerprints, role, own SSRCs. The first section
    of a kind is the client's own, with `screen` the second of its videos, too."""
    client = {"fingerprints": [], "audio_ssrc": None}
    seen = {"audio": [], "video": []}
    for line in sdp.replace("\r", "").split("\n"):
        if line.startswith("m="):
            kind = line[2:].split(" ")[0]
            source = Source()
            seen.setdefault(kind, []).append(source)
        elif line.startswith("a=ice-ufrag:"):
            client.setdefault("ufrag", line.split(":", 1)[1])
        elif line.startswith("a=ice-pwd:"):
            client.setdefault("pwd", line.split(":", 1)[1])
        elif line.startswith("a=setup:"):
            client.setdefault("setup", line.split(":", 1)[1])
        elif line.startswith("a=fingerprint:"):
            pair = tuple(line.split(":", 1)[1].split(" ", 1))
            if pair not in client["fingerprints"]:
                client["fingerprints"].append(pair)
        elif line.startswith("a=ssrc:"):
            ssrc = int(line[7:].split(" ")[0])
            if ssrc not in source.ssrcs:
                source.ssrcs.append(ssrc)
        elif line.startswith("a=ssrc-group:"):
            semantics, *ssrcs = line[13:].split(" ")
            source.groups.append((semantics, [int(ssrc) for ssrc in ssrcs]))
    if seen["audio"] and seen["audio"][0].ssrcs:
        client["audio_ssrc"] = seen["audio"][0].ssrcs[0]
    client["videos"] = [one for one in seen["video"][: 2 if screen else 1] if one.ssrcs]
    for one in client["videos"]:
        one.complete()
    return client
