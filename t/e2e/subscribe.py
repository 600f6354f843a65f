#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Subscriptions and the presence that follows from them (RFC 6121 3 and 4), with two and three clients."""
import os
import signal
import sys
import time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, condition
from people import (add, ask_roster, befriend, of, on_worker, online, presence, push, remove, roster, sees, settle, told, wait)
from server import BUILD, Server, eventually
from tap import Skip, check, equal, finish, play, scene

FAULTS = os.path.join(BUILD, "fault")

ALICE, BOB, CAROL = "alice@localhost", "bob@localhost", "carol@localhost"


def strangers(server, *clients):
    """Takes everybody out of these clients' rosters."""
    for c in clients:
        for jid in roster(c):
            remove(c, jid)
    for c in clients:
        c.quiet()


def both(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    for c in (alice, bob):
        roster(c)
    strangers(server, alice, bob)
    return alice, bob


def leave(*clients):
    for c in clients:
        c.close()


@scene("asking, approving and seeing: each stanza, push and presence in the order of section 3.1")
def _(server):
    alice, bob = both(server)
    presence(alice, "subscribe", BOB)
    asked = bob.expect("presence")
    equal((of(asked), asked.get("to")), ((ALICE, "subscribe"), BOB), "asked, by bare JIDs")
    equal(told(alice), [(BOB, "none", "subscribe")], "alice's push")
    equal(told(bob), [], "bob has no item yet")
    equal(roster(bob), {}, "bob's roster")
    presence(bob, "subscribed", ALICE)
    equal(told(bob), [(ALICE, "from", None)], "bob's push")
    equal(told(alice), [(BOB, "subscribed"), (BOB, "to", None), (bob.jid, None)], "alice: the answer, the push, the presence")
    equal(roster(alice), {BOB: ("", "to", None, ())}, "alice's roster")
    bob.send("<presence><show>away</show></presence>")
    got = alice.expect("presence")
    equal((of(got), got.get("to"), got.findtext(f"{{{CLIENT}}}show")), ((bob.jid, None), ALICE, "away"), "an update")
    alice.send("<presence/>")
    equal([s for s in told(bob) if s[0] != bob.jid], [], "bob sees nothing of alice")
    leave(alice, bob)


@scene("both ways, with full JIDs in `to`, and again: the state is the same, and what is granted is said again")
def _(server):
    alice, bob = both(server)
    presence(alice, "subscribe", bob.jid)
    bob.expect("presence")
    presence(bob, "subscribed", alice.jid)
    presence(bob, "subscribe", alice.jid)
    alice.expect(lambda s: of(s) == (BOB, "subscribe"))
    presence(alice, "subscribed", BOB)
    told(bob), told(alice)
    equal((roster(alice)[BOB][1], roster(bob)[ALICE][1]), ("both", "both"), "rosters")
    for kind in ("subscribe", "subscribed"):
        presence(alice, kind, BOB)
        equal((told(alice), told(bob)), ([], []), f"{kind} again")
    presence(alice, "probe", BOB)
    equal(told(alice), [(bob.jid, None)], "a probe is answered")
    leave(alice, bob)


@scene("a request is denied, withdrawn, or waits for the next who comes, with what it says, until it is answered")
def _(server):
    alice, bob = both(server)
    presence(alice, "subscribe", BOB)
    told(bob)
    presence(bob, "unsubscribed", ALICE)
    equal(told(alice), [(BOB, "none", "subscribe"), (BOB, "unsubscribed"), (BOB, "none", None)], "denied")
    equal(told(bob), [], "bob has nothing to do with it")
    leave(bob)
    presence(alice, "subscribe", BOB)
    presence(alice, "unsubscribe", BOB)
    told(alice)
    bob = online(server, "bob", "b", presence=False)
    bob.send("<presence/>")
    equal([s for s in told(bob) if s[1]], [], "withdrawn before bob came")
    leave(bob)
    alice.send(f"<presence type='subscribe' to='{BOB}' id='ask1'><status>it is me, from school</status></presence>")
    settle(alice)
    for resource in ("one", "two"):
        bob = online(server, "bob", resource, presence=False)
        equal(told(bob), [], "nothing before presence")
        bob.send("<presence/>")
        got = bob.expect(lambda s: s.get("type") == "subscribe")
        equal((of(got), got.get("id"), got.findtext(f"{{{CLIENT}}}status")), ((ALICE, "subscribe"), "ask1", "it is me, from school"), "the request")
        bob.send("<presence/>")
        check((ALICE, "subscribe") not in told(bob), "not at an update")
        server.kill_sm()
        leave(bob)
    bob = online(server, "bob", "three", presence=False)
    bob.send("<presence/>")
    bob.expect(lambda s: s.get("type") == "subscribe")
    presence(bob, "subscribed", ALICE)
    wait(alice, lambda s: of(s) == (BOB, "subscribed"))
    leave(bob)
    bob = online(server, "bob", "four", presence=False)
    bob.send("<presence/>")
    check((ALICE, "subscribe") not in told(bob), "answered")
    strangers(server, alice, bob)
    leave(alice, bob)


@scene("a request goes to every session that is available, once; answers and pushes to every one that asked for the roster (3.1.3, 3.1.6)")
def _(server):
    alice, bob = both(server)
    there, asked, silent = (online(server, "bob", name, presence=False) for name in ("there", "asked", "silent"))
    there.send("<presence><priority>-3</priority></presence>")
    roster(asked)
    for c in (bob, there):
        c.quiet()
    for _ in range(2):
        presence(alice, "subscribe", BOB)
    equal([told(c) for c in (bob, there, asked, silent)], [[(ALICE, "subscribe")]] * 2 + [[], []], "a request, asked twice")
    told(alice)
    presence(bob, "subscribed", ALICE)
    pushed = [(ALICE, "from", None)]
    equal([told(c) for c in (bob, there, asked, silent)], [pushed, [], pushed, []], "bob's approval")
    equal(sorted(told(alice)[2:], key=str), [(bob.jid, None), (there.jid, None)], "whom alice sees")
    presence(bob, "subscribe", ALICE)
    for c in (bob, there, asked, silent):
        c.quiet()
    presence(alice, "subscribed", BOB)
    heard, sight = [(ALICE, "subscribed"), (ALICE, "both", None)], [(alice.jid, None)]
    equal([told(c) for c in (bob, there, asked, silent)], [heard + sight, sight, heard, []], "alice's approval")
    told(alice)
    alice.send("<presence type='unavailable'><status>gone home</status></presence>")
    for c in (bob, there):
        got = c.expect("presence")
        equal((of(got), got.findtext(f"{{{CLIENT}}}status")), ((alice.jid, "unavailable"), "gone home"), "goodbye")
    equal([told(c) for c in (asked, silent)], [[], []], "goodbye")
    strangers(server, alice, bob)
    leave(alice, bob, there, asked, silent)


@scene("while nobody is there the first of many requests is kept, and an item can be made before or after asking (3.1.1, 3.1.3)")
def _(server):
    alice, bob = both(server)
    leave(bob)
    add(alice, BOB, "Bob", ["Friends"])
    for word in ("first", "second", "third"):
        alice.send(f"<presence type='subscribe' to='{BOB}'><status>{word}</status></presence>")
        settle(alice)
    equal(roster(alice), {BOB: ("Bob", "none", "subscribe", ("Friends",))}, "the item was there before")
    bob = online(server, "bob", "b", presence=False)
    bob.send("<presence/>")
    equal([s.findtext(f"{{{CLIENT}}}status") for s in bob.quiet() if s.get("type") == "subscribe"], ["first"], "what bob is asked")
    presence(alice, "subscribe", CAROL)
    add(alice, CAROL, "Carol")
    equal(roster(alice)[CAROL], ("Carol", "none", "subscribe", ()), "the item comes after")
    add(bob, ALICE, "Alice")
    presence(bob, "subscribed", ALICE)
    equal(roster(bob), {ALICE: ("Alice", "from", None, ())}, "whoever asks may have an item already")
    told(alice)
    strangers(server, alice, bob)
    leave(alice, bob)


@scene("a long request waits without its words")
def _(server):
    alice = online(server, "alice", "a")
    roster(alice)
    alice.send(f"<presence type='subscribe' to='{BOB}'><status>{'x' * 5000}</status></presence>")
    settle(alice)
    bob = online(server, "bob", "b", presence=False)
    bob.send("<presence/>")
    got = bob.expect(lambda s: s.get("type") == "subscribe")
    equal((of(got), len(got)), ((ALICE, "subscribe"), 0), "the request")
    alice.send(f"<presence type='subscribe' to='{CAROL}' id='long'><status>{'x' * 20000}</status></presence>")
    equal(condition(alice.expect(lambda s: s.get("id") == "long")), "policy-violation", "too long altogether")
    strangers(server, alice, bob)
    presence(bob, "unsubscribed", ALICE)
    told(bob)
    leave(alice, bob)


@scene("unsubscribing and cancelling: who may not see any more hears unavailable, and both rosters agree (3.2, 3.3)")
def _(server):
    alice, bob = both(server)
    befriend(alice, bob)
    presence(alice, "unsubscribe", BOB)
    equal(told(bob), [(ALICE, "unsubscribe"), (ALICE, "to", None)], "bob")
    equal(told(alice), [(bob.jid, "unavailable"), (BOB, "from", None)], "alice sees bob no more")
    presence(alice, "unsubscribed", BOB)
    equal(told(bob), [(alice.jid, "unavailable"), (ALICE, "unsubscribed"), (ALICE, "none", None)], "unavailable first")
    equal(told(alice), [(BOB, "none", None)], "alice")
    bob.send("<presence><show>dnd</show></presence>")
    equal(told(alice), [], "nothing of bob")
    for kind in ("unsubscribe", "unsubscribed"):
        presence(alice, kind, BOB)
        equal((told(alice), [t for t in told(bob) if t[0] != bob.jid]), ([], []), f"{kind} again")
    leave(alice, bob)


@scene("removing a contact ends the subscriptions both ways (2.5.2)")
def _(server):
    alice, bob = both(server)
    befriend(alice, bob)
    remove(alice, BOB)
    equal(told(alice), [(bob.jid, "unavailable"), (BOB, "remove", None)], "alice")
    equal(told(bob), [(alice.jid, "unavailable"), (ALICE, "unsubscribe"), (ALICE, "unsubscribed"), (ALICE, "none", None)], "bob")
    equal((roster(alice), roster(bob)), ({}, {ALICE: ("", "none", None, ())}), "rosters")
    strangers(server, bob)
    presence(alice, "subscribe", BOB)
    told(bob)
    remove(alice, BOB)
    bob.close()
    bob = online(server, "bob", "b", presence=False)
    bob.send("<presence/>")
    check((ALICE, "subscribe") not in told(bob), "a request that waits is withdrawn with the item")
    leave(alice, bob)


@scene("an approval before the request is kept, spent on it, and can be taken back (3.4)")
def _(server):
    alice, bob = both(server)
    presence(bob, "subscribed", ALICE)
    equal(told(bob), [(ALICE, "none", None)], "pushed")
    equal(roster(bob), {ALICE: ("", "none", "approved", ())}, "approved")
    equal(told(alice), [], "and alice hears nothing of it")
    presence(alice, "subscribe", BOB)
    equal(told(alice), [(BOB, "subscribed"), (BOB, "to", None), (bob.jid, None)], "granted at once")
    equal(told(bob), [(ALICE, "from", None)], "bob is not asked")
    equal(roster(bob), {ALICE: ("", "from", None, ())}, "spent")
    strangers(server, alice, bob)
    presence(bob, "subscribed", ALICE)
    presence(bob, "unsubscribed", ALICE)
    told(bob)
    presence(alice, "subscribe", BOB)
    equal(told(bob), [(ALICE, "subscribe")], "taken back: bob is asked")
    strangers(server, alice, bob)
    leave(alice, bob)


@scene("nobody learns whether there is an account; another domain, the server and oneself are answered as they should be")
def _(server):
    alice, bob = both(server)
    presence(alice, "subscribe", "nobody@localhost")
    equal(told(alice), [("nobody@localhost", "none", "subscribe")], "as if there were one")
    for kind in ("subscribed", "unsubscribe", "unsubscribed", "probe"):
        presence(alice, kind, "nobody2@localhost")
    equal([t for t in told(alice) if t != ("nobody2@localhost", "none", None)], [], "the others")
    for kind in ("subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe"):
        alice.send(f"<presence type='{kind}' to='x@far.test' id='far'/>")
        equal(condition(alice.expect(lambda s: s.get("id") == "far")), "remote-server-not-found", kind)
    alice.send("<presence type='subscribe' to='localhost' id='server'/>")
    equal(condition(alice.expect(lambda s: s.get("id") == "server")), "service-unavailable", "the server")
    for kind in ("subscribe", "subscribed", "unsubscribe", "unsubscribed"):
        presence(alice, kind, ALICE)
        alice.send(f"<presence type='{kind}'/>")
    equal(told(alice), [], "oneself")
    strangers(server, alice)
    leave(alice, bob)


@scene("presence goes to subscribers only; every end is seen by them: goodbye, a cut connection, a kick, a replacement")
def _(server):
    alice, bob = both(server)
    carol = online(server, "carol", "c")
    befriend(alice, bob)
    leave(bob)
    sees(alice, bob.jid, "unavailable")

    def ends(how):
        c = online(server, "bob", "leaver")
        sees(alice, c.jid)
        more = how(c)
        sees(alice, c.jid, "unavailable")
        return more
    ends(lambda c: c.close())
    ends(lambda c: c.vanish())
    ends(lambda c: server.sm("kick", c.jid))
    ends(lambda c: c.send("<presence type='unavailable'/>"))
    again = ends(lambda c: online(server, "bob", "leaver", presence=False))
    equal([s for s in carol.quiet() if s.tag.endswith("presence")], [], "carol")
    strangers(server, alice, again)
    leave(alice, carol, again)


@scene("who comes sees those that are there, in every resource, and is seen; who left in silence is not")
def _(server):
    alice, bob = both(server)
    befriend(alice, bob)
    second = online(server, "bob", "second", presence=False)
    second.send("<presence><priority>-5</priority><show>xa</show></presence>")
    sees(alice, second.jid)
    bob.vanish()
    sees(alice, bob.jid, "unavailable")
    alice.close()
    second.expect(lambda s: of(s) == (alice.jid, "unavailable"))
    alice = online(server, "alice", "again", presence=False)
    equal(told(alice), [], "nothing before presence")
    alice.send("<presence/>")
    equal(sorted(t for t in told(alice) if t[0] != alice.jid), [(second.jid, None)], "those that are there")
    sees(second, alice.jid)
    presence(alice, "probe", bob.jid)
    equal(told(alice), [(bob.jid, "unavailable")], "a probe of who is not there")
    presence(alice, "probe", second.jid)
    equal(told(alice), [(second.jid, None)], "and of who is")
    presence(alice, "probe", CAROL)
    equal(told(alice), [], "and of who may not be seen")
    strangers(server, alice, second)
    leave(alice, second)


@scene("who sees an account's presence may ask its sessions, one way as the subscription goes (8.5.3.1)")
def _(server):
    alice, bob = both(server)
    presence(alice, "subscribe", BOB)
    presence(bob, "subscribed", ALICE)
    told(alice), told(bob)
    alice.send(f"<iq type='get' id='ask' to='{bob.jid}'><query xmlns='urn:x:ask'/></iq>")
    equal(bob.expect("iq").get("from"), alice.jid, "asked")
    bob.send(f"<iq type='get' id='ask' to='{alice.jid}'><query xmlns='urn:x:ask'/></iq>")
    equal(condition(bob.expect("iq")), "service-unavailable", "not the other way")
    presence(bob, "unsubscribed", ALICE)
    told(alice), told(bob)
    alice.send(f"<iq type='get' id='ask' to='{bob.jid}'><query xmlns='urn:x:ask'/></iq>")
    equal(condition(alice.expect("iq")), "service-unavailable", "nor after its end")
    equal(told(bob), [], "bob")
    strangers(server, alice, bob)
    leave(alice, bob)


@scene("presence is as it was after kill -9 of sm, and who goes meanwhile is gone for all")
def _(server):
    alice, bob = both(server)
    befriend(alice, bob)
    bob.send("<presence><show>dnd</show></presence>")
    alice.expect(lambda s: s.findtext(f"{{{CLIENT}}}show") == "dnd")
    server.kill_sm()
    late = online(server, "alice", "late", presence=False)
    late.send("<presence/>")
    got = late.expect(lambda s: s.get("from") == bob.jid)
    equal(got.findtext(f"{{{CLIENT}}}show"), "dnd", "what bob said before")
    bob.vanish()
    for c in (alice, late):
        sees(c, bob.jid, "unavailable")
    strangers(server, alice)
    leave(alice, late)


@scene("a worker's death is the unavailable presence of its clients to those that see them")
def _(server):
    alice, bob = on_worker(server, 0, "alice", "a"), on_worker(server, 1, "bob", "b")
    strangers(server, alice, bob)
    befriend(alice, bob)
    os.kill({w["slot"]: w["pid"] for w in server.status()["workers"]}[1], signal.SIGKILL)
    sees(alice, bob.jid, "unavailable")
    eventually(server.workers_joined, "the new worker to join")
    strangers(server, alice)
    leave(alice)


@scene("who is not there hears later what became of the roster")
def _(server):
    server.account("dave@localhost")
    alice, dave = online(server, "alice", "a"), online(server, "dave", "d")
    for c in (alice, dave):
        roster(c)
    befriend(alice, dave)
    known = ask_roster(dave, "").get("ver")
    leave(dave)
    remove(alice, "dave@localhost")
    told(alice)
    dave = online(server, "dave", "d", presence=False)
    equal(ask_roster(dave, known), None, "only the changes")
    got = push(dave)
    equal((got.get("jid"), got.get("subscription")), (ALICE, "none"), "what alice did")
    leave(alice, dave)


@scene("a removed account is nobody's contact any more, and another of its name sees nothing")
def _(server):
    server.account("eve@localhost")
    alice, bob, eve = online(server, "alice", "a"), online(server, "bob", "b"), online(server, "eve", "e")
    for c in (alice, bob, eve):
        roster(c)
    befriend(alice, eve)
    presence(eve, "subscribe", BOB)
    told(alice), told(bob)
    server.sm("account", "remove", "eve@localhost")
    equal(eve.stream_error(), "not-authorized", "eve's stream")
    equal(told(alice), [(eve.jid, "unavailable"), ("eve@localhost", "none", None)], "alice")
    leave(bob)
    server.account("eve@localhost")
    eve, bob = online(server, "eve", "e"), online(server, "bob", "b", presence=False)
    equal((roster(eve), roster(alice)), ({}, {"eve@localhost": ("", "none", None, ())}), "rosters")
    alice.send("<presence><show>away</show></presence>")
    alice.quiet()
    equal([t for t in told(eve) if t[0] != eve.jid], [], "what the new one sees")
    bob.send("<presence/>")
    equal([t for t in told(bob) if t[0] != bob.jid], [], "the old one's request")
    strangers(server, alice)
    leave(alice, bob, eve)


@scene("an account that is removed, made anew or disabled while there is no sm has no session when there is one again")
def _(server):
    for name in ("gone", "again", "off"):
        server.account(f"{name}@localhost")
    alice = online(server, "alice", "a")
    gone, again, off = (online(server, name, name[0]) for name in ("gone", "again", "off"))
    for c in (alice, gone, again, off):
        roster(c)
    for c in (gone, again, off):
        befriend(alice, c)
    for c in (gone, again, off):
        c.quiet()
    alice.quiet()
    began = time.time()
    server.terminate("sm")
    server.sm("account", "remove", "gone@localhost")
    server.sm("account", "remove", "again@localhost")
    eventually(lambda: time.time() > began + 1, "the next second: accounts are that old")
    server.account("again@localhost")
    server.sm("account", "disable", "off@localhost")
    server.start_sm()
    equal([c.stream_error() for c in (gone, again, off)], ["not-authorized", "not-authorized", "policy-violation"], "their streams")
    equal(sorted(told(alice), key=str), sorted([(gone.jid, "unavailable"), ("gone@localhost", "none", None),
        (again.jid, "unavailable"), ("again@localhost", "none", None), (off.jid, "unavailable")], key=str), "alice")
    equal({jid: i[1] for jid, i in roster(alice).items() if jid.split("@")[0] in ("gone", "again", "off")},
          {"gone@localhost": "none", "again@localhost": "none", "off@localhost": "both"}, "her roster")
    server.sm("account", "enable", "off@localhost")
    again, off = online(server, "again", "a"), online(server, "off", "o")
    equal(roster(again), {}, "the new one's roster")
    strangers(server, alice, off)
    leave(alice, again, off)


@scene("who is blocked sees unavailable and then nothing, and presence again when that ends (XEP-0191)")
def _(server):
    alice, bob = both(server)
    befriend(alice, bob)

    def block(element):
        alice.send(f"<iq type='set' id='block'><{element} xmlns='urn:xmpp:blocking'><item jid='{BOB}'/></{element}></iq>")
        wait(alice, lambda s: s.get("id") == "block")
    block("block")
    equal((told(bob), told(alice)), ([(alice.jid, "unavailable")], [(bob.jid, "unavailable")]), "both: nor will she hear that he leaves")
    alice.send("<presence><show>away</show></presence>")
    bob.send("<presence><show>dnd</show></presence>")
    equal([t for t in told(bob) if t[0] != bob.jid], [], "bob sees nothing")
    equal([t for t in told(alice) if t[0] != alice.jid], [], "nor does alice")
    second = online(server, "bob", "second", presence=False)
    second.send("<presence/>")
    equal(sorted(t for t in told(second) if t[0] != second.jid), [(bob.jid, None)], "who comes sees nothing of her")
    equal(told(alice), [], "nor does she")
    block("unblock")
    for c in (bob, second):
        got = c.expect(lambda s: s.get("from") == alice.jid)
        equal((of(got), got.findtext(f"{{{CLIENT}}}show")), ((alice.jid, None), "away"), "presence again")
    equal(sorted(told(alice)), sorted([(bob.jid, None), (second.jid, None)]), "both ways")
    strangers(server, alice, bob)
    leave(alice, bob, second)


@scene("who is blocked is not told by asking, and can end what there was: neither side forgets that when the block ends (XEP-0191 3.3)")
def _(server):
    alice, bob = both(server)

    def block(element):
        alice.send(f"<iq type='set' id='block'><{element} xmlns='urn:xmpp:blocking'><item jid='{BOB}'/></{element}></iq>")
        wait(alice, lambda s: s.get("id") == "block")
    block("block")
    presence(bob, "subscribe", ALICE)
    presence(bob, "subscribe", "nobody@localhost")
    equal(told(bob), [(ALICE, "none", "subscribe"), ("nobody@localhost", "none", "subscribe")], "as of anybody who does not answer")
    presence(bob, "unsubscribe", ALICE)
    told(bob)
    second = online(server, "alice", "second", presence=False)
    second.send("<presence/>")
    equal([t for t in told(second) + told(alice) if t[1] == "subscribe"], [], "alice is asked nothing")
    leave(second)
    block("unblock")
    strangers(server, alice, bob)
    befriend(alice, bob)
    block("block")
    told(bob), told(alice)
    presence(bob, "unsubscribed", ALICE)
    equal(told(bob), [(ALICE, "to", None)], "bob's side")
    equal(told(alice), [(BOB, "from", None)], "alice's roster, and no stanza")
    block("unblock")
    bob.send("<presence><show>dnd</show></presence>")
    bob.quiet()
    equal([t for t in told(alice) if t[0] == bob.jid], [], "she does not see him again")
    strangers(server, alice, bob)
    leave(alice, bob)


POINTS = ("turn_before_record", "turn_after_record", "turn_between_links", "turn_before_ack", "errand_stored")


def friendship(alice, bob, what):
    """From strangers to friends one way and back; what each hears is just that, whatever crashes."""
    def hears(client, wanted, step):
        equal(told(client), wanted, f"{what}: {step}")
    presence(alice, "subscribe", BOB)
    hears(bob, [(ALICE, "subscribe")], "bob is asked")
    hears(alice, [(BOB, "none", "subscribe")], "alice waits")
    presence(bob, "subscribed", ALICE)
    hears(alice, [(BOB, "subscribed"), (BOB, "to", None), (bob.jid, None)], "alice sees bob")
    hears(bob, [(ALICE, "from", None)], "bob is seen")
    equal((roster(alice)[BOB][1], roster(bob)[ALICE][1]), ("to", "from"), f"{what}: both rosters agree")
    bob.send("<presence><show>away</show></presence>")
    equal([t for t in told(bob) if t[0] != bob.jid], [], f"{what}: bob's update")
    hears(alice, [(bob.jid, None)], "alice sees the update")
    remove(bob, ALICE)
    hears(alice, [(bob.jid, "unavailable"), (BOB, "unsubscribed"), (BOB, "none", None)], "the end")
    hears(bob, [(ALICE, "remove", None)], "bob's end")
    remove(alice, BOB)
    hears(alice, [(BOB, "remove", None)], "alice's end")
    equal((roster(alice), roster(bob)), ({}, {}), f"{what}: both rosters are empty")


@scene("sm killed at every point within a subscription: each stanza, push and presence comes once, and the rosters agree")
def _(server):
    if not os.path.exists(os.path.join(FAULTS, "sm")):
        raise Skip("no build with fault points: make faulty")
    faulty = Server(build=FAULTS)
    alice, bob = on_worker(faulty, 0, "alice", "a"), on_worker(faulty, 1, "bob", "b")
    for c in (alice, bob):
        roster(c)
        c.quiet()
    for point in POINTS:
        for turn in (1, 2, 3, 4, 6, 9, 13):
            what = f"{point}:{turn}"
            faulty.terminate("sm")
            faulty.forget_log("sm")
            faulty.start_sm({"GATEHOUSE_FAULT": what})
            for step in range(200):
                friendship(alice, bob, what)
                if "event=child_end" in faulty.log("sm"):
                    break
            check("event=child_end" in faulty.log("sm"), f"{what} was passed")
    equal(faulty.stats()["ghosts"], 0, "ghosts")
    faulty.stop()


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
