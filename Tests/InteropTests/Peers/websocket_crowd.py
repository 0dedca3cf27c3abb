# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Opens COUNT WebSockets, has each say something and hear it again, says so and keeps them until its input ends.

Usage: websocket_crowd.py COUNT URL"""
import ssl
import sys

import websocket

clients = []
for number in range(int(sys.argv[1])):
    client = websocket.create_connection(
        sys.argv[2], timeout=20, sslopt={"cert_reqs": ssl.CERT_NONE, "check_hostname": False},
        header=["Sec-WebSocket-Extensions: permessage-deflate"])
    client.send("all the same " * 5)
    assert client.recv() == "all the same " * 5
    clients.append(client)
print("ready", flush=True)
sys.stdin.read()
