# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""A network address translator between a client and the bridge: to the bridge the client has the translator's address,
and gets another one when it moves, without either being told."""

import selectors
import socket
import threading


class Translator:
    """Passes datagrams between whoever writes to its address and the bridge. Use as a context."""

    def __init__(self, target):
        self.target = target
        self.inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inner.bind(("127.0.0.1", 0))
        self.address = self.inner.getsockname()
        # An outer address for each socket of the client, as translators have it.
        self.outer = {}
        self.host = "127.0.0.1"
        self.selector = selectors.DefaultSelector()
        self.lock = threading.Lock()
        self.is_open = True
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.selector.register(self.inner, selectors.EVENT_READ, None)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_open = False
        self.thread.join(5)
        self.forget_all()
        self.inner.close()
        self.selector.close()

    def move(self, host):
        """From now on the client has other outer addresses, on this host; what comes to the old ones is lost."""
        with self.lock:
            self.host = host
            self.forget_all()

    def forget_all(self):
        """Closes the outer sockets."""
        for outside in self.outer.values():
            self.selector.unregister(outside)
            outside.close()
        self.outer.clear()

    def run(self):
        """Passes datagrams until it is closed."""
        while self.is_open:
            # Which sockets are ready is known before the lock is taken: one may have been closed by then.
            ready = self.selector.select(0.1)
            with self.lock:
                for key, _ in ready:
                    try:
                        self.carry(key)
                    except OSError:
                        # The bridge or the client is gone, or the socket.
                        pass

    def carry(self, key):
        """One datagram from one side to the other."""
        if key.data is None:
            data, client = self.inner.recvfrom(65536)
            self.outside(client).send(data)
        elif self.outer.get(key.data) is key.fileobj:
            self.inner.sendto(key.fileobj.recv(65536), key.data)

    def outside(self, client):
        """The socket by which a client's address is seen outside."""
        if client not in self.outer:
            outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            outside.bind((self.host, 0))
            outside.connect(self.target)
            self.outer[client] = outside
            self.selector.register(outside, selectors.EVENT_READ, client)
        return self.outer[client]
