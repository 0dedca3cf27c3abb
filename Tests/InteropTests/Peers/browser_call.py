# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Two browser tabs in a call through a bridge, a third that joins late, then the first leaves. In between the bridge is
stopped for some moments, so that it finds whole frames waiting and forwards them as such.

    browser_call.py --bridge HOST:PORT --pid PID [--browsers chromium,firefox,firefox]

Serves the page, plays the focus, and prints one JSON object: per tab the last report of the page, and what was seen.
The caller judges; the exit status only says whether the journey could be travelled.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

NAMES = ("aaaa0001", "bbbb0002", "cccc0003")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "Focus"), HERE]

from chromium import Chromium  # noqa: E402
from colibri import Bridge, Conference  # noqa: E402
from firefox import Firefox  # noqa: E402
from plain_sdp import OfferBuilder, parse_answer  # noqa: E402


class Focus:
    """Gives each tab its offers and keeps its reports. Every method runs under the one lock."""

    def __init__(self, conference):
        self.conference = conference
        self.changed = threading.Condition()
        self.builders, self.pending, self.reports, self.errors = {}, {}, {}, []
        self.is_done = False
        self.left, self.published, self.answered = set(), set(), {}

    def join(self, name, _):
        """A tab came in."""
        self.conference.join(name)
        self.builders[name] = OfferBuilder(self.conference, name)
        return {"offer": self.builders[name].offer()}

    def answer(self, name, body):
        """A tab answered an offer; its first answer makes it known to the bridge and to the others."""
        self.answered[name] = self.builders[name].version
        self.changed.notify_all()
        if body["round"] == 0:
            client = parse_answer(body["sdp"])
            self.conference.connect(name, client)
            self.conference.endpoints[name].learn_sources(client)
            others = [one for one in self.builders if one != name and one not in self.left]
            self.offer_again(others)
            self.wait(5, lambda: all(self.is_up_to_date(one) for one in others))
            self.conference.publish(name)
            self.published.add(name)
            self.changed.notify_all()
        return {}

    def offer_again(self, names):
        """Lets these tabs have a new offer."""
        for name in names:
            self.pending[name] = self.builders[name]
        self.changed.notify_all()

    def is_up_to_date(self, name):
        """Whether a tab has answered the last offer there is for it."""
        return name not in self.pending and self.answered.get(name) == self.builders[name].version

    def poll(self, name, _):
        """Waits for the tab's next offer, a second at most."""
        self.changed.wait_for(lambda: self.is_over(name) or name in self.pending, timeout=1)
        if self.is_over(name):
            return {"done": True}
        builder = self.pending.pop(name, None)
        return {"offer": builder.offer()} if builder else {}

    def report(self, name, body):
        """A tab's getStats."""
        self.reports[name] = body
        self.changed.notify_all()
        return {"done": self.is_over(name)}

    def error(self, name, body):
        """A tab's script failed."""
        self.errors.append(f"{name}: {body['error']}")
        self.changed.notify_all()
        return {}

    def is_over(self, name):
        """Whether the tab shall stop."""
        return self.is_done or name in self.left

    def leave(self, name):
        """Expires a tab's endpoint and offers the others its absence."""
        self.left.add(name)
        self.conference.leave(name)
        self.offer_again([other for other in self.builders if other not in self.left])

    def wait(self, seconds, condition):
        """Waits until `condition` holds or time is up; says which."""
        return self.changed.wait_for(lambda: bool(self.errors) or condition(), timeout=seconds) and not self.errors


def make_handler(focus):
    """The web server's half of the focus."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def send(self, status, kind, body):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            path = os.path.join(HERE, "..", "Page", os.path.basename(urlparse(self.path).path))
            if not os.path.isfile(path):
                return self.send(404, "text/plain", b"")
            kind = "text/html" if path.endswith(".html") else "text/javascript"
            with open(path, "rb") as page:
                self.send(200, kind, page.read())

        def do_POST(self):
            url = urlparse(self.path)
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            actions = {"join", "answer", "poll", "report", "error"}
            action = url.path.strip("/")
            if action not in actions:
                return self.send(404, "text/plain", b"")
            try:
                with focus.changed:
                    answer = getattr(focus, action)(parse_qs(url.query)["name"][0], body)
                self.send(200, "application/json", json.dumps(answer).encode())
            except BrokenPipeError:
                pass
            except Exception as error:  # pylint: disable=broad-except
                with focus.changed:
                    focus.errors.append(f"{action}: {error!r}")
                    focus.changed.notify_all()
                self.send(500, "text/plain", repr(error).encode())

    return Handler


def seen(report, kind, key, least):
    """How many remote sources of a kind have reached a count."""
    return sum(1 for one in report.get("inbound", []) if one["kind"] == kind and one[key] > least)


def is_in_touch(report, others, frames=15):
    """Whether a tab sees and hears so many others."""
    sees = seen(report, "video", "framesDecoded", frames) >= others
    return sees and seen(report, "audio", "audioEnergy", 0) >= others


def stall(pid):
    """Stops the bridge for some moments."""
    for _ in range(10):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.07)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.1)


def travel(focus, browsers, page, pid):
    """The journey, each tab in its browser; returns what happened at each station."""
    stations = {}

    def reports(*names):
        return [focus.reports.get(name, {}) for name in names]

    with focus.changed:
        for name, browser in zip(NAMES[:2], browsers):
            focus.changed.release()
            browser.open_tab(f"{page}?name={name}")
            focus.changed.acquire()
            focus.wait(30, lambda name=name: name in focus.published)
        stations["two"] = focus.wait(40, lambda: all(is_in_touch(r, 1) for r in reports(*NAMES[:2])))
        focus.changed.release()
        browsers[2].open_tab(f"{page}?name={NAMES[2]}")
        focus.changed.acquire()
        stations["three"] = focus.wait(40, lambda: all(is_in_touch(r, 2) for r in reports(*NAMES)))
        if stations["three"]:
            before = dict(focus.reports)

            def goes_on(name):
                def frames(report):
                    return sum(one["framesDecoded"] for one in report["inbound"] if one["kind"] == "video")

                return frames(focus.reports[name]) > frames(before[name]) + 15

            focus.changed.release()
            stall(pid)
            focus.changed.acquire()
            before = dict(focus.reports)
            stations["after_stalls"] = focus.wait(20, lambda: all(goes_on(name) for name in NAMES))
            stations["reports"] = dict(focus.reports)
            focus.leave(NAMES[0])
            before = dict(focus.reports)
            stations["after_leaving"] = focus.wait(20, lambda: all(goes_on(name) for name in NAMES[1:]))
        focus.is_done = True
        focus.changed.notify_all()
    return stations


def main():
    """Reads arguments, travels, prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bridge", required=True)
    parser.add_argument("--pid", required=True, type=int)
    parser.add_argument("--browsers", default="chromium,chromium,chromium", help="of the three tabs, in their order")
    arguments = parser.parse_args()
    # Whoever ends this program ends the browser, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    host, port = arguments.bridge.rsplit(":", 1)
    conference = Conference(Bridge(host, int(port)))
    focus = Focus(conference)
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(focus))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        kinds = arguments.browsers.split(",")
        running = {kind: stack.enter_context({"chromium": Chromium, "firefox": Firefox}[kind]()) for kind in set(kinds)}
        browsers = [running[kind] for kind in kinds]
        page = f"http://127.0.0.1:{server.server_address[1]}/call.html"
        stations = travel(focus, browsers, page, arguments.pid)
        time.sleep(0.3)
    server.shutdown()
    result = {**stations, "errors": focus.errors, "seconds": round(time.monotonic() - started, 1)}
    try:
        conference.end()
    except Exception as error:  # pylint: disable=broad-except
        result["errors"].append(f"end: {error!r}")
    print(json.dumps(result))


main()
