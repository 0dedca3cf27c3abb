# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""A headless Chromium with synthetic camera and microphone, driven by its debugging port."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

FLAGS = [
    "--headless=new",
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
    "--remote-debugging-port=0",
]


class Chromium:
    """Use as a context: the browser ends with it."""

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="viaduct-chromium-")
        self.log = open(os.path.join(self.profile, "log"), "wb")
        self.process = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
            # So that nothing of it stays behind elsewhere.
            env={**os.environ, "TMPDIR": self.profile},
        )
        try:
            self.port = self.wait_for_port()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_for_port(self):
        """The debugging port, as soon as there is one."""
        port_file = os.path.join(self.profile, "DevToolsActivePort")
        deadline = time.monotonic() + 60
        while not (os.path.exists(port_file) and open(port_file).read().strip()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = open(self.log.name, errors="replace").read()
                raise RuntimeError(f"Chromium did not start: {text[-2000:]}")
            time.sleep(0.05)
        return int(open(port_file).read().split()[0])

    def open_tab(self, url):
        """Opens a page in a tab of its own."""
        address = f"http://127.0.0.1:{self.port}/json/new?{urllib.parse.quote(url, safe='')}"
        request = urllib.request.Request(address, method="PUT")
        with urllib.request.urlopen(request, timeout=30) as response:
            response.read()

    def __exit__(self, *_):
        # The whole group: its parts may outlive the first process.
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)
