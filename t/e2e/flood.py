#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that make the server say far more than they say themselves: they end, and nobody else notices."""
import os
import sys
import threading
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client
from server import Server, eventually
from tap import equal, finish, play, scene

PEOPLE = 6


def online(server, user, resource, **more):
    return Client(server, direct=True).login(user, resource, **more)


class Flood:
    """Sends the same text again and again, reading or not, until the server ends it."""

    def __init__(self, client, text, times, reads):
        self.client, self.text, self.times = client, text.encode(), times
        self.threads = [threading.Thread(target=self.send, daemon=True)]
        if reads:
            self.threads.append(threading.Thread(target=self.read, daemon=True))
        for thread in self.threads:
            thread.start()

    def send(self):
        try:
            for _ in range(self.times):
                self.client.sock.sendall(self.text)
        except OSError:
            pass

    def read(self):
        try:
            while self.client.sock.recv(1 << 20):
                pass
        except OSError:
            pass


def stays_calm(server, client, text, times, reads, ends=True):
    """Plays the flood; everybody else must still be there afterwards, on the workers of before."""
    workers = server.children("c2s")
    others = [online(server, user, f"other{i}") for user in ("bob", "carol") for i in range(PEOPLE)]
    for c in others:
        c.quiet()
    Flood(client, text, times, reads)
    if ends:
        eventually(lambda: client.jid not in [s["jid"] for s in server.sessions()], "the flood to be ended")
    for c, d in zip(others, reversed(others)):
        c.message(d.jid, "still here")
    for d in others:
        equal(d.bodies(1), ["still here"], f"message at {d.jid}")
    equal(server.children("c2s"), workers, "workers")
    equal([line for line in server.log("sm").splitlines() if "event=worker_lost" in line], [], "workers that sm gave up")
    for c in others:
        c.close()


@scene("probes for the presence of one's own many resources, as fast as can be: the flooding stream ends, nobody else's")
def _(server):
    for reads in (False, True):
        mine = [online(server, "alice", f"r{i}") for i in range(8)]
        for c in mine:
            c.send("<presence><status>" + "x" * 15000 + "</status></presence>")
        for c in mine[1:]:
            c.quiet()
        mine[0].jid = "alice@localhost/r0"
        stays_calm(server, mine[0], "<presence type='probe'/>" * 4000, 5, reads)
        for c in mine[1:]:
            c.sock.close()
        eventually(lambda: not [s for s in server.sessions() if s["jid"].startswith("alice@")], "alice to be gone")


@scene("small questions under a long name, whose answers are a hundred times as long: the same")
def _(server):
    for reads in (False, True):
        mine = online(server, "alice", "&" * 1000)
        stays_calm(server, mine, "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>" * 4000, 5, reads, ends=False)
        mine.sock.close()
        eventually(lambda: not [s for s in server.sessions() if s["jid"].startswith("alice@")], "alice to be gone")


@scene("a long goodbye to everybody who was greeted: they hear of it, but not its words many times over")
def _(server):
    mine = online(server, "alice", "guest")
    greeted = [online(server, user, f"g{i}") for user in ("bob", "carol") for i in range(9)]
    for words, heard in (("short", True), ("y" * 200000, False)):
        for c in greeted:
            mine.send(f"<presence to='{c.jid}'/>")
            c.expect(lambda e: e.get("from") == mine.jid and e.get("type") is None)
        mine.send(f"<presence type='unavailable'><status>{words}</status></presence>")
        for c in greeted:
            gone = c.expect(lambda e: e.get("from") == mine.jid and e.get("type") == "unavailable")
            equal(words in "".join(gone.itertext()), heard, "the words are told")
        mine.available()
    for c in greeted + [mine]:
        c.close()


server = Server(workers=2, settings='log-level = "info"', domains={"localhost": "sessions-per-account = 20"})
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
