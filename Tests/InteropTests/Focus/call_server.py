# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""The focus of calls among browsers: a web server that gives them the page, their offers and their orders, and keeps
what they report."""

import contextlib
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

from plain_sdp import OfferBuilder, parse_answer

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Page")


class Focus:
    """Gives each tab its offers and keeps its reports. Every method runs under the one lock, `changed`."""

    def __init__(self, conference, channel=None, change_endpoint=None):
        """`channel` is the kind of bridge channel the tabs open; `change_endpoint` may change what an endpoint that
        was created tells its tab."""
        self.conference, self.channel = conference, channel
        self.change_endpoint = change_endpoint or (lambda endpoint: endpoint)
        self.changed = threading.Condition()
        self.builders, self.pending, self.reports, self.errors = {}, {}, {}, []
        self.orders, self.heard = {}, {}
        self.is_done = False
        self.left, self.published, self.answered = set(), set(), {}

    def join(self, name, body):
        """A tab came in; it says whether it may show a screen and has to be asked for several sizes of its camera."""
        endpoint = self.conference.join(name)
        self.change_endpoint(endpoint)
        self.builders[name] = OfferBuilder(
            self.conference, name, screen=body.get("screen", False), rids=body.get("rids", False))
        self.heard[name] = []
        answer = self.make_offer(self.builders[name])
        if self.channel:
            answer["channel"] = self.channel
        if self.channel == "websocket":
            answer["url"] = endpoint.web_sockets[0]
        return answer

    def answer(self, name, body):
        """A tab answered an offer; its first answer makes it known to the bridge and to the others."""
        self.answered[name] = self.builders[name].version
        self.changed.notify_all()
        client = parse_answer(body["sdp"], self.builders[name].screen)
        endpoint = self.conference.endpoints[name]
        if body["round"] == 0:
            self.conference.connect(name, client)
            endpoint.learn_sources(client)
            others = [one for one in self.builders if one != name and one not in self.left]
            self.offer_again(others)
            self.wait(5, lambda: all(self.is_up_to_date(one) for one in others))
            self.conference.publish(name)
            self.published.add(name)
            self.changed.notify_all()
        elif self.builders[name].generation is not None:
            # The answer to an offer that restarts ICE echoes its generation, once.
            self.conference.connect(name, client, self.builders[name].generation)
            if endpoint.generation == self.builders[name].generation:
                endpoint.generation = None
        return {}

    def show_screen(self, name):
        """Lets the others and the bridge know of a tab's second video."""
        self.conference.endpoints[name].shows_screen = True
        others = [one for one in self.builders if one != name and one not in self.left]
        self.offer_again(others)
        self.wait(5, lambda: all(self.is_up_to_date(one) for one in others))
        self.conference.publish(name)

    @staticmethod
    def make_offer(builder):
        """The next offer with what the page shows beside it."""
        return {"offer": builder.offer(), "owners": builder.owners()}

    def restart(self, name):
        """Restarts the ICE of a tab."""
        self.conference.restart(name)
        self.change_endpoint(self.conference.endpoints[name])
        self.offer_again([name])

    def offer_again(self, names):
        """Lets these tabs have a new offer."""
        for name in names:
            self.pending[name] = self.builders[name]
        self.changed.notify_all()

    def order(self, name, action, argument=None):
        """Lets a tab do something; the page says what there is."""
        self.orders.setdefault(name, []).append([action, argument])
        self.changed.notify_all()

    def is_up_to_date(self, name):
        """Whether a tab has answered the last offer there is for it."""
        return name not in self.pending and self.answered.get(name) == self.builders[name].version

    def poll(self, name, _):
        """Waits for the tab's next offer or orders, a second at most."""
        self.changed.wait_for(
            lambda: self.is_over(name) or name in self.pending or self.orders.get(name), timeout=1
        )
        if self.is_over(name):
            return {"done": True}
        builder = self.pending.pop(name, None)
        answer = self.make_offer(builder) if builder else {}
        return {**answer, "orders": self.orders.pop(name, [])}

    def report(self, name, body):
        """A tab's getStats, and what came over its bridge channel since the last time."""
        for event in body.get("channel", {}).pop("events", []):
            self.heard[name].append({"at": time.monotonic(), **event})
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

    def finish(self):
        """Lets all tabs stop."""
        self.is_done = True
        self.changed.notify_all()

    def wait(self, seconds, condition):
        """Waits until `condition` holds or time is up; says which."""
        return self.changed.wait_for(lambda: bool(self.errors) or condition(), timeout=seconds) and not self.errors

    @contextlib.contextmanager
    def released(self):
        """Lets go of the lock meanwhile."""
        self.changed.release()
        try:
            yield
        finally:
            self.changed.acquire()


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
            path = os.path.join(PAGE, os.path.basename(urlparse(self.path).path))
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
            except (BrokenPipeError, ConnectionResetError):
                pass
            except Exception as error:  # pylint: disable=broad-except
                with focus.changed:
                    focus.errors.append(f"{action}: {error!r}")
                    focus.changed.notify_all()
                self.send(500, "text/plain", repr(error).encode())

    return Handler


@contextlib.contextmanager
def serving(focus):
    """Serves the page; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(focus))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/call.html"
    finally:
        server.shutdown()
        server.server_close()
