# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""A headless Chromium with synthetic camera and microphone, driven by its debugging pipe."""

import base64
import fcntl
import json
import os
import select
import time

from browser import Browser

FLAGS = [
    "--headless=new",
    "--window-size=1366,800",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # Tabs in the background must go on encoding and decoding at full rate.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    # The bridge of the tests lives on loopback.
    "--allow-loopback-in-peer-connection",
    # The certificate of the tests' proxy is signed by nobody that it knows.
    "--ignore-certificate-errors",
    # Commands on descriptor 3, answers on 4; it ends when they close.
    "--remote-debugging-pipe",
]


class Chromium(Browser):
    """Use as a context."""

    def start(self):
        """Starts it with a pipe for each direction."""
        ends = [*os.pipe(), *os.pipe()]
        # Out of the way of the numbers that the browser expects.
        moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
        theirs_in, self.commands, self.answers, theirs_out = moved
        for end in ends:
            os.close(end)
        self.received, self.number = b"", 0
        shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out} {theirs_in}<&- {theirs_out}>&-'
        command = ["chromium", *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        try:
            self.run(["bash", "-c", shell, "bash", *command], {}, pass_fds=(theirs_in, theirs_out))
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self.call("Browser.getVersion")

    def open_tab(self, url):
        """Opens a page in a tab of its own; returns its handle."""
        return self.call("Target.createTarget", {"url": url})["targetId"]

    def close_tab(self, tab):
        """Closes a tab as a person does: the page is not asked."""
        self.call("Target.closeTarget", {"targetId": tab})

    def picture(self, tab):
        """A picture of the tab, PNG."""
        self.call("Target.activateTarget", {"targetId": tab})
        session = self.call("Target.attachToTarget", {"targetId": tab, "flatten": True})["sessionId"]
        picture = self.call("Page.captureScreenshot", {"format": "png"}, session)
        self.call("Target.detachFromTarget", {"sessionId": session})
        return base64.b64decode(picture["data"])

    def call(self, command, parameters=None, session=None):
        """Sends a command and returns its result."""
        self.number += 1
        message = {"id": self.number, "method": command, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            answer = self.receive(deadline)
            # Everything else is news that nobody asked for.
            if answer.get("id") == self.number:
                break
        if "error" in answer:
            raise RuntimeError(f"{command}: {answer['error']}")
        return answer["result"]

    def receive(self, deadline):
        """The next message; each ends with a zero byte."""
        while b"\0" not in self.received:
            ready, _, _ = select.select([self.answers], [], [], max(0, deadline - time.monotonic()))
            more = os.read(self.answers, 65536) if ready else b""
            if not more:
                text = open(self.log.name, errors="replace").read()
                raise RuntimeError(f"Chromium does not answer: {text[-2000:]}")
            self.received += more
        message, _, self.received = self.received.partition(b"\0")
        return json.loads(message)

    def __exit__(self, *_):
        super().__exit__()
        for end in (self.commands, self.answers):
            os.close(end)
