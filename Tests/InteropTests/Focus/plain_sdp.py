# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Session descriptions as a plain-mode client of Jitsi sees them (media-plane.md 5.12)."""

from colibri import AUDIO_EXTENSIONS, VIDEO_EXTENSIONS


class Section:
    """One m-line of the offers to one client; its place never changes."""

    def __init__(self, kind, owner=None):
        self.kind, self.owner = kind, owner


class OfferBuilder:
    """The offers that one client gets, one after the other, as others come and go."""

    def __init__(self, conference, name, setup="actpass", opus=111, vp8=100, rtx=96):
        self.conference, self.name, self.setup = conference, name, setup
        self.opus, self.vp8, self.rtx = opus, vp8, rtx
        self.sections = []
        self.version = 0
        # The generation of ICE that the last offer describes.
        self.generation = None

    def offer(self):
        """The next offer: own sections first, in the first round all audio before all video."""
        others = [e for e in self.conference.endpoints.values() if e.name != self.name and e.audio_ssrc]
        known = {(section.kind, section.owner) for section in self.sections}
        for kind in ("audio", "video"):
            wanted = [None] + [e.name for e in others if kind == "audio" or e.video_ssrcs]
            for owner in wanted:
                if (kind, owner) not in known:
                    self.sections.append(Section(kind, owner))
        if ("application", None) not in known and self.conference.endpoints[self.name].sctp_port:
            self.sections.append(Section("application"))
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
            lines = [
                f"m=video {9 if is_live else 0} UDP/TLS/RTP/SAVPF {self.vp8} {self.rtx}",
                "c=IN IP4 0.0.0.0",
                f"a=rtpmap:{self.vp8} VP8/90000",
                f"a=rtpmap:{self.rtx} rtx/90000",
                f"a=fmtp:{self.rtx} apt={self.vp8}",
            ]
            for payload_type in (self.vp8, self.rtx):
                lines += [f"a=rtcp-fb:{payload_type} {what}" for what in ("ccm fir", "nack", "nack pli")]
            lines.append(f"a=rtcp-fb:{self.vp8} transport-cc")
            extensions = VIDEO_EXTENSIONS
        lines += [f"a=extmap:{number} {uri}" for number, uri in extensions.items()]
        direction = "inactive" if not is_live else "sendrecv" if section.owner is None else "sendonly"
        lines += [f"a={direction}"] + self.transport_lines(mid, endpoint)
        if is_live:
            lines += self.source_lines(section)
        return lines + ["a=rtcp-mux", "a=extmap-allow-mixed"]

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
            ssrc = self.conference.feedback_ssrcs.get(section.kind)
            return [] if ssrc is None else [f"a=ssrc:{ssrc} msid:mixedmslabel mixedlabel{section.kind}0"]
        owner = self.conference.endpoints[section.owner]
        ssrcs = [owner.audio_ssrc] if section.kind == "audio" else owner.video_ssrcs
        lines = [f"a=ssrc:{ssrc} msid:{owner.name}-{section.kind}-0 {owner.name}-{section.kind}" for ssrc in ssrcs]
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


def parse_answer(sdp):
    """What the bridge must learn of a client's answer: credentials, fingerprints, role, own SSRCs."""
    client = {"fingerprints": [], "audio_ssrc": None, "video_ssrcs": []}
    kind, sends, seen = None, False, set()
    ssrcs = {"audio": [], "video": []}
    groups = {}
    for line in sdp.replace("\r", "").split("\n"):
        if line.startswith("m="):
            kind = line[2:].split(" ")[0]
            sends = kind not in seen
            seen.add(kind)
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
        elif line.startswith("a=ssrc:") and sends:
            ssrc = int(line[7:].split(" ")[0])
            if ssrc not in ssrcs[kind]:
                ssrcs[kind].append(ssrc)
        elif line.startswith("a=ssrc-group:FID ") and sends:
            groups[kind] = [int(word) for word in line.split(" ")[1:3]]
    if ssrcs["audio"]:
        client["audio_ssrc"] = ssrcs["audio"][0]
    client["video_ssrcs"] = groups.get("video", ssrcs["video"][:1])
    return client
