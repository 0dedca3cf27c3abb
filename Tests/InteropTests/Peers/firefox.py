# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""A headless Firefox with synthetic camera and microphone, driven by Marionette, its own remote protocol."""

import base64
import json
import os
import socket

from browser import Browser

PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    # Without these two it would show the network its default interface alone, which is not loopback.
    "permissions.default.camera": 1,
    "permissions.default.microphone": 1,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    # The bridge of the tests lives on loopback.
    "media.peerconnection.ice.loopback": True,
    # Tabs in the background must go on at full rate.
    "dom.min_background_timeout_value": 4,
    "dom.timeout.enable_budget_timer_throttling": False,
    # Nothing of the browser's own goes to the network.
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.systemAddon.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "marionette.port": 0,
}


class Firefox(Browser):
    """Use as a context."""

    def start(self):
        """Starts it and opens a session of its remote protocol."""
        with open(os.path.join(self.profile, "user.js"), "w", encoding="utf-8") as file:
            for name, value in PREFERENCES.items():
                file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
        self.run(
            ["firefox-esr", "--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile",
             self.profile, "about:blank"],
            {"HOME": self.profile, "MOZ_DISABLE_CONTENT_SANDBOX": "1"},
        )
        port = self.wait_for_port("MarionetteActivePort")
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.received, self.number = b"", 0
        self.receive()
        self.call("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"pageLoadStrategy": "none"}}})
        self.home = self.call("WebDriver:GetWindowHandle", {})["value"]

    def trust(self, authority):
        """Believes what is signed with a certificate, a PEM file. That Marionette takes any certificate does not hold
        for a page's WebSocket."""
        with open(authority, encoding="ascii") as file:
            text = "".join(line.strip() for line in file if not line.startswith("-----"))
        script = ('Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB)'
                  '.addCertFromBase64(arguments[0], "C,,");')
        self.call("Marionette:SetContext", {"value": "chrome"})
        self.call("WebDriver:ExecuteScript", {"script": script, "args": [text]})
        self.call("Marionette:SetContext", {"value": "content"})

    def open_tab(self, url):
        """Opens a page in a tab of its own; returns its handle."""
        tab = self.call("WebDriver:NewWindow", {"type": "tab", "focus": True})["handle"]
        self.switch_to(tab)
        self.call("WebDriver:Navigate", {"url": url})
        return tab

    def switch_to(self, tab):
        """Lets what follows act on a tab, and shows it."""
        self.call("WebDriver:SwitchToWindow", {"handle": tab, "focus": True})

    def close_tab(self, tab):
        """Closes a tab as a person does: the page is not asked."""
        self.switch_to(tab)
        self.call("WebDriver:CloseWindow", {})
        # Most commands need a tab that is there.
        self.switch_to(self.home)

    def picture(self, tab):
        """A picture of the tab, PNG."""
        self.switch_to(tab)
        return base64.b64decode(self.call("WebDriver:TakeScreenshot", {"full": False})["value"])

    def call(self, command, parameters):
        """Sends a command and returns its result."""
        self.number += 1
        text = json.dumps([0, self.number, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, number, error, result = self.receive()
        if error or number != self.number:
            raise RuntimeError(f"{command}: {error or number}")
        return result

    def receive(self):
        """The next message: its length in decimal, a colon, JSON."""
        while True:
            length, colon, rest = self.received.partition(b":")
            if colon and len(rest) >= int(length):
                self.received = rest[int(length):]
                return json.loads(rest[: int(length)])
            more = self.socket.recv(65536)
            if not more:
                raise RuntimeError("Firefox closed its remote protocol")
            self.received += more
