# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Calls of browser tabs about the pictures that each gets: sizes, limits, losses, screens, codecs.

    pictures.py --bridge HOST:PORT --media HOST:PORT --pictures FOLDER CALL...

Prints one JSON object: per call and station whether it was reached, what was missed, figures. The caller judges. A
station at which the machine was too slow, as the sender's browser says, is travelled to again.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "Focus"), HERE]

from call_server import serving  # noqa: E402
from chromium import Chromium  # noqa: E402
from colibri import Bridge  # noqa: E402
from conversation import Call, Missed  # noqa: E402
from firefox import Firefox  # noqa: E402
from lossy_relay import LossyRelay  # noqa: E402

SENDER, SECOND, THIRD = "aaaa0001", "bbbb0002", "cccc0003"
# One camera is large, as two processors are few.
LARGE = "1280x720x15&layers=sizes"


class PictureCall(Call):
    """A call whose tabs watch their pictures."""

    looks = 0

    @property
    def pictured(self):
        """Those who look, rather than the one they look at."""
        return self.tabs

    def look(self):
        """Lets everybody's watch begin anew."""
        self.looks += 1
        for name in self.here:
            self.focus.order(name, "look", self.looks)
        self.need(10, "the watches run", lambda: all(
            self.watch(name).get("number") == self.looks and self.watch(name)["seconds"] > 0.2 for name in self.here))

    def watch(self, name):
        """What a tab's watch has seen."""
        return self.focus.reports.get(name, {}).get("pictures", {})

    def seen(self, name, owner=SENDER, index=0):
        """What a tab's watch has seen of a video."""
        ssrc = self.conference.endpoints[owner].videos[index].shown[0]
        return self.watch(name).get("inbound", {}).get(str(ssrc), {})

    def frames(self, name, owner=SENDER, index=0):
        """How many pictures a tab has got of a video since its watch began."""
        return self.seen(name, owner, index).get("count", 0)

    def height(self, name, owner=SENDER, index=0):
        """The height of the last picture that a tab has got of a video."""
        heights = self.seen(name, owner, index).get("heights") or [[0, 0]]
        return heights[-1][1]

    def sent(self, owner=SENDER, index=0):
        """How many pictures an owner has sent in each encoding since its watch began."""
        outbound = self.watch(owner).get("outbound", {})
        return [outbound.get(str(ssrc), {}).get("count", 0)
                for ssrc in self.conference.endpoints[owner].videos[index].encodings]

    def ask(self, name, *heights, others=180, last_n=-1, selected=()):
        """Lets a tab say what it wants to see: pairs of a source and its height, and of all others."""
        self.send(name, colibriClass="ReceiverVideoConstraints", lastN=last_n, selectedSources=list(selected),
                  assumedBandwidthBps=-1, defaultConstraints={"maxHeight": others},
                  constraints={source: {"maxHeight": height} for source, height in heights})

    def metrics(self, *names):
        """Counters of the bridge."""
        _, text = self.bridge.call("GET", "/metrics")
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")
        return {name: float(values[f"viaduct_{name}_total"]) for name in names}

    def need_height(self, seconds, height, names, *source):
        """Waits until these tabs get pictures of this height; says how long it took."""
        started = time.monotonic()
        self.need(seconds, f"{height} lines ({source or 'camera'}, {names})", lambda: all(
            self.height(name, *source) == height for name in names))
        return round(time.monotonic() - started, 2)

    def excuse(self, is_good):
        """What says that the machine was too slow, if anything does. That the watches paused or the camera did, in the
        encoding that most pictures were sent in, excuses what is not good."""
        if "cpu" in self.watch(SENDER).get("reasons", []):
            return "cpu"
        if is_good:
            return None
        camera = max(self.watch(SENDER)["outbound"].values(), key=lambda one: one["count"])["longest"]
        blind = max(self.watch(name)["blind"] for name in self.here)
        if max(camera, blind) > 300:
            return f"the camera paused for {camera:.0f} ms, the watches for {blind:.0f} ms"
        return None


def fairly(call, measure, *arguments):
    """Measures again while the machine is to blame. `measure` says what it measured and whether that is good."""
    excuses = []
    for _ in range(4):
        figures, is_good = measure(call, *arguments)
        excuse = call.excuse(is_good)
        if not excuse:
            return {**figures, "excuses": excuses}
        excuses.append(excuse)
    raise Missed(f"the machine is too slow: {excuses}, {figures}")


def v(name, index=0):
    """The name of a participant's video."""
    return f"{name}-v{index}"


def latecomer(call):
    """Who comes late sees the others at once."""
    call.enter(THIRD, "320x180x10&look=1")
    call.need(10, "the latecomer sees both", lambda: all(call.frames(THIRD, one) > 3 for one in (SENDER, SECOND)))
    report = call.focus.reports[THIRD]
    firsts = [call.seen(THIRD, one)["firstAt"] + call.watch(THIRD)["begin"] for one in (SENDER, SECOND)]
    return {"sinceJoin": report["firstPictureMilliseconds"],
            "sinceAsked": [round(first - report["channel"]["askedAt"]) for first in firsts]}


def constraints(call):
    """180, 720 and again 180 lines, for all the others at the same time, without a freeze."""
    call.look()
    call.need_height(20, 180, call.others(SENDER))
    return fairly(call, up_and_down)


def up_and_down(call):
    """What they see of it."""
    receivers = call.others(SENDER)
    call.look()
    figures = {}
    for step, height, limit in (("up", 720, 30), ("down", 180, 10)):
        for name in receivers:
            call.ask(name, (v(SENDER), height))
        figures[step] = call.need_height(limit, height, receivers)
        # Some seconds of it.
        before = {name: call.frames(name) for name in receivers}
        call.need(20, f"{height} lines go on", lambda before=before: all(
            call.frames(name) > count + 30 for name, count in before.items()))
    figures["heights"] = {name: [height for _, height in call.seen(name)["heights"]] for name in receivers}
    figures["pauses"] = {name: round(call.seen(name)["longest"]) for name in receivers}
    figures["frozen"] = {name: call.seen(name)["frozen"] for name in receivers}
    figures["lost"] = sum(call.counts(receivers, [SENDER], "video", "packetsLost").values())
    return figures, max(figures["pauses"].values()) < 500


def unwatched(call):
    """When nobody wants to see the camera it is told so and sends nothing, and again when somebody does."""
    return fairly(call, away_and_back)


def away_and_back(call):
    """How long it takes until it is seen again."""
    receivers = call.others(SENDER)
    since = call.mark()
    for name in receivers:
        call.ask(name, others=0)
    call.need(10, "the sender is told that nobody watches", lambda: told_heights(call, since)[-1:] == [0])
    call.need(10, "the camera stops", lambda: call.watch(SENDER)["outbound"] and is_still(call, [call.sent]))
    call.look()
    started, since = time.monotonic(), call.mark()
    for name in receivers:
        call.ask(name)
    call.need(10, "the camera is seen again", lambda: all(call.frames(name) > 0 for name in receivers))
    seconds = time.monotonic() - started
    if told_heights(call, since)[-1:] != [180]:
        raise Missed(f"the sender was told {told_heights(call, since)}")
    return {"secondsUntilBack": seconds}, seconds < 2


def told_heights(call, since):
    """What the bridge has told the sender of its camera."""
    return [event["maxHeight"] for event in call.heard(SENDER, "SenderSourceConstraints", since)
            if event["sourceName"] == v(SENDER)]


def is_still(call, counts, seconds=1.0):
    """Whether counts do not change for some time."""
    before = [count() for count in counts]
    return not call.focus.wait(seconds, lambda: [count() for count in counts] != before)


def last_n(call):
    """Of two cameras one is seen, by the receiver's choice; then the other; then both."""
    for chosen, other in ((SENDER, THIRD), (THIRD, SENDER)):
        since = call.mark()
        call.ask(SECOND, last_n=1, selected=[v(chosen)])
        call.need(10, f"it is told of {chosen} alone", lambda chosen=chosen, since=since: [
            event["forwardedSources"] for event in call.heard(SECOND, "ForwardedSources", since)][-1:] == [[v(chosen)]])
        call.need(10, f"{other} stops", lambda other=other: is_still(call, [lambda: call.frames(SECOND, other)]))
        count = call.frames(SECOND, chosen)
        call.need(10, f"{chosen} goes on", lambda chosen=chosen, count=count: call.frames(SECOND, chosen) > count + 10)
    call.ask(SECOND)
    before = {one: call.frames(SECOND, one) for one in (SENDER, THIRD)}
    call.need(10, "both are seen", lambda: all(call.frames(SECOND, one) > before[one] + 10 for one in before))


def camera(call):
    """The camera is switched off, on again, in the middle of its largest size."""
    receivers = call.others(SENDER)
    for name in receivers:
        call.ask(name, (v(SENDER), 720))
    call.need_height(30, 720, receivers)
    figures = fairly(call, off_and_on)
    call.need_height(30, 720, receivers)
    for name in receivers:
        call.ask(name)
    call.need_height(10, 180, receivers)
    return figures


def off_and_on(call):
    """How long it takes until it is seen again."""
    call.focus.order(SENDER, "camera", False)
    call.need(10, "nothing is sent", lambda: is_still(call, [call.sent]))
    call.look()
    started = time.monotonic()
    call.focus.order(SENDER, "camera", True)
    call.need(10, "the camera is back", lambda: all(call.frames(name) > 0 for name in call.others(SENDER)))
    seconds = time.monotonic() - started
    return {"secondsUntilBack": seconds}, seconds < 2


def screen(call):
    """A screen beside the camera, three times."""
    figures = {"secondsUntilSeen": [], "encodings": []}
    receiver = call.others(SENDER)[0]
    for number in range(3):
        call.look()
        started = time.monotonic()
        call.focus.order(SENDER, "screen", True)
        if number == 0:
            call.focus.show_screen(SENDER)
            call.ask(receiver, (v(SENDER, 1), 2160))
        call.need(10, f"screen {number} is seen", lambda: call.frames(receiver, SENDER, 1) > 0)
        figures["secondsUntilSeen"].append(time.monotonic() - started)
        call.need_height(20, 720, [receiver], SENDER, 1)
        count = call.frames(receiver, SENDER, 1)
        call.need(10, "the screen goes on", lambda count=count: call.frames(receiver, SENDER, 1) > count + 20)
        call.need(10, "the camera is seen, too", lambda: call.frames(receiver) > 10)
        figures["encodings"].append([count > 0 for count in call.sent(SENDER, 1)])
        if number < 2:
            call.focus.order(SENDER, "screen", False)
            call.need(10, "the screen stops", lambda: is_still(call, [lambda: call.frames(receiver, SENDER, 1)]))
    return figures


REPAIRS = ("nacks_sent", "packets_repaired", "repeats_received", "repeats_asked_for", "repeats_sent")


def losses(call):
    """A twentieth of all datagrams is lost, to and from everybody: the pictures run on."""
    receiver = call.others(SENDER)[0]
    call.look()
    call.ask(receiver, (v(SENDER), 720))
    call.need_height(30, 720, [receiver])
    return fairly(call, lose, receiver)


def lose(call, receiver):
    """What comes in twenty seconds, and what each side has repaired."""
    before = call.metrics(*REPAIRS)
    call.look()
    for relay in call.translators.values():
        relay.lose(0.05)
    call.need(60, "20 s of lossy pictures", lambda: call.watch(receiver)["seconds"] > 20)
    watch, seen = call.watch(receiver), call.seen(receiver)
    sent = call.watch(SENDER)["outbound"].values()
    counters = call.metrics(*REPAIRS)
    for relay in call.translators.values():
        relay.lose(0)
    figures = {
        "watched": watch["seconds"], "frames": seen["count"], "frozen": {receiver: seen["frozen"]},
        "pauses": {receiver: seen["longest"]}, "heights": {receiver: [height for _, height in seen["heights"]]},
        "repairs": {
            "receiver": {"nacks": seen["nacks"], "repeats": seen["repeats"]},
            "sender": {"nacks": sum(one["nacks"] for one in sent), "repeats": sum(one["repeats"] for one in sent)},
            "bridge": {name: counters[name] - before[name] for name in REPAIRS},
        },
        "available": call.focus.reports[SENDER].get("available"),
    }
    return figures, seen["frozen"] <= 0.01 * watch["seconds"]


def layers(call):
    """One stream with several heights inside: who wants the smaller one gets it while another wants the larger one."""
    call.enter(THIRD)
    call.look()
    call.ask(THIRD, (v(SENDER), 360))
    call.need_height(20, 360, [THIRD])
    call.need_height(20, 180, [SECOND])
    # Chromium sends the larger one once its own estimate has grown, and may take it back for a moment.
    for _ in range(5):
        call.look()
        call.need(20, "two seconds are seen", lambda: call.watch(THIRD)["seconds"] > 2)
        if [height for _, height in call.seen(THIRD)["heights"]] == [360]:
            break
    return fairly(call, larger_and_smaller)


def larger_and_smaller(call):
    """What both see while one of them changes its mind."""
    call.look()
    figures = {}
    for step, height in (("up", 360), ("down", 180)):
        call.ask(SECOND, (v(SENDER), height))
        figures[step] = call.need_height(20, height, [SECOND])
        before = {name: call.frames(name) for name in (SECOND, THIRD)}
        call.need(20, f"{height} lines go on", lambda before=before: all(
            call.frames(name) > count + 30 for name, count in before.items()))
    figures["heights"] = {name: [height for _, height in call.seen(name)["heights"]] for name in (SECOND, THIRD)}
    figures["pauses"] = {name: round(call.seen(name)["longest"]) for name in (SECOND, THIRD)}
    return figures, max(figures["pauses"].values()) < 500


def codec(call):
    """What is sent in and by what, and read by what."""
    receiver = call.others(SENDER)[0]
    sent = [one for one in call.focus.reports[SENDER]["outbound"] if one["kind"] == "video" and one["framesSent"] > 0]
    got = call.inbound(receiver, SENDER, "video")
    return {"sent": [[one.get("codec"), one.get("by"), one.get("mode")] for one in sent],
            "got": [got.get("codec"), got.get("by")]}


def sizes(call):
    """Chromium sends VP8 in three sizes, Firefox and Chromium watch."""
    call.enter(SENDER, LARGE)
    call.enter(SECOND)
    call.look()
    call.need_height(20, 180, [SECOND])
    call.visit(latecomer)
    call.visit(constraints)
    call.visit(last_n)
    call.visit(unwatched)
    call.visit(camera)


def firefox(call):
    """Firefox sends VP8 in three sizes, the largest first."""
    call.enter(SENDER, LARGE)
    call.enter(SECOND)
    call.visit(constraints)
    call.visit(codec)


def share(call):
    """Chromium sends its camera and its screen."""
    call.enter(SENDER, "640x360x15&layers=sizes&screen=1")
    call.enter(SECOND)
    call.look()
    call.need_height(20, 180, [SECOND])
    call.visit(screen)


def lossy(call):
    """Whatever way it goes, something is lost of it."""
    call.enter(SENDER, LARGE)
    call.enter(SECOND)
    call.visit(losses)


def scalable(call):
    """Chromium sends another codec, all layers in one stream."""
    call.enter(SENDER, "640x360x15&layers=SVC")
    call.enter(SECOND)
    call.visit(layers)
    call.visit(codec)


def other_sizes(call):
    """Chromium sends another codec in three sizes."""
    call.enter(SENDER, LARGE)
    call.enter(SECOND)
    call.visit(constraints)
    call.visit(codec)


TWO = {SENDER: "chromium", SECOND: "chromium"}
THREE = {**TWO, THIRD: "chromium"}
CALLS = {
    "sizes": (sizes, {"kinds": {SENDER: "chromium", SECOND: "firefox", THIRD: "chromium"}}),
    "firefox": (firefox, {"kinds": {SENDER: "firefox", SECOND: "chromium"}}),
    "screen": (share, {"kinds": TWO}),
    "lossy": (lossy, {"kinds": TWO, "lossy": (SENDER, SECOND)}),
    "VP9": (scalable, {"kinds": THREE, "codecs": ("VP9", "VP8")}),
    "AV1": (scalable, {"kinds": THREE, "codecs": ("AV1", "VP8")}),
    "H264": (other_sizes, {"kinds": TWO, "codecs": ("H264", "VP8")}),
}


def hold(bridge, media, browsers, folder, title):
    """A whole call; returns its stations."""
    way, settings = CALLS[title]
    settings = {"codecs": ("VP8",), "lossy": (), **settings}
    with contextlib.ExitStack() as stack:
        relays = {name: stack.enter_context(LossyRelay(media, seed))
                       for seed, name in enumerate(settings["lossy"])}
        call = PictureCall(bridge, browsers, folder, title, "sctp", relays, kinds=settings["kinds"],
                           codecs=settings["codecs"], descriptors=True)
        call.page = stack.enter_context(serving(call.focus))
        with call.focus.changed:
            try:
                way(call)
            except Exception as error:  # pylint: disable=broad-except
                call.focus.errors.append(str(error) if isinstance(error, Missed) else repr(error))
            reports = {name: {key: call.focus.reports[name].get(key) for key in ("inbound", "outbound", "pictures")}
                       for name in call.here if name in call.focus.reports}
            call.focus.finish()
        errors = call.focus.errors
        for name, tab in call.tabs.items():
            browsers[call.kinds[name]].close_tab(tab)
    if errors:
        _, account = bridge.call("GET", f"/debug?full=true&conference={call.conference.meeting}")
        print(json.dumps(reports), account, file=sys.stderr)
    try:
        call.conference.end()
    except Exception as error:  # pylint: disable=broad-except
        errors.append(f"end: {error!r}")
    return {"stations": call.stations, "errors": errors}


def main():
    """Reads arguments, holds the calls, prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bridge", required=True)
    parser.add_argument("--media", default="127.0.0.1:10000", help="the bridge's media address, HOST:PORT")
    parser.add_argument("--pictures", default="pictures", help="the folder where pictures of the tabs are kept")
    parser.add_argument("calls", nargs="+", metavar="CALL", choices=CALLS)
    arguments = parser.parse_args()
    # Whoever ends this program ends the browsers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    host, port = arguments.bridge.rsplit(":", 1)
    bridge = Bridge(host, int(port))
    os.makedirs(arguments.pictures, exist_ok=True)
    host, port = arguments.media.rsplit(":", 1)
    results = {}
    with contextlib.ExitStack() as stack:
        used = {kind for title in arguments.calls for kind in CALLS[title][1]["kinds"].values()}
        browsers = {kind: stack.enter_context({"chromium": Chromium, "firefox": Firefox}[kind]()) for kind in used}
        for title in arguments.calls:
            started = time.monotonic()
            results[title] = hold(bridge, (host, int(port)), browsers, arguments.pictures, title)
            results[title]["seconds"] = round(time.monotonic() - started, 1)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
