#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tokens (FAST, XEP-0484): how a client gets one, what it is good for, and how it ends."""
import hashlib
import hmac
import json
import os
import re
import sqlite3
import ssl
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import SASL, Client, Refused, b64
from sasl2 import FAST, LAPTOP, PHONE, SASL2, Client2, agent, bind2, wants_token
from server import Server, eventually
from tap import check, equal, finish, play, scene

ALICE = "alice@localhost"
NONE, ENDP, UNIQ, EXPR = (f"HT-SHA-256-{name}" for name in ("NONE", "ENDP", "UNIQ", "EXPR"))


def refused(function, *arguments, **more):
    try:
        function(*arguments, **more)
    except Refused as why:
        return why.condition
    raise AssertionError("it was not refused")


def secure(server, **more):
    return Client2(server, **more).opened()


def given(server, user="alice", mechanism=NONE, ident=PHONE, **more):
    """Logs in by password, asks for a token, goes, and returns the token."""
    c = secure(server, **more).plain(user, inline=agent(ident) + wants_token(mechanism))
    token = c.token()
    c.close()
    return token


def sql(server, words, *values):
    with sqlite3.connect(os.path.join(server.folder, "state", "store.db"), timeout=30) as db:
        return db.execute(words, values).fetchall()


def offered(c):
    fast = c.offer.find(f"{{{SASL2}}}authentication/{{{SASL2}}}inline/{{{FAST}}}fast")
    return [m.text for m in fast] if fast is not None else None


@scene("tokens are offered over TLS, for the mechanisms that the connection can bind; never by SASL")
def _(server):
    for version, missing in ((ssl.TLSVersion.TLSv1_3, UNIQ), (ssl.TLSVersion.TLSv1_2, None)):
        c = secure(server, versions=(version, version))
        bound = {"tls-server-end-point": ENDP, "tls-unique": UNIQ, "tls-exporter": EXPR}
        wanted = [bound[b.get("type")] for b in c.offer.iter() if b.tag.endswith("}channel-binding")] + [NONE]
        check(set(wanted) <= set(offered(c)), f"{offered(c)}")
        check(missing not in offered(c), f"{missing} over {version.name}")
        check(not [m for m in c.offer.find(f"{{{SASL}}}mechanisms") if m.text.startswith("HT-")], "by SASL")
    equal(refused(c.sasl, f"<auth xmlns='{SASL}' mechanism='{NONE}'>{b64(b'alice' + bytes(33))}</auth>"), "invalid-mechanism",
          "by SASL")
    plain = Server(settings='allow-plaintext = "loopback"')
    c = Client2(plain, direct=False).opened()
    check(c.offer.find(f"{{{SASL2}}}authentication") is not None and offered(c) is None, "without TLS")
    c = c.plain(inline=agent() + wants_token(NONE))
    equal(c.token(), None, "a token without TLS")
    plain.stop()


@scene("a client gets a token with its password, and is in by it after four round trips from connecting")
def _(server):
    for mechanism in set(offered(secure(server))) & {NONE, ENDP}:
        token = given(server, mechanism=mechanism)
        check(re.fullmatch(r"[0-9a-f]{64}", token), token)
        c = secure(server).fast(token, mechanism=mechanism, inline=bind2())
        equal(2 + c.flights, 4, "TCP, TLS, and flights of ours")
        check(c.jid.startswith(ALICE + "/Scene/"), c.jid)
        equal(c.token(), None, "a new token already")
        c.message(c.jid, "to myself")
        equal(c.bodies(1), ["to myself"], "bodies")
        equal([s["mechanism"] for s in server.sessions() if s["jid"] == c.jid], [mechanism], "mechanism")
        c.close()
    tls12 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
    if UNIQ in offered(secure(server, versions=tls12)):
        token = given(server, mechanism=UNIQ, versions=tls12)
        secure(server, versions=tls12).fast(token, mechanism=UNIQ).close()


@scene("a token is good for the mechanism that it was asked for and no other, whatever the HMAC says (ejabberd: any)")
def _(server):
    token = given(server)
    sql(server, "UPDATE token SET mechanism = ?", EXPR)
    equal(refused(secure(server).fast, token), "not-authorized", "the right HMAC under another name")
    sql(server, "UPDATE token SET mechanism = ?", NONE)
    secure(server).fast(token).close()
    if ENDP not in offered(secure(server)):
        return
    token = given(server, mechanism=ENDP)
    equal(refused(secure(server).fast, token, mechanism=NONE), "not-authorized", "without the binding that it has")
    c = secure(server)
    equal(refused(c.fast, token, mechanism=NONE, channel=c.channel(ENDP)), "not-authorized", "the binding's HMAC under another name")
    equal(refused(secure(server).fast, token, mechanism=ENDP, channel=bytes(32)), "not-authorized", "another channel")
    secure(server).fast(token, mechanism=ENDP).close()
    token = given(server, mechanism=NONE)
    equal(refused(secure(server).fast, token, mechanism=ENDP, channel=b""), "not-authorized", "none under the name of a binding")


@scene("a wrong token, another client, another account and nobody's are refused alike, counted and logged as passwords are")
def _(server):
    token = given(server)
    server.forget_log("c2s")
    c = secure(server)
    equal(refused(c.fast, "0" * 64), "not-authorized", "a wrong token")
    equal(refused(c.fast, token, ident=LAPTOP), "not-authorized", "another client")
    equal(refused(c.fast, token, user="bob"), "not-authorized", "another account")
    c.stream_error()
    check(c.closed, "three failures did not end the stream")
    equal(refused(secure(server).fast, token, user="nobody"), "not-authorized", "nobody")
    lines = eventually(lambda: re.findall(r"event=auth_failed.*", server.log("c2s")), "log lines")
    equal([bool(re.search(rf"user=\S+ mech={NONE} cond=not-authorized", line)) for line in lines], [True] * 4, f"{lines}")
    check(token not in server.log("c2s") + server.log("sm"), "a token is in the log")


@scene("a token needs <fast/> and the client's id; what is malformed is refused as that")
def _(server):
    token = given(server)
    message = b"alice\0" + hmac.new(token.encode(), b"Initiator", "sha256").digest()
    c = secure(server)
    equal(refused(c.authenticate, NONE, message, agent()), "invalid-mechanism", "without <fast/>")
    equal(refused(c.authenticate, NONE, message, f"<fast xmlns='{FAST}'/>"), "malformed-request", "without an id")
    c = secure(server)
    equal(refused(c.authenticate, "PLAIN", b"\0alice\0x", agent() + f"<fast xmlns='{FAST}'/>"), "invalid-mechanism", "PLAIN with <fast/>")
    for bad in (b"alice", b"alice\0short", b"\0" + bytes(32), message + b"x", b"\xff\0" + bytes(32)):
        equal(refused(secure(server).authenticate, NONE, bad, agent() + f"<fast xmlns='{FAST}'/>"), "malformed-request", f"{bad}")
    for count in ("0", "-1", "x", "", "9223372036854775808"):
        equal(refused(secure(server).fast, token, count=count), "malformed-request", f"count {count}")
    equal(secure(server).plain(inline=agent() + wants_token("HT-SHA-3-NONE")).token(), None, "a token for what is not offered")
    equal(secure(server).plain(inline=wants_token(NONE)).token(), None, "a token for nobody in particular")


@scene("an old token is replaced when it is used; it stays good until the new one was used, and not longer")
def _(server):
    old = given(server)
    sql(server, "UPDATE token SET made = made - 8 * 86400")
    new = secure(server).fast(old).token()
    check(new and new != old, f"no new token: {new}")
    newer = secure(server).fast(old).token()
    check(newer not in (None, old, new), "the old one is still the one that is used")
    equal(refused(secure(server).fast, new), "not-authorized", "one that was never used, after another was made")
    equal(secure(server).fast(newer).token(), None, "a new one is not old")
    equal(refused(secure(server).fast, old), "not-authorized", "the old one, after the new one was used")
    secure(server).fast(newer).close()


@scene("an expired token is told so, and so is nobody who has none")
def _(server):
    token = given(server)
    sql(server, "UPDATE token SET expiry = 1")
    equal(refused(secure(server).fast, token), "credentials-expired", "expired")
    equal(refused(secure(server).fast, "0" * 64), "not-authorized", "a wrong one")
    check(secure(server).plain(inline=agent() + wants_token(NONE)).token() not in (None, token), "the password gives a new one")


@scene("a count must grow, whatever crashes; without one the token is good as before")
def _(server):
    token = given(server)
    secure(server).fast(token, count=5).close()
    for replayed in (5, 4, 1):
        equal(refused(secure(server).fast, token, count=replayed), "not-authorized", f"count {replayed}")
    secure(server).fast(token, count=6).close()
    server.kill_sm()
    equal(refused(secure(server).fast, token, count=6), "not-authorized", "after kill -9")
    secure(server).fast(token, count=7).close()
    secure(server).fast(token).close()


@scene("a client that logs out for good ends its token with its last use, and is given none")
def _(server):
    token = given(server)
    sql(server, "UPDATE token SET made = made - 8 * 86400")
    c = secure(server).fast(token, invalidate="true", inline=bind2())
    equal(c.token(), None, "a new token")
    c.quiet()
    c.close()
    equal(refused(secure(server).fast, token), "not-authorized", "the token")
    token = given(server)
    again = secure(server).fast(token, invalidate="1", inline=wants_token(NONE)).token()
    check(again and again != token, "no token though one was asked for")
    secure(server).fast(again).close()


@scene("tokens end with the password: when it is changed, when the account is disabled, when it is removed")
def _(server):
    def end(how):
        token = given(server, "carol")
        secure(server).fast(token, user="carol").close()
        how()
        equal(refused(secure(server).fast, token, user="carol"), "not-authorized", how.__name__)
    def passwd():
        server.password["carol@localhost"] = "another"
        server.sm("account", "passwd", "carol@localhost", secret="another")
    def disable():
        server.sm("account", "disable", "carol@localhost")
        server.sm("account", "enable", "carol@localhost")
    def remove():
        server.sm("account", "remove", "carol@localhost")
    end(passwd)
    end(disable)
    end(remove)
    equal(sql(server, "SELECT count(*) FROM client WHERE jid = 'carol@localhost'"), [(0,)], "clients")
    server.account("carol@localhost")


@scene("each client has a token of its own; over fast-clients-per-account the one that was away longest has none any more")
def _(server):
    other = Server(settings="fast-clients-per-account = 3")
    idents = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(4)]
    tokens = []
    for n, ident in enumerate(idents):
        tokens.append(given(other, ident=ident))
        sql(other, "UPDATE client SET last_seen = ? WHERE id = ?", n + 1, ident)
    equal(refused(secure(other).fast, tokens[0], ident=idents[0]), "not-authorized", "the oldest")
    for n in (1, 2, 3):
        secure(other).fast(tokens[n], ident=idents[n]).close()
    other.stop()


@scene("sm clients shows who has a token, and sm client revoke ends it and the client's session")
def _(server):
    def clients():
        return json.loads(server.sm("clients", "bob@localhost", "--json").stdout)
    equal(clients(), [], "clients of one without")
    phone = given(server, "bob")
    laptop = given(server, "bob", ident=LAPTOP)
    c = secure(server).fast(phone, user="bob", inline=bind2())
    rows = {row["id"]: row for row in clients()}
    number = c.jid.rpartition("/")[2]
    equal(len(rows), 2, f"{rows}")
    equal((rows[number]["software"], rows[number]["device"], rows[number]["mechanism"], rows[number]["online"]),
          ("Scene", "Phone", NONE, True), "the phone")
    equal([r["online"] for i, r in rows.items() if i != number], [False], "the laptop")
    check(PHONE not in json.dumps(rows), "the client's own id")
    check("Scene" in server.sm("clients", "bob@localhost").stdout, "no table for people")
    check(server.sm("client", "revoke", "bob@localhost", "0123456789abcdef", check=False).returncode == 1, "no such client")
    check(server.sm("client", "revoke", "alice@localhost", number, check=False).returncode == 1, "another's client")
    server.sm("client", "revoke", "bob@localhost", number)
    equal(c.stream_error(), "not-authorized", "the session")
    equal(refused(secure(server).fast, phone, user="bob"), "not-authorized", "the token")
    secure(server).fast(laptop, user="bob", ident=LAPTOP).close()
    equal([r["id"] for r in clients()], [i for i in rows if i != number], "clients that are left")
    check(server.sm("clients", "noone@localhost", check=False).returncode == 1, "no such account")


@scene("a token that was told is good after kill -9 of everything; while sm is away its client waits")
def _(server):
    people = []
    for n in range(6):
        c = secure(server)
        data = b64(f"\0alice\0{server.password[ALICE]}".encode())
        ident = f"00000000-0000-4000-8000-00000000010{n}"
        c.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'><initial-response>{data}</initial-response>"
               f"{agent(ident)}{wants_token(NONE)}{bind2()}</authenticate>")
        people.append((c, ident))
    server.kill_sm()
    tokens = [(c.accepted(c.answer()).token(), ident) for c, ident in people]
    server.kill_sm()
    for token, ident in tokens:
        check(token, "no token")
        secure(server).fast(token, ident=ident).close()
    for c, _ in people:
        c.sock.close()


@scene("a domain without fast-mechanisms offers no tokens and gives none")
def _(server):
    other = Server(domains={"localhost": "fast-mechanisms = {}"})
    c = secure(other)
    equal(offered(c), None, "offer")
    equal(c.plain(inline=agent() + wants_token(NONE)).token(), None, "token")
    c.close()
    other.stop()


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
