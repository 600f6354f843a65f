#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sm on a disk that fails (t/fault/disk.h), or whose power fails, and on a database that somebody else has locked: who is told that
something was stored finds it, who was not hears an error of type wait, sm stays up, says so, and goes on by itself."""
import os
import sqlite3
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client, Refused, condition
from faulty import Faulty
from server import eventually
from tap import Skip, check, equal, finish, play, scene


def online(server, user, resource, shown=True):
    """What waits may come as soon as it is shown."""
    c = Client(server, direct=True).login(user, resource, presence=False)
    if shown:
        c.send("<presence/>")
    return c


def bodies(stanzas):
    return [s.findtext(f"{{{CLIENT}}}body") for s in stanzas if s.tag.endswith("message")]


class Sender:
    """Sends numbered messages to somebody absent, and hears of those that were refused."""

    def __init__(self, server, user="alice", to="bob"):
        self.server, self.to = server, to
        self.client = online(server, user, "sender")
        self.sent, self.refused = 0, []

    def say(self, count=1):
        for _ in range(count):
            self.client.message(f"{self.to}@localhost", str(self.sent), ident=str(self.sent))
            self.sent += 1

    def hear(self):
        for stanza in (s for s in self.client.quiet() if s.tag.endswith("message")):
            error = stanza.find(f"{{{CLIENT}}}error")
            equal((error.get("type"), condition(stanza)), ("wait", "resource-constraint"), "what the sender hears")
            self.refused.append(int(stanza.get("id")))

    def settle(self):
        """Until each message is in the store, or was refused."""
        def is_settled():
            self.hear()
            done = self.server.log("sm").count(f"event=offline user={self.to}@localhost")
            return done - self.before >= self.sent - self.start
        eventually(is_settled, "what was sent to be stored or refused")
        self.hear()

    def begin(self):
        self.before = self.server.log("sm").count(f"event=offline user={self.to}@localhost")
        self.start = self.sent

    def arrive(self):
        """The receiver comes, and has what was not refused."""
        wanted = [i for i in range(self.sent) if i not in self.refused]
        bob = online(self.server, self.to, "reader")
        equal([int(b) for b in bob.bodies(len(wanted))], wanted, "what was stored")
        equal(bodies(bob.quiet()), [], "too many")
        bob.close()

    def close(self):
        self.client.close()


def add_account(server, jid):
    """Did the command say that it was done?"""
    done = server.sm("account", "add", jid, secret="pw", check=False)
    return done.returncode == 0, done.stdout + done.stderr


@scene("a fault of the disk at each operation: what was not refused comes, in order, once; each refusal is an error of type wait")
def _(server):
    for rule in ("full write", "short write", "error write", "error sync", "full sync"):
        sender = Sender(server)
        for nth in (1, 2, 3, 4, 5, 7, 9, 12):
            sender.begin()
            server.disk(f"{rule} store.db {nth} 1")
            for _ in range(6):
                sender.say(3)
                sender.settle()
        server.disk()
        check(0 < len(sender.refused) < sender.sent, f"{rule}: {len(sender.refused)} of {sender.sent} were refused")
        sender.arrive()
        sender.close()


@scene("a disk that stays full, or broken: sm says so, others talk, logins go on; afterwards it works again without being asked")
def _(server):
    for rule in ("full write store.db 1 0", "error write store.db 1 0", "error sync store.db 1 0"):
        server.forget_log("sm")
        sender, carol = Sender(server), online(server, "carol", "c")
        server.disk(rule)
        sender.begin()
        sender.say(5)
        sender.settle()
        equal(sender.refused, list(range(5)), "the refused")
        equal(server.state(), "full", "the status")
        check("event=store_failed" in server.log("sm"), "the log says nothing")
        added, words = add_account(server, "dora@localhost")
        check(not added and "the database refuses work (full)" in words, words)
        late = online(server, "carol", "late")
        late.message(carol.jid, "talk")
        equal(carol.bodies(1), ["talk"], "between those who are there")
        server.disk()
        eventually(lambda: server.state() == "works", "it to be well again")
        check("event=store_recovered" in server.log("sm"), "the log says nothing of it")
        equal(add_account(server, "dora@localhost")[0], True, "an account")
        server.sm("account", "remove", "dora@localhost")
        sender.begin()
        sender.say(2)
        sender.settle()
        sender.arrive()
        for c in (sender, carol, late):
            c.close()


def start_again(server):
    """Nothing of store.db is in its caches then."""
    server.terminate("sm")
    server.start_sm()
    eventually(server.workers_joined, "the workers to join again")


@scene("what waits cannot be read for a while: nobody is ended, and then it comes, in order, once")
def _(server):
    for nth, count in ((1, 0), (1, 1), (2, 1), (3, 2)):
        sender = Sender(server)
        sender.begin()
        sender.say(300)
        sender.settle()
        start_again(server)
        bob = online(server, "bob", "reader", shown=False)
        server.disk(f"error read store.db {nth} {count}")
        bob.send("<presence/>")
        if count == 0:
            eventually(lambda: server.state("store.db-reader") != "works", "the status to say so")
        server.disk()
        equal([int(b) for b in bob.bodies(300)], list(range(300)), "what waited")
        equal(server.state("store.db-reader"), "works", "the status")
        bob.close()
        sender.close()


@scene("what was read cannot be removed for a while: nobody gets it again, not after a crash either, and then it goes")
def _(server):
    sender = Sender(server)
    sender.begin()
    sender.say(100)
    sender.settle()
    server.disk("full write store.db-wal 1 0")
    bob = online(server, "bob", "first")
    equal([int(b) for b in bob.bodies(100)], list(range(100)), "what waited")
    eventually(lambda: server.state() == "full", "sm to see that it cannot be removed")
    bob.close()
    again = online(server, "bob", "second")
    equal(bodies(again.quiet() + again.quiet()), [], "what the next one gets")
    server.kill_sm()
    third = online(server, "bob", "third")
    equal(bodies(again.quiet() + third.quiet() + third.quiet()), [], "after a crash")
    check(server.sm("offline", "purge", "bob@localhost", check=False).returncode != 0, "it says that it has thrown them away")
    server.disk()
    eventually(lambda: server.waiting("bob") == 0, "it to be removed")
    for c in (again, third):
        equal(bodies(c.quiet()), [], "afterwards")
        c.close()
    sender.close()


@scene("a disk that hangs: others talk, logins go on, what may wait is bounded, and when it goes on, what was not refused is there")
def _(_):
    server = Faulty(settings="turn-log-bytes = 4194304")
    sender, carol = Sender(server), online(server, "carol", "c")
    server.disk("hold sync store.db 1 0")
    sender.begin()
    for _ in range(40):
        sender.client.message("bob@localhost", f"{sender.sent} " + "x" * 50000, ident=str(sender.sent))
        sender.sent += 1
    sender.hear()
    check(0 < len(sender.refused) < 40, f"{len(sender.refused)} were refused at once")
    late = online(server, "carol", "late")
    late.message(carol.jid, "talk")
    equal(carol.bodies(1), ["talk"], "between those who are there")
    server.disk()
    kept = [i for i in range(40) if i not in sender.refused]
    eventually(lambda: server.waiting("bob") == len(kept), "the rest to be stored")
    bob = online(server, "bob", "reader")
    equal([int(b.split()[0]) for b in bob.bodies(len(kept))], kept, "what was stored")
    sender.hear()
    equal(len(kept) + len(sender.refused), 40, "stored and refused")
    for c in (sender, carol, late, bob):
        c.close()
    server.stop()


@scene("accounts cannot be read: a login is refused for now, not for good, and is let in as soon as they can")
def _(server):
    start_again(server)
    server.disk("error read store.db 1 0")
    for _ in range(3):
        try:
            online(server, "carol", "c").close()
            raise AssertionError("carol was let in")
        except Refused as why:
            equal(why.condition, "temporary-auth-failure", "condition")
    check(server.state("store.db-reader") != "works", "the status says that it works")
    server.disk()
    online(server, "carol", "c").close()
    equal(server.state("store.db-reader"), "works", "the status")


@scene("a database that somebody else has locked for long: senders hear it, the status says so, and later it works again by itself")
def _(server):
    server.disk()
    sender = Sender(server)
    with sqlite3.connect(os.path.join(server.folder, "state", "store.db"), isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        sender.begin()
        sender.say(5)
        sender.settle()
        equal(sender.refused, list(range(5)), "the refused")
        equal(server.state(), "locked", "the status")
        added, words = add_account(server, "dora@localhost")
        check(not added and "locked" in words, words)
        online(server, "carol", "c").close()
        other.execute("ROLLBACK")
    other.close()
    eventually(lambda: server.state() == "works", "it to be well again")
    sender.begin()
    sender.say(3)
    sender.settle()
    sender.arrive()
    sender.close()


def go_on_after_power(server):
    eventually(server.power_is_gone, "the power to go")
    promised = {user: server.stored(user) for user in ("bob", "carol")}
    server.end_with_power()
    server.forget_log("sm")
    server.start_sm()
    server.start_c2s()
    return promised


def write_until_power_fails(server, number, rule):
    """Messages for two who are not there, and accounts, one after the other; what was said to be made."""
    alice, made = online(server, "alice", "a"), []
    server.disk(rule)  # not before: who has left is written down, too
    for i in range(4):
        for user in ("bob", "carol"):
            alice.message(f"{user}@localhost", f"{number} {i}")
            eventually(lambda: server.power_is_gone() or server.stored(user) > i, "the store to have it")
        jid = f"new{number}x{i}@localhost"
        if not server.power_is_gone() and add_account(server, jid)[0]:
            made.append(jid)
        if server.power_is_gone():
            break
    return made, alice


@scene("the power fails at each sync of a run of messages and new accounts: what was done is there, messages in order, none twice")
def _(_):
    server = Faulty()
    number = 0
    for seed in (0, 1, 2):
        for operation in ("sync", "synced"):
            for nth in range(1, 100):
                number += 1
                server.forget_log("sm")
                made, alice = write_until_power_fails(server, number, f"cut {operation} store.db {nth} 1 {seed}")
                survived = not server.power_is_gone()
                if survived:
                    alice.close()
                    server.disk(f"cut write store.db 1 1 {seed}")  # and at last in the midst of a write
                    add_account(server, "last@localhost")
                what_is_there(server, number, made, f"{operation} {nth} {seed}")
                if survived:
                    break
            check(nth > 4, "syncs")
    server.stop()


def what_is_there(server, number, made, what):
    promised = go_on_after_power(server)
    accounts = server.sm("account", "list").stdout
    equal([jid for jid in made if jid not in accounts], [], f"{what}: accounts that are lost")
    for user, count in promised.items():
        waiting = server.waiting(user)
        check(waiting >= count, f"{what}: {count} messages for {user} were said to be stored, {waiting} are there")
        c = online(server, user, "reader")
        equal(c.bodies(waiting), [f"{number} {i}" for i in range(waiting)], f"{what}: messages of {user}")
        eventually(lambda: server.waiting(user) == 0, "what was read to be removed")
        equal(bodies(c.quiet()), [], f"{what}: too many for {user}")
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
