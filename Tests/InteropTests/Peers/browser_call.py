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
import time

NAMES = ("aaaa0001", "bbbb0002", "cccc0003")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "Focus"), HERE]

from call_server import Focus, serving  # noqa: E402
from chromium import Chromium  # noqa: E402
from colibri import Bridge, Conference  # noqa: E402
from firefox import Firefox  # noqa: E402


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
            with focus.released():
                browser.open_tab(f"{page}?name={name}")
            focus.wait(30, lambda name=name: name in focus.published)
        stations["two"] = focus.wait(40, lambda: all(is_in_touch(r, 1) for r in reports(*NAMES[:2])))
        with focus.released():
            browsers[2].open_tab(f"{page}?name={NAMES[2]}")
        stations["three"] = focus.wait(40, lambda: all(is_in_touch(r, 2) for r in reports(*NAMES)))
        if stations["three"]:
            before = dict(focus.reports)

            def goes_on(name):
                def frames(report):
                    return sum(one["framesDecoded"] for one in report["inbound"] if one["kind"] == "video")

                return frames(focus.reports[name]) > frames(before[name]) + 15

            with focus.released():
                stall(pid)
            before = dict(focus.reports)
            stations["after_stalls"] = focus.wait(20, lambda: all(goes_on(name) for name in NAMES))
            stations["reports"] = dict(focus.reports)
            focus.leave(NAMES[0])
            before = dict(focus.reports)
            stations["after_leaving"] = focus.wait(20, lambda: all(goes_on(name) for name in NAMES[1:]))
        focus.finish()
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
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        kinds = arguments.browsers.split(",")
        running = {kind: stack.enter_context({"chromium": Chromium, "firefox": Firefox}[kind]()) for kind in set(kinds)}
        page = stack.enter_context(serving(focus))
        stations = travel(focus, [running[kind] for kind in kinds], page, arguments.pid)
        time.sleep(0.3)
    result = {**stations, "errors": focus.errors, "seconds": round(time.monotonic() - started, 1)}
    try:
        conference.end()
    except Exception as error:  # pylint: disable=broad-except
        result["errors"].append(f"end: {error!r}")
    print(json.dumps(result))


main()
