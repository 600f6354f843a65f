#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the operator says to users: at once to those who are online, and as a message of the day once to each account."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client
from client import CLIENT
from server import BUILD, Server
from tap import Skip, check, equal, finish, play, scene

FAULTS = os.path.join(BUILD, "fault")
POINTS = ("turn_before_record", "turn_after_record", "turn_before_ack", "errand_stored")


def online(server, user, resource, domain="localhost", presence="<presence/>"):
    c = Client(server, direct=True).login(user, resource, domain=domain, presence=False)
    c.send(presence)
    return c


def told(c):
    """What was said to it, when what was asked of the store before is answered."""
    c.send("<iq type='get' id='store'><vCard xmlns='vcard-temp'/></iq>")
    got = []
    while True:
        stanza = c.next()
        if stanza.get("id") == "store":
            return got
        if stanza.tag.endswith("message"):
            got.append((stanza.get("type"), stanza.get("from"), stanza.findtext(f"{{{CLIENT}}}body")))


@scene("sm announce reaches each available session, of all domains or one, and nobody later")
def _(_):
    server = Server(domains={"localhost": "", "example.test": ""}, accounts=("alice", "bob", "carol@example.test"))
    a1, a2 = online(server, "alice", "1"), online(server, "alice", "2")
    hidden = online(server, "bob", "b", presence="")
    carol = online(server, "carol", "c", domain="example.test")
    for c in (a1, a2, hidden, carol):
        c.quiet()
    equal(server.sm("announce", "back at <5> & \u20ac").stdout, "told 3 sessions\n", "words")
    for c, domain in ((a1, "localhost"), (a2, "localhost"), (carol, "example.test")):
        equal(told(c), [("headline", domain, "back at <5> & \u20ac")], "what came")
    equal(server.sm("announce", "yours", "--domain", "example.test").stdout, "told 1 session\n", "words")
    equal(told(carol), [("headline", "example.test", "yours")], "what came")
    for c in (a1, a2, hidden):
        equal(told(c), [], "the others")
    equal(server.sm("announce", "x", "--domain", "example.org", check=False).returncode, 1, "no such domain")
    for bad in ("a\x01b", "a\ufffeb", "a\uffffb"):  # which XML has not
        for command in (("announce",), ("motd", "set")):
            equal(server.sm(*command, bad, check=False).returncode, 64, f"{command} {bad!r}")
    equal(server.sm("announce", "", check=False).returncode, 64, "nothing")
    for c in (a1, a2, hidden, carol):
        c.close()
    server.stop()


@scene("a message of the day comes once to each account, at its next presence; another one comes again; cleared, none")
def _(server):
    here = online(server, "carol", "here")
    here.quiet()  # its presence is there before what is set then
    equal(server.sm("motd", "show", check=False).returncode, 1, "none at first")
    server.sm("motd", "set", "first")
    equal(told(here), [], "not at once")
    alice = online(server, "alice", "1")
    equal(told(alice), [("headline", "localhost", "first")], "it comes")
    equal(told(online(server, "alice", "2")), [], "not to the second")
    alice.send("<presence type='unavailable'/><presence/>")
    equal(told(alice), [], "not again")
    here.send("<presence><priority>-1</priority></presence>")
    equal(told(here), [], "a negative priority may have none")
    here.send("<presence/>")
    equal(told(here), [("headline", "localhost", "first")], "now it may")
    equal(server.sm("motd", "show").stdout, "2 accounts have had it: first\n", "words")
    server.sm("motd", "set", "second")
    server.terminate("sm")
    server.start_sm()
    alice.send("<presence type='unavailable'/><presence/>")
    equal(told(alice), [("headline", "localhost", "second")], "another one, after a restart")
    server.sm("motd", "clear")
    equal(told(online(server, "bob", "b")), [], "cleared")
    server.sm("motd", "set", "third")
    server.sm("account", "remove", "bob@localhost")
    server.account("bob@localhost")
    equal(told(online(server, "bob", "b")), [("headline", "localhost", "third")], "a new account")
    server.sm("motd", "clear")
    alice.close(), here.close()


@scene("sm killed at every point: the message of the day comes exactly once")
def _(_):
    if not os.path.exists(os.path.join(FAULTS, "sm")):
        raise Skip("no build with fault points: make faulty")
    server = Server(build=FAULTS, workers=2)
    alice = online(server, "alice", "a", presence="")
    number = 0
    for point in POINTS:
        for turn in (1, 2, 3):
            what = f"{point}:{turn}"
            server.terminate("sm")
            server.forget_log("sm")
            server.start_sm({"GATEHOUSE_FAULT": what})
            for _ in range(100):
                number += 1
                while server.sm("motd", "set", str(number), check=False).returncode:
                    pass  # it was killed by this very command
                alice.send("<presence/>")
                got = told(alice)
                alice.send("<presence type='unavailable'/><presence/><presence type='unavailable'/>")
                got += told(alice)
                equal([t[2] for t in got], [str(number)], f"{what}: what came")
                if "event=child_end" in server.log("sm"):
                    break
            else:
                check(False, f"{what} was never passed")
    alice.close()
    server.stop()


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
