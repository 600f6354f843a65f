#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Last activity (XEP-0012): the server's, one's own, and that of contacts whose presence one sees, and of nobody else."""
import os
import sqlite3
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client, condition
from server import Server, eventually
from tap import check, equal, finish, play, scene

LAST = "jabber:iq:last"


def online(server, user, resource):
    return Client(server, direct=True).login(user, resource)


def ask(c, to=""):
    """(seconds, status) or the condition."""
    address = f" to='{to}'" if to else ""
    c.send(f"<iq type='get' id='q'{address}><query xmlns='{LAST}'/></iq>")
    got = c.expect(lambda e: e.get("id") == "q")
    query = got.find(f"{{{LAST}}}query")
    return condition(got) or (int(query.get("seconds")), query.text)


def change(server, sql):
    with sqlite3.connect(f"{server.folder}/state/store.db", timeout=30) as db:
        db.execute(sql)


def left(server, user):
    """When the store says that the account was online last; None: never."""
    with sqlite3.connect(f"file:{server.folder}/state/store.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT left_at, status FROM last WHERE jid = ?", (f"{user}@localhost",)).fetchall()
    return rows[0] if rows else None


@scene("the server says how long it runs, and has the feature")
def _(server):
    bob = online(server, "bob", "a")
    seconds, status = ask(bob, "localhost")
    check(0 <= seconds < 600 and status is None, f"{seconds} {status}")
    bob.send("<iq type='get' id='d' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
    got = bob.expect(lambda e: e.get("id") == "d")
    check(LAST in [f.get("var") for f in got.iter("{http://jabber.org/protocol/disco#info}feature")], "feature")
    bob.close()


@scene("one's own: 0 while a session is available; afterwards since when, and with which words, also when the connection was lost")
def _(server):
    look = Client(server, direct=True).login("alice", "look", presence=False)
    equal(ask(look), "item-not-found", "she was never online")
    alice = online(server, "alice", "a")
    equal(ask(look), (0, None), "online")
    equal(ask(look, "alice@localhost"), (0, None), "by name")
    second = online(server, "alice", "b")
    alice.send("<presence type='unavailable'><status>not yet</status></presence>")
    alice.quiet()
    equal(ask(look), (0, None), "another is there")
    second.send("<presence type='unavailable'><status>good &amp; night</status></presence>")
    second.quiet()
    seconds, status = ask(look)
    check(seconds < 30 and status == "good & night", f"{seconds} {status}")
    eventually(lambda: left(server, "alice"), "the store to have it")
    change(server, "UPDATE last SET left_at = left_at - 1000")
    server.kill_sm()
    seconds, status = ask(look)
    check(1000 <= seconds < 1030 and status == "good & night", f"{seconds} {status}")
    second.available()
    second.vanish()
    eventually(lambda: left(server, "alice")[1] == "", "the store to have the other end")
    seconds, status = ask(look)
    check(seconds < 30 and status is None, f"{seconds} {status}")
    alice.close(), look.close()


@scene("somebody else's only who sees the presence: who does not is told the same whether the account is there, online, or not")
def _(server):
    bob, carol = online(server, "bob", "b"), online(server, "carol", "c")
    for to in ("carol@localhost", "nobody@localhost", carol.jid, "carol@localhost/other", "alice@localhost/a", "nobody@localhost/x"):
        equal(ask(bob, to), "forbidden", to)
    equal([s.tag for s in carol.quiet()], [], "she hears nothing of it")
    bob.close(), carol.close()


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
