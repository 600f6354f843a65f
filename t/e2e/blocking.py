#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The blocking command (XEP-0191): lists and pushes, what the blocked and the blocking hear, and that it lasts."""
import os
import sqlite3
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client, condition
from people import befriend, presence, remove, roster, told, wait
from server import BUILD, Server, eventually
from tap import Skip, check, equal, finish, play, scene

BLOCKING = "urn:xmpp:blocking"
ERRORS = "urn:xmpp:blocking:errors"
FAULTS = os.path.join(BUILD, "fault")
ALICE, BOB = "alice@localhost", "bob@localhost"
POINTS = ("turn_before_record", "turn_after_record", "turn_before_ack", "errand_stored")


def online(server, user, resource):
    return Client(server, direct=True).login(user, resource)


def answer(c, ident):
    return c.expect(lambda e: e.get("id") == ident)


def change(c, what, *jids, ident="c"):
    """Blocks or unblocks; the answer."""
    items = "".join(f"<item jid='{j}'/>" for j in jids)
    c.send(f"<iq type='set' id='{ident}'><{what} xmlns='{BLOCKING}'>{items}</{what}></iq>")
    return answer(c, ident)


def done(c, what, *jids):
    equal(change(c, what, *jids).get("type"), "result", f"{what} {jids}")


def items(stanza, what):
    found = stanza.find(f"{{{BLOCKING}}}{what}")
    return None if found is None else [i.get("jid") for i in found]


def blocklist(c):
    c.send(f"<iq type='get' id='l'><blocklist xmlns='{BLOCKING}'/></iq>")
    return items(answer(c, "l"), "blocklist")


def refused(c, stanza, ident="e"):
    """The condition that comes back, None for nothing."""
    c.send(stanza)
    got = [s for s in c.quiet() if s.get("id") == ident]
    return [condition(s) for s in got] or None


def clean(c):
    done(c, "unblock")


def friends(server):
    """Who see each other, and hear of their rosters."""
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    for c in (alice, bob):
        for jid in roster(c):
            remove(c, jid)
    befriend(alice, bob)
    return alice, bob


def part(alice, bob):
    clean(alice)
    for c in (alice, bob):
        for jid in roster(c):
            remove(c, jid)
        c.close()


@scene("the list is kept and prepared; who asked for it is told of each change, and only who asked")
def _(server):
    one, two, three = (online(server, "alice", r) for r in ("one", "two", "three"))
    equal(blocklist(one), [], "nobody at first")
    equal(blocklist(two), [], "nobody at first")
    done(three, "block", "BOB@LocalHost", "example.org")
    for c in (one, two):
        push = c.expect("iq")
        equal((push.get("type"), push.get("to"), items(push, "block")), ("set", c.jid, ["bob@localhost", "example.org"]), "push")
    equal([s.tag for s in three.quiet()], [], "who did not ask")
    server.kill_sm()
    equal(blocklist(three), ["bob@localhost", "example.org"], "what is kept")
    one.send(f"<iq type='set' id='u'><unblock xmlns='{BLOCKING}'><item jid='bob@localhost'/></unblock></iq>")
    got = [one.expect("iq") for _ in range(2)]
    equal([(g.get("type"), items(g, "unblock")) for g in got], [("result", None), ("set", ["bob@localhost"])], "for who did it")
    for c in (two, three):
        equal(items(c.expect("iq"), "unblock"), ["bob@localhost"], "the flag outlives sm")
    equal(blocklist(one), ["example.org"], "what is left")
    done(two, "unblock")
    equal(items(one.expect("iq"), "unblock"), [], "all of them")
    equal(blocklist(one), [], "nobody")
    for c in (one, two, three):
        c.close()


@scene("messages, iqs and presence of the blocked do not come, and look as if nobody were there; back, the user hears why not")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    done(alice, "block", "bob@localhost")
    for to in ("alice@localhost", alice.jid):
        equal(refused(bob, f"<message to='{to}' type='chat' id='e'><body>x</body></message>"), ["service-unavailable"], to)
        equal(refused(bob, f"<iq type='get' to='{to}' id='e'><query xmlns='jabber:iq:version'/></iq>"), ["service-unavailable"], to)
        equal(refused(bob, f"<iq type='result' to='{to}' id='e'/>"), None, to)
        equal(refused(bob, f"<presence to='{to}' id='e'/>"), None, to)
        equal(refused(bob, f"<presence to='{to}' type='subscribe' id='e'/>"), None, to)
        equal(refused(bob, f"<presence to='{to}' type='probe' id='e'/>"), None, to)
    bob.send("<iq type='get' to='alice@localhost' id='e'><vCard xmlns='vcard-temp'/></iq>")
    equal(condition(answer(bob, "e")), "service-unavailable", "her vCard")
    equal([s.tag for s in alice.quiet()], [], "what she hears")
    for stanza in ("<message to='bob@localhost' id='e' type='chat'><body>x</body></message>",
                   f"<message to='{bob.jid}' id='e'><body>x</body></message>",
                   f"<iq type='get' id='e' to='{bob.jid}'><query xmlns='jabber:iq:version'/></iq>",
                   f"<presence to='{bob.jid}' id='e'/>"):
        alice.send(stanza)
        got = answer(alice, "e")
        equal(condition(got), "not-acceptable", stanza)
        check(got.find(f"{{{CLIENT}}}error/{{{ERRORS}}}blocked") is not None, "the application's condition")
    equal([s.tag for s in bob.quiet()], [], "what he hears")
    done(alice, "unblock", "bob@localhost")
    bob.message("alice@localhost", "again")
    equal(alice.bodies(1), ["again"], "afterwards")
    alice.message(bob.jid, "and back")
    equal(bob.bodies(1), ["and back"], "afterwards")
    alice.close(), bob.close()


@scene("a full JID means that resource, a bare one all, a domain everybody in it; never oneself, nor the server's answers")
def _(_):
    server = Server(domains={"localhost": "", "example.test": ""}, accounts=("alice", "bob", "carol@example.test"))
    alice, other = online(server, "alice", "a"), online(server, "alice", "other")
    b1, b2 = online(server, "bob", "1"), online(server, "bob", "2")
    carol = Client(server, direct=True).login("carol", "c", domain="example.test")

    def heard():
        for c in (b1, b2, carol):
            c.message("alice@localhost/a", c.jid)
            c.quiet()
        return [s.get("from") for s in alice.quiet() if s.tag.endswith("message")]

    equal(heard(), [b1.jid, b2.jid, carol.jid], "nobody is blocked")
    for blocked, who in (("bob@localhost/1", [b2.jid, carol.jid]), ("bob@localhost", [carol.jid]), ("example.test", [b1.jid, b2.jid]),
                         ("carol@example.test/else", [b1.jid, b2.jid, carol.jid]), ("localhost", [carol.jid]),
                         ("alice@localhost", [b1.jid, b2.jid, carol.jid])):
        done(alice, "block", blocked)
        equal(heard(), who, f"when {blocked} is blocked")
        other.message(alice.jid, "mine")
        equal(alice.bodies(1), ["mine"], "of oneself")
        alice.send("<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        equal(answer(alice, "p").get("type"), "result", "of the server")
        clean(alice)
    for c in (alice, other, b1, b2, carol):
        c.close()
    server.stop()


@scene("who is blocked sees those go whose directed presence it had, and is told nothing when they do; others see them stay")
def _(server):
    alice, bob, carol = online(server, "alice", "a"), online(server, "bob", "b"), online(server, "carol", "c")
    for to in ("bob@localhost", bob.jid, "carol@localhost"):
        alice.send(f"<presence to='{to}'/>")
    alice.quiet()
    equal([s.get("type") for s in bob.quiet()], [None, None], "bob sees her come")
    done(alice, "block", "bob@localhost")
    equal([(s.get("type"), s.get("from"), s.get("to")) for s in bob.quiet()],
          [("unavailable", alice.jid, "bob@localhost"), ("unavailable", alice.jid, bob.jid)], "he sees her go")
    equal([s.get("type") for s in carol.quiet()], [None], "carol does not")
    alice.close()
    equal([s.tag for s in bob.quiet()], [], "he is told once")
    equal([s.get("type") for s in carol.quiet()], ["unavailable"], "carol sees her go now")
    alice = online(server, "alice", "a")
    clean(alice)
    alice.send("<presence to='bob@localhost'/>")
    alice.quiet()
    bob.quiet()
    done(alice, "block", bob.jid)
    equal([(s.get("type"), s.get("to")) for s in bob.quiet()], [("unavailable", bob.jid)], "one resource is told alone")
    clean(alice)
    for c in (alice, bob, carol):
        c.close()


@scene("an end of directed presence is not heard from the blocked; who is blocked by two items sees one end")
def _(server):
    alice, bob, carol = online(server, "alice", "a"), online(server, "bob", "b"), online(server, "carol", "c")
    for c, to in ((bob, "alice@localhost"), (bob, alice.jid), (alice, "bob@localhost"), (alice, "carol@localhost")):
        c.send(f"<presence to='{to}'/>")
        c.quiet()
    for c in (alice, bob, carol):
        c.quiet()
    done(alice, "block", "bob@localhost")
    equal([s.get("type") for s in bob.quiet()], ["unavailable"], "he sees her go")
    done(carol, "block", "alice@localhost")
    bob.send("<presence type='unavailable'/>")
    bob.quiet()
    done(alice, "block", "localhost")
    for c, what in ((alice, "alice"), (bob, "bob"), (carol, "carol")):
        equal([s.get("from") for s in c.quiet() if s.get("from") != c.jid], [], f"what {what} hears")
    clean(alice), clean(carol)
    for c in (alice, bob, carol):
        c.close()


@scene("who blocks a resource of its own is not hidden from that, though it had told all its own directly")
def _(server):
    alice, other = online(server, "alice", "a"), online(server, "alice", "b")
    alice.send(f"<presence to='{ALICE}'/>")
    alice.quiet(), other.quiet()
    done(alice, "block", other.jid)
    equal(told(other), [], "what the other hears")
    clean(alice)
    alice.close(), other.close()


@scene("contacts: one end for who sees the account, whatever else blocks it then; blocked no more, both see each other again")
def _(server):
    alice, bob = friends(server)
    done(alice, "block", "bob@localhost")
    equal(told(bob), [(alice.jid, "unavailable")], "at first")
    done(alice, "block", "localhost", bob.jid)
    done(alice, "unblock", "bob@localhost", bob.jid)
    equal(told(bob), [], "while another item means him")
    alice.send(f"<iq type='set' id='u'><unblock xmlns='{BLOCKING}'/></iq>")
    wait(alice, lambda e: e.get("id") == "u")
    equal((told(bob), told(alice)), ([(alice.jid, None)], [(bob.jid, None)]), "in the end")
    part(alice, bob)


@scene("what the blocked takes back is so in both rosters, but not heard; what he asks waits in his own roster, as of anybody who is not there")
def _(server):
    alice, bob = friends(server)
    done(alice, "block", "bob@localhost")
    told(bob)
    presence(bob, "unsubscribed", ALICE)
    equal(told(bob), [(ALICE, "to", None)], "his roster")
    remove(bob, ALICE)
    equal(told(alice), [(BOB, "from", None), (BOB, "none", None)], "what she hears: of her roster")
    told(bob)
    for to in (ALICE, "nobody@localhost"):
        presence(bob, "subscribe", to)
        equal(told(bob), [(to, "none", "subscribe")], "what he hears")
    clean(alice)
    alice.send("<presence type='unavailable'/><presence/>")
    equal([s for s in told(alice) if s[0] == BOB], [], "nothing waits for her")
    presence(bob, "subscribe", ALICE)
    equal([s for s in told(alice) if s[0] == BOB], [(BOB, "subscribe")], "asked again")
    part(alice, bob)


@scene("a contact who is blocked is not told that he is taken from the roster, but by his own")
def _(server):
    alice, bob = friends(server)
    done(alice, "block", "bob@localhost")
    told(bob)
    remove(alice, BOB)
    equal(told(bob), [(ALICE, "none", None)], "what he hears")
    part(alice, bob)


@scene("the store takes nothing from the blocked, and gives nothing of theirs that it took before")
def _(server):
    alice, bob, carol = online(server, "alice", "a"), online(server, "bob", "b"), online(server, "carol", "c")
    alice.send("<presence type='unavailable'/>")
    alice.quiet()
    for c in (bob, carol, bob):
        c.message("alice@localhost", f"before, of {c.jid}")
        c.quiet()
    eventually(lambda: server.sm("offline", "show", "alice@localhost").stdout.startswith("3 "), "three to wait")
    done(alice, "block", "bob@localhost")
    equal(refused(bob, "<message to='alice@localhost' type='chat' id='e'><body>x</body></message>"), ["service-unavailable"], "offline")
    alice.send("<presence/>")
    equal(alice.bodies(1), [f"before, of {carol.jid}"], "what she gets")
    equal([s.tag for s in alice.quiet() if s.tag.endswith("message")], [], "more")
    eventually(lambda: server.sm("offline", "show", "alice@localhost").stdout.startswith("0 "), "nothing to wait")
    clean(alice)
    for c in (alice, bob, carol):
        c.close()


@scene("the errors: nobody to block, no JID, what is none, too many; and the feature of the server")
def _(_):
    server = Server(domains={"localhost": "blocked-contacts = 3"})
    alice = online(server, "alice", "a")
    equal(condition(change(alice, "block")), "bad-request", "no item")
    alice.send(f"<iq type='set' id='x'><block xmlns='{BLOCKING}'><item/></block></iq>")
    equal(condition(answer(alice, "x")), "bad-request", "no jid")
    equal(condition(change(alice, "block", "a@b@c")), "jid-malformed", "no JID")
    equal(condition(change(alice, "block", *[f"{i}.org" for i in range(4)])), "policy-violation", "four at once")
    done(alice, "block", "1.org", "2.org", "2.org")
    equal(condition(change(alice, "block", "3.org", "4.org")), "policy-violation", "two more")
    equal(blocklist(alice), ["1.org", "2.org"], "nothing of it is done")
    done(alice, "block", "3.org", "1.org")
    alice.send("<iq type='get' id='d' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
    check(BLOCKING in [f.get("var") for f in answer(alice, "d").iter("{http://jabber.org/protocol/disco#info}feature")], "feature")
    bob = online(server, "bob", "b")
    done(bob, "block", "alice@localhost")
    server.sm("account", "remove", "bob@localhost")
    server.account("bob@localhost")
    bob.vanish()
    bob = online(server, "bob", "b")
    alice.message("bob@localhost", "new")
    equal(bob.bodies(1), ["new"], "a new account of that name blocks nobody")
    equal(blocklist(bob), [], "nor has it a list")
    alice.close(), bob.close(), server.stop()


@scene("who blocks and unblocks a thousand JIDs again and again, with all sessions and contacts that there may be, delays nobody")
def _(_):
    server = Server(start=False)
    server.sm("account", "list")
    with sqlite3.connect(f"{server.folder}/state/store.db") as db:  # 19: listed, and both
        db.executemany("INSERT INTO roster(jid, contact, state, version, name, groups, request) VALUES(?, ?, 19, 1, '', x'', x'')",
                       [(ALICE, f"contact{i}@localhost") for i in range(5000)])
    server.start_sm()
    server.start_c2s()
    alices, bob = [online(server, "alice", f"a{i}") for i in range(10)], online(server, "bob", "b")
    for form in ("x{}@localhost", "x{}.org", "localhost/{}") * 8:
        many = "".join(f"<item jid='{form.format(i)}'/>" for i in range(1000))
        for what in ("block", "unblock"):
            alices[0].send(f"<iq type='set' id='{what}'><{what} xmlns='{BLOCKING}'>{many}</{what}></iq>")
    alices[0].send("<iq type='get' id='end'><query xmlns='jabber:iq:last'/></iq>")
    while not alices[0].pending() or answer(alices[0], "end") is None:
        bob.quiet()
    for c in alices + [bob]:
        c.close()
    server.stop()


@scene("sm killed at every point: each change is there and pushed once, and the blocked sees one end")
def _(_):
    if not os.path.exists(os.path.join(FAULTS, "sm")):
        raise Skip("no build with fault points: make faulty")
    server = Server(build=FAULTS, workers=2)
    alice, look, bob = online(server, "alice", "a"), online(server, "alice", "look"), online(server, "bob", "b")
    blocklist(look)
    for point in POINTS:
        for turn in (1, 2, 3):
            what = f"{point}:{turn}"
            server.terminate("sm")
            server.forget_log("sm")
            server.start_sm({"GATEHOUSE_FAULT": what})
            for _ in range(300):
                alice.send(f"<presence to='{bob.jid}'/>")
                done(alice, "block", "bob@localhost")
                done(alice, "unblock", "bob@localhost")
                equal([items(look.expect("iq"), w) for w in ("block", "unblock")], [["bob@localhost"]] * 2, f"{what}: pushes")
                equal([s.get("type") for s in bob.quiet()], [None, "unavailable"], f"{what}: what he sees")
                if "event=child_end" in server.log("sm"):
                    break
            else:
                check(False, f"{what} was never passed")
            equal([s.tag for s in look.quiet()], [], f"{what}: too many pushes")
    with sqlite3.connect(f"file:{server.folder}/state/store.db?mode=ro", uri=True) as db:
        equal(db.execute("SELECT count(*) FROM block").fetchall(), [(0,)], "rows")
    for c in (alice, look, bob):
        c.close()
    server.stop()


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
