#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Accounts in the hands of their users (XEP-0077): made, given another password, removed; and what must not be possible."""
import os
import sqlite3
import sys
import threading
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client, Ended, Refused, condition
from server import Server, eventually
from tap import check, equal, finish, play, scene

NS = "jabber:iq:register"
FEATURE = "{http://jabber.org/features/iq-register}register"
NOBODY = "wrong-password"


def stranger(server, domain="localhost", direct=True):
    c = Client(server, direct=direct).open(domain)
    c.offered = [f.tag for f in c.features()]
    return c


def ask(c, inner, kind="set"):
    """The condition of the error, None for a result."""
    c.send(f"<iq type='{kind}' id='r'><query xmlns='{NS}'>{inner}</query></iq>")
    answer = c.expect(lambda e: e.get("id") == "r")
    check(answer.get("type") == "result" or not answer.findall(f".//{{{NS}}}*"), "the answer says what was asked")
    return condition(answer) if answer.get("type") == "error" else None


def wish(user, password):
    return f"<username>{user}</username><password>{password}</password>"


def register(server, user, password="a password", domain="localhost"):
    c = stranger(server, domain)
    why = ask(c, wish(user, password))
    c.close()
    return why


def gets_in(server, user, password, mechanism="SHA-256"):
    try:
        Client(server, direct=True).login(user, "check", password=password, mechanism=mechanism).close()
        return True
    except Refused as why:
        equal(why.condition, "not-authorized", "the refusal")
        return False


def logged(server, name, words=""):
    return eventually(lambda: [line for line in server.log("sm").splitlines() + server.log("c2s").splitlines()
                               if f"event={name} " in line and words in line], f"{name} {words} in the log")


@scene("it is offered behind TLS where it is open; in plain, or where it is closed, it is neither offered nor granted")
def _(server):
    check(FEATURE in stranger(server).offered, "it is not offered")
    for c in (stranger(server, direct=False), stranger(server, "closed.test")):
        check(FEATURE not in c.offered, "it is offered")
        c.send(f"<iq type='set' id='r'><query xmlns='{NS}'>{wish('mallory', 'a password')}</query></iq>")
        equal(c.stream_error(), "not-authorized", "the stream")
    check("mallory" not in server.sm("account", "list").stdout, "it was made")


@scene("who asks gets the fields and the form; an account made by either logs in at once by every mechanism")
def _(server):
    c = stranger(server)
    c.send(f"<iq type='get' id='g' to='localhost'><query xmlns='{NS}'/></iq>")
    query = c.next()[0]
    check({"username", "password", "instructions"} <= {e.tag.rpartition("}")[2] for e in query}, "the fields")
    form = query.find("{jabber:x:data}x")
    equal({f.get("var"): f.find("{jabber:x:data}required") is not None for f in form.iter("{jabber:x:data}field")},
          {"FORM_TYPE": False, "username": True, "password": True}, "the form")
    equal(ask(c, wish("dora", "s\u00e9same &amp; &lt;open&gt;")), None, "by fields")
    c.auth_scram("dora", "s\u00e9same & <open>")
    c.open().features()
    c.bind("here").available().close()
    c = stranger(server)
    field = lambda var, value: f"<field var='{var}'><value>{value}</value></field>"
    equal(ask(c, f"<x xmlns='jabber:x:data' type='submit'>{field('FORM_TYPE', NS)}{field('username', 'emil')}"
              f"{field('password', 'a password')}</x>"), None, "by the form")
    c.close()
    for mechanism in ("SHA-1", "SHA-256", "PLAIN"):
        check(gets_in(server, "emil", "a password", mechanism), mechanism)
        check(not gets_in(server, "emil", NOBODY, mechanism), mechanism)
    logged(server, "registered", "user=emil@localhost ip=127.0.0.1")


@scene("a name that is taken is a conflict, in whatever case or width it is written, and its password stays")
def _(server):
    for name in ("alice", "Alice", "ALICE", "\uff21lice", "\uff41\uff4c\uff49\uff43\uff45"):
        equal(register(server, name), "conflict", name)
    check(not gets_in(server, "alice", "a password"), "the password is another")
    check(gets_in(server, "alice", server.password["alice@localhost"]), "the old one is gone")
    logged(server, "register_refused", "cond=conflict")


@scene("what is no name or no password is not acceptable")
def _(server):
    c = stranger(server)
    for inner in (wish("", "a password"), wish("frank", ""), wish("fr@nk", "a password"), wish("fr ank", "a password"),
                  wish("\u2163", "a password"), wish("frank", "a\tpassword"), wish("f" * 256, "a password"),
                  wish("frank", "p" * 256), "<username>frank</username>", wish("<b>frank</b>", "a password")):
        equal(ask(c, inner), "not-acceptable", inner[:60])
    c.send(f"<iq type='set' id='r'><query xmlns='{NS}'>{wish('', '')}</query></iq>")
    equal(c.stream_error(), "policy-violation", "the eleventh time")
    c = stranger(server)
    equal(ask(c, "<remove/>"), "unexpected-request", "remove")
    equal(ask(c, wish("frank", "p" * 255)), None, "the longest password")
    c.close()


@scene("two who want one name at once: one gets it")
def _(server):
    strangers = [stranger(server) for _ in range(8)]
    answers = []
    threads = [threading.Thread(target=lambda c=c, n=n: answers.append((ask(c, wish("grace", f"password {n}")), n)))
               for n, c in enumerate(strangers)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    equal(sorted(why or "" for why, _ in answers), [""] + ["conflict"] * 7, "answers")
    winner = [n for why, n in answers if why is None][0]
    check(gets_in(server, "grace", f"password {winner}"), "the winner")


@scene("a user changes the password: the session and others stay, the next login needs the new one")
def _(server):
    equal(register(server, "henry", "old password"), None, "register")
    c = Client(server, direct=True).login("henry", "one", password="old password", mechanism="PLAIN")
    other = Client(server, direct=True).login("henry", "two", password="old password", mechanism="PLAIN")
    other.quiet()
    for inner, why in ((wish("henry", ""), "bad-request"), (wish("alice", "a password"), "not-allowed"),
                       ("<password>a password</password>", "bad-request"), (wish("henry", "p" * 256), "not-acceptable")):
        equal(ask(c, inner), why, inner)
    check(gets_in(server, "henry", "old password"), "it was changed")
    equal(ask(c, wish("henry", "new password")), None, "the change")
    for mechanism in ("PLAIN", "SHA-1", "SHA-256"):
        check(not gets_in(server, "henry", "old password", mechanism), "the old one by " + mechanism)
        check(gets_in(server, "henry", "new password", mechanism), "the new one by " + mechanism)
    c.message(other.jid, "still here")
    equal(other.bodies(1), ["still here"], "the sessions")
    logged(server, "password_changed", "henry@localhost")
    check("password" not in "".join(server.log(n) for n in ("c2s", "sm")).replace("password_changed", "").replace(
        "what=password", ""), "the log knows a password")
    c.close()
    other.close()


@scene("a user removes the account: it is answered, all its sessions end, and nobody gets in; its name is free again")
def _(server):
    equal(register(server, "ida"), None, "register")
    c = Client(server, direct=True).login("ida", "one", password="a password")
    other = Client(server, direct=True).login("ida", "two", password="a password")
    half = stranger(server)
    half.auth_scram("ida", "a password")
    equal(ask(c, "<remove/><username>ida</username>"), "bad-request", "with something beside it")
    c.quiet()
    equal(ask(c, "<remove/>"), None, "the removal")
    equal((c.stream_error(), other.stream_error()), ("not-authorized", "not-authorized"), "the streams")
    half.open().features()
    try:
        half.bind("late")
        raise AssertionError("a login under way became a session")
    except Refused as why:
        equal(why.condition, "not-authorized", "a login under way")
    check(not gets_in(server, "ida", "a password"), "it is still there")
    check("ida@" not in server.sm("account", "list").stdout, "it is still listed")
    equal(register(server, "ida", "another password"), None, "the name is free")
    check(gets_in(server, "ida", "another password"), "the new one")
    logged(server, "account_removed", "ida@localhost")


def rows_of(server, account):
    """How many rows each table of store.db has of the account."""
    with sqlite3.connect(f"file:{server.folder}/state/store.db?mode=ro", uri=True) as db:
        tables = [t for t, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
                  if "jid" in [c[1] for c in db.execute(f"PRAGMA table_info({t})")]]
        return {t: db.execute(f"SELECT count(*) FROM {t} WHERE jid = ?", (account,)).fetchone()[0] for t in tables}


@scene("with an account goes everything that it has: there is nothing of it in any table")
def _(server):
    equal(register(server, "max"), None, "register")
    server.sm("motd", "set", "hello")
    c = Client(server, direct=True).login("max", "one", password="a password")
    for inner in ("<vCard xmlns='vcard-temp'><FN>Max</FN></vCard>", "<query xmlns='jabber:iq:private'><a xmlns='x'>1</a></query>",
                  "<block xmlns='urn:xmpp:blocking'><item jid='bob@localhost'/></block>"):
        c.send(f"<iq type='set' id='s'>{inner}</iq>")
        equal(c.expect(lambda e: e.get("id") == "s").get("type"), "result", inner)
    c.send("<presence type='unavailable'/>")
    c.message("max@localhost", "to myself")
    had = ("vcard", "private", "block", "offline", "last", "motd_had", "verifier")
    eventually(lambda: all(rows_of(server, "max@localhost")[t] for t in had), "rows in all of them")
    equal(ask(c, "<remove/>"), None, "the removal")
    equal(c.stream_error(), "not-authorized", "the stream")
    equal({t: n for t, n in rows_of(server, "max@localhost").items() if n}, {}, "what is left")
    equal(register(server, "max"), None, "the name is free")
    c = Client(server, direct=True).login("max", "one", password="a password", presence=False)
    c.send("<iq type='get' id='v'><vCard xmlns='vcard-temp'/></iq>")
    equal(len(c.expect(lambda e: e.get("id") == "v")[0]), 0, "what is in its vCard")
    c.message("bob@localhost", "x", ident="m")
    equal(condition(c.expect("message")), "service-unavailable", "it blocks nobody, and there is no bob")
    c.close()
    server.sm("motd", "clear")


@scene("where it is closed a user changes the password and removes nothing; for another domain's account nothing is done")
def _(server):
    c = Client(server, direct=True).login("bob", "one", domain="closed.test")
    c.send("<iq type='get' id='d' to='closed.test'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
    features = c.expect(lambda e: e.get("id") == "d").iter("{http://jabber.org/protocol/disco#info}feature")
    check(NS in [f.get("var") for f in features], "the feature, by which a client knows that it may ask")
    equal(ask(c, "<remove/>"), "not-allowed", "remove")
    equal(ask(c, wish("bob", "new password")), None, "another password")
    equal(ask(c, wish("bob@localhost", "new password")), "not-allowed", "of another domain")
    c.send(f"<iq type='set' id='e' to='localhost'><query xmlns='{NS}'><remove/></query></iq>")
    equal(condition(c.expect(lambda e: e.get("id") == "e")), "service-unavailable", "to another domain of ours")
    c.close()
    Client(server, direct=True).login("bob", "two", domain="closed.test", password="new password").close()


@scene("sm dies at every moment: an account is made once, a password changed, and the client is answered")
def _(server):
    for n in range(4):
        c = stranger(server)
        c.send(f"<iq type='set' id='r'><query xmlns='{NS}'>{wish(f'kill{n}', 'a password')}</query></iq>")
        server.kill_sm()
        answer = c.expect("iq")
        equal((answer.get("type"), condition(answer)), ("result", None), "the answer")
        c.auth_scram(f"kill{n}", "a password")
        c.open().features()
        c.bind("here").available()
        c.send(f"<iq type='set' id='p'><query xmlns='{NS}'>{wish(f'kill{n}', 'new password')}</query></iq>")
        server.kill_sm()
        equal(c.expect(lambda e: e.get("id") == "p").get("type"), "result", "the change")
        check(gets_in(server, f"kill{n}", "new password"), "the new password")
        c.close()


@scene("one address makes one account in registration-interval, whichever worker it comes to, failures not counted")
def _(server):
    own = Server("registration-interval = 600", accounts=("alice",), domains={"localhost":
        'registration = "open"\nmechanisms = { "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "ANONYMOUS" }'})
    try:
        equal([register(own, "alice"), register(own, ""), register(own, "bob")], ["conflict", "not-acceptable", None], "at first")
        equal([register(own, f"more{n}") for n in range(6)], ["resource-constraint"] * 6, "afterwards")
        equal(own.sm("account", "list").stdout.count("@localhost"), 2, "accounts")
        anonymous = Client(own, direct=True).open("localhost")
        anonymous.features()
        anonymous.auth_anonymous()
        anonymous.open().features()
        jid = anonymous.bind("here").jid
        equal(ask(anonymous, wish(jid.split("@")[0], "a password")), "not-allowed", "a password for nobody in particular")
        anonymous.close()
        equal(own.sanitizer_reports(), [], "reports")
    finally:
        own.stop()


@scene("one address tries so many names in registration-interval, whether or not it waits for the answer")
def _(server):
    own = Server("registration-interval = 600\nconnections-per-address = 0", domains={"localhost": 'registration = "open"'},
                 accounts=("alice",))
    try:
        answers = [register(own, "alice") for _ in range(21)]
        equal(answers, ["conflict"] * 20 + ["resource-constraint"], "answers")
        equal(register(own, "bob"), "resource-constraint", "another name")
    finally:
        own.stop()


server = Server("registration-interval = 0\nconnections-per-address = 0",
                domains={"localhost": 'registration = "open"', "closed.test": ""},
                accounts=("alice", "bob@closed.test"))
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
