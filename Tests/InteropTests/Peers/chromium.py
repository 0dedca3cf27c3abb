# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""A headless Chromium with synthetic camera and microphone, driven by its debugging port."""

import urllib.parse
import urllib.request

from browser import Browser

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


class Chromium(Browser):
    """Use as a context."""

    def start(self):
        """Starts it and learns its debugging port."""
        self.run(["chromium", *FLAGS, f"--user-data-dir={self.profile}", "about:blank"], {})
        self.port = self.wait_for_port("DevToolsActivePort")

    def open_tab(self, url):
        """Opens a page in a tab of its own."""
        address = f"http://127.0.0.1:{self.port}/json/new?{urllib.parse.quote(url, safe='')}"
        request = urllib.request.Request(address, method="PUT")
        with urllib.request.urlopen(request, timeout=30) as response:
            response.read()
