#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Pings of silent clients (XEP-0199): who answers, with whatever, stays; who does not is ended within ping-interval and
ping-timeout; sm hears nothing of it."""
import os
import signal
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client
from server import DEADLINE, Server, eventually
from tap import check, equal, finish, play, scene

PING = "urn:xmpp:ping"
CSI = "urn:xmpp:csi:0"
STRICT = 4  # seconds that the strict server waits for an answer


def online(server, user, resource, **more):
    return Client(server, direct=True, **more).login(user, resource)


def pinged(c):
    """The next ping, as it should be."""
    s = c.expect(lambda s: s.find(f"{{{PING}}}ping") is not None)
    equal((s.tag, s.get("type"), s.get("from"), s.get("to")), (f"{{{CLIENT}}}iq", "get", "localhost", c.jid), "a ping")
    return s.get("id")


def is_in(server, jid):
    return jid in [s["jid"] for s in server.sessions()]


@scene("who answers stays, by a result, an error or a blank; each ping has another id, and sm hears of none")
def _(patient, strict):
    c = online(patient, "alice", "a")
    before = patient.stats()
    seen = set()
    for answer in ("<iq type='result' id='{}' to='localhost'/>", "<iq type='result' id='{}'/>", " ",
                   "<iq type='error' id='{}' to='localhost'><error type='cancel'/></iq>", "\n", "<iq type='result' id='{}'/>"):
        ident = pinged(c)
        seen.add(ident)
        c.send(answer.format(ident))
    equal(len(seen), 6, "ids")
    equal(c.quiet(), [], "what comes of the answers")
    after = patient.stats()
    counted = {k: after[k] - before[k] for k in after if "stanza" in k or k == "routed"}
    check(counted and all(v <= 1 for v in counted.values()), f"sm was told: {counted}")
    c.close()


@scene("who says nothing is ended with connection-timeout, and its contacts hear that it is gone")
def _(patient, strict):
    watcher, c = online(strict, "alice", "watcher"), online(strict, "alice", "mute")
    heard = []
    while ("unavailable", c.jid) not in heard:
        s = watcher.next()
        if s.find(f"{{{PING}}}ping") is not None:
            watcher.send(" ")
        heard.append((s.get("type"), s.get("from")))
    pinged(c)
    equal(c.stream_error(), "connection-timeout", "stream error")
    check("event=timeout" in strict.log("c2s"), "no line in the log")
    watcher.close()


@scene("a peer that neither reads nor writes is found, also one with stanzas waiting for it")
def _(patient, strict):
    for load in (0, 3000):
        dead = online(strict, "bob", "dead")
        alice = online(strict, "alice", "a")
        for i in range(load):
            alice.message(dead.jid, "x" * 200)
        alice.quiet()
        alice.close()
        eventually(lambda: not is_in(strict, dead.jid), "the dead peer to be found")
        dead.sock.close()


@scene("an answer with a ping's id that is for somebody else goes there")
def _(patient, strict):
    alice, bob = online(patient, "alice", "a"), online(patient, "bob", "b")
    ident = pinged(alice)
    alice.send(f"<iq type='result' id='{ident}' to='{bob.jid}'/>")
    got = bob.expect(lambda s: s.get("type") == "result")
    equal((got.get("id"), got.get("from")), (ident, alice.jid), "at bob")
    alice.close()
    bob.close()


@scene("an inactive client is given what waits for it with the ping")
def _(patient, strict):
    alice, bob = online(patient, "alice", "a"), online(patient, "bob", "b")
    bob.send(f"<inactive xmlns='{CSI}'/>")
    bob.quiet()
    alice.send(f"<presence to='{bob.jid}'><status>waits</status></presence>")
    equal(bob.next().findtext(f"{{{CLIENT}}}status"), "waits", "what comes first")
    pinged(bob)
    alice.close()
    bob.close()


@scene("while sm is away nobody is ended for what is not read; pings go on without it")
def _(patient, strict):
    held, other = online(strict, "alice", "held"), online(strict, "bob", "other")
    child = strict.children("sm")[0]
    os.kill(child, signal.SIGSTOP)
    try:
        held.sock.settimeout(0.5)
        sent = 0
        try:  # more than a connection may have on the way: then it is not read any more
            while sent < 64 * 1024 * 1024:
                held.sock.sendall(b"<message to='bob@localhost/none' type='headline'><body>" + b"x" * 60000 + b"</body></message>")
                sent += 60000
        except (TimeoutError, OSError):
            pass
        for _ in range(STRICT + 4):  # more than interval and timeout pass meanwhile
            pinged(other)
            other.send(" ")
    finally:
        os.kill(child, signal.SIGCONT)
    check(is_in(strict, held.jid), "who was not read was ended")
    equal(other.quiet(), [], "the other")
    held.vanish()
    other.close()


@scene("ping-interval = 0 pings nobody")
def _(patient, strict):
    never = Server("ping-interval = 0")
    mute, other = online(never, "alice", "a"), online(patient, "bob", "b")
    for _ in range(3):  # so long others are pinged three times
        pinged(other)
        other.send(" ")
    check(not mute.pending(), "something came")
    equal(mute.quiet(), [], "it is there still")
    mute.close()
    other.close()
    never.stop()


# Scenes in which nobody is to be ended have a server that waits for answers as long as scenes do.
patient = Server(f"ping-interval = 1\nping-timeout = {int(2 * DEADLINE)}")
strict = Server(f"ping-interval = 1\nping-timeout = {STRICT}")
failed = play(patient, strict)
reports = patient.sanitizer_reports() + strict.sanitizer_reports()
patient.stop()
strict.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
