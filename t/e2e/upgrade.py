#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An upgrade in place: both programs execute their binary anew, and whoever is on line stays."""
import os
import shutil
import signal
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client
from server import BUILD, Server, eventually
from tap import check, equal, finish, play, scene


def upgrade(server, name):
    server.forget_log(name)
    server.processes[name].send_signal(signal.SIGUSR2)
    eventually(lambda: "event=upgrade binary=" in server.log(name), "the upgrade of " + name)


def inode(pid):
    return os.stat(f"/proc/{pid}/exe").st_ino


def replace(server, name):
    """Another file in the binary's place, as a package manager does it."""
    path = server.program(name)
    shutil.copy2(path, path + ".new")
    os.rename(path + ".new", path)
    return os.stat(path).st_ino


def exchange(one, other, what):
    for number in range(5):
        one.message(other.jid, f"{what} {number}")
    equal(other.bodies(5), [f"{what} {number}" for number in range(5)], "messages")


@scene("sm is upgraded while clients talk, and neither loses its connection")
def _(server):
    a = Client(server).login("alice", resource="a")
    b = Client(server, direct=True).login("bob", resource="b")
    exchange(a, b, "before")
    new, old = replace(server, "sm"), server.children("sm")
    upgrade(server, "sm")
    exchange(a, b, "meanwhile")
    eventually(lambda: [c for c in server.children("sm") if c not in old], "another child")
    eventually(lambda: server.answers() and server.workers_joined(), "sm to answer")
    equal(inode(server.processes["sm"].pid), new, "the parent's binary")
    equal([inode(c) for c in server.children("sm")], [new], "the child's binary")
    exchange(b, a, "after")
    equal(len(server.sessions()["sessions"] if isinstance(server.sessions(), dict) else server.sessions()), 2, "sessions")
    a.close()
    b.close()


@scene("c2s is upgraded: clients stay with the old workers, new ones come to new workers")
def _(server):
    a = Client(server).login("alice", resource="a")
    b = Client(server, direct=True).login("bob", resource="b")
    new, old = replace(server, "c2s"), server.children("c2s")
    upgrade(server, "c2s")
    eventually(lambda: len([c for c in server.children("c2s") if c not in old]) == 2, "new workers")
    eventually(server.workers_joined, "the new workers to join")
    equal(inode(server.processes["c2s"].pid), new, "the parent's binary")
    exchange(a, b, "old to old")
    fresh = [Client(server, direct=number % 2).login("carol", resource=f"c{number}") for number in range(6)]
    for c in fresh:
        exchange(a, c, "old to new")
        exchange(c, b, "new to old")
    kept = [c for c in server.children("c2s") if c in old]
    check(kept, "no old worker is left, but its clients are")
    server.kill_sm()
    exchange(a, b, "after sm was killed")
    exchange(fresh[0], a, "after sm was killed")
    a.close()
    b.close()
    eventually(lambda: not [c for c in server.children("c2s") if c in old], "the old workers to leave")
    exchange(fresh[0], fresh[1], "new to new")
    for c in fresh:
        c.close()


@scene("c2s is upgraded, and again, while sm is away: the clients of the old workers are with sm when it is back")
def _(server):
    a, b = Client(server).login("alice", resource="a"), Client(server, direct=True).login("bob", resource="b")
    server.forget_log("c2s")
    server.terminate("sm")
    eventually(lambda: all(f"event=link_down slot={slot}" in server.log("c2s") for slot in (0, 1)), "the workers to notice")
    for _ in range(2):
        upgrade(server, "c2s")
    server.start_sm()
    exchange(a, b, "old to old")
    c = Client(server, direct=True).login("carol", resource="c")
    exchange(a, c, "old to new")
    for client in (a, b, c):
        client.close()


@scene("addresses that wait for a restart still wait after an upgrade")
def _(server):
    with open(server.conf) as f:
        text = f.read()
    with open(server.conf, "w") as f:
        f.write(text.replace(f"127.0.0.1:{server.port}", "127.0.0.1:1"))
    check("c2s: waits for a restart: listen\n" in server.sm("reload").stdout, "before")
    upgrade(server, "c2s")
    # its parent is away from sm for a moment, and a reload says so then
    eventually(lambda: "c2s: waits for a restart: listen\n" in server.sm("reload", check=False).stdout, "the new parent to say so")
    Client(server).login("alice").close()
    with open(server.conf, "w") as f:
        f.write(text)
    check("restart" not in server.sm("reload").stdout, "at the end")


@scene("drain-timeout ends what is still with the old workers")
def _(server):
    with open(server.conf) as f:
        text = f.read()
    with open(server.conf, "w") as f:
        f.write("drain-timeout = 0\n" + text)
    server.sm("reload")
    a = Client(server).login("alice", resource="a")
    old = server.children("c2s")
    upgrade(server, "c2s")
    equal(a.stream_error(), "system-shutdown", "end of the stream")
    a.sock.close()
    eventually(lambda: not [c for c in server.children("c2s") if c in old], "the old workers to leave")
    eventually(server.workers_joined, "the new workers to join")
    Client(server).login("alice").close()
    with open(server.conf, "w") as f:
        f.write(text)
    server.sm("reload")


@scene("a binary that cannot run leaves the old one serving")
def _(server):
    a = Client(server).login("alice", resource="a")
    for name in ("sm", "c2s"):
        path, old = server.program(name), server.children(name)
        os.rename(path, path + ".away")
        with open(path, "w") as f:
            f.write("#!/bin/sh\nexit 1\n")
        os.chmod(path, 0o755)
        server.forget_log(name)
        server.processes[name].send_signal(signal.SIGUSR2)
        eventually(lambda: "event=upgrade_failed" in server.log(name), name + " to complain")
        os.rename(path + ".away", path)
        equal(server.children(name), old, "children of " + name)
    a.message(a.jid, "still here")
    equal(a.bodies(1), ["still here"], "a message to oneself")
    a.close()


@scene("an upgrade that is asked for while sm's child is down is refused, and the next child serves")
def _(server):
    a = Client(server).login("alice", resource="a")
    server.forget_log("sm")
    for deaths in range(1, 4):  # until the next one waits its turn
        os.kill(eventually(lambda: server.children("sm"), "a child")[0], signal.SIGKILL)
        eventually(lambda: server.log("sm").count("event=child_end") == deaths, "its end")
    server.processes["sm"].send_signal(signal.SIGUSR2)
    eventually(lambda: "event=upgrade_failed" in server.log("sm"), "sm to complain")
    eventually(lambda: server.answers() and server.workers_joined(), "sm to answer")
    a.message(a.jid, "still here")
    equal(a.bodies(1), ["still here"], "a message to oneself")
    a.close()


@scene("both stop in order after their upgrades")
def _(server):
    for name in ("c2s", "sm"):
        equal(server.terminate(name), 0, "status of " + name)


class Copied(Server):
    """Its own copies of the programs, to be replaced."""

    def program(self, name):
        path = os.path.join(self.folder, "bin", name)
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy2(os.path.join(BUILD, name), path)
        return path


server = Copied()
failed = play(server)
reports = server.sanitizer_reports() if server.folder else []
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
