# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Calls of browser tabs that talk over the bridge channel, speak, are muted, restart their ICE, move, and go.

    conversation.py --bridge HOST:PORT --media HOST:PORT --pictures FOLDER [CALL...]

Prints one JSON object: per call and station whether it was reached, what was missed, figures. The caller judges.
With `--by-hand CHANNEL` it serves the page only, with that channel, to whatever browsers you open.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "Focus"), HERE]

from call_server import Focus, serving  # noqa: E402
from chromium import Chromium  # noqa: E402
from colibri import Bridge, Conference  # noqa: E402
from firefox import Firefox  # noqa: E402
from translator import Translator  # noqa: E402

# The first two are the ones it is about, one in each browser.
KINDS = {"aaaa0001": "chromium", "bbbb0002": "firefox", "cccc0003": "chromium"}
FIRST, SECOND, THIRD = KINDS
# The laptop's, by their addresses.
NETWORKS = {"10.30.0": "wifi0", "10.31.0": "cable0"}
SPEAKER, CONNECTIVITY = "DominantSpeakerEndpointChangeEvent", "EndpointConnectivityStatusChangeEvent"


class Missed(Exception):
    """A station was not reached in time."""


class Call:
    """One conference and its tabs. Everything but the constructor runs under the focus's lock."""

    def __init__(self, bridge, browsers, folder, title, channel, translators, proxy=None, kinds=None, **media):
        self.bridge, self.browsers, self.folder, self.title = bridge, browsers, folder, title
        self.translators, self.proxy, self.kinds = translators, proxy, kinds or KINDS
        self.conference = Conference(bridge, sctp=channel == "sctp", **media)
        self.focus = Focus(self.conference, channel, self.translate)
        self.page, self.tabs, self.stations = None, {}, {}

    def translate(self, endpoint):
        """Lets a client behind a translator see the bridge at the translator's address."""
        if endpoint.name in self.translators:
            host, port = self.translators[endpoint.name].address
            endpoint.candidates = [{**endpoint.candidates[0], "ip": host, "port": port}]

    @property
    def here(self):
        """Names of the tabs that are there."""
        return list(self.tabs)

    @property
    def pictured(self):
        """Of these the last in each kind of browser is kept in pictures."""
        return reversed(self.tabs)

    def others(self, *names):
        """Names of the tabs that are there but for some."""
        return [name for name in self.tabs if name not in names]

    def need(self, seconds, what, condition):
        """Waits until `condition` holds; time without it is a fault."""
        if not self.focus.wait(seconds, condition):
            raise Missed(f"{what} within {seconds} s; errors: {self.focus.errors}")

    def enter(self, name, video="320x180x10"):
        """Opens a tab and waits until its sources are known."""
        hertz = 300 + 110 * list(self.kinds).index(name)
        with self.focus.released():
            url = f"{self.page}?name={name}&microphone=tone&hertz={hertz}&video={video}"
            self.tabs[name] = self.browsers[self.kinds[name]].open_tab(url)
        self.need(40, f"{name} is in", lambda: name in self.focus.published)

    def enter_all(self, *names):
        """Opens tabs and waits until everybody hears and sees everybody."""
        for name in names:
            self.enter(name)
        self.need(40, "everybody hears and sees everybody", self.is_in_touch)

    def is_in_touch(self):
        """Whether every tab gets sound and pictures of every other."""
        return all(
            self.count(name, other, "audio") > 20 and self.count(name, other, "video", "framesDecoded") > 3
            for name in self.tabs
            for other in self.others(name)
        )

    def inbound(self, name, owner, kind):
        """What a tab reports of an owner's media of a kind."""
        endpoint = self.conference.endpoints[owner]
        ssrcs = [endpoint.audio_ssrc] if kind == "audio" else endpoint.video_ssrcs[:1]
        for one in self.focus.reports.get(name, {}).get("inbound", []):
            if one["ssrc"] in ssrcs:
                return one
        return {}

    def count(self, name, owner, kind, key="packetsReceived"):
        """A counter of what a tab gets of an owner."""
        return self.inbound(name, owner, kind).get(key, 0)

    def counts(self, names, owners, kind="audio", key="packetsReceived"):
        """Such counters of many."""
        pairs = [(name, owner) for name in names for owner in owners if name != owner]
        return {pair: self.count(*pair, kind, key) for pair in pairs}

    def need_more(self, seconds, what, names, owners, least, kind="audio", key="packetsReceived"):
        """Waits until each of `names` got so much more of each of `owners`."""
        before = self.counts(names, owners, kind, key)
        self.need(seconds, what, lambda: all(
            count >= before[pair] + least for pair, count in self.counts(names, owners, kind, key).items()))

    def watched(self, name, owner):
        """What a tab's watch over pauses tells of an owner's sound."""
        gaps = self.focus.reports[name].get("gaps", {})
        return gaps.get(str(self.conference.endpoints[owner].audio_ssrc), {"packets": 0})

    def least_watched(self):
        """The fewest packets that any watch has seen of anybody."""
        return min(self.watched(name, owner)["packets"] for name in self.tabs for owner in self.others(name))

    def restarts(self):
        """How many ICE restarts have worked, says the bridge."""
        _, text = self.bridge.call("GET", "/metrics")
        lines = [line.split() for line in text.splitlines() if "ice_restarts_succeeded" in line and line[0] != "#"]
        return int(float(lines[0][1]))

    def statistic(self, key):
        """A value of the bridge's statistics."""
        _, text = self.bridge.call("GET", "/colibri/stats")
        return json.loads(text)[key]

    def mark(self):
        """A point in what the tabs have heard over the channel."""
        return {name: len(events) for name, events in self.focus.heard.items()}

    def heard(self, name, kind, since=None):
        """Messages of a class that a tab has heard."""
        events = self.focus.heard.get(name, [])[(since or {}).get(name, 0):]
        return [event for event in events if event.get("colibriClass") == kind]

    def send(self, name, **message):
        """Lets a tab send a message over its channel."""
        self.focus.order(name, "send", message)

    def greet(self, text):
        """Lets everybody greet everybody: their channels have outlived what happened."""
        since = self.mark()
        for name in self.tabs:
            self.send(name, colibriClass="EndpointMessage", to="", msgPayload={"text": text})
        self.need(10, "all channels are still there", lambda: all(
            len(self.heard(name, "EndpointMessage", since)) == len(self.tabs) - 1 for name in self.tabs))

    def picture(self, station):
        """Keeps a picture of a tab in every kind of browser."""
        title = f"{self.title}: {station}"
        names = {self.kinds[name]: name for name in self.pictured}.values()
        for name in names:
            self.focus.order(name, "title", title)
        self.focus.wait(3, lambda: all(self.focus.reports.get(name, {}).get("title") == title for name in names))
        for name in names:
            with self.focus.released():
                file = os.path.join(self.folder, f"{self.title}-{station}-{self.kinds[name]}.png")
                picture = self.browsers[self.kinds[name]].picture(self.tabs[name])
                with open(file, "wb") as output:
                    output.write(picture)

    def visit(self, station, *arguments):
        """Travels to a station and notes how it went; after a missed one the call is over."""
        started = time.monotonic()
        title = station.__name__
        note = self.stations[title] = {"reached": False}
        try:
            note.update(station(self, *arguments) or {})
            note["reached"] = True
        finally:
            note["seconds"] = round(time.monotonic() - started, 1)
            self.picture(title)


def channel(call):
    """Everybody's channel opens and greets; the state comes in its order."""
    call.need(20, "all channels open", lambda: all(
        call.focus.reports.get(name, {}).get("channel", {}).get("state") == "open" for name in call.here))
    call.need(10, "everybody is greeted", lambda: all(call.heard(name, "ServerHello") for name in call.here))
    return {
        "opened": {name: call.focus.reports[name]["channel"]["openedAfter"] for name in call.here},
        "onConnect": {name: [event.get("colibriClass") or event["mark"] for event in call.focus.heard[name]]
                      for name in call.here},
        "schemes": {name: url.partition(":")[0] for name in call.here
                    for url in call.conference.endpoints[name].web_sockets[:1]},
    }


def messages(call):
    """A message to everybody, one to a single endpoint, statistics."""
    since = call.mark()
    greeting = "grüß euch – привет"
    first, second = call.here[:2]
    for sender, receiver in ((first, second), (second, first)):
        call.send(sender, colibriClass="EndpointMessage", to=receiver, msgPayload={"only": sender})
        call.send(sender, colibriClass="EndpointMessage", to="", msgPayload={"all": sender, "text": greeting})
        call.send(sender, colibriClass="EndpointStats", bitrate={"upload": 64}, serverRegion="region1", x={"y": [1]})

    def got(name, kind, **fields):
        return [e for e in call.heard(name, kind, since) if all(e.get(key) == value for key, value in fields.items())]

    for sender, receiver in ((first, second), (second, first)):
        everybody = {"all": sender, "text": greeting}
        call.need(10, f"{sender}'s messages arrive", lambda: all(
            got(name, "EndpointMessage", **{"from": sender}, to="", msgPayload=everybody)
            and got(name, "EndpointStats", **{"from": sender}, serverRegion="region1", x={"y": [1]})
            for name in call.others(sender)))
        # The message to one was sent before the one to all: whoever has the second does not wait for the first.
        for name in call.here:
            alone = got(name, "EndpointMessage", **{"from": sender}, msgPayload={"only": sender})
            if len(alone) != (1 if name == receiver else 0):
                raise Missed(f"{name} got {len(alone)} of {sender}'s messages to {receiver}")
        if got(sender, "EndpointMessage", **{"from": sender}):
            raise Missed(f"{sender} got its own message")


def say(call, speaker):
    """Lets one speak and the others hum."""
    for name in call.here:
        call.focus.order(name, "tone", "loud" if name == speaker else "hum")


def speaker(call, *order):
    """One speaks after the other, and everybody is told."""
    seconds = []
    for index, name in enumerate(order):
        since, started = call.mark(), time.monotonic()
        # The first may be known already: a conference without a speaker takes whoever makes a sound.
        known = {one: call.heard(one, SPEAKER)[-1:] for one in call.here} if index == 0 else {}
        say(call, name)

        def told(one, name=name, since=since, known=known):
            events = call.heard(one, SPEAKER, since) or known.get(one, [])
            return events and events[-1]["dominantSpeakerEndpoint"] == name

        call.need(15, f"everybody is told that {name} speaks", lambda: all(told(one) for one in call.here))
        if index:
            seconds.append(round(time.monotonic() - started, 2))
            for one in call.here:
                event = call.heard(one, SPEAKER, since)[-1]
                if event["previousSpeakers"][:1] != [order[index - 1]] or event.get("silence") is not False:
                    raise Missed(f"{one} was told {event}")
    return {"changes": seconds}


def silence(call):
    """All hum: nobody speaks."""
    since = call.mark()
    say(call, None)
    call.need(15, "everybody is told of the silence", lambda: all(
        any(event["silence"] is True for event in call.heard(name, SPEAKER, since)) for name in call.here))


def latecomer(call, speaking):
    """A tab that comes when one has spoken is told at once, on its connect."""
    call.enter_all(THIRD)
    call.need(10, "the latecomer is told the speaker", lambda: call.heard(THIRD, SPEAKER))
    if call.heard(THIRD, SPEAKER)[0]["dominantSpeakerEndpoint"] != speaking:
        raise Missed(f"the latecomer was told {call.heard(THIRD, SPEAKER)[0]}")


def mute(call):
    """The focus mutes one: the others hear nothing more of it, until it may speak again."""
    for name in (FIRST, SECOND):
        receivers = call.others(name)
        call.need_more(10, f"{name} is heard", receivers, [name], 20)
        call.conference.mute(name, audio=True)
        # Silent is of whom nothing comes while fifty packets of another come, which takes a second.
        start = {}

        def is_silent(one, name=name, start=start):
            witness = call.others(name, one)[0]
            muted, other = call.count(one, name, "audio"), call.count(one, witness, "audio")
            if one not in start or start[one][0] != muted:
                start[one] = muted, other
            return other >= start[one][1] + 50

        call.need(10, f"{name} falls silent", lambda: all([is_silent(one) for one in receivers]))
        call.need_more(10, f"{name} is still seen", receivers, [name], 5, "video", "framesDecoded")
        call.conference.mute(name)
        call.need_more(10, f"{name} is heard again", receivers, [name], 50)
    return {"lost": sum(call.counts(call.here, call.here, "audio", "packetsLost").values())}


def restart_one(call, name):
    """Restarts the ICE of one; returns the longest pause among those it had to do with, the longest among the others,
    and how many packets were missed."""
    succeeded = call.restarts()
    for one in call.here:
        call.focus.order(one, "watch", True)
    call.need(10, "the watches run", lambda: call.least_watched() > 20)
    call.focus.restart(name)
    call.need(10, f"{name} answers the new offer", lambda: call.focus.is_up_to_date(name))
    call.need(10, f"{name}'s restart succeeds", lambda: call.restarts() > succeeded)
    # Beyond the 3 s for which the old pair is kept.
    call.need_more(15, "everybody is heard", call.here, call.here, 200)
    gaps = {(one, owner): call.watched(one, owner) for one in call.here for owner in call.others(one)}
    for one in call.here:
        call.focus.order(one, "watch", False)
    call.need_more(10, "everybody is seen", call.here, call.here, 5, "video", "framesDecoded")
    longest = [max(gap["longest"] for pair, gap in gaps.items() if (name in pair) is is_of) for is_of in (True, False)]
    return longest[0], longest[1], sum(gap["lost"] for gap in gaps.values())


def restart(call):
    """The focus restarts the ICE of one after the other; nobody notices."""
    figures = {"gaps": {}, "lost": 0, "repeated": 0}
    for name in (FIRST, SECOND):
        # When those who had nothing to do with it paused as well, it was the machine.
        for attempt in range(5):
            gap, other, lost = restart_one(call, name)
            if gap < 200 or other < 150:
                break
        figures["gaps"][name] = round(gap, 1)
        figures["lost"] += lost
        figures["repeated"] += attempt
    call.greet("after the restart")
    return figures


def reconnect(call):
    """A WebSocket that was lost is dialled again at the same address, and gets the state again."""
    for name in (FIRST, SECOND):
        since = call.mark()
        call.focus.order(name, "reconnect")
        call.need(15, f"{name} is back", lambda: call.heard(name, "ServerHello", since) and call.heard(
            name, SPEAKER, since) and call.focus.reports[name]["channel"]["opened"] == 2)
        call.send(call.others(name)[0], colibriClass="EndpointMessage", to=name, msgPayload={"welcome": "back"})
        call.need(10, f"{name} gets messages again", lambda: call.heard(name, "EndpointMessage", since))


def proxy_restart(call):
    """The proxy in front of the bridge ends and is started again: the WebSockets are lost and dialled again."""
    since = call.mark()
    with open(call.proxy, encoding="ascii") as file:
        os.kill(int(file.read()), signal.SIGTERM)
    call.need(15, "everybody is back and gets the state again", lambda: all(
        call.heard(name, "ServerHello", since) and call.heard(name, "ForwardedSources", since)
        and call.focus.reports[name]["channel"]["opened"] == 2 for name in call.here))
    closes = {name: call.focus.reports[name]["channel"]["closes"] for name in call.here}
    if any(codes[0] != 1006 for codes in closes.values()):
        raise Missed(f"the WebSockets were closed with {closes}")
    call.greet("after the restart of the proxy")


def moved(call):
    """The address of one after the other changes, and no word is said of it."""
    figures = {"secondsUntilBack": {}}
    since = call.mark()
    for number, name in enumerate((FIRST, SECOND)):
        others = call.others(name)
        started = time.monotonic()
        call.translators[name].move(f"127.0.0.{number + 2}")
        call.need_more(15, f"{name} is heard from its new address", others, [name], 25)
        call.need_more(15, f"{name} hears at its new address", [name], others, 25)
        figures["secondsUntilBack"][name] = round(time.monotonic() - started, 1)
        call.need_more(10, f"{name} is seen", others, [name], 5, "video", "framesDecoded")
        call.need_more(10, f"{name} sees", [name], others, 5, "video", "framesDecoded")
        call.greet(f"{name} is at 127.0.0.{number + 2} now")
    figures["timesToldAway"] = sum(len(call.heard(name, CONNECTIVITY, since)) for name in call.here)
    return figures


def closed(call):
    """A tab is closed without a word: the others are told, and some time later the bridge has forgotten it."""
    figures = {"secondsUntilTold": {}}
    for name in (FIRST, SECOND):
        since, started = call.mark(), time.monotonic()
        call.focus.left.add(name)
        tab = call.tabs.pop(name)
        with call.focus.released():
            call.browsers[KINDS[name]].close_tab(tab)

        def told(one, name=name, since=since):
            return any(event["endpoint"] == name and event["active"] == "false"
                       for event in call.heard(one, CONNECTIVITY, since))

        call.need(15, f"the others are told that {name} is away", lambda: all(told(one) for one in call.here))
        figures["secondsUntilTold"][name] = round(time.monotonic() - started, 1)
    return figures


def forgotten(call):
    """The bridge has expired who is away."""
    call.need(40, "only one endpoint is left", lambda: call.statistic("participants") == len(call.tabs))


def networks(call, *commands):
    """Changes the laptop's networks (Peers/laptop)."""
    with call.focus.released():
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True)


def pulled(call):
    """The network by which the first talks is gone; it goes on by the other one, and no word is said of it."""
    since, started = call.mark(), time.monotonic()
    address = call.focus.reports[FIRST]["address"]
    networks(call, f"link set {NETWORKS[address.rpartition('.')[0]]} down")
    call.need(15, "it has another address", lambda: call.focus.reports[FIRST].get("address") != address)
    call.need_more(15, "everybody is heard", call.here, call.here, 25)
    seconds = round(time.monotonic() - started, 1)
    call.need_more(15, "everybody is seen", call.here, call.here, 5, "video", "framesDecoded")
    call.greet(f"{FIRST} is not at {address} any more")
    told = sum(len(call.heard(one, CONNECTIVITY, since)) for one in call.here)
    return {"secondsUntilBack": {FIRST: seconds}, "timesToldAway": told}


def replaced(call):
    """That network is back with another address, and the other one goes: the focus restarts everybody's ICE, as the
    clients would ask it to. Firefox changes to another network in no other way."""
    since, started = call.mark(), time.monotonic()
    before = {name: call.focus.reports[name]["address"] for name in call.here}
    used = before[FIRST].rpartition(".")[0]
    fresh = next(network for network in NETWORKS if network != used)
    device = NETWORKS[fresh]
    networks(call, f"address flush dev {device}", f"address add {fresh}.99/24 dev {device}", f"link set {device} up",
             f"route add default via {fresh}.1 dev {device} metric 50", f"link set {NETWORKS[used]} down")
    for name in call.here:
        call.focus.restart(name)
    call.need(20, "everybody has the new address", lambda: all(
        call.focus.reports[name].get("address") == f"{fresh}.99" for name in call.here))
    call.need_more(15, "everybody is heard", call.here, call.here, 25)
    seconds = round(time.monotonic() - started, 1)
    call.need_more(15, "everybody is seen", call.here, call.here, 5, "video", "framesDecoded")
    call.greet(f"all are at {fresh}.99 now")
    return {"secondsUntilBack": {name: seconds for name in call.here}}


def converse(call):
    """The call over a data channel."""
    call.enter_all(FIRST, SECOND)
    call.visit(channel)
    call.visit(speaker, FIRST, SECOND, FIRST)
    call.visit(latecomer, FIRST)
    call.visit(messages)
    call.visit(mute)
    call.visit(restart)


def converse_by_websocket(call):
    """The call over WebSockets."""
    call.enter_all(FIRST, SECOND)
    call.visit(channel)
    call.visit(speaker, FIRST, SECOND, FIRST)
    call.visit(messages)
    call.visit(silence)
    call.visit(reconnect)


def converse_by_proxy(call):
    """The call over WebSockets through a proxy that is started again meanwhile."""
    call.enter_all(FIRST, SECOND)
    call.visit(channel)
    call.visit(messages)
    call.visit(proxy_restart)
    call.visit(speaker, FIRST, SECOND)


def wander(call):
    """The call of those who move and go."""
    call.enter_all(FIRST, SECOND, THIRD)
    call.visit(moved)
    call.visit(closed)
    call.visit(forgotten)


def roam(call):
    """The call on a laptop that changes from one network to another, twice."""
    call.enter_all(FIRST, THIRD)
    call.visit(channel)
    call.visit(pulled)
    call.enter_all(SECOND)
    call.visit(replaced)


CALLS = {"sctp": ("sctp", converse), "websocket": ("websocket", converse_by_websocket), "moving": ("sctp", wander),
         "proxied": ("websocket", converse_by_proxy), "roaming": ("sctp", roam)}


def hold(bridge, media, browsers, folder, title, proxy):
    """A whole call; returns its stations."""
    kind, way = CALLS[title]
    with contextlib.ExitStack() as stack:
        translators = {}
        call = Call(bridge, browsers, folder, title, kind, translators, proxy)
        if title == "moving":
            translators.update({name: stack.enter_context(Translator(media)) for name in (FIRST, SECOND)})
        call.page = stack.enter_context(serving(call.focus))
        with call.focus.changed:
            try:
                way(call)
            except Exception as error:  # pylint: disable=broad-except
                call.focus.errors.append(str(error) if isinstance(error, Missed) else repr(error))
            call.focus.finish()
        errors = call.focus.errors
        for name, tab in call.tabs.items():
            browsers[KINDS[name]].close_tab(tab)
    try:
        call.conference.end()
    except Exception as error:  # pylint: disable=broad-except
        errors.append(f"end: {error!r}")
    return {"stations": call.stations, "errors": errors}


def serve_by_hand(bridge, channel):
    """Lets a person hold the call, until the program is interrupted."""
    focus = Focus(Conference(bridge, sctp=channel == "sctp"), channel)
    with serving(focus) as page:
        for name in KINDS:
            print(f"{page}?name={name}&microphone=tone")
        with contextlib.suppress(KeyboardInterrupt), focus.changed:
            focus.wait(86_400, lambda: False)
            print(focus.errors)


def main():
    """Reads arguments, holds the calls, prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bridge", required=True)
    parser.add_argument("--media", default="127.0.0.1:10000", help="the bridge's media address, HOST:PORT")
    parser.add_argument("--pictures", default="pictures", help="the folder where pictures of the tabs are kept")
    parser.add_argument("--proxy", help="the file with the number of the proxy's process, for the call `proxied`")
    parser.add_argument("--authority", help="a certificate, PEM, whose signatures Firefox believes")
    parser.add_argument("--by-hand", choices=["sctp", "websocket"])
    parser.add_argument("calls", nargs="*", metavar="CALL", default=["sctp", "websocket", "moving"])
    arguments = parser.parse_args()
    # Whoever ends this program ends the browsers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    host, port = arguments.bridge.rsplit(":", 1)
    bridge = Bridge(host, int(port))
    if arguments.by_hand:
        return serve_by_hand(bridge, arguments.by_hand)
    os.makedirs(arguments.pictures, exist_ok=True)
    host, port = arguments.media.rsplit(":", 1)
    media = host, int(port)
    results = {}
    with Chromium() as chromium, Firefox() as firefox:
        if arguments.authority:
            firefox.trust(arguments.authority)
        browsers = {"chromium": chromium, "firefox": firefox}
        for title in arguments.calls:
            started = time.monotonic()
            results[title] = hold(bridge, media, browsers, arguments.pictures, title, arguments.proxy)
            results[title]["seconds"] = round(time.monotonic() - started, 1)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
