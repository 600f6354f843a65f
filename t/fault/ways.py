#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a login, or a user, stores, on a disk that is full or broken and in a database that somebody else has locked: each is
answered as it should be, nothing is half done, sm stays up, and it works again by itself."""
import json
import os
import sqlite3
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client, Refused, condition
from faulty import Faulty
from sasl2 import Client2, agent, bind2, upgrades, wants_token
from server import eventually
from tap import check, equal, finish, play, scene

NONE = "HT-SHA-256-NONE"
FAULTS = ("full write store.db 1 0", "short write store.db 1 0", "error write store.db 1 0", "error sync store.db 1 0", "locked")
TABLES = ("account", "verifier", "credential", "client", "token")


def kept(server):
    """All that is there of accounts; read past sm, and past its disk's faults."""
    with sqlite3.connect(f"file:{server.folder}/state/store.db?mode=ro", uri=True, timeout=30) as db:
        return {table: sorted(map(repr, db.execute(f"SELECT * FROM {table}"))) for table in TABLES}


class fault:
    """The store refuses work meanwhile, and what is kept of accounts stays as it is."""

    def __init__(self, server, rule):
        self.server, self.rule, self.other = server, rule, None

    def __enter__(self):
        self.children, self.before = self.server.children("sm"), kept(self.server)
        if self.rule == "locked":
            self.other = sqlite3.connect(os.path.join(self.server.folder, "state", "store.db"), isolation_level=None)
            self.other.execute("BEGIN IMMEDIATE")
        else:
            self.server.disk(self.rule)

    def __exit__(self, kind, *more):
        if self.other:
            self.other.execute("ROLLBACK")
            self.other.close()
        self.server.disk()
        if kind:
            return
        eventually(lambda: self.server.state() == "works", "the store to work again")
        equal(kept(self.server), self.before, f"{self.rule}: what is kept")
        equal(self.server.children("sm"), self.children, f"{self.rule}: sm")


def secure(server, domain="localhost"):
    return Client2(server).opened(domain)


def ask(c, inner, kind="set"):
    c.send(f"<iq type='{kind}' id='r'><query xmlns='jabber:iq:register'>{inner}</query></iq>")
    answer = c.expect(lambda e: e.get("id") == "r")
    return condition(answer) if answer.get("type") == "error" else None


def wish(user, password):
    return f"<username>{user}</username><password>{password}</password>"


def gets_in(server, user, password):
    try:
        secure(server, "open.test").plain(user, password, domain="open.test").close()
        return True
    except Refused as why:
        equal(why.condition, "not-authorized", user)
        return False


@scene("a token cannot be stored: the login succeeds without one, and gets one the next time")
def _(server):
    for rule in FAULTS:
        with fault(server, rule):
            c = secure(server).plain(inline=agent() + bind2() + wants_token(NONE))
            equal(c.success.find("{urn:xmpp:fast:0}token"), None, f"{rule}: token")
            c.close()
    check(secure(server).plain(inline=agent() + wants_token(NONE)).token(), "no token afterwards")


@scene("a token's use must be written and cannot be: the client hears that it is for now, and the token is as good as before")
def _(server):
    for rule in FAULTS:
        c = secure(server).plain(inline=agent() + wants_token(NONE))
        token = c.token()
        c.close()
        with fault(server, rule):
            try:
                secure(server).fast(token)  # it is the newer one: to use it ends the other
                raise AssertionError(f"{rule}: it was let in")
            except Refused as why:
                equal(why.condition, "temporary-auth-failure", rule)
        secure(server).fast(token).close()


@scene("clients cannot be revoked: the command says so, and their tokens are good until it can")
def _(server):
    c = secure(server).plain(inline=agent() + wants_token(NONE))
    token = c.token()
    c.close()
    secure(server).fast(token).close()
    ident = json.loads(server.sm("clients", "alice@localhost", "--json").stdout)[0]["id"]
    for rule in FAULTS:
        with fault(server, rule):
            done = server.sm("client", "revoke", "alice@localhost", ident, check=False)
            check(done.returncode != 0 and "the database refuses work" in done.stdout + done.stderr, f"{rule}: {done}")
            secure(server).fast(token).close()
    server.sm("client", "revoke", "alice@localhost", ident)
    try:
        secure(server).fast(token)
        raise AssertionError("it was let in")
    except Refused as why:
        equal(why.condition, "not-authorized", "afterwards")


@scene("a new account cannot be stored: the user hears to try again, and there is none; its address may try again")
def _(server):
    for number, rule in enumerate(FAULTS):
        with fault(server, rule):
            equal(ask(secure(server, "open.test"), wish(f"new{number}", "pw")), "resource-constraint", rule)
        equal(gets_in(server, f"new{number}", "pw"), False, f"{rule}: new{number}")
    equal(ask(secure(server, "open.test"), wish("new", "pw")), None, "afterwards")
    equal(gets_in(server, "new", "pw"), True, "new")


@scene("another password cannot be stored: the user hears to try again, the old one is good and the new one is not; nor is an end")
def _(server):
    for rule in FAULTS:
        c = Client(server, direct=True).login("carol", "c", domain="open.test")
        with fault(server, rule):
            equal(ask(c, wish("carol", "another")), "resource-constraint", rule)
            equal(ask(c, "<remove/>"), "resource-constraint", rule)
        equal([gets_in(server, "carol", p) for p in ("another", server.password["carol@open.test"])], [False, True], rule)
    equal(ask(c, wish("carol", "another")), None, "afterwards")
    equal([gets_in(server, "carol", p) for p in ("another", server.password["carol@open.test"])], [True, False], "afterwards")
    c.close()


@scene("a verifier that a client makes (XEP-0480), or a worker at a PLAIN login, cannot be stored: the one fails for now, the other later")
def _(server):
    def poor():
        with sqlite3.connect(os.path.join(server.folder, "state", "store.db"), timeout=30) as db:
            db.execute("DELETE FROM verifier WHERE jid = 'bob@localhost' AND hash <> 1")
    password = server.password["bob@localhost"]
    for rule in FAULTS:
        poor()
        c = secure(server)
        answer = c.scram("bob", name="SHA-1", inline=upgrades("UPGR-SCRAM-SHA-256"))
        with fault(server, rule):
            try:
                c.upgrade(answer, password)
                raise AssertionError(f"{rule}: it was stored")
            except Refused as why:
                equal(why.condition, "temporary-auth-failure", rule)
            if rule != "locked":  # whose turn may come when it is not locked any more
                secure(server).plain("bob").close()
                # nobody waits for what that makes; the writer has tried it when it has tried this, which came behind
                secure(server).plain(inline=agent() + wants_token(NONE)).close()
        secure(server).plain("bob").close()
        eventually(lambda: len([v for v in kept(server)["verifier"] if "bob@" in v]) > 1, "what PLAIN makes")


server = Faulty(domains={"localhost": "", "open.test": 'registration = "open"'}, settings="registration-interval = 600",
                accounts=("alice", "bob", "carol@open.test"))
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
