#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The mechanisms that are off until a domain lists them: DIGEST-MD5, CRAM-MD5, ANONYMOUS, JIVE-SHAREDSECRET."""
import base64
import hashlib
import hmac
import os
import re
import sqlite3
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import BIND, SASL, Client, Refused, b64, condition
from sasl2 import Client2, bind2
from server import Server, eventually
from tap import check, equal, finish, play, scene

ALL = 'mechanisms = {"SCRAM-SHA-256", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "ANONYMOUS", "JIVE-SHAREDSECRET"}'
SECRET = "s3cr3tKy"


def secure(server, domain="localhost"):
    c = Client(server, direct=True).open(domain)
    c.offered = [m.text for m in c.features().iter(f"{{{SASL}}}mechanism")]
    return c


def refused(function, *arguments, **named):
    try:
        function(*arguments, **named)
    except Refused as why:
        return why.condition
    raise AssertionError("it was not refused")


def bind(c, domain="localhost", resource="scene"):
    c.open(domain)
    c.features()
    return c.bind(resource)


def password_of(server, user="alice", domain="localhost"):
    return server.password[f"{user}@{domain}"]


@scene("DIGEST-MD5 and CRAM-MD5 log in where they are listed, and are not known where they are not")
def _(server):
    for authenticate in (Client.auth_digest, Client.auth_cram):
        c = secure(server)
        equal(authenticate(c, "alice", password_of(server))[0], "success", "answer")
        equal(bind(c).jid, "alice@localhost/scene", "jid")
        c.close()
    c = secure(server, "modern.test")
    check(not set(c.offered) & {"DIGEST-MD5", "CRAM-MD5", "ANONYMOUS", "JIVE-SHAREDSECRET"}, c.offered)
    for mechanism in ("DIGEST-MD5", "CRAM-MD5"):
        equal(refused(c.sasl, f"<auth mechanism='{mechanism}' xmlns='{SASL}'/>"), "invalid-mechanism", mechanism)
    c = secure(server, "modern.test")
    for mechanism in ("ANONYMOUS", "JIVE-SHAREDSECRET"):
        equal(refused(c.sasl, f"<auth mechanism='{mechanism}' xmlns='{SASL}'/>"), "invalid-mechanism", mechanism)


@scene("DIGEST-MD5 takes what clients send: \"=\" for no initial response, an authzid, another host, the domain in capitals")
def _(server):
    for named in ({"begin": "="}, {"authzid": "alice"}, {"authzid": "alice@localhost"}, {"uri": "xmpp/LOCALHOST"},
                  {"uri": "xmpp/host.example/localhost"}, {"more": ",x-new=1"}):
        equal(secure(server).auth_digest("alice", password_of(server), **named)[0], "success", str(named))


@scene("DIGEST-MD5 refuses another account's authzid, another service or domain, and every field that was changed")
def _(server):
    digest = lambda **named: refused(secure(server).auth_digest, "alice", password_of(server), **named)
    equal(digest(authzid="bob"), "invalid-authzid", "authzid")
    for uri in ("imap/localhost", "xmpp/elsewhere", "xmpp/localhost/x", "xmpp", "xmpp//localhost"):
        equal(digest(uri=uri), "not-authorized", uri)
    for old, new in ((b"nc=00000001", b"nc=00000002"), (b"qop=auth", b"qop=auth-int"), (b'realm="localhost"', b'realm="x"'),
                     (b'nonce="', b'nonce="x'), (b'cnonce="', b'cnonce="x')):
        equal(digest(tamper=lambda r: r.replace(old, new, 1)), "not-authorized", str(new))
    for old, new in ((b"nc=00000001,", b""), (b"qop=auth", b"qop=auth,qop=auth"), (b"maxbuf=65536", b"maxbuf=x"),
                     (b'username="alice"', b"username=al ice"), (b"response=", b"response=A")):
        equal(digest(tamper=lambda r: r.replace(old, new, 1)), "malformed-request", str(new))
    equal(refused(secure(server).auth_digest, "alice", password_of(server), begin=b64(b"x")), "malformed-request", "initial response")


@scene("names and passwords beyond ASCII log in with DIGEST-MD5 in UTF-8 and in ISO 8859-1")
def _(server):
    server.account("j\u00fcrgen@localhost", "p\u00e4ss")
    for charset in ("utf-8", "latin-1"):
        equal(secure(server).auth_digest("j\u00fcrgen", "p\u00e4ss", charset=charset)[0], "success", charset)
    equal(secure(server).auth_cram("j\u00fcrgen", "p\u00e4ss")[0], "success", "CRAM-MD5")


@scene("a digest that was recorded proves nothing, on another connection or the next attempt")
def _(server):
    c = secure(server)
    c.auth_digest("alice", password_of(server))
    again = f"<response xmlns='{SASL}'>{b64(c.digest_response)}</response>"
    d = secure(server)
    d.sasl(f"<auth mechanism='DIGEST-MD5' xmlns='{SASL}'/>")
    equal(refused(d.sasl, again), "not-authorized", "another connection")
    c = secure(server)
    equal(refused(c.auth_digest, "alice", password_of(server), tamper=lambda r: r + b",qop=auth"), "malformed-request", "spoilt")
    good = c.digest_response[:-len(b",qop=auth")]
    c.sasl(f"<auth mechanism='DIGEST-MD5' xmlns='{SASL}'/>")
    equal(refused(c.sasl, f"<response xmlns='{SASL}'>{b64(good)}</response>"), "not-authorized", "the next attempt")


@scene("a wrong password, an unknown user, and an account of before the mechanism are refused alike")
def _(server):
    for authenticate in (Client.auth_digest, Client.auth_cram):
        for user, password in (("alice", "wrong"), ("nobody", "wrong"), ("carol", password_of(server, "carol"))):
            equal(refused(authenticate, secure(server), user, password), "not-authorized", user)


@scene("an account of before the mechanism gets what it lacks at its next PLAIN login, with the right password only")
def _(server):
    password = password_of(server, "carol")
    kinds = lambda: [row[0] for row in store(server).execute("SELECT kind FROM credential WHERE jid = 'carol@localhost'")]
    equal(refused(secure(server).auth_plain, "carol", "wrong"), "not-authorized", "wrong password")
    equal(kinds(), [], "after a wrong password")
    secure(server).auth_plain("carol", password)
    eventually(lambda: len(kinds()) == 2, "carol's credentials")
    for authenticate in (Client.auth_digest, Client.auth_cram):
        equal(authenticate(secure(server), "carol", password)[0], "success", "right password")
    server.sm("account", "passwd", "carol@localhost", secret="another")
    equal(refused(secure(server).auth_cram, "carol", password), "not-authorized", "the old password")
    equal(secure(server).auth_digest("carol", "another")[0], "success", "the new one")


def store(server):
    return sqlite3.connect(f"file:{server.folder}/state/store.db?mode=ro", uri=True)


@scene("what is kept of a password is not the password, and of a mechanism that is no longer listed nothing after a change")
def _(server):
    with open(os.path.join(server.folder, "state", "store.db"), "rb") as f:
        check(password_of(server).encode() not in f.read(), "a password is in the store")
    row = store(server).execute("SELECT count(*) FROM credential WHERE jid = 'dave@modern.test'").fetchone()
    equal(row[0], 0, "credentials where none are wanted")
    text = open(server.conf).read()
    try:
        with open(server.conf, "w") as f:
            f.write(text.replace('"CRAM-MD5", ', "", 1))
        server.sm("reload")
        server.sm("account", "passwd", "bob@localhost", secret="newer")
        rows = store(server).execute("SELECT kind FROM credential WHERE jid = 'bob@localhost'").fetchall()
        equal(rows, [(16,)], "kinds")
    finally:
        with open(server.conf, "w") as f:
            f.write(text)
        server.sm("reload")


@scene("ANONYMOUS: everybody is somebody else, whatever resource is asked for, and sm says who is nobody")
def _(server):
    seen = set()
    for trace in ("", "=", b64(b"sirhc")):
        c = secure(server)
        equal(c.auth_anonymous(trace), ("success", b""), "answer")
        bind(c)
        user, _, resource = c.jid.partition("@localhost/")
        check(re.fullmatch("[0-9a-f]{32}", user) and resource == user, c.jid)
        seen.add(user)
        row = [s for s in server.sessions() if s["jid"] == c.jid][0]
        equal((row["anonymous"], row["mechanism"]), (True, "ANONYMOUS"), "what sm knows")
        c.available()
        c.message(c.jid, "to myself")
        equal(c.bodies(1), ["to myself"], "body")
        for query in ("<username>x</username><password>y</password>", "<remove/>"):
            c.send(f"<iq type='set' id='r'><query xmlns='jabber:iq:register'>{query}</query></iq>")
            equal(condition(c.expect(lambda e: e.get("id") == "r")), "not-allowed", query)
        c.message("dave@modern.test", "far", ident="far")
        equal(condition(c.expect(lambda e: e.get("id") == "far")), "not-allowed", "to another domain")
        c.close()
        eventually(lambda: not [s for s in server.sessions() if s["jid"].startswith(user)], "the session's end")
    equal(len(seen), 3, "different people")
    check(not any(s["anonymous"] for s in server.sessions()), "somebody is anonymous")


@scene("an anonymous session survives the death of sm, with its mark")
def _(server):
    c = secure(server)
    c.auth_anonymous()
    server.kill_sm()
    bind(c)
    server.kill_sm()
    equal([s["anonymous"] for s in server.sessions() if s["jid"] == c.jid], [True], "anonymous")
    equal(c.quiet(), [], "alive")
    c.close()


@scene("JIVE-SHAREDSECRET: whoever knows the secret is let in without a name; it is asked for with an equals sign")
def _(server):
    c = secure(server)
    equal(c.auth_shared_secret(SECRET), ("success", b""), "answer")
    bind(c)
    user, _, resource = c.jid.partition("@localhost/")
    check(user == resource and len(user) == 32, c.jid)
    c.close()
    c = secure(server)
    for empty in ("", "="):
        c.send(f"<auth mechanism='JIVE-SHAREDSECRET' xmlns='{SASL}'>{empty}</auth>")
        challenge = c.next()
        equal((challenge.tag, challenge.text), (f"{{{SASL}}}challenge", "="), "challenge")
        equal(refused(c.sasl, f"<abort xmlns='{SASL}'/>"), "aborted", "abort")
    c = secure(server)
    equal(refused(c.auth_shared_secret, "wrong"), "not-authorized", "another secret")
    equal(refused(c.auth_shared_secret, ""), "not-authorized", "no secret")
    c = secure(server, "empty.test")
    equal(refused(c.auth_shared_secret, ""), "not-authorized", "where no secret is configured")
    c = Client(server).open()
    c.features()
    equal(refused(c.auth_shared_secret, SECRET), "encryption-required", "without TLS")


@scene("by SASL2, too: CRAM-MD5, the shared secret, and nobody, who gets the one name whatever Bind 2 asks for")
def _(server):
    c = Client2(server).opened()
    challenge = c.authenticate("CRAM-MD5")
    digest = hmac.new(password_of(server).encode(), base64.b64decode(challenge.text), "md5").hexdigest()
    c.accepted(c.respond(f"alice {digest}".encode()))
    equal(c.jid, "alice@localhost", "jid")
    for inline in ("", bind2()):
        c = Client2(server).opened()
        c.accepted(c.authenticate("ANONYMOUS", inline=inline))
        user, _, resource = c.jid.partition("@localhost/" if inline else "@localhost")
        check(re.fullmatch("[0-9a-f]{32}", user) and resource == (user if inline else ""), c.jid)
        if inline:
            equal([s["anonymous"] for s in server.sessions() if s["jid"] == c.jid], [True], "anonymous")
    c = Client2(server).opened()
    challenge = c.authenticate("JIVE-SHAREDSECRET")
    equal((challenge.tag, challenge.text), ("{urn:xmpp:sasl:2}challenge", None), "SASL2 has no equals sign")
    c.accepted(c.respond(b"spark\0" + hashlib.md5(SECRET.encode()).hexdigest().encode()))


def bind_after(c):
    equal(c.sasl(f"<response xmlns='{SASL}'/>")[0], "success", "answer")
    return bind(c, "rounds.test")


def in_rounds(server, user="alice"):
    c = secure(server, "rounds.test")
    c.auth_digest(user, password_of(server, user, "rounds.test"), rounds=True, realm="rounds.test")
    return c


@scene("where digest-md5-rspauth says so, the server's proof is a challenge of its own, and its answer is an empty response")
def _(server):
    for answer in (f"<response xmlns='{SASL}'/>", f"<response xmlns='{SASL}'></response>", f"<response xmlns='{SASL}'>=</response>"):
        c = in_rounds(server)
        equal(c.sasl(answer), ("success", b""), answer)
        equal(bind(c, "rounds.test").jid, "alice@rounds.test/scene", "jid")
        c.close()
    equal(refused(secure(server, "rounds.test").auth_digest, "alice", "wrong", realm="rounds.test", rounds=True), "not-authorized", "wrong")
    c = secure(server, "rounds.test")
    equal(c.auth_scram("alice", password_of(server, "alice", "rounds.test"))[0], "success", "SCRAM needs no more rounds")


@scene("the same by SASL2, with what comes in the same go")
def _(server):
    for inline in ("", bind2()):
        c = Client2(server).opened("rounds.test")
        challenge = c.authenticate("DIGEST-MD5", inline=inline)
        response, wanted = c.digest(base64.b64decode(challenge.text).decode(), "alice", password_of(server, "alice", "rounds.test"),
                                    "rounds.test")
        proof = c.respond(response)
        equal((proof.tag, base64.b64decode(proof.text).decode()), ("{urn:xmpp:sasl:2}challenge", wanted), "rspauth")
        c.accepted(c.respond(b""))
        check(c.jid.startswith("alice@rounds.test" + ("/" if inline else "")), c.jid)
        equal(len([s for s in server.sessions() if s["jid"] == c.jid]), 1 if inline else 0, "sessions")
        c.close()


@scene("who does not take the server's proof is nobody, and may begin again as another")
def _(server):
    for answer, condition in ((f"<abort xmlns='{SASL}'/>", "aborted"),
                              (f"<response xmlns='{SASL}'>{b64(b'more')}</response>", "malformed-request")):
        c = in_rounds(server)
        equal(refused(c.sasl, answer), condition, "answer")
        c.auth_digest("bob", password_of(server, "bob", "rounds.test"), rounds=True, realm="rounds.test")
        equal(c.sasl(f"<response xmlns='{SASL}'/>")[0], "success", "as bob")
        equal(bind(c, "rounds.test").jid, "bob@rounds.test/scene", "jid")
        c.close()
    c = in_rounds(server)
    equal(refused(c.sasl, f"<auth mechanism='CRAM-MD5' xmlns='{SASL}'/>"), "aborted", "another mechanism instead")


@scene("an account of which sm has been told yes is given back when its client goes away, or says something else")
def _(server):
    c = in_rounds(server)
    c.send(f"<iq type='set' id='1'><bind xmlns='{BIND}'/></iq>")
    equal(c.stream_error(), "not-authorized", "bind before success")
    watcher = Client(server, direct=True).login("alice", "watches")
    gone = server.log("c2s").count("event=disconnect ")
    in_rounds(server).vanish()
    eventually(lambda: server.log("c2s").count("event=disconnect ") > gone, "its end")

    def kept():
        """As the turn record has it: what sm takes up again."""
        server.kill_sm()
        return re.findall(r"event=recovered .* logins=(\d+)", server.log("sm"))[-1]
    eventually(lambda: kept() == "0", "sm to have forgotten it")
    equal(bind_after(in_rounds(server)).jid, "alice@rounds.test/scene", "jid")
    watcher.close()


@scene("the secret is in no log, no report and no answer")
def _(server):
    text = open(server.conf).read()
    changed = "an0therSecret"
    try:
        with open(server.conf, "w") as f:
            f.write(text.replace(SECRET, changed))
        said = server.sm("reload").stdout + server.sm("stats").stdout + server.sm("status").stdout
        equal(secure(server).auth_shared_secret(changed)[0], "success", "the new secret")
    finally:
        with open(server.conf, "w") as f:
            f.write(text)
        said += server.sm("reload").stdout
    for words in (said, server.log("sm"), server.log("c2s")):
        for secret in (SECRET, changed):
            check(secret not in words, "the secret was said")


server = Server(settings=f'shared-secret = "{SECRET}"\n', domains={
    "localhost": 'mechanisms = {"SCRAM-SHA-256", "PLAIN"}', "modern.test": "",
    "rounds.test": 'mechanisms = {"SCRAM-SHA-256", "DIGEST-MD5", "CRAM-MD5"}\ndigest-md5-rspauth = "challenge"',
    "empty.test": 'mechanisms = {"JIVE-SHAREDSECRET"}\nshared-secret = ""'},
    accounts=("carol", "dave@modern.test", "alice@rounds.test", "bob@rounds.test"), start=False)
with open(server.conf) as f:
    text = f.read()
with open(server.conf, "w") as f:
    f.write(text.replace('mechanisms = {"SCRAM-SHA-256", "PLAIN"}', ALL))
for name in ("alice@localhost", "bob@localhost"):
    server.account(name)
server.start_sm()
server.start_c2s()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
