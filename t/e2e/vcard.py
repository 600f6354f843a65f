#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vCards (XEP-0054): one's own, somebody else's, and nobody's; and that nothing overtakes what waits for the store."""
import os
import sqlite3
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client, condition
from people import settle
from server import Server, eventually
from tap import check, equal, finish, play, scene

VCARD = "vcard-temp"


def online(server, user, resource):
    return Client(server, direct=True).login(user, resource)


def ask(c, kind="get", content="", to="", ident="v"):
    address = f" to='{to}'" if to else ""
    c.send(f"<iq type='{kind}' id='{ident}'{address}><vCard xmlns='{VCARD}'>{content}</vCard></iq>")


def answer(c, ident="v"):
    return c.expect(lambda e: e.get("id") == ident)


def put(c, content):
    ask(c, "set", content)
    return answer(c)


def name(c, to=""):
    ask(c, to=to)
    got = answer(c)
    return got.findtext(f"{{{VCARD}}}vCard/{{{VCARD}}}FN") or condition(got)


@scene("one's own vCard comes back, after a restart too; others read it from the bare JID, whether its owner is online or not")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    equal(name(alice), None, "before")
    equal(put(alice, "<FN>Alice &lt;3</FN>").get("type"), "result", "set")
    equal(name(alice), "Alice <3", "her own")
    equal(name(alice, "alice@localhost"), "Alice <3", "her own, by name")
    equal(name(bob, "alice@localhost"), "Alice <3", "hers, for bob")
    equal([s.tag for s in alice.quiet()], [], "she hears nothing of it")
    alice.close()
    server.kill_sm()
    equal(name(bob, "alice@localhost"), "Alice <3", "when she is not there")
    ask(bob, to="alice@localhost")
    got = answer(bob)
    equal((got.get("from"), got.get("to")), ("alice@localhost", bob.jid), "addresses")
    bob.close()


@scene("who has none and who does not exist look alike; nobody changes somebody else's")
def _(server):
    alice = online(server, "alice", "a")
    answers = []
    for who in ("carol", "nobody"):
        ask(alice, to=who + "@localhost")
        got = answer(alice)
        equal(got.get("from"), who + "@localhost", "from")
        answers.append([(e.tag, e.attrib, e.text) for e in got.iter() if e is not got])
    equal(answers[0], answers[1], "the two answers")
    equal(name(alice, "carol@localhost"), "service-unavailable", "condition")
    for who in ("carol", "nobody"):
        ask(alice, "set", "<FN>x</FN>", to=who + "@localhost")
        equal(condition(answer(alice)), "forbidden", "set")
    alice.close()


@scene("a vCard that is too large is refused, and the one before stays; the features say that there are vCards")
def _(_):
    server = Server(domains={"localhost": "vcard-bytes = 1000"})
    alice = online(server, "alice", "a")
    put(alice, "<FN>small</FN>")
    equal(condition(put(alice, f"<FN>{'x' * 1000}</FN>")), "policy-violation", "set")
    equal(name(alice), "small", "what is there")
    for to in ("localhost", "alice@localhost"):
        alice.send(f"<iq type='get' id='d' to='{to}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
        got = answer(alice, "d")
        check(VCARD in [f.get("var") for f in got.iter("{http://jabber.org/protocol/disco#info}feature")], f"feature of {to}")
    alice.close()
    server.sm("account", "remove", "alice@localhost")
    with sqlite3.connect(f"file:{server.folder}/state/store.db?mode=ro", uri=True) as db:
        equal(db.execute("SELECT count(*) FROM vcard").fetchall(), [(0,)], "with the account")
    server.stop()


@scene("who asks for all contacts' avatars in one breath, and reads slowly, is answered each and stays")
def _(_):
    server = Server(start=False)
    server.sm("account", "list")
    wanted = [f"friend{i}@localhost" for i in range(120)]
    with sqlite3.connect(f"{server.folder}/state/store.db") as db:
        db.executemany("INSERT INTO account(jid, created) VALUES(?, 1)", [(jid,) for jid in wanted])
        db.executemany("INSERT INTO vcard(jid, xml) VALUES(?, ?)", [
            (jid, f'<vCard xmlns="{VCARD}"><FN>{"A" * 60000}{jid}</FN></vCard>'.encode()) for jid in wanted])
    server.start_sm()
    server.start_c2s()
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    alice.send("".join(f"<iq type='get' id='{jid}' to='{jid}'><vCard xmlns='{VCARD}'/></iq>" for jid in wanted))
    for i in range(300):
        bob.quiet()
    got = [alice.expect("iq") for _ in wanted]
    equal(sorted((s.get("id"), s.get("type")) for s in got), sorted((jid, "result") for jid in wanted), "the answers, each once")
    alice.close(), bob.close(), server.stop()


@scene("a message does not overtake what its sender asked before about the same account; others do")
def _(server):
    alice, bob, carol = online(server, "alice", "a"), online(server, "bob", "b"), online(server, "carol", "c")
    lock = sqlite3.connect(f"{server.folder}/state/store.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    ask(alice, to="bob@localhost")
    for i in range(3):
        alice.message("bob@localhost" if i % 2 else bob.jid, str(i))
    alice.message("carol@localhost", "at once")
    equal(carol.bodies(1), ["at once"], "to somebody else")
    carol.message("bob@localhost", "mine")
    equal(bob.bodies(1), ["mine"], "of somebody else")
    equal([s.tag for s in bob.quiet()], [], "what waits")
    lock.execute("ROLLBACK")
    lock.close()
    equal(bob.bodies(3), ["0", "1", "2"], "when the store has answered")
    equal(condition(answer(alice)), "service-unavailable", "the answer")
    alice.message("bob@localhost", "3")
    equal(bob.bodies(1), ["3"], "afterwards")
    for c in (alice, bob, carol):
        c.close()


@scene("directed presence that waits is not heard once its sender is unavailable: nobody would be told of its end")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    for end in ("<presence type='unavailable'/>", "<presence type='unavailable' to='bob@localhost'/>", ""):
        lock = sqlite3.connect(f"{server.folder}/state/store.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        ask(alice, to="bob@localhost")
        alice.send("<presence to='bob@localhost'/>" + end)
        alice.quiet()
        lock.execute("ROLLBACK")
        lock.close()
        answer(alice)
        settle(alice)
        heard = [s.get("type") for s in bob.quiet()]
        equal(heard[-1:], ["unavailable"] if end else [None], f"the last that he hears, with {end!r}")
        alice.available()
    alice.close(), bob.close()


@scene("a message that waits goes on when its sender vanishes, and when sm is killed")
def _(server):
    bob = online(server, "bob", "b")
    for kill in (False, True):
        alice = online(server, "alice", "a")
        lock = sqlite3.connect(f"{server.folder}/state/store.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        ask(alice, to="bob@localhost")
        alice.message("bob@localhost", "wait")
        alice.quiet()
        if kill:
            lock.execute("ROLLBACK")
            server.kill_sm()
            alice.quiet()
        alice.vanish()
        if not kill:
            eventually(lambda: not server.sessions("--user", "alice"), "its session to end")
            lock.execute("ROLLBACK")
        lock.close()
        equal(bob.bodies(1), ["wait"], "what came")
        equal([s.tag for s in bob.quiet() if s.tag.endswith("message")], [], "too many")
    bob.close()


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
