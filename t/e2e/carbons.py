#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Message Carbons (XEP-0280) and stanza ids (XEP-0359): each session of an account has each message once, whatever crashes."""
import os
import signal
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import people
from client import CLIENT, Client
from sasl2 import BIND2, LAPTOP, Client2, agent
from server import BUILD, Server, eventually
from tap import Skip, check, equal, finish, play, scene

CARBONS = "urn:xmpp:carbons:2"
FORWARD = "urn:xmpp:forward:0"
SID = "urn:xmpp:sid:0"
DELAY = "urn:xmpp:delay"
FAULTS = os.path.join(BUILD, "fault")
POINTS = ("turn_before_record", "turn_after_record", "turn_between_links", "turn_before_ack")
ENABLE = f"<enable xmlns='{CARBONS}'/>"


def online(server, user, resource, priority=0, carbons=False, presence=True):
    c = Client(server, direct=True).login(user, resource, presence=False)
    if carbons:
        switch(c, "enable")
    if presence:
        c.available(priority)
    c.quiet()
    return c


def on_worker(server, slot, *who, **more):
    return people.on_worker(server, slot, *who, come=online, **more)


def switch(c, word):
    c.send(f"<iq type='set' id='switch'><{word} xmlns='{CARBONS}'/></iq>")
    equal(c.expect(lambda s: s.get("id") == "switch").get("type"), "result", word)


def copy_in(stanza):
    """(way, original) of a copy; (None, stanza) of what is none."""
    for way in ("received", "sent"):
        inner = stanza.find(f"{{{CARBONS}}}{way}/{{{FORWARD}}}forwarded/{{{CLIENT}}}message")
        if inner is not None:
            return way, inner
    return None, stanza


def messages(stanzas):
    return [(copy_in(s)[0], copy_in(s)[1].findtext(f"{{{CLIENT}}}body")) for s in stanzas if s.tag.endswith("message")]


def ids(message):
    return [(i.get("by"), i.get("id")) for i in message.findall(f"{{{SID}}}stanza-id")]


def leave(*clients):
    for c in clients:
        c.close()


@scene("what one session sends and is sent, the others have as copies from their own account to themselves")
def _(server):
    phone, desk, bob = online(server, "alice", "phone", carbons=True), online(server, "alice", "desk"), online(server, "bob", "b")
    desk.message("bob@localhost", "hello", ident="m1")
    equal(messages([bob.expect("message")]), [(None, "hello")], "at bob")
    copy = phone.expect("message")
    equal((copy.get("from"), copy.get("to"), copy.get("type")), ("alice@localhost", phone.jid, "chat"), "the wrapper")
    way, original = copy_in(copy)
    equal((way, original.get("from"), original.get("to"), original.get("id")), ("sent", desk.jid, "bob@localhost", "m1"), "inside")
    bob.message(desk.jid, "and you", kind="normal")
    equal(messages([desk.expect("message")]), [(None, "and you")], "at the desk")
    copy = phone.expect("message")
    way, original = copy_in(copy)
    equal((copy.get("from"), copy.get("to"), copy.get("type")), ("alice@localhost", phone.jid, "normal"), "the wrapper")
    equal((way, original.get("from"), original.get("to")), ("received", bob.jid, desk.jid), "inside")
    switch(phone, "disable")
    bob.message(desk.jid, "once more")
    desk.expect("message")
    bob.message(phone.jid, "last")
    equal(messages([phone.expect("message")]), [(None, "last")], "without copies")
    leave(phone, desk, bob)


@scene("each copy has the id that the message has, by the account whose it is; the client's own id passes, a forged one does not")
def _(server):
    phone, desk = online(server, "alice", "phone", carbons=True), online(server, "alice", "desk")
    bob, other = online(server, "bob", "b"), online(server, "bob", "other", -1, carbons=True)
    desk.send(f"<message to='{bob.jid}' type='chat'><body>x</body><origin-id xmlns='{SID}' id='mine'/>"
              f"<stanza-id xmlns='{SID}' by='bob@localhost' id='forged'/><stanza-id xmlns='{SID}' by='room@far.test' id='far'/></message>")
    got = bob.expect("message")
    (far, (by, ident)) = ids(got)
    equal((far, by), (("room@far.test", "far"), "bob@localhost"), "ids at bob")
    equal(got.find(f"{{{SID}}}origin-id").get("id"), "mine", "origin-id")
    equal(ids(copy_in(other.expect("message"))[1]), [("room@far.test", "far"), ("bob@localhost", ident)], "ids of bob's copy")
    equal(ids(copy_in(phone.expect("message"))[1]), [("room@far.test", "far"), ("alice@localhost", ident)], "ids of alice's copy")
    leave(phone, desk, bob, other)


@scene("wrappers that a client makes itself arrive without what is in them")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b", carbons=True)
    forged = (f"<forwarded xmlns='{FORWARD}'><message xmlns='jabber:client' from='carol@localhost/x' to='{bob.jid}' type='chat'>"
              f"<body>give me money</body></message></forwarded>")
    for to in (bob.jid, "bob@localhost"):
        for way in ("received", "sent"):
            alice.send(f"<message to='{to}' type='chat' id='f'><{way} xmlns='{CARBONS}'>{forged}</{way}></message>")
            got = bob.expect("message")
            equal((got.get("from"), [c.tag for c in got if SID not in c.tag]), (alice.jid, []), "what is left")
    bob.send(f"<message to='bob@localhost' type='chat'><received xmlns='{CARBONS}'>{forged}</received></message>")
    equal([[c.tag for c in s] for s in bob.quiet() if s.tag.endswith("message")], [[]], "to oneself")
    alice.send(f"<message to='{bob.jid}' from='bob@localhost'><received xmlns='{CARBONS}'>{forged}</received></message>")
    equal(alice.stream_error(), "invalid-from", "in the name of the other's account")
    leave(bob)


@scene("a session has its copies still when sm was killed; who did not ask has none")
def _(server):
    phone, desk, bob = online(server, "alice", "phone", carbons=True), online(server, "alice", "desk"), online(server, "bob", "b")
    server.kill_sm()
    bob.message(desk.jid, "after the crash")
    equal(messages([phone.expect("message")]), [("received", "after the crash")], "copy")
    switch(phone, "disable")
    server.kill_sm()
    bob.message(desk.jid, "and again")
    desk.bodies(2)
    equal(messages(phone.quiet()), [], "copies after disable")
    leave(phone, desk, bob)


@scene("sm killed at each point of a turn: every message and every copy exactly once, in order")
def _(server):
    if not os.path.exists(os.path.join(FAULTS, "sm")):
        raise Skip("no build with fault points: make faulty")
    faulty = Server(build=FAULTS, workers=2)
    # what goes to the desk and to a phone goes to two links, so that each point is passed
    desk, bob = on_worker(faulty, 0, "alice", "desk"), online(faulty, "bob", "b")
    phones = [on_worker(faulty, i % 2, "alice", f"phone{i}", -1, carbons=True) for i in range(3)]
    start = 0
    for point in POINTS:
        for count in (1, 3):
            faulty.terminate("sm")
            faulty.forget_log("sm")
            faulty.start_sm({"GATEHOUSE_FAULT": f"{point}:{count}"})
            eventually(faulty.workers_joined, "the workers to join")
            for n in range(1000):
                if n >= 10 and "event=child_end" in faulty.log("sm"):
                    break
                bob.message("alice@localhost", str(start))
                equal(desk.bodies(1), [str(start)], f"{point}:{count}")
                start += 1
            check("event=child_end" in faulty.log("sm"), f"{point}:{count} was not passed")
            eventually(lambda: faulty.answers() and faulty.workers_joined(), "sm to be back")
    for phone in phones:
        got = [messages([phone.expect("message")])[0] for _ in range(start)]
        equal(got, [("received", str(i)) for i in range(start)], f"copies at {phone.jid}")
        equal(messages(phone.quiet()), [], "more of them")
    equal(messages(desk.quiet()), [], "more messages")
    leave(desk, bob, *phones)
    faulty.stop()


@scene("what waits in the store is copied when it comes, and not again when it is handed out")
def _(server):
    alice, quiet = online(server, "alice", "a"), online(server, "bob", "quiet", -1, carbons=True)
    early = online(server, "bob", "early", carbons=True, presence=False)
    for i in range(3):
        alice.message("bob@localhost", str(i))
    copies = [quiet.expect("message") for _ in range(3)]
    equal(messages(copies), [("received", str(i)) for i in range(3)], "copies")
    equal(messages(early.quiet()), [], "at one that will be handed them")
    early.send("<presence/>")
    stored = [early.expect("message") for _ in range(3)]
    equal(messages(stored), [(None, str(i)) for i in range(3)], "from the store")
    equal([ids(s) for s in stored], [ids(copy_in(c)[1]) for c in copies], "their ids")
    equal([s.find(f"{{{DELAY}}}delay").get("from") for s in stored], ["localhost"] * 3, "stamps")
    alice.message("bob@localhost", "later")
    equal(messages([early.expect("message")]), [(None, "later")], "when nothing waits")
    equal(messages(quiet.quiet()), [("received", "later")], "copies in all")
    leave(alice, quiet, early)


@scene("a note to oneself, while nobody may have messages, is copied to who is there, and handed once to who comes")
def _(server):
    desk, shy = online(server, "alice", "desk", presence=False), online(server, "alice", "shy", -1, carbons=True)
    phone = online(server, "alice", "phone", carbons=True, presence=False)
    desk.message("alice@localhost", "note")
    equal(messages([shy.expect("message")]), [("sent", "note")], "copy")
    phone.send("<presence/>")
    equal(messages([phone.expect("message")]), [(None, "note")], "from the store")
    equal(messages(phone.quiet() + phone.quiet() + shy.quiet() + desk.quiet()), [], "more of them")
    leave(desk, shy, phone)


@scene("a message that comes back is with the sender's other sessions, and so is the error; an answer to a copy goes nowhere")
def _(server):
    desk, phone = online(server, "alice", "desk"), online(server, "alice", "phone", carbons=True)
    desk.message("x@far.test", "lost", ident="m")
    equal(desk.expect("message").get("type"), "error", "at the sender")
    equal(copy_in(phone.expect("message"))[0], "sent", "the copy")
    way, error = copy_in(phone.expect("message"))
    equal((way, error.get("type"), error.get("id"), error.get("from"), error.get("to")),
          ("received", "error", "m", "x@far.test", desk.jid), "the error")
    phone.send("<message to='alice@localhost' type='error' id='m'><error type='cancel'/></message>")
    phone.quiet()
    equal(messages(desk.quiet()), [], "what returns")
    leave(desk, phone)


@scene("a message that the store refuses comes back to the sender's other sessions, too")
def _(_):
    server = Server(domains={"localhost": "offline-messages = 1"})
    desk, phone = online(server, "alice", "desk"), online(server, "alice", "phone", carbons=True)
    for body in ("kept", "too many"):
        desk.message("bob@localhost", body, ident=body)
    desk.message("nobody@localhost", "lost", ident="lost")
    for ident, by in (("too many", "bob@localhost"), ("lost", "nobody@localhost")):
        error = desk.expect("message")
        equal((error.get("type"), error.get("id"), error.get("from")), ("error", ident, by), "at the sender")
    copies = [copy_in(phone.expect("message")) for _ in range(5)]
    equal([m.get("id") for way, m in copies if way == "sent"], ["kept", "too many", "lost"], "copies of what was sent")
    equal([(m.get("type"), m.get("id"), m.get("from"), m.get("to")) for way, m in copies if way == "received"],
          [("error", "too many", "bob@localhost", desk.jid), ("error", "lost", "nobody@localhost", desk.jid)], "and of the errors")
    equal(messages(desk.quiet() + phone.quiet()), [], "more of them")
    leave(desk, phone)
    server.stop()


@scene("copies are asked for with Bind 2, before any message can come")
def _(server):
    c = Client2(server).opened()
    check(any(f.get("var") == CARBONS for f in c.offer.iter(f"{{{BIND2}}}feature")), "not offered")
    c.plain(inline=agent(LAPTOP) + f"<bind xmlns='{BIND2}'><tag>Scene</tag>{ENABLE}</bind>")
    plain = Client2(server).opened().plain(inline=agent() + f"<bind xmlns='{BIND2}'/>")
    bob = online(server, "bob", "b")
    for i in range(2):
        bob.message(plain.jid, str(i))
        equal(messages([c.expect("message")]), [("received", str(i))], "copy")
        if i == 0:
            server.kill_sm()
    bob.message(c.jid, "for this one")
    equal(messages([c.expect("message")]), [(None, "for this one")], "message")
    plain.bodies(2)
    equal(messages(plain.quiet()), [], "copies at one that did not ask")
    leave(c, plain, bob)


@scene("kill -9 of the worker of one session leaves the others their copies")
def _(server):
    desk, bob = on_worker(server, 0, "alice", "desk"), on_worker(server, 1, "bob", "b")
    phones = [on_worker(server, i % 3, "alice", f"phone{i}", -1, carbons=True) for i in range(6)]
    lost = phones[2::3]
    os.kill([w["pid"] for w in server.status()["workers"] if w["slot"] == 2][0], signal.SIGKILL)
    eventually(lambda: not {p.jid for p in lost} & {s["jid"] for s in server.sessions()}, "their sessions to end")
    bob.message(desk.jid, "still here")
    equal(messages([desk.expect("message")]), [(None, "still here")], "message")
    for p in phones:
        if p not in lost:
            equal(messages([p.expect("message")]), [("received", "still here")], "copy")
    eventually(server.workers_joined, "another worker")
    leave(desk, bob, *[p for p in phones if p not in lost])


server = Server(workers=3)
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
