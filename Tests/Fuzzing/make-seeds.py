#!/usr/bin/env python3
# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Writes the first seeds of each fuzz target to Corpus/. Run it once per new target; found inputs join by hand.

Recorded stanzas come from the folder named as argument (a colibri2 recording with one JSON object per line)."""
import hashlib
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent / "Corpus"


def put(target, seeds):
    """Stores each seed under the name of its content, so that a second run adds nothing."""
    folder = HERE / ("Fuzz" + target)
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        data = seed if isinstance(seed, bytes) else seed.encode()
        (folder / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)


STUN = [bytes.fromhex(text) for text in (
    # RFC 5769 section 2.
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff8029"
    "0008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf",
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a6430008"
    "00142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96",
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3"
    "f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c",
)]
put("STUN", STUN)

# Operations of FuzzICE: 1 request (flags, priority, tie-breaker, source), 3 answer, 5 time, 6 candidate, 7 credentials.
put("ICE", [
    bytes([1, 7, 1, 0, 10, 10, 1, 1, 3, 0, 3, 0, 5, 100, 3, 0, 5, 200]),
    bytes([0, 7, 1, 6, 10, 10, 1, 1, 3, 0, 5, 100, 1, 2, 10, 10, 1, 9, 3, 0, 5, 255, 5, 255, 5, 255]),
    bytes([1, 6, 1, 5, 0, 6, 0x81, 5, 1, 7, 5, 20, 3, 0, 3, 0, 4, 2, 0, 5, 100]),
    bytes([1, 7, 0, 100]) + STUN[0] + bytes([1, 1]),
])


def rtp(first, second, rest):
    return bytes([first, second]) + bytes.fromhex("1234 00015f90 deadbeef") + bytes.fromhex(rest)


put("RTP", [
    rtp(0x80, 111, "f8fffe"),
    rtp(0x90, 0xe0, "bede0002 10ff 51abcd 000000 90e0abcd10 9d012a 00028001"),
    rtp(0x90, 96, "10000002 0101ff 0502abcd 00 10aa"),
    rtp(0xb2, 96, "00000001 00000002 bede0001 32aabbcc 10aa 00000003"),
])
put("RTCP", [bytes.fromhex(text) for text in (
    "81c9000700000001deadbeef00000001000186a0000000100000000000000000",
    "80c8000600000001e0000000800000000000300000000064000003e8",
    "81ca0004000000010106757365723132 00000000",
    "81ce000200000001deadbeef",
    "84ce000400000001 00000000 deadbeef 07000000",
    "81cd000300000001deadbeef00120003",
    "8fce000500000001 00000000 52454d42 010704d2 deadbeef",
    "8fcd000600000001deadbeef 0001000a 000001 00 200a d555 04 08 ffff 0000",
    "81cb000100000001",
)])
put("VP8", [bytes.fromhex(text) for text in (
    "10100200 9d012a80026801", "90e0abcd1040 100200 9d012a80026801", "90f081ff0760", "00ff",
)])
put("VP9", [bytes.fromhex(text) for text in (
    "0c83", "e8926753c886", "f5112403050886", "8a0538014000b402800168011401aabb",
    "8a1258014000b402800168050002d00404045401340258010283",
)])


def described(step, text):
    """FuzzDependency: how far the packet lies from the one before, length, descriptor."""
    data = bytes.fromhex(text)
    return bytes([step, len(data)]) + data


# As Chrome sent them: one layer, and S3T3 with a later frame of fewer layers.
ONE_LAYER = described(1, "80000180003a410180ef808680")
NINE_TARGETS = described(1, "d0013481e81485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a80006000040001d9549"
    "26e082b04a0941b820ac1282503157f974000ca864330e222222eca8655304224230eca87753013f00b3027f016704ff02cf")
put("Dependency", [
    ONE_LAYER + described(1, "410002"),
    NINE_TARGETS + described(1, "d10146401c") + described(1, "d10147"),
    ONE_LAYER + NINE_TARGETS + described(0xff, "410002") + described(1, "d1014740fc")
    + described(1, "d1014838ffffaa55aa00"),
])
put("H264", [bytes.fromhex(text) for text in (
    "6588", "780004 6742e01f 0004 68ce3c80 0002 6588", "7c8588", "7c4588", "180002419a00020605",
)])
put("LayersAllocation", [bytes.fromhex(text) for text in (
    "00", "01805078c801013f00b321", "a1a895029f03b4058d09d30de016d00fb8178827", "07009601f403aa0b",
    "2030401c01020304050607",
)])
put("SRTP", [
    bytes([mode, kind, 24]) + rtp(0x80, 111, "01020304 05060708 090a0b0c")
    + bytes([kind, 24]) + rtp(0x80, 111, "aa" * 12)
    for mode in range(4) for kind in (1, 5)
] + [bytes([mode, 3, 16]) + bytes.fromhex("80c9000300000001000000020000000300") for mode in range(4)] + [
    # With the highest bit a record: version, profile, key and salt, four lists of streams.
    bytes([0x80, 1, 0, 7]) + b"\x11" * 16 + b"\x22" * 12 + bytes.fromhex(
        "00000001 aabbccdd 0000000000000009 0000000000000005 01 00000001 00000005 0000000000000000 0000000000000001 01"
        "00000000 00000001 00000006 0000000000000050 8000000000000001 40")
])

HELLO = (
    "16feff0000000000000000007a0100006e000000000000006efefd" + "5a" * 32 + "00000004c02bc02f0100"
    "0040000a000400020017000b00020100000d0006000404030401000e000700040007000100ff01000100001700000023000000160000"
)
hello = bytes.fromhex(HELLO)
put("DTLS", [
    bytes([0, len(hello) >> 8, len(hello) & 255]) + hello,
    bytes([1, len(hello) >> 8, len(hello) & 255]) + hello,
    bytes([2, 0, 15]) + bytes.fromhex("15fefd0000000000000001000202 28"),
])

# FuzzConference: member, kind (0 RTP, 2 RTCP, 4 noise or, with flag 2, a check, 5 time, 6 flush, 7 signal),
# flags (128: one byte more says how often), length, bytes.
AUDIO = rtp(0x90, 111, "bede0001 10ff 51ab f8fffe0102")
VIDEO = rtp(0x90, 0xe4, "bede0001 51abcd00 9080abcd10 d0009d012a80026801")
AV1 = rtp(0x90, 0xa9, "1000000c 0b2c" + "80" * 44 + "0000 010203")
RECEIVER_REPORT = bytes.fromhex("81c9000700000001000003e900000001000186a0000000100000000000000000")
PICTURE_LOSS = bytes.fromhex("81ce000200000001000007d1")
FULL_INTRA = bytes.fromhex("84ce00040000000100000000000007d107000000")
SENDER_REPORT = bytes.fromhex("80c80006000003e8e0000000800000000000300000000064000003e8")
FEEDBACK = bytes.fromhex("8fcd0006000000010000000000010002000000002002 5555 04080000".replace(" ", ""))


def step(kind, data, flags=5, member=0):
    """One operation with its bytes."""
    return bytes([member, kind, flags, len(data)]) + data


put("Conference", [
    step(0, AUDIO) + step(0, AUDIO[:3] + b"\x35" + AUDIO[4:]) + bytes([0, 5, 50]),
    step(0, VIDEO, 7) + step(2, PICTURE_LOSS, 0, 1) + step(2, FULL_INTRA, 0, 2) + bytes([0, 5, 255, 0, 5, 255]),
    step(0, AUDIO) + step(2, SENDER_REPORT, 0) + step(2, RECEIVER_REPORT, 0, 1) + step(2, FEEDBACK, 0, 1),
    step(4, STUN[0], 1) + step(4, AUDIO, 1) + step(4, RECEIVER_REPORT, 0, 2),
    bytes([0, 0, 0x8F, 40, len(VIDEO)]) + VIDEO + bytes([0, 2, 0x80, 40, 2 * len(SENDER_REPORT)]) + 2 * SENDER_REPORT,
    bytes([2, 4, 2]) + step(0, AUDIO, 13) + bytes([0, 4, 2]) + step(0, AUDIO, 13),
    bytes([0, 2, 0x80, 63, 3 * len(SENDER_REPORT)]) + 3 * SENDER_REPORT,
    step(0, AUDIO, 13) + bytes([1, 7, 16, 0, 1, 0xC0, 0xC1, 0, 7, 0, 0, 0, 0, 0, 0, 7, 32, 0, 0, 0, 0])
    + step(0, AUDIO, 13),
    step(0, AV1, 3) + bytes([0, 7, 5, 0, 0, 0, 0]) + step(0, VIDEO, 15) + bytes([0, 7, 13, 0, 0, 0, 0, 0, 6, 0]),
])

CREATE = (
    '{"meeting-id":"5b1c","name":"room@muc","create":true,"endpoints":[{"id":"a1b2c3d4","create":true,'
    '"transport":{"ice-controlling":true},"media":[{"type":"audio","payload-types":[{"id":111,"name":"opus",'
    '"clockrate":48000,"parameters":{"useinbandfec":"1"}}]}]}]}'
)
put("JSON", [CREATE, '[1,-2.5e3,true,null,"\\u00e9\\ud83d\\ude00\\n"]', "{}", '{"a":{"a":[[[]]]}}'])
put("Colibri", [CREATE])


def http(line, fields="", body=""):
    """A request as it comes over the wire; the first byte says how it is cut."""
    return "\x01" + f"{line} HTTP/1.1\r\nHost: b:8080\r\n{fields}\r\n{body}"


# First byte: how the rest is cut; its highest bit: compression was agreed on. Frames of RFC 6455 5.7, RFC 7692 7.2.3.
KEY = bytes.fromhex("37fa213d")


def masked(first, payload):
    return bytes([first, 0x80 | len(payload)]) + KEY + bytes(b ^ KEY[i % 4] for i, b in enumerate(payload))


put("WebSocket", [
    b"\x01" + masked(0x81, b"Hello") + masked(0x89, b"ping") + masked(0x88, b"\x03\xe8bye"),
    b"\x02" + masked(0x01, b"Hel") + masked(0x8A, b"") + masked(0x80, b"lo") + masked(0x82, b"\x00\xff"),
    b"\x81" + masked(0xC1, bytes.fromhex("f248cdc9c90700")) + masked(0xC1, bytes.fromhex("f348cdc9c9070000")),
    b"\x82" + masked(0x41, bytes.fromhex("f24805")) + masked(0x80, bytes.fromhex("000000ffffcac9c90700")),
    b"\x03dGhlIHNhbXBsZSBub25jZQ==",
    b"\x03permessage-deflate; client_max_window_bits; server_max_window_bits=12, permessage-deflate",
])
put("HTTP", [
    http("GET /about/health", "Accept: */*\r\n") + http("GET /metrics", "Accept: text/plain;q=0.5\r\n")[1:],
    http("POST /colibri/v2/conferences", f"Content-Length: {len(CREATE)}\r\n", CREATE),
    http("PATCH /colibri/v2/conferences/5b1c", "Transfer-Encoding: chunked\r\n", "2;a=b\r\n{}\r\n0\r\nT: 1\r\n\r\n"),
    http("GET http://b:8080/debug/5b1c/a1?full=%74rue&x", "Connection: close\r\n"),
    http("POST /colibri/drain/enable", "Content-Length: 2\r\nExpect: 100-continue\r\n", "ab"),
    "\x02\r\nGET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\nHEAD /./a/../b HTTP/1.0\r\n\r\n",
    http("OPTIONS *", "Origin: http://o\r\nAccess-Control-Request-Method: POST\r\n"),
])
put("Bridge", [CREATE + "\n\x0c\x0c\x0c\n" + CREATE])
put("XML", [
    "<a xmlns='u' b='&lt;1'>t&amp;x<c:d xmlns:c='v' c:e='2'/></a>", "<?xml version='1.0'?><s><t>&#x41;</t></s>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
])
STREAM = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'>"
TLS = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
SASL = (
    "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism><mechanism>"
    "SCRAM-SHA-1</mechanism></mechanisms></stream:features>"
)
put("XMPP", [
    STREAM + TLS + "\n<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    STREAM + SASL + "\n<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>cj0xLHM9MixpPTQwOTY=</challenge>",
    STREAM + "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
    "</stream:stream>\n\x0c\x0c",
])
put("HOCON", [
    'videobridge { ice { udp { port = 10000 } }\n  stats.interval = 5 seconds // c\n}\n',
    'a = ${?HOME} # x\nb : [1, 2, "c"]\nvideobridge.apis.xmpp-client.configs { s { hostname = "h", domain = d, '
    'username = u, password = p, muc_jids = "r@m", muc_nickname = n } }\n',
    'x = """raw"""\ny = ${x}z\ninclude "other.conf"\n', '{"ice4j":{"harvest":{"mapping":{"static-mappings":[]}}}}',
])


def sample(texts, count):
    """About `count` of the texts, from the shortest to the longest, the same ones in every run."""
    ordered = sorted(set(texts), key=lambda text: (len(text), text))
    return ordered[:: max(1, len(ordered) // count)][:count]


if len(sys.argv) > 1:
    lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    stanzas = [line["xml"] for line in lines if "xml" in line]
    found = [re.search(r"<conference-modif(y|ied).*</conference-modif(y|ied)>", text) for text in stanzas]
    bodies = [match.group(0) for match in found if match]
    asked = [body for body in bodies if body.startswith("<conference-modify")]
    put("Colibri", sample(bodies, 12))
    put("Bridge", ["\n".join(asked[:count]) for count in (2, 4, 8)])
    put("XMPP", [STREAM + text for text in sample(stanzas, 10) if len(text) < 4000])

# FuzzSCTP: a mode (1 client, 2 from the beginning, 4 small packets, 8 no zero checksum), then operations: 0 gives the
# next packet, 3 changes it, 6 makes chunks, 7 repeats, 8 passes time, 9 sends, 10 commands.
put("SCTP", [
    bytes([0, 9, 100, 0, 0, 0, 0, 8, 20, 9, 200, 0, 0, 0, 8, 50, 0, 0]),
    bytes([2, 10, 1, 0, 0, 0, 8, 30, 0, 0, 10, 3, 0, 0]),
    bytes([3, 10, 0, 0, 0, 8, 30, 10, 1, 0, 0, 0]),
    bytes([4, 9, 255, 3, 1, 1, 20, 255, 1, 0, 3, 0, 0, 12, 1, 1, 8, 60, 0, 0]),
    bytes([8, 6, 0, 0, 3, 20, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 51, 1, 2, 3, 4, 5, 6, 7, 8, 8, 20]),
    bytes([0, 9, 200, 6, 0, 1, 0, 16, 0, 0, 0, 8, 0, 0, 200, 0, 0, 1, 0, 0, 0, 2, 0, 2, 8, 30]),
    bytes([0, 6, 0, 2, 0, 8, 0, 0, 0, 12, 0, 0, 0, 1, 6, 0, 3, 0, 24, 0, 13, 0, 18, 0, 0, 0, 1]),
    bytes([0, 10, 2, 0, 9, 90, 0, 8, 60, 10, 4, 0, 0, 8, 60, 10, 6, 0, 0, 8, 60]),
])


def said(operation, kind, members):
    """FuzzChannel: a text over the WebSocket (0) or the data channel (1): class, half the length, members."""
    data = members.encode()
    data += b" " * (len(data) % 2)
    return bytes([operation, 0, kind, len(data) // 2]) + data


# FuzzChannel: operations with a member: 0 and 1 say something, 2 record, 3 time, 4 speaker, 5 connectivity, 6 and 7
# WebSocket opens and closes, 8 backlog, 9 sources, 10 another endpoint of the number, 11 last-N.
put("Channel", [
    said(0, 1, '"lastN":-1,"assumedBandwidthBps":-1') + bytes([3, 0, 5]) + said(1, 1, '"defaultConstraints":{"maxHeight":360}')
    + bytes([3, 0, 5, 4, 0, 1, 2, 3, 0, 1]),
    said(0, 6, '"to":"","msgPayload":{"a":[1,2.5,"\\u0061"]}') + said(1, 6, '"to":"anna","from":"carl"') + bytes([3, 0, 1]),
    said(0, 4, '"sourceName":"1-v0","videoType":"none"') + said(1, 5, '"videoType":"desktop"') + bytes([9, 0, 2, 3, 0, 9]),
    said(1, 7, '"bitrate":{"download":0}') + bytes([5, 1, 8, 0, 255]) + said(0, 7, '"jvbRTT":3') + bytes([8, 0, 0, 3, 0, 50]),
    bytes([6, 1, 7, 0, 10, 1, 6, 0, 11, 1, 255]) + said(0, 3, '"mode":"Exclude","list":["x"]') + said(0, 2, '"lastN":2'),
    bytes([0, 0, 200, 20]) + b"{" * 40 + bytes([2, 1, 12]) + bytes(12),
])
