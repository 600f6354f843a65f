#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rosters (RFC 6121 2): items, pushes, versions, limits, and what may not be asked."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import condition
from people import ROSTER, add, ask_roster, item, online, push, remove, roster
from server import Server
from tap import check, equal, finish, play, scene


@scene("an item is added, changed and removed; each time all who asked for the roster are told, and nobody else")
def _(server):
    first, second, silent = online(server, "alice", "one"), online(server, "alice", "two"), online(server, "alice", "silent")
    bob = online(server, "bob", "b")
    equal(roster(first), {}, "at first")
    roster(second)
    add(first, "Carol@LOCALHOST", "Carol <&> \u20ac", ["Friends", "Work & play"])
    for c in (first, second):
        got = push(c)
        equal((got.get("jid"), got.get("name"), got.get("subscription"), got.get("ask")),
              ("carol@localhost", "Carol <&> \u20ac", "none", None), "pushed")
        equal(sorted(g.text for g in got), ["Friends", "Work & play"], "groups")
    add(second, "carol@localhost", "C.")
    equal([(got.get("name"), len(got)) for got in (push(first), push(second))], [("C.", 0)] * 2, "changed")
    equal(roster(first), {"carol@localhost": ("C.", "none", None, ())}, "as it is then")
    remove(first, "carol@localhost")
    for c in (first, second):
        equal(push(c).get("subscription"), "remove", "removed")
    equal(roster(second), {}, "at last")
    for c in (silent, bob):
        equal([s for s in c.quiet() if s.tag.endswith("iq")], [], "to who did not ask")
        c.close()
    first.close()
    second.close()


@scene("the push is there before the result, and names its receiver and the version")
def _(server):
    alice = online(server, "alice", "a")
    roster(alice)
    alice.send(f"<iq type='set' id='s1'><query xmlns='{ROSTER}'><item jid='x@localhost'/></query></iq>")
    first, second = alice.expect("iq"), alice.expect("iq")
    equal((first.get("type"), first.get("to"), first.get("from")), ("set", alice.jid, None), "the push")
    check(int(first.find(f"{{{ROSTER}}}query").get("ver")) > 0, "version")
    equal((second.get("type"), second.get("id"), len(second)), ("result", "s1", 0), "the result")
    alice.send(f"<iq type='result' id='{first.get('id')}'/>")
    remove(alice, "x@localhost")
    alice.quiet()
    alice.close()


@scene("what is wrong with an item is said as RFC 6121 2.3.3 and 2.5.3 have it")
def _(server):
    alice = online(server, "alice", "a")

    def refused(inner, to=None):
        address = f" to='{to}'" if to else ""
        alice.send(f"<iq type='set' id='r'{address}><query xmlns='{ROSTER}'>{inner}</query></iq>")
        answer = alice.expect("iq")
        equal(answer.get("type"), "error", inner)
        return condition(answer)
    for inner, wanted in (
            ("", "bad-request"), ("<item jid='a@localhost'/><item jid='b@localhost'/>", "bad-request"),
            ("<item/>", "bad-request"), ("<item jid='a@@b'/>", "jid-malformed"), ("<item jid='b@localhost/x'/>", "bad-request"),
            ("<thing jid='b@localhost'/>", "bad-request"), ("<item xmlns='urn:x' jid='b@localhost'/>", "bad-request"),
            ("<item jid='alice@localhost'/>", "not-allowed"),
            (f"<item jid='b@localhost' name='{'n' * 513}'/>", "not-acceptable"),
            ("<item jid='b@localhost'><group/></item>", "not-acceptable"),
            (f"<item jid='b@localhost'><group>{'g' * 513}</group></item>", "not-acceptable"),
            ("<item jid='b@localhost'><group>g</group><group>g</group></item>", "bad-request"),
            ("<item jid='b@localhost'>" + "".join(f"<group>{i}</group>" for i in range(33)) + "</item>", "not-acceptable"),
            ("<item jid='never@localhost' subscription='remove'/>", "item-not-found")):
        equal(refused(inner), wanted, inner[:60])
    for to, wanted in (("bob@localhost", "forbidden"), ("localhost", "service-unavailable"), ("nobody@localhost", "forbidden"),
                       ("x@far.test", "remote-server-not-found")):
        equal(refused("<item jid='b@localhost'/>", to), wanted, to)
    equal(roster(alice), {}, "and nothing of it is there")
    alice.close()


@scene("nobody's roster can be asked for, pushed to or changed by another, not even by a full JID")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    roster(bob)
    for to in (bob.jid, "bob@localhost", "alice@localhost/a"):
        for kind in ("get", "set"):
            inner = "<item jid='evil@localhost' subscription='both'/>" if kind == "set" else ""
            alice.send(f"<iq type='{kind}' id='f' to='{to}'><query xmlns='{ROSTER}'>{inner}</query></iq>")
            equal(condition(alice.expect("iq")), "forbidden", f"{kind} {to}")
    equal([s for s in bob.quiet() if s.tag.endswith("iq")], [], "at bob")
    equal(roster(bob), {}, "his roster")
    alice.close()
    bob.close()


@scene("a client's word for the state of a subscription counts for nothing")
def _(server):
    alice = online(server, "alice", "a")
    alice.send(f"<iq type='set' id='s'><query xmlns='{ROSTER}'><item jid='bob@localhost' subscription='both' ask='subscribe' "
               "approved='true'/></query></iq>")
    equal(alice.expect("iq").get("type"), "result", "taken")
    equal(roster(alice), {"bob@localhost": ("", "none", None, ())}, "as it is")
    remove(alice, "bob@localhost")
    alice.close()


@scene("who knows the version gets nothing, who knows an older one the changes, anybody else the whole (2.6)")
def _(server):
    alice = online(server, "alice", "a", presence=False)
    query = ask_roster(alice, "")
    check(query is not None and query.get("ver"), "whole, with a version")
    versions = [query.get("ver")]
    for name in ("u1", "u2", "u3"):
        add(alice, f"{name}@localhost")
        versions.append(push(alice, version=True))
    remove(alice, "u2@localhost")
    versions.append(push(alice, version=True))
    check([int(v) for v in versions] == sorted({int(v) for v in versions}), f"versions grow: {versions}")
    alice.close()
    for known, wanted in ((versions[4], []), (versions[3], [("u2@localhost", "remove")]),
                          (versions[1], [("u3@localhost", "none"), ("u2@localhost", "remove")])):
        c = online(server, "alice", "later", presence=False)
        equal(ask_roster(c, known), None, "the result is empty")
        got = [push(c, whole=True) for _ in wanted]
        equal([(item(p).get("jid"), item(p).get("subscription")) for p in got], wanted, f"since {known}")
        if got:
            equal(got[-1].find(f"{{{ROSTER}}}query").get("ver"), versions[4], "the last push has the version of now")
        equal(c.quiet(), [], "and no more")
        c.close()
    c = online(server, "alice", "later", presence=False)
    for known in ("17", "not-a-number", str(int(versions[4]) + 1), "99999999999999999999999"):
        query = ask_roster(c, known)
        equal(sorted(i.get("jid") for i in query), ["u1@localhost", "u3@localhost"], f"whole for {known}")
        equal(query.get("ver"), versions[4], "its version")
    query = ask_roster(c, None)
    equal(query.get("ver"), versions[4], "who does not say one is told it, too")
    for name in ("u1", "u3"):
        remove(c, f"{name}@localhost")
    c.quiet()
    c.close()


@scene("many removed items are remembered as long as there is room, and then the whole roster is told")
def _(server):
    alice = online(server, "alice", "a", presence=False)
    before = ask_roster(alice, "").get("ver")
    for i in range(70):  # more than are pushed one by one
        alice.send(f"<iq type='set' id='a{i}'><query xmlns='{ROSTER}'><item jid='m{i}@localhost'/></query></iq>")
    alice.expect(lambda s: s.get("id") == "a69")
    equal(len(ask_roster(alice, before)), 70, "items, whole")
    for i in range(70):
        alice.send(f"<iq type='set' id='r{i}'><query xmlns='{ROSTER}'><item jid='m{i}@localhost' subscription='remove'/></query></iq>")
    alice.expect(lambda s: s.get("id") == "r69")
    alice.close()


@scene("what is asked for behind a change that is under way has it")
def _(server):
    alice = online(server, "alice", "a", presence=False)
    alice.send("".join(f"<iq type='set' id='s{i}'><query xmlns='{ROSTER}'><item jid='q{i}@localhost'/></query></iq>"
                       for i in range(20)) + f"<iq type='get' id='g'><query xmlns='{ROSTER}'/></iq>")
    order = [alice.expect("iq") for _ in range(21)]
    equal([s.get("id") for s in order], [f"s{i}" for i in range(20)] + ["g"], "order of the answers")
    equal(len(order[-1].find(f"{{{ROSTER}}}query")), 20, "items")
    for i in range(20):
        remove(alice, f"q{i}@localhost")
    alice.quiet()
    alice.close()


@scene("the limits of items and bytes hold, and what is there can still be changed")
def _(server):
    small = Server(domains={"localhost": "roster-items = 3\nroster-bytes = 64K\nroster-groups = 1000\nroster-name-bytes = 4K"})
    alice = online(small, "alice", "a", presence=False)
    for i in range(3):
        add(alice, f"u{i}@localhost")
    alice.send(f"<iq type='set' id='more'><query xmlns='{ROSTER}'><item jid='u4@localhost'/></query></iq>")
    equal(condition(alice.expect(lambda s: s.get("id") == "more")), "resource-constraint", "a fourth")
    alice.send("<presence type='subscribe' to='bob@localhost' id='sub'/>")
    equal(condition(alice.expect(lambda s: s.get("id") == "sub")), "resource-constraint", "a fourth by subscription")
    add(alice, "u1@localhost", "renamed")
    groups = "".join(f"<group>{str(i) * 1000}</group>" for i in range(1, 9)) + "".join(f"<group>{i}{'x' * 4000}</group>" for i in range(14))
    alice.send(f"<iq type='set' id='long'><query xmlns='{ROSTER}'><item jid='u2@localhost'>{groups}</item></query></iq>")
    equal(alice.expect(lambda s: s.get("id") == "long").get("type"), "result", "64,008 bytes of groups")
    alice.send(f"<iq type='set' id='long'><query xmlns='{ROSTER}'><item jid='u1@localhost'>{groups}</item></query></iq>")
    equal(condition(alice.expect(lambda s: s.get("id") == "long")), "resource-constraint", "as many again")
    remove(alice, "u2@localhost")
    add(alice, "u4@localhost")
    alice.close()
    small.stop()


@scene("two thousand contacts are there, whole, longer than a frame, after a restart too")
def _(server):
    alice = online(server, "alice", "a", presence=False)
    names = [f"contact-{i:04}@example.test" for i in range(2000)]
    for start in range(0, 2000, 100):
        alice.send("".join(f"<iq type='set' id='{i}'><query xmlns='{ROSTER}'><item jid='{names[i]}' name='Contact number {i}'>"
                           f"<group>Friends</group></item></query></iq>" for i in range(start, start + 100)))
        alice.expect(lambda s: s.get("id") == str(start + 99))
    known = ask_roster(alice, "")
    equal(sorted(i.get("jid") for i in known), names, "names")
    server.kill_sm()
    equal(ask_roster(alice, known.get("ver")), None, "the same version after kill -9")
    equal(len(ask_roster(alice, None)), 2000, "items after kill -9")
    alice.close()
    again = online(server, "alice", "again", presence=False)
    equal(len(ask_roster(again, None)), 2000, "items in the next session")
    again.close()


@scene("who asked for the roster before a kill -9 of sm is told of changes after it")
def _(server):
    bob, other = online(server, "bob", "b"), online(server, "bob", "other")
    roster(bob)
    roster(other)
    server.kill_sm()
    add(bob, "x@localhost", "X")
    equal(push(other).get("name"), "X", "pushed")
    bob.close()
    other.close()


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
