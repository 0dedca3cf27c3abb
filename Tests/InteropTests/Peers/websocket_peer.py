# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""A WebSocket client by one of two libraries: says things, expects them back, ends in order; prints what it saw as JSON.

Usage: websocket_peer.py LIBRARY URL [CA-FILE]; LIBRARY is websockets, websockets-plain or websocket-client."""
import json
import ssl
import sys

LIBRARY, URL = sys.argv[1:3]
CONTEXT = None
if URL.startswith("wss:"):
    CONTEXT = ssl.create_default_context(cafile=sys.argv[3])
MESSAGES = ["", "a", "grüße \U0001F600", "x" * 125, "x" * 126, "x" * 65_535, "x" * 65_536] + [
    json.dumps({"colibriClass": "EndpointMessage", "n": number, "text": "again and again " * number})
    for number in range(60)
]


def with_websockets(compression):
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    with connect(URL, ssl=CONTEXT, compression=compression, proxy=None) as client:
        echoes = []
        for message in MESSAGES:
            client.send(message)
        for _ in MESSAGES:
            echoes.append(client.recv(timeout=10))
        # A message in pieces, with a ping between them.
        client.send(iter(["one ", "two ", "three"]))
        echoes.append(client.recv(timeout=10))
        pong = client.ping(b"are you there").wait(10)
        client.send("bye")
        try:
            client.recv(timeout=10)
            end = None
        except ConnectionClosed as error:
            end = [error.rcvd.code, error.rcvd.reason]
        extensions = [type(extension).__name__ for extension in client.protocol.extensions]
    return echoes == MESSAGES + ["one two three"], pong, end, extensions


def with_websocket_client():
    import websocket

    client = websocket.WebSocket(sslopt={"context": CONTEXT} if CONTEXT else None)
    client.connect(URL, timeout=10)
    for message in MESSAGES:
        client.send(message)
    echoes = [client.recv() for _ in MESSAGES]
    client.ping("are you there")
    opcode, data = client.recv_data(control_frame=True)
    client.send("bye")
    closing, reason = client.recv_data(control_frame=True)
    end = [int.from_bytes(reason[:2], "big"), reason[2:].decode()] if closing == websocket.ABNF.OPCODE_CLOSE else None
    client.close()
    return echoes == MESSAGES, opcode == websocket.ABNF.OPCODE_PONG and data == b"are you there", end, []


def refusal():
    """The status with which a URL is refused; 101 when it is not."""
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    try:
        connect(URL, ssl=CONTEXT, proxy=None).close()
        return 101
    except InvalidStatus as error:
        return error.response.status_code


if LIBRARY == "refusal":
    print(json.dumps({"status": refusal()}))
else:
    same, pong, end, extensions = (
        with_websocket_client() if LIBRARY == "websocket-client"
        else with_websockets("deflate" if LIBRARY == "websockets" else None))
    print(json.dumps({"same": same, "pong": bool(pong), "end": end, "extensions": extensions}))
