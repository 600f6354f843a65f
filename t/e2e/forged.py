#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A worker that was taken over speaks to the real sm: it gets nothing for accounts that did not log in through it (design.md 6)."""
import os
import re
import sqlite3
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from forger import Forger, credentials, verifier
from server import Server
from tap import check, equal, finish, play, scene

NEW, PASSWORD, REMOVE = 1, 2, 3
SASL_OK = 0


def conditions():
    """By number: common/condition.def, whose groups begin where condition.h says."""
    names, following = {}, {"STREAM": 1, "STANZA": 64, "SASL": 128}
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "..", "common", "condition.def")) as f:
        for group, element in re.findall(r'^(\w+)_CONDITION\(\w+, "([^"]*)"', f.read(), re.M):
            names[following[group]] = element
            following[group] += 1
    return names


CONDITION = conditions()


def why(answer, field="cond"):
    return CONDITION.get(answer[field], answer[field])


def store(server, sql, *values):
    with sqlite3.connect(os.path.join(server.folder, "state", "store.db"), timeout=30) as db:
        return db.execute(sql, values).fetchall()


def everything(server, who):
    """All that is kept of an account's password, and its clients."""
    return [store(server, f"SELECT * FROM {table} WHERE jid = ? ORDER BY 1, 2", who) for table in ("verifier", "credential", "client")]


@scene("for a connection that has proved nothing there is no token, no session, no upgrade, and no change of any account")
def _(server):
    before = everything(server, "alice@localhost")
    w = server.forger
    for proved in (False, True):
        conn = w.conn()
        if proved:  # a wrong password is as good as none
            equal(why(w.prove(conn, "alice@localhost", "wrong")), "not-authorized", "verdict")
        equal(w.ask("token", "want_token", conn=conn, client="forged", mechanism="HT-SHA-256-NONE")["token"], b"", "token")
        equal(why(w.ask("refused", "open_session", conn=conn, resource="x")), "not-authorized", "session")
        equal(why(w.ask("upgrade", "want_upgrade", conn=conn, hashes=6, hash=2, iterations=4096, salt=b"s" * 16, salted=b"x" * 32)),
              "not-authorized", "upgrade")
        for what in (PASSWORD, REMOVE):
            answer = w.ask("enrolled", "enrol", conn=conn, attempt=1, what=what, who="alice@localhost", address="192.0.2.1",
                           credentials=credentials("forged"))
            equal(why(answer), "not-authorized", f"enrol {what}")
    equal(everything(server, "alice@localhost"), before, "what is kept of alice")
    equal(server.sessions(), [], "sessions")


@scene("whom the worker names besides, a session changes its own account only, and ends none where registration is closed")
def _(server):
    w = server.forger
    conn, jid = w.session("bob@localhost", server.password["bob@localhost"])
    equal(jid, "bob@localhost/forged", "session")
    before = everything(server, "alice@localhost")
    answer = w.ask("enrolled", "enrol", conn=conn, attempt=1, what=REMOVE, who="alice@localhost")
    equal(why(answer), "not-allowed", "removal")
    answer = w.ask("enrolled", "enrol", conn=conn, attempt=2, what=PASSWORD, who="alice@localhost", credentials=credentials("changed"))
    equal(answer["cond"], SASL_OK, "another password")
    equal(everything(server, "alice@localhost"), before, "what is kept of alice")
    equal(w.prove(w.conn(), "bob@localhost", "changed")["cond"], SASL_OK, "bob's new password")
    server.password["bob@localhost"] = "changed"
    for odd in ("alice@localhost/x", "/../alice@localhost", "\u202e", "x" * 2000):
        other = w.conn()
        w.prove(other, "bob@localhost", "changed")
        answer = w.ask("opened", "open_session", conn=other, resource=odd) if odd[0] in "a/" else None
        if answer:
            check(answer["who"].startswith(b"bob@localhost/"), answer)
        else:
            equal(why(w.ask("refused", "open_session", conn=other, resource=odd)), "bad-request", odd[:10])


@scene("what it makes of a password costs nobody: rounds that others would have to derive are refused, as is what is no credential")
def _(server):
    w = server.forger
    conn, _ = w.session("carol@localhost", server.password["carol@localhost"])
    before = everything(server, "carol@localhost")
    good = credentials("other")
    lists = (credentials("other", 4294967295), credentials("other", 4096 * 17), credentials("other", 1), b"", good[:-1], good + b"x",
             good + verifier("other", "sha1"), verifier("other", "sha1"))
    for number, odd in enumerate(lists):
        answer = w.ask("enrolled", "enrol", conn=conn, attempt=number + 1, what=PASSWORD, credentials=odd)
        equal(why(answer), "bad-request", f"list {number}")
    equal(everything(server, "carol@localhost"), before, "what is kept of carol")
    other = w.conn()
    w.prove(other, "carol@localhost", server.password["carol@localhost"], more=verifier("other", "sha512", 4294967295))
    equal(everything(server, "carol@localhost"), before, "what is kept of carol")


@scene("where registration is open it makes accounts under prepared names, at a pace, and none that is there already")
def _(server):
    w = server.forger
    made = lambda who, address="192.0.2.7", **more: w.ask("enrolled", "enrol", conn=w.conn(), attempt=1, what=NEW, who=who,
                                                          address=address, **{"credentials": credentials("forged"), **more})
    before = everything(server, "dora@open.test")
    equal(why(made("dora@open.test")), "conflict", "one that is there")
    for who in ("DORA2@open.test", "do ra@open.test", "open.test", "dora2@open.test/x"):
        equal(why(made(who)), "not-acceptable", who)
    equal(why(made("eve@localhost")), "not-allowed", "where it is closed")
    equal(why(made("eve@elsewhere.test")), "not-allowed", "elsewhere")
    equal(why(made("eve@open.test", credentials=credentials("forged", 4294967295))), "bad-request", "its rounds")
    equal(made("eve@open.test")["cond"], SASL_OK, "one")
    equal(why(made("eve2@open.test")), "resource-constraint", "a second one of that address")
    equal(everything(server, "dora@open.test"), before, "what is kept of dora")
    conn, _ = w.session("eve@open.test", "forged")
    equal(w.ask("enrolled", "enrol", conn=conn, attempt=1, what=REMOVE)["cond"], SASL_OK, "its own end")
    equal(store(server, "SELECT count(*) FROM account WHERE jid LIKE 'eve%'"), [(0,)], "accounts")


@scene("forged proofs prove nothing, nor does EXTERNAL where it is not listed; what a client calls itself writes on no terminal")
def _(server):
    w = server.forger
    equal(why(w.ask("sasl_verdict", "sasl_prove", conn=w.conn(), attempt=1, form=7, who="alice@localhost", mechanism="EXTERNAL")),
          "invalid-mechanism", "EXTERNAL")
    equal(why(w.ask("sasl_verdict", "sasl_prove", conn=w.conn(), attempt=1, form=8, hash=2, who="alice@localhost",
                    mechanism="HT-SHA-256-NONE", client="forged", proof=b"x" * 32)), "not-authorized", "a token that is none")
    for form, fields in ((1, {"hash": 2, "message": "n=,r=", "proof": b"x" * 32}), (2, {"hash": 1, "proof": b"x"}), (99, {}),
                         (2, {"hash": 1, "proof": b"x" * 20, "more": b"x" * 5000})):
        answer = w.ask("sasl_verdict", "sasl_prove", conn=w.conn(), attempt=1, form=form, who="alice@localhost", **fields)
        equal(why(answer), "not-authorized", f"form {form}")
    conn = w.conn()
    verdict = w.prove(conn, "alice@localhost", server.password["alice@localhost"])
    equal(verdict["cond"], SASL_OK, "alice, who came through it")
    answer = w.ask("token", "want_token", conn=conn, client="f" * 300, mechanism="HT-SHA-256-NONE")
    equal(answer["token"], b"", "for a client's id that is too long")
    answer = w.ask("token", "want_token", conn=conn, client="forged", mechanism="HT-SHA-256-" + "X" * 300)
    equal(answer["token"], b"", "for a mechanism that is none")
    check(w.ask("token", "want_token", conn=conn, client="forged\x1b[2J", mechanism="HT-SHA-256-NONE", software="\x1b]0;x\x07",
                device="\xff")["token"], "for alice herself")
    shown = server.sm("clients", "alice@localhost").stdout
    check("\x1b" not in shown and "\x07" not in shown, repr(shown))


@scene("what it asks again while the answer is on its way is no work for the store: questions about verifiers do not pile up in sm")
def _(server):
    w = server.forger
    conn, last = w.conn(), w.conn()
    for one in (conn, last):
        equal(w.prove(one, "carol@localhost", server.password["carol@localhost"])["cond"], SASL_OK, "carol, who came through it")
    w.sock.sendall(w.frame("want_upgrade", conn=conn) * 20000 + w.frame("want_upgrade", conn=last))
    answers = 0
    while w.hear("upgrade")["conn"] != last:
        answers += 1
    check(0 < answers < 10000, f"{answers} answers to what was asked 20,000 times")
    equal(why(w.ask("upgrade", "want_upgrade", conn=conn)), 0, "what is asked later")


@scene("another worker's connection is no business of its: the link is cut, sm and the others go on")
def _(server):
    other = Forger(server, slot=1)
    conn, jid = other.session("alice@localhost", server.password["alice@localhost"], "victim")
    words = {"want_token": {"client": "x", "mechanism": "HT-SHA-256-NONE"}, "closed": {}, "forget": {}, "stanza": {"xml": "<message/>"},
             "enrol": {"what": REMOVE}, "open_session": {}, "want_upgrade": {}, "sasl_prove": {"who": "alice@localhost"}}
    for name, fields in words.items():
        server.forger.say(name, conn=conn, **fields)
        equal(server.forger.hear("token", "enrolled", "opened", "sasl_verdict"), None, f"what comes of {name}")
        server.forger.end()
        server.parent.say("worker_died", incarnation=server.forger.incarnation)
        workers = (server.forger.incarnation + 1000, other.incarnation)
        server.parent.say("roll_call", incarnations=list(workers))
        server.forger = Forger(server, incarnation=workers[0])
    equal([s["jid"] for s in server.sessions()], [jid], "sessions")
    other.end()


server = Server(domains={"localhost": "", "open.test": 'registration = "open"'}, accounts=("alice", "bob", "carol", "dora@open.test"),
                start=False)
server.start_sm()
open(os.path.join(server.folder, "c2s.log"), "w").close()  # nobody writes it: the forger is c2s
server.forger = Forger(server)
failed = play(server)
reports = server.sanitizer_reports()
server.forger.end()
server.parent.end()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
