#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A thousand clients at once."""
import os
import resource
import sys
import threading
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client
from server import Server, eventually
from tap import Skip, check, equal, finish, play, scene

COUNT = 1000


@scene("1,000 clients over TLS at once on two workers are in sm sessions, then gone from it when they are gone")
def _(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < COUNT + 200:
        raise Skip(f"at most {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, COUNT + 200), hard))
    clients, faults = [], []

    def some(first):
        try:
            for i in range(first, COUNT, 8):
                clients.append(Client(server, direct=bool(i % 2)).login(f"u{i % 100}", f"r{i}", presence=False))
        except BaseException as fault:
            faults.append(fault)
    threads = [threading.Thread(target=some, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    rows = server.sessions()
    equal(sorted(row["jid"] for row in rows), sorted(c.jid for c in clients), "sessions")
    shares = [sum(1 for row in rows if row["worker"] == w["slot"]) for w in server.status()["workers"]]
    check(len(shares) == 2 and min(shares) > COUNT // 5, f"shares of the workers: {shares}")
    for c in clients[::2]:
        c.close()
    for c in clients[1::2]:
        c.vanish()
    eventually(lambda: server.sessions() == [], "the sessions to end")
    equal(server.stats()["ghosts"], 0, "ghosts")


server = Server("connections-per-address = 0\nlog-level = \"info\"", accounts=[f"u{i}" for i in range(100)],
                domains={"localhost": "sessions-per-account = 20"})
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
