#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One with very many contacts comes: what it is told of them is more than may wait for a client, or on a link."""
import os
import resource
import socket
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client
from people import ask_roster, online, settle
from server import Server
from tap import equal, finish, play, scene

CONTACTS, RESOURCES = 120, 10
WORDS = "x" * 15000  # in all 18 MB
here = []
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, CONTACTS * RESOURCES + 200)), hard))


def contacts(server):
    """All online, and seen by alice; nobody else sees anybody."""
    if here:
        return
    names = [f"u{i:03}" for i in range(CONTACTS)]
    for name in names:
        server.account(name + "@localhost")
    alice = online(server, "alice", "asks", presence=False)
    alice.send("".join(f"<presence type='subscribe' to='{name}@localhost'/>" for name in names))
    settle(alice)
    for name in names:
        for i in range(RESOURCES):
            c = Client(server, direct=True).login(name, f"r{i}", presence=False)
            here.append(c)
            if i == 0:
                c.send("<presence type='subscribed' to='alice@localhost'/>")
                settle(c)
            c.send(f"<presence><status>{WORDS}</status></presence>")
            c.quiet()
    alice.close()


def slow(server):
    """alice, whose connection takes little at once."""
    alice = Client(server, direct=True)
    alice.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    alice.login("alice", "slow", presence=False)
    return alice


def sees_all(alice):
    wanted = {c.jid for c in here}
    while wanted:
        got = alice.expect(lambda s: s.tag == f"{{{CLIENT}}}presence" and s.get("from") != alice.jid)
        equal(got.get("type"), None, got.get("from"))
        wanted.discard(got.get("from"))


@scene("it sees all, however slowly it reads, and nobody else is disturbed")
def _(server):
    contacts(server)
    others = [online(server, "bob", f"b{i}") for i in range(4)]
    alice = slow(server)
    equal(len(ask_roster(alice)), CONTACTS, "items")
    alice.send("<presence/>")
    for other in others:
        other.message("carol@localhost", "goes to the store, behind what alice is told in this turn")
        settle(other)
    alice.send("<iq type='get' id='later'><ping xmlns='urn:xmpp:ping'/></iq>")
    sees_all(alice)
    for other in others:
        other.quiet()
        other.close()
    alice.close()


@scene("it sees all, if sm is killed before it has")
def _(server):
    contacts(server)
    alice = slow(server)
    alice.send("<presence/>")
    alice.expect(lambda s: s.get("from") == here[0].jid)
    server.kill_sm()
    sees_all(alice)
    alice.close()


server = Server('log-level = "info"')
failed = play(server)
reports = server.sanitizer_reports()
for c in here:
    c.sock.close()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
