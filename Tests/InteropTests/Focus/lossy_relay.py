# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""A relay between a client and the bridge that loses a share of the datagrams in either direction.

    lossy_relay.py HOST:PORT SEED

prints its own address, reads the share that is lost from its input, a line each time, and ends with it. A process of
its own, since nothing shall wait but what waits for the network.
"""

import os
import random
import selectors
import socket
import subprocess
import sys


class LossyRelay:
    """The relay as its user sees it. Use as a context."""

    def __init__(self, target, seed):
        self.command = [sys.executable, os.path.abspath(__file__), f"{target[0]}:{target[1]}", str(seed)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        host, port = self.process.stdout.readline().rsplit(":", 1)
        self.address = host, int(port)
        return self

    def lose(self, share):
        """From now on so much is lost."""
        self.process.stdin.write(f"{share}\n")
        self.process.stdin.flush()

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run(target, seed):
    """Passes datagrams until there is no input any more."""
    chance, share = random.Random(seed), 0.0
    inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    inner.bind(("127.0.0.1", 0))
    print("{}:{}".format(*inner.getsockname()), flush=True)
    selector = selectors.DefaultSelector()
    selector.register(inner, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    # An address towards the bridge for each of the client's, and back.
    outer, clients = {}, {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                share = float(line)
                continue
            try:
                data, source = key.fileobj.recvfrom(65536)
                if chance.random() < share:
                    continue
                if key.fileobj is not inner:
                    inner.sendto(data, clients[key.fileobj])
                    continue
                if source not in outer:
                    outside = outer[source] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    outside.connect(target)
                    clients[outside] = source
                    selector.register(outside, selectors.EVENT_READ)
                outer[source].send(data)
            except ConnectionError:
                # Whoever it was for is gone.
                pass


if __name__ == "__main__":
    bridge_host, bridge_port = sys.argv[1].rsplit(":", 1)
    run((bridge_host, int(bridge_port)), int(sys.argv[2]))
