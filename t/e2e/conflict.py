#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Two clients want one name: the four policies, damping, and the limit of sessions per account."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client, Refused
from server import Server, eventually
from tap import check, equal, finish, play, scene

POLICIES = ("setresource", "closeold", "closenew", "acceptnew")


def online(server, domain, resource="same", presence=True):
    return Client(server, direct=True).login("u", resource, domain=domain, presence=presence)


def jids(server):
    return sorted(s["jid"] for s in server.sessions())


@scene("setresource gives the newcomer a resource of the server's making; both stay")
def _(server):
    old, new = online(server, "setresource.test"), online(server, "setresource.test")
    equal(old.jid, "u@setresource.test/same", "old")
    check(new.jid != old.jid and new.jid.startswith("u@setresource.test/"), new.jid)
    old.quiet()
    old.close(), new.close()


@scene("closeold and acceptnew end the old stream with conflict; the new one has the name")
def _(server):
    for domain in ("closeold.test", "acceptnew.test"):
        old, new = online(server, domain), online(server, domain)
        equal(old.stream_error(), "conflict", domain)
        equal(new.jid, f"u@{domain}/same", "new")
        new.quiet()
        equal([j for j in jids(server) if domain in j], [new.jid], "sessions")
        new.close()


@scene("closenew refuses the bind with conflict; another resource may then be bound on the same stream")
def _(server):
    old = online(server, "closenew.test")
    new = Client(server, direct=True)
    try:
        new.login("u", "same", domain="closenew.test")
        raise AssertionError("it was bound")
    except Refused as why:
        equal(why.condition, "conflict", "condition")
    new.bind("other")
    old.quiet()
    old.close(), new.close()


@scene("two clients that replace each other in a loop are parted: the newcomer gets another resource")
def _(server):
    clients = [online(server, "closeold.test", "loop", presence=False) for _ in range(12)]
    names = [c.jid for c in clients]
    check("u@closeold.test/loop" in names[:3], str(names))
    check(any(name != "u@closeold.test/loop" for name in names), "nothing was damped")
    check("event=conflict_damped" in server.log("sm"), "no log line")


@scene("over sessions-per-account the oldest session ends, or the new one is refused, as the domain says")
def _(server):
    clients = [online(server, "few.test", f"r{i}") for i in range(3)]
    extra = online(server, "few.test", "r3")
    check(clients[0].stream_error() is not None, "the oldest is still there")
    for c in clients[1:] + [extra]:
        c.close()
    eventually(lambda: not [j for j in jids(server) if "few.test" in j], "the sessions to end")
    clients = [online(server, "fewer.test", f"r{i}") for i in range(3)]
    try:
        online(server, "fewer.test", "r3")
        raise AssertionError("it was bound")
    except Refused as why:
        equal(why.condition, "resource-constraint", "condition")
    for c in clients:
        c.close()


server = Server(domains={**{f"{p}.test": f'resource-conflict = "{p}"' for p in POLICIES},
                         "few.test": "sessions-per-account = 3", "localhost": "",
                         "fewer.test": 'sessions-per-account = 3\nsession-limit = "closenew"'},
                accounts=[f"u@{p}.test" for p in POLICIES] + ["u@few.test", "u@fewer.test"])
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
