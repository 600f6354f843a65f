#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shared roster groups: the operator puts accounts into one, and they have and see each other."""
import json
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import condition
from people import add, befriend, online, remove, roster, told, wait
from server import Server
from tap import check, equal, finish, play, scene

ALICE, BOB, CAROL = "alice@localhost", "bob@localhost", "carol@localhost"


@scene("who joins a group is in everybody's roster at once, and all see each other; nobody had to ask")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    for c in (alice, bob):
        equal(roster(c), {}, "at first")
    server.sm("group", "join", ALICE, "The team")
    server.sm("group", "join", BOB, "The team")
    equal(told(alice), [(BOB, "both", None), (bob.jid, None)], "alice")
    equal(told(bob), [(ALICE, "both", None), (alice.jid, None)], "bob")
    equal(roster(alice), {BOB: ("", "both", None, ("The team",))}, "alice's roster")
    server.sm("group", "join", CAROL, "The team")
    carol = online(server, "carol", "c", presence=False)
    equal(sorted(roster(carol)), [ALICE, BOB], "who comes later has them")
    carol.send("<presence/>")
    equal(sorted(t for t in told(carol) if t[0] != carol.jid), [(alice.jid, None), (bob.jid, None)], "and sees them")
    wait(alice, lambda s: s.get("from") == carol.jid)
    server.kill_sm()
    carol.vanish()
    alice.expect(lambda s: s.get("from") == carol.jid and s.get("type") == "unavailable")
    rows = json.loads(server.sm("groups", "--json").stdout)
    equal(sorted((r["group"], r["account"]) for r in rows), [("The team", a) for a in (ALICE, BOB, CAROL)], "sm groups")
    alice.close()
    bob.close()


@scene("a member can name another and put it into more groups, but not remove it or leave it unseen")
def _(server):
    alice = online(server, "alice", "a")
    add(alice, BOB, "Bobby", ["The team", "Friends"])
    equal(roster(alice)[BOB], ("Bobby", "both", None, ("Friends", "The team")), "named")
    equal(condition(remove(alice, BOB, "error")), "not-allowed", "removing")
    for kind in ("unsubscribe", "unsubscribed"):
        alice.send(f"<presence type='{kind}' to='{BOB}' id='p'/>")
        equal(condition(alice.expect(lambda s: s.get("id") == "p")), "not-allowed", kind)
    add(alice, BOB, "Bobby")
    equal(roster(alice)[BOB], ("Bobby", "both", None, ("The team",)), "the group stays")
    alice.close()


@scene("who leaves a group is as before with each of the others: a friend, or nobody")
def _(server):
    server.account("dave@localhost")
    alice, dave = online(server, "alice", "a"), online(server, "dave", "d")
    for c in (alice, dave):
        roster(c)
    befriend(alice, dave)
    server.sm("group", "join", "dave@localhost", "The team")
    equal(told(dave)[:1], [(ALICE, "both", None)], "dave's push")
    check(BOB in roster(dave), "and the others")
    known = roster(dave)[ALICE]
    equal(known, ("", "both", None, ("The team",)), "alice in dave's roster")
    server.sm("group", "leave", "dave@localhost", "The team")
    equal(roster(dave), {ALICE: ("", "both", None, ())}, "dave's roster afterwards")
    server.sm("group", "leave", ALICE, "The team")
    equal(roster(alice), {"dave@localhost": ("", "both", None, ())}, "alice's roster afterwards")
    alice.close()
    dave.close()


@scene("what is wrong is said to the operator")
def _(server):
    for words, wanted in ((("join", "nobody@localhost", "G"), "no such account"), (("leave", ALICE, "G"), "not in that group"),
                          (("join", BOB, "The team"), "already"), (("join", "x@far.test", "G"), "not served"),
                          (("join", ALICE, ""), "name")):
        done = server.sm("group", *words, check=False)
        check(done.returncode != 0 and wanted in done.stdout + done.stderr, f"{words}: {done.stdout}{done.stderr}")


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
