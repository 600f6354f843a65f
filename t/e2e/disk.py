#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks that are full, and databases that cannot be read: sm stays up, says so, answers a proper error, and goes on by itself
when it is over. A full disk is played by RLIMIT_FSIZE, so that no scene needs root: no file may grow."""
import os
import resource
import signal
import subprocess
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client, Refused
from server import Server, end_with_us, eventually
from tap import check, equal, finish, play, scene


def online(server, user, resource, **more):
    return Client(server, direct=True).login(user, resource, **more)


def limit(server, size):
    """For the child that serves, and for the parent, whose next child gets it too."""
    for pid in server.children("sm") + [server.processes["sm"].pid]:
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


class Piped(Server):
    """Its log goes through a pipe, and can be written when nothing else can."""

    def spawn(self, name, words, environment=None):
        log = open(os.path.join(self.folder, name + ".log"), "ab")
        pipe = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log)
        log.close()
        self.processes[name] = subprocess.Popen([self.program(name)] + words, stdout=pipe.stdin, stderr=pipe.stdin,
                                                env=dict(os.environ, **(environment or {})), stdin=subprocess.DEVNULL,
                                                start_new_session=True, preexec_fn=end_with_us)
        pipe.stdin.close()


class Full:
    """The disk is full as long as this lasts."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        limit(self.server, 0)

    def __exit__(self, *_):
        limit(self.server, resource.RLIM_INFINITY)


def state(server, name):
    return next(d["state"] for d in server.status()["databases"] if d["name"] == name)


def talks(one, other, body):
    one.message(other.jid, body)
    equal(other.bodies(1), [body], "message")


@scene("full: an account cannot be made, and the command says why; logins and messages go on; later it works again")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    with Full(server):
        done = server.sm("account", "add", "dora@localhost", secret="pw", check=False)
        equal(done.returncode, 1, "exit status")
        check("the database refuses work (full)" in done.stdout + done.stderr, done.stdout + done.stderr)
        equal(state(server, "store.db-writer"), "full", "store.db in the status")
        late = online(server, "carol", "c")
        talks(alice, late, "to one who came meanwhile")
        talks(bob, alice, "between those who were there")
        eventually(lambda: state(server, "sessions.db") == "full", "the status to say so of sessions.db")
    eventually(lambda: state(server, "store.db-writer") == "works", "store.db to work again")
    eventually(lambda: state(server, "sessions.db") == "works", "sessions.db to work again")
    server.sm("account", "add", "dora@localhost", secret="pw")
    server.sm("account", "remove", "dora@localhost")
    for c in (alice, bob, late):
        c.quiet()
        c.close()


@scene("full, and sm killed: it goes on trying; with room again it has every session, those that sessions.db never had too")
def _(server):
    alice = online(server, "alice", "a")
    with Full(server):
        late = online(server, "bob", "late")
        tries = server.log("sm").count("sm cannot start")
        for pid in server.children("sm"):
            os.kill(pid, signal.SIGKILL)
        alice.message(late.jid, "said while it was away")
        eventually(lambda: server.log("sm").count("sm cannot start") >= tries + 2, "a second attempt")
        check(server.processes["sm"].poll() is None, "sm has given up")
    equal(late.bodies(1), ["said while it was away"], "message")
    talks(late, alice, "and back")
    equal(server.stats()["ghosts"], 0, "ghosts")
    alice.close(), late.close()


@scene("store.db cannot be read: a login gets temporary-auth-failure, the status says so, sessions go on; later it works again")
def _(server):
    store = os.path.join(server.folder, "state", "store.db")
    alice = online(server, "alice", "a")
    equal(server.terminate("sm"), 0, "exit status of sm")  # what has been read is forgotten, and the WAL is in the file
    server.start_sm()
    eventually(server.workers_joined, "the workers to join again")
    with open(store, "rb") as f:
        whole = f.read()
    os.truncate(store, 4096)
    try:
        for mechanism in ("PLAIN", "SHA-256"):
            try:
                online(server, "bob", "b", mechanism=mechanism)
                raise AssertionError("it was let in")
            except Refused as why:
                equal(why.condition, "temporary-auth-failure", f"condition of {mechanism}")
        check(state(server, "store.db-reader") != "works", "the status says that it works")
        talks(alice, alice, "to myself")
    finally:
        with open(store, "r+b") as f:
            f.write(whole)
    online(server, "bob", "b").close()  # after damage only work that succeeds is a sign
    equal(state(server, "store.db-reader"), "works", "store.db in the status")
    alice.close()


@scene("store.db is damaged when sm dies: it goes on trying, clients wait, and all go on when the file is back")
def _(server):
    store = os.path.join(server.folder, "state", "store.db")
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    with open(store, "rb") as f:
        whole = f.read()
    with open(store, "r+b") as f:
        f.write(b"\xff" * len(whole))
    try:
        for pid in server.children("sm"):
            os.kill(pid, signal.SIGKILL)
        alice.message(bob.jid, "said while it was away")
        eventually(lambda: server.log("sm").count("sm cannot start") >= 2, "a second attempt")
        check(server.processes["sm"].poll() is None, "sm has given up")
    finally:
        for suffix in ("-wal", "-shm"):
            if os.path.exists(store + suffix):
                os.unlink(store + suffix)
        with open(store, "r+b") as f:
            f.write(whole)
    equal(bob.bodies(1), ["said while it was away"], "message")
    alice.close(), bob.close()


server = Piped(workers=2)
failed = play(server)
reports = [line for line in server.sanitizer_reports() if "sm cannot start" not in line]
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
