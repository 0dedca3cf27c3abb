# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Two endpoints of one conference on their WebSockets, as a client would use them; prints what they saw as JSON.

Usage: websocket_channel.py BRIDGE-URL; makes the conference over HTTP and takes the first address of each endpoint."""
import contextlib
import json
import sys
import urllib.request

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

BRIDGE = sys.argv[1] + "/colibri/v2/conferences"


def ask(method, url, body):
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


SOCKETS = contextlib.ExitStack()


def dial(url):
    return SOCKETS.enter_context(connect(url, proxy=None, open_timeout=10))


def status(url):
    try:
        dial(url).close()
        return 101
    except InvalidStatus as error:
        return error.response.status_code


def message(client, name):
    """The next message of a class; others are passed over."""
    while True:
        text = json.loads(client.recv(timeout=10))
        if text["colibriClass"] == name:
            return text


def end(client):
    try:
        while True:
            client.recv(timeout=10)
    except ConnectionClosed as error:
        return [error.rcvd.code, error.rcvd.reason] if error.rcvd else None


def endpoint(name):
    """The body that makes an endpoint."""
    return {"endpoints": [{"id": name, "create": True, "capabilities": ["source-names"], "transport": {
        "ice-controlling": True}}]}


def addresses(answer):
    return answer["endpoints"][0]["transport"]["transport"]["web-sockets"]


meeting = {"meeting-id": "ws", "name": "ws@conference.test", "create": True}
urls = {"aaaaaaaa": addresses(ask("POST", BRIDGE, meeting | endpoint("aaaaaaaa"))),
        "bbbbbbbb": addresses(ask("PATCH", BRIDGE + "/ws", endpoint("bbbbbbbb")))}
a_url, b_url = urls["aaaaaaaa"][0], urls["bbbbbbbb"][0]
seen = {"addresses": len(urls["aaaaaaaa"])}
a, b = dial(a_url), dial(b_url)
seen["hello"] = [json.loads(client.recv(timeout=10)) for client in (a, b)]
seen["extensions"] = [type(extension).__name__ for extension in a.protocol.extensions]
for number in range(50):
    a.send(json.dumps({"colibriClass": "EndpointMessage", "to": "", "msgPayload": {"n": number, "text": "x" * 200}}))
seen["numbers"] = [message(b, "EndpointMessage")["msgPayload"]["n"] for _ in range(50)] == list(range(50))
b.send(json.dumps({"colibriClass": "EndpointMessage", "to": "aaaaaaaa", "msgPayload": "hi"}))
seen["from"] = message(a, "EndpointMessage")["from"]
# The same address again takes the place of the first.
again = dial(a_url)
seen["replaced"] = end(a)
seen["helloAgain"] = json.loads(again.recv(timeout=10))
head, password = a_url.split("?pwd=")
conference = head.split("/")[-2]
seen["refused"] = [status(url) for url in (
    head + "?pwd=" + "x" * 24, a_url.replace("aaaaaaaa", "cccccccc"), a_url.replace(conference, "0123456789abcdef"),
    head, a_url.replace("/aaaaaaaa", ""))]
direct = urls["aaaaaaaa"][-1]
seen["otherServer"] = status(direct.replace("jvb-1", "jvb-2"))
ask("PATCH", BRIDGE + "/ws", {"endpoints": [{"id": "aaaaaaaa", "expire": True}]})
seen["expired"] = end(again)
seen["afterwards"] = status(a_url)
b.send(json.dumps({"colibriClass": "ClientHello"}))
seen["stillThere"] = message(b, "ServerHello")
SOCKETS.close()
print(json.dumps(seen))
