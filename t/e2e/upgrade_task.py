#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Verifiers that an account lacks, made by its client at a login (XEP-0480)."""
import hashlib
import os
import sqlite3
import subprocess
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Refused, b64
from sasl2 import SASL2, UPGRADE, Client2, agent, bind2, upgrades, wants_token
from server import DEADLINE, Server, eventually
from tap import check, equal, finish, play, scene

ALICE = "alice@localhost"
S256, S512 = "UPGR-SCRAM-SHA-256", "UPGR-SCRAM-SHA-512"


def refused(function, *arguments, **more):
    try:
        function(*arguments, **more)
    except Refused as why:
        return why.condition
    raise AssertionError("it was not refused")


def secure(server):
    return Client2(server).opened()


def old_account(server, name):
    """One of before there was anything but SCRAM-SHA-1."""
    server.account(name + "@localhost")
    with sqlite3.connect(os.path.join(server.folder, "state", "store.db"), timeout=30) as db:
        db.execute("DELETE FROM verifier WHERE jid = ? AND hash <> 1", (name + "@localhost",))
    return name


class locked:
    """The store is somebody else's meanwhile, and what would write waits for it."""

    def __init__(self, server):
        self.db = sqlite3.connect(os.path.join(server.folder, "state", "store.db"), timeout=30, isolation_level=None)

    def __enter__(self):
        self.db.execute("BEGIN IMMEDIATE")

    def __exit__(self, *fault):
        self.db.execute("ROLLBACK")
        self.db.close()


def passwd(server, name, password):
    """The command, started; sm has it when it is back."""
    before = server.log("sm").count("event=command ")
    process = subprocess.Popen([server.program("sm"), "account", "passwd", name + "@localhost", "--config", server.conf],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.stdin.write(password.encode() + b"\n")
    process.stdin.close()
    eventually(lambda: server.log("sm").count("event=command ") > before, "the command to come")
    server.status()
    return process


def send_hash(server, c, salted):
    """What ends the task, and sm has it when it is back: its answer waits for the store."""
    before = server.log("c2s").count("to=wait_for_upgrade")
    c.send(f"<task-data xmlns='{SASL2}'><hash xmlns='urn:xmpp:scram-upgrade:0'>{b64(salted)}</hash></task-data>")
    eventually(lambda: server.log("c2s").count("to=wait_for_upgrade") > before, "the question to sm")
    server.status()


def started(server, name, *tasks):
    c = secure(server)
    return c, c.scram(name, name="SHA-1", inline=upgrades(*tasks) + bind2())


@scene("tasks are offered over TLS for each SCRAM that the domain lists; an account that lacks nothing is asked for nothing")
def _(server):
    c = secure(server)
    equal([u.text for u in c.offer.iter(f"{{{UPGRADE}}}upgrade")], [S512, S256, "UPGR-SCRAM-SHA-1"], "tasks")
    c.scram(inline=upgrades(S256, S512) + bind2())
    c.quiet()
    c.close()


@scene("a client that logs in by SCRAM-SHA-1 makes the verifiers of the others, one after the other, and may use them")
def _(server):
    name = old_account(server, "old1")
    password = server.password[name + "@localhost"]
    equal(refused(secure(server).scram, name), "not-authorized", "SHA-256 before")
    c, answer = started(server, name, S256, S512, "UPGR-BLOOP2")
    done, last = c.upgrade(answer, password)
    equal(done, [S512, S256], "tasks")
    check(last.find(f"{{{SASL2}}}additional-data") is None, "the mechanism's data twice")
    c.accepted(last)
    c.quiet()
    c.close()
    for hash_name in ("SHA-256", "SHA-512", "SHA-1"):
        secure(server).scram(name, name=hash_name).close()
    equal(refused(secure(server).scram, name, password="wrong"), "not-authorized", "a wrong password")


@scene("only what was asked for is made; by PLAIN too")
def _(server):
    name = old_account(server, "old2")
    password = server.password[name + "@localhost"]
    c = secure(server)
    answer = c.authenticate("PLAIN", f"\0{name}\0{password}".encode(), upgrades(S256))
    done, last = c.upgrade(answer, password)
    equal(done[:1], [S256], "tasks")
    c.accepted(last).close()
    secure(server).scram(name).close()


@scene("what is wrong ends the login and the stream, and nothing is stored")
def _(server):
    name = old_account(server, "old3")
    def wrong(what, condition, act):
        c, answer = started(server, name, S256)
        equal(answer.tag, f"{{{SASL2}}}continue", "answer")
        equal(refused(act, c), condition, what)
        c.stream_error()
        check(c.closed, f"{what}: the stream is open")
    def data(c, inner):
        c.begin_task(S256)
        return c.say(f"<task-data xmlns='{SASL2}'>{inner}</task-data>")
    hash_of = lambda text: f"<hash xmlns='urn:xmpp:scram-upgrade:0'>{text}</hash>"
    wrong("another task", "malformed-request", lambda c: c.begin_task(S512))
    wrong("no task", "malformed-request", lambda c: c.say(f"<next xmlns='{SASL2}'/>"))
    for inner in ("", hash_of(""), hash_of("AAAA"), hash_of("%%%"), hash_of("A" * 44) * 2, "<hash>" + "A" * 43 + "=</hash>"):
        wrong(f"hash {inner}", "malformed-request", lambda c: data(c, inner))
    wrong("an abort", "aborted", lambda c: c.say(f"<abort xmlns='{SASL2}'/>"))
    for intruder in (f"<task-data xmlns='{SASL2}'/>", f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'/>", "<odd xmlns='urn:odd'/>"):
        c, _ = started(server, name, S256)
        c.send(intruder)
        equal(c.stream_error(), "policy-violation", intruder)
    equal(refused(secure(server).scram, name), "not-authorized", "SHA-256 after all that")


@scene("a password that is changed while its client makes a verifier of it leaves none behind, however close they come")
def _(server):
    for name, first in (("old6", "passwd"), ("old7", "hash")):
        old_account(server, name)
        password = server.password[name + "@localhost"]
        c, _ = started(server, name, S256)
        salt, rounds = c.begin_task(S256)
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
        with locked(server):  # so that both stand in the writer's queue, one behind the other
            change = lambda: passwd(server, name, "another")
            running = change() if first == "passwd" else None
            send_hash(server, c, salted)
            running = running or change()
        equal(running.wait(DEADLINE), 0, "exit status of sm account passwd")
        if first == "passwd":
            equal(refused(c.answer), "not-authorized", "the verifier of the old password")
        equal(refused(secure(server).scram, name, password=password), "not-authorized", "the old password")
        secure(server).scram(name, password="another").close()


@scene("a token is no password: who is in by it makes no verifier")
def _(server):
    name = old_account(server, "old4")
    c = secure(server)
    c.scram(name, name="SHA-1", inline=agent() + wants_token("HT-SHA-256-NONE"))
    secure(server).fast(c.token(), user=name, inline=upgrades(S256, S512)).close()
    equal(refused(secure(server).scram, name), "not-authorized", "SHA-256")


@scene("kill -9 of sm in the midst of a task: the client may finish it, or log in again")
def _(server):
    name = old_account(server, "old5")
    password = server.password[name + "@localhost"]
    c, answer = started(server, name, S256)
    salt, rounds = c.begin_task(S256)
    server.kill_sm()
    try:
        c.accepted(c.end_task(hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)))
    except Refused as why:
        equal(why.condition, "not-authorized", "after a restart")
    c, answer = started(server, name, S256)
    if answer is not c:
        c.accepted(c.upgrade(answer, password)[1])
    secure(server).scram(name).close()


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
