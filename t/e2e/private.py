#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Private storage (XEP-0049), the first of the errands: what the store is asked happens once, whatever crashes."""
import os
import sqlite3
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client, condition
from server import BUILD, Server, eventually
from tap import Skip, check, equal, finish, play, scene

PRIVATE = "jabber:iq:private"
FAULTS = os.path.join(BUILD, "fault")
POINTS = ("turn_before_record", "turn_after_record", "turn_before_ack", "errand_stored")


def online(server, user, resource):
    return Client(server, direct=True).login(user, resource)


def ask(c, ident, kind, content, to=""):
    c.send(f"<iq type='{kind}' id='{ident}'{to}><query xmlns='{PRIVATE}'>{content}</query></iq>")


def answer(c, ident):
    got = c.expect("iq")
    equal(got.get("id"), ident, "the answers come in order")
    return got


def put(c, ident, content):
    ask(c, ident, "set", content)
    return answer(c, ident)


def get(c, ident, name, ns):
    """The texts of what is kept under that name."""
    ask(c, ident, "get", f"<{name} xmlns='{ns}'/>")
    got = answer(c, ident)
    equal(got.get("type"), "result", "answer")
    found = got.find(f"{{{PRIVATE}}}query")
    equal({e.tag for e in found}, {f"{{{ns}}}{name}"}, "what came back")
    return [e.text for e in found]


def store(server, sql):
    with sqlite3.connect(f"file:{server.folder}/state/store.db?mode=ro", uri=True) as db:
        return db.execute(sql).fetchall()


@scene("what one resource keeps another finds, after restarts too; another value takes its place, an empty one takes it away")
def _(server):
    one, two = online(server, "alice", "one"), online(server, "alice", "two")
    equal(get(one, "0", "notes", "urn:a"), [None], "before")
    equal(put(one, "1", "<notes xmlns='urn:a'>x &amp; y</notes>").get("type"), "result", "set")
    equal(get(two, "2", "notes", "urn:a"), ["x & y"], "at the other resource")
    equal(get(two, "3", "notes", "urn:b"), [None], "of another namespace")
    equal(put(two, "4", "<notes xmlns='urn:a'>1</notes><notes xmlns='urn:a'>2</notes><more xmlns='urn:a'>3</more>").get("type"), "result", "set")
    server.kill_sm()
    equal(get(one, "5", "notes", "urn:a"), ["1", "2"], "both of one name")
    equal(get(one, "6", "more", "urn:a"), ["3"], "the other name")
    equal(put(one, "7", "<notes xmlns='urn:a'/>").get("type"), "result", "set")
    equal(store(server, "SELECT ns, name FROM private"), [("urn:a", "more")], "rows")
    put(one, "8", "<more xmlns='urn:a'/>")
    one.close(), two.close()


@scene("the errors: no element, two at once, no namespace, somebody else's, and too much of it")
def _(_):
    server = Server(domains={"localhost": "private-elements = 3\nprivate-bytes = 1000"})
    c = online(server, "alice", "a")

    def refused(kind, content, to=""):
        ask(c, "e", kind, content, to)
        return condition(answer(c, "e"))

    equal(refused("get", ""), "bad-request", "get of nothing")
    equal(refused("get", "<a xmlns='x'/><b xmlns='y'/>"), "bad-request", "get of two")
    equal(refused("set", ""), "not-acceptable", "set of nothing")
    equal(refused("set", "<a/>"), "not-acceptable", "no namespace of its own")
    equal(refused("set", f"<a xmlns='{CLIENT}'/>"), "not-acceptable", "the stream's namespace")
    equal(refused("get", "<a xmlns='x'/>", " to='bob@localhost'"), "service-unavailable", "somebody else's")
    equal(refused("get", "<a xmlns='x'/>", " to='localhost'"), "service-unavailable", "the domain's")
    equal(refused("set", "".join(f"<a{i} xmlns='x'>1</a{i}>" for i in range(4))), "policy-violation", "four at once")
    put(c, "1", "".join(f"<a{i} xmlns='x'>1</a{i}>" for i in range(3)))
    equal(refused("set", "<b xmlns='x'>1</b>"), "policy-violation", "a fourth")
    equal(refused("set", f"<a0 xmlns='x'>{'y' * 1000}</a0>"), "policy-violation", "bytes")
    equal(get(c, "2", "a0", "x"), ["1"], "what was there stays")
    equal(put(c, "3", "<a0 xmlns='x'/><b xmlns='x'>1</b>").get("type"), "result", "one for another")
    c.send("<iq type='get' id='d'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
    check(PRIVATE in [f.get("var") for f in answer(c, "d").iter("{http://jabber.org/protocol/disco#info}feature")], "feature")
    c.close()
    server.sm("account", "remove", "alice@localhost")
    equal(store(server, "SELECT count(*) FROM private"), [(0,)], "with the account")
    server.stop()


@scene("a goodbye waits for what was asked before it")
def _(server):
    c = online(server, "bob", "b")
    for i in range(50):
        ask(c, str(i), "set", f"<n xmlns='x'>{i}</n>")
    c.send("</stream:stream>")
    for i in range(50):
        equal(answer(c, str(i)).get("type"), "result", "answer")
    equal(c.stream_error(), None, "the end")
    c.sock.close()
    c = online(server, "bob", "b")
    equal(get(c, "g", "n", "x"), ["49"], "the last one")
    c.close()


@scene("a goodbye waits, too, while something is stored that an earlier session of that name has said")
def _(server):
    c, other = online(server, "bob", "same"), online(server, "alice", "other")
    lock = sqlite3.connect(f"{server.folder}/state/store.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    for i in range(5):
        c.message("carol@localhost", str(i))
    c.quiet()
    c.vanish()
    eventually(lambda: not server.sessions("--user", "bob"), "its session to end")
    c = online(server, "bob", "same")
    ask(c, "1", "set", "<n xmlns='x'>late</n>")
    ask(c, "2", "get", "<n xmlns='x'/>")
    c.quiet()
    server.forget_log("c2s")
    c.send("</stream:stream>")
    eventually(lambda: "to=wait_for_end" in server.log("c2s"), "the goodbye to be heard")
    other.quiet()
    lock.execute("ROLLBACK")
    lock.close()
    for i in "12":
        equal(answer(c, i).get("type"), "result", "answer")
    equal(c.stream_error(), None, "the end")
    c.sock.close()
    other.close()
    server.sm("offline", "purge", "carol@localhost")


@scene("a store that is locked: the client hears resource-constraint, and nothing is kept; later it works again")
def _(server):
    c = online(server, "carol", "c")
    put(c, "1", "<n xmlns='x'>before</n>")
    lock = sqlite3.connect(f"{server.folder}/state/store.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    equal(condition(put(c, "2", "<n xmlns='x'>meanwhile</n>")), "resource-constraint", "locked")
    equal([s.tag for s in c.quiet()], [], "the others are served")
    lock.execute("ROLLBACK")
    lock.close()
    equal(get(c, "3", "n", "x"), ["before"], "what is kept")
    equal(put(c, "4", "<n xmlns='x'>after</n>").get("type"), "result", "again")
    c.close()


@scene("a store that is slow: who asks for much, or says much, is refused the rest; what somebody else says waits for it")
def _(_):
    server = Server("turn-log-bytes = 4194304")
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")

    def flood(say):
        lock = sqlite3.connect(f"{server.folder}/state/store.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        for size in 6 * [200000] + 25 * [9000] + 15 * [1000] + 15 * [100]:
            say("y" * size)
        check("resource-constraint" in [condition(s) for s in alice.quiet()], "she is not refused")
        bob.send("<message to='carol@localhost' type='chat' id='m'><body>of bob</body></message>")
        equal([condition(s) for s in bob.quiet()], [], "he is not")
        lock.execute("ROLLBACK")
        lock.close()
        eventually(lambda: server.sm("offline", "show", "carol@localhost").stdout.split()[0] != "0", "the store to go on")

    flood(lambda text: ask(alice, "x", "set", f"<n xmlns='x'>{text}</n>"))
    flood(lambda text: alice.message("carol@localhost", text))
    carol = Client(server, direct=True).login("carol", "c", presence=False)
    carol.send("<presence/>")
    for _ in range(2):
        while carol.bodies(1) != ["of bob"]:
            pass
    alice.vanish()
    bob.close(), carol.close(), server.stop()


@scene("long answers to short questions: who asks faster than it reads has them as it reads; nobody else waits for it")
def _(server):
    bob, alice = online(server, "bob", "b"), online(server, "alice", "a")
    for c in (alice, bob):
        put(c, "p", f"<n xmlns='x'>{'y' * 200000}</n>")
    for i in range(60):
        ask(alice, str(i), "get", "<n xmlns='x'/>")
    for i in range(20):
        equal(len(get(bob, str(i), "n", "x")[0]), 200000, "bob's")
    got = [alice.expect("iq") for _ in range(60)]
    equal(sorted((int(s.get("id")), s.get("type")) for s in got), [(i, "result") for i in range(60)], "the answers, each once")
    for c in (alice, bob):
        put(c, "q", "<n xmlns='x'/>")
        c.close()


@scene("sm killed at every point of an errand: each set is answered once, in order, and is there")
def _(_):
    if not os.path.exists(os.path.join(FAULTS, "sm")):
        raise Skip("no build with fault points: make faulty")
    server = Server(build=FAULTS, workers=2)
    c = online(server, "alice", "a")
    for point in POINTS:
        for turn in (1, 2, 5):
            what = f"{point}:{turn}"
            server.terminate("sm")
            server.forget_log("sm")
            server.start_sm({"GATEHOUSE_FAULT": what})
            sent = 0
            for _ in range(1000):
                for _ in range(10):
                    ask(c, f"{sent}", "set", f"<n xmlns='x'>{what} {sent}</n>")
                    ask(c, f"{sent}g", "get", "<n xmlns='x'/>")
                    sent += 1
                for i in range(sent - 10, sent):
                    equal(answer(c, f"{i}").get("type"), "result", f"{what}: set {i}")
                    got = answer(c, f"{i}g").find(f"{{{PRIVATE}}}query/{{x}}n")
                    check(got.text.startswith(what) and i <= int(got.text.split()[1]) < sent, f"{what}: get {i}: {got.text}")
                if "event=child_end" in server.log("sm"):
                    break
            else:
                check(False, f"{what} was never passed")
            equal(c.quiet(), [], f"{what}: too many answers")
    c.close()
    server.stop()


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
