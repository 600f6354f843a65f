#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages on their way through the store while sm dies (sm/mailbox.h): each that was taken from its sender is with its receiver or in
the store, once, in order, whoever of the receivers is there, comes or goes."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client
from faulty import Faulty
from server import eventually
from tap import Skip, check, equal, finish, play, scene


def online(server, user, resource, shown=True):
    """What waits may come as soon as it is shown."""
    c = Client(server, direct=True).login(user, resource, presence=False)
    if shown:
        c.send("<presence/>")
    return c


@scene("sm killed when what waited is read and not removed yet: what comes before it is gets to who is there")
def _(server):
    alice = online(server, "alice", "a")
    alice.message("bob@localhost", "stored")
    eventually(lambda: server.stored("bob") == 1, "the store to have it")
    server.disk("hold write store.db-wal 1 0")  # what removes it waits, with this sm and with the next
    bob = online(server, "bob", "b")
    equal(bob.bodies(1), ["stored"], "what waited")
    eventually(lambda: "what=\"handed out\"" in server.log("sm"), "sm to know that this was all")
    alice.quiet()  # now the record says so, too
    server.kill_sm()
    alice.message("bob@localhost", "behind it")
    alice.quiet()
    server.disk()
    equal(bob.bodies(1), ["behind it"], "what came before the mailbox was closed")
    alice.message("bob@localhost", "live")
    equal(bob.bodies(1), ["live"], "afterwards")
    for c in (alice, bob):
        c.quiet()
        c.close()


try:
    server = Faulty()
    failed = play(server)
    reports = server.sanitizer_reports()
    server.stop()
except Skip as why:
    print(f"1..0 # SKIP {why}")
    finish(0)
for line in reports:
    print("# " + line)
finish(failed or reports)
