#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Client State Indication (XEP-0352): what may wait for a client that says it is inactive, waits in its worker, and comes
before anything that may not; nothing is lost or doubled by it, whatever crashes."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client
from sasl2 import BIND2, Client2, agent
from server import Server
from tap import check, equal, finish, play, scene

CSI = "urn:xmpp:csi:0"
STATES = "http://jabber.org/protocol/chatstates"
MOST = 4096  # inactive-bytes
PING = "<iq type='get' id='now'><ping xmlns='urn:xmpp:ping'/></iq>"


def online(server, user, resource, presence=True):
    return Client(server, direct=True).login(user, resource, presence=presence)


def say(c, word):
    c.send(f"<{word} xmlns='{CSI}'/>")


def rest(c):
    """Inactive, and nothing under way."""
    c.quiet()
    say(c, "inactive")


def show(sender, to, status):
    sender.send(f"<presence to='{to.jid}'><status>{status}</status></presence>")


def type_to(sender, to, state="composing"):
    sender.send(f"<message to='{to.jid}' type='chat'><{state} xmlns='{STATES}'/></message>")


def seen(c, ident="now"):
    """What comes until the answer to a ping of ours, as words."""
    found = []
    while True:
        s = c.next()
        if s.get("id") == ident:
            return found
        found.append(word(s))


def word(s):
    if s.tag == f"{{{CLIENT}}}presence":
        return s.findtext(f"{{{CLIENT}}}status")
    state = [e.tag.rpartition("}")[2] for e in s if e.tag.startswith(f"{{{STATES}}}")]
    return state[0] if state else s.findtext(f"{{{CLIENT}}}body")


@scene("it is offered to who has logged in, also with Bind 2; before that the words end the stream")
def _(server):
    bob = online(server, "bob", "b")
    check(bob.offered.find(f"{{{CSI}}}csi") is not None, "not offered")
    bob.close()
    c = Client2(server).opened()
    check(any(f.get("var") == CSI for f in c.offer.iter(f"{{{BIND2}}}feature")), "not offered with Bind 2")
    equal(c.offer.find(f"{{{CSI}}}csi"), None, "before login")
    say(c, "inactive")
    equal(c.stream_error(), "unsupported-stanza-type", "before login")


@scene("the last presence of each and the last chat state wait, and come before the message that may not, in order")
def _(server):
    alice, carol, bob = online(server, "alice", "a"), online(server, "carol", "c"), online(server, "bob", "b")
    rest(bob)
    for i in range(5):
        show(alice, bob, f"alice {i}")
    show(carol, bob, "carol")
    carol.quiet()
    type_to(alice, bob)
    type_to(alice, bob, "paused")
    show(alice, bob, "alice last")
    alice.quiet()
    check(not bob.pending(), "something came to an inactive client")
    alice.message(bob.jid, "wake up")
    equal([word(bob.next()) for _ in range(4)], ["carol", "paused", "alice last", "wake up"], "what comes then")
    show(alice, bob, "again")
    alice.quiet()
    check(not bob.pending(), "it is inactive still")
    bob.send(f"<active xmlns='{CSI}'/>{PING}")
    equal(seen(bob), ["again"], "before the answer to what came behind <active/>")
    show(alice, bob, "at once")
    equal(word(bob.next()), "at once", "an active one")
    for c in (alice, carol, bob):
        c.close()


@scene("chat states that are copied from another session wait, too, and the session's iqs do not")
def _(server):
    alice, desk, phone = online(server, "alice", "a"), online(server, "bob", "desk"), online(server, "bob", "phone")
    phone.send(f"<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq><presence to='{alice.jid}'/>")
    rest(phone)
    type_to(desk, alice)
    equal(word(alice.expect("message")), "composing", "at alice")
    type_to(alice, desk)
    equal(word(desk.expect("message")), "composing", "at the desk")
    desk.quiet()
    check(not phone.pending(), "a copied chat state came")
    alice.send(f"<iq type='get' id='ask' to='{phone.jid}'><query xmlns='urn:x:ask'/></iq>")
    tags = [[e.tag.rpartition("}")[2] for e in phone.next()][0] for _ in range(3)]
    equal(sorted(tags[:2]) + tags[2:], ["received", "sent", "query"], "what comes")
    for c in (alice, desk, phone):
        c.close()


@scene("sm killed while something waits: all of it comes once; the client may say what it likes meanwhile")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    rest(bob)
    for i in range(3):
        show(alice, bob, f"before {i}")
        alice.quiet()
        server.kill_sm()
    show(alice, bob, "after")
    bob.message(alice.jid, "I am here")
    equal(alice.bodies(1), ["I am here"], "what an inactive client says")
    alice.quiet()
    check(not bob.pending(), "it is inactive still")
    bob.send(f"<active xmlns='{CSI}'/>{PING}")
    equal(seen(bob), ["after"], "what waited")
    alice.close()
    bob.close()


@scene("more than may wait is not kept: it comes, and the client stays inactive")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    rest(bob)
    text = "x" * 500
    show(alice, bob, text)
    show(alice, bob, text)  # in place of the first
    alice.quiet()
    check(not bob.pending(), "less than may wait came")
    others = [online(server, "carol", f"c{i}") for i in range(9)]
    for other in others:
        show(other, bob, text)
        other.quiet()
    got = [bob.next() for _ in range(MOST // 700)]
    equal([word(s) for s in got], [text] * len(got), "what came at the ceiling")
    show(alice, bob, "y" * MOST)
    while word(bob.next()) != "y" * MOST:
        pass
    show(alice, bob, "z")
    alice.quiet()
    check(not bob.pending(), "it is inactive still")
    for c in (alice, bob, *others):
        c.close()


@scene("what waits goes out before the end of the stream, whoever ends it")
def _(server):
    alice = online(server, "alice", "a")
    for how in (lambda c: c.send("</stream:stream>"), lambda c: server.sm("kick", c.jid), lambda c: c.send("<odd xmlns='urn:odd'/>")):
        bob = online(server, "bob", "b")
        rest(bob)
        show(alice, bob, "last words")
        alice.quiet()
        how(bob)
        equal(word(bob.next()), "last words", "what waited")
        bob.stream_error()
    alice.close()


@scene("with Bind 2 a session begins inactive, with its copies, before anything can come")
def _(server):
    c = Client2(server).opened()
    c.plain("bob", inline=agent() + f"<bind xmlns='{BIND2}'><inactive xmlns='{CSI}'/></bind>")
    alice = online(server, "alice", "a")
    show(alice, c, "waits")
    alice.quiet()
    check(not c.pending(), "something came to an inactive client")
    c.send(f"<active xmlns='{CSI}'/>{PING}")
    equal(seen(c), ["waits"], "what waited")
    alice.close()
    c.close()


@scene("messages from the store come to an inactive client for which as much waits as may; it is read, too")
def _(server):
    alice = online(server, "alice", "a")
    for i in range(300):
        alice.message("bob@localhost", f"{i} " + "s" * 1000)
    alice.quiet()
    bob = online(server, "bob", "b", presence=False)
    say(bob, "inactive")
    show(alice, bob, "w" * (MOST - 200))
    alice.quiet()
    bob.send("<presence/>")
    got = []
    while len(got) < 300:
        s = bob.next()
        if s.tag == f"{{{CLIENT}}}message":
            got.append(int(word(s).split()[0]))
    equal(got, list(range(300)), "messages")
    alice.close()
    bob.close()


@scene("states that change a thousand times at once, and with content that means nothing, do no harm")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    bob.quiet()
    bob.send(f"<inactive xmlns='{CSI}'><a xmlns='urn:x'>text</a></inactive>" * 3 +
             f"<active xmlns='{CSI}'/><inactive xmlns='{CSI}'/>" * 1000)
    bob.quiet()
    show(alice, bob, "still waits")
    alice.quiet()
    check(not bob.pending(), "it is inactive")
    bob.send(f"<active xmlns='{CSI}'/>{PING}")
    equal(seen(bob), ["still waits"], "what waited")
    alice.close()
    bob.close()


@scene("when all clients of a worker have too much waiting, what is kept from the inactive ones goes, and nobody is ended")
def _(server):
    small = Server("inactive-bytes = 128K\nworker-queue-bytes = 1M", workers=1)
    senders = [online(small, "alice", f"a{i}") for i in range(8)]
    receivers = [online(small, "bob", f"b{i}") for i in range(10)]
    for c in receivers:
        rest(c)
    for c in receivers:
        for sender in senders:
            show(sender, c, sender.jid + "w" * 15000)
    for sender in senders:
        sender.quiet()
    for c in receivers:
        c.send(f"<active xmlns='{CSI}'/>{PING}")
        got = [w[:len(senders[0].jid)] for w in seen(c) if w]
        equal(sorted(got), [s.jid for s in senders], f"what came to {c.jid}")
    equal(len(small.sessions()), 18, "sessions")
    check("event=slow_client" not in small.log("c2s"), "somebody was ended")
    small.stop()


# One worker: what a client hears after the answer to its ping, its worker has had before.
server = Server(f"inactive-bytes = {MOST}", workers=1)
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
