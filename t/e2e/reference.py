#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The login that gatehouse exists for, step by step as a Spark 2.6.3 client was recorded saying it (the numbers are those of
the recording's steps), as far as it is built: what is not built is refused as it must be, and this file says which."""
import os
import re
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import BIND, CLIENT, SASL, STREAMS, TLS, Client, Refused, b64, condition
from server import Server
from tap import check, equal, finish, play, scene

USER = "15555215554"
HEADER = f'<stream:stream to="{{}}" xmlns="{CLIENT}" xmlns:stream="{STREAMS}" version="1.0">'
SESSION = "urn:ietf:params:xml:ns:xmpp-session"
OFFERED = ["SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]
RECORDED = ["DIGEST-MD5", "JIVE-SHAREDSECRET", "PLAIN", "ANONYMOUS", "CRAM-MD5"]
HISTORIC = ["DIGEST-MD5", "JIVE-SHAREDSECRET", "ANONYMOUS", "CRAM-MD5"]  # off until a domain lists them


def header(c, domain="localhost"):
    """Steps 1, 3 and 9: a stream header as Spark writes it, without an XML declaration; returns the features."""
    c.new_parser()
    c.send(HEADER.format(domain))
    features = c.features()
    equal(c.header["from"], domain, "from")
    equal(c.header["version"], "1.0", "version")
    check(c.header.get("{http://www.w3.org/XML/1998/namespace}lang"), "no xml:lang in the header")
    check(len(c.header["id"]) >= 22, "a stream id of fewer than 128 bits")
    return features


def names(features):
    return [child.tag for child in features]


def encrypted(server, domain="localhost"):
    """Steps 1 to 4."""
    c = Client(server)
    ids = [header(c, domain) and c.header["id"]]
    c.send(f'<starttls xmlns="{TLS}"/>')
    equal(c.next().tag, f"{{{TLS}}}proceed", "answer to starttls")
    c.handshake()
    features = header(c, domain)
    c.ids = ids + [c.header["id"]]
    return c, features


def refusal(c, text):
    try:
        c.sasl(text)
    except Refused as why:
        return why.condition
    raise AssertionError(f"{text} was not refused")


def authenticated(server, domain="localhost"):
    """Steps 1 to 10, by the one recorded mechanism that is built: PLAIN, with the bare user name as its authzid."""
    c, _ = encrypted(server, domain)
    equal(c.auth_plain(USER, server.password[f"{USER}@{domain}"], authzid=USER), ("success", b""), "PLAIN")
    return c, header(c, domain)


def bound(server, domain="localhost", resource="Spark 2.6.3"):
    """Steps 1 to 14; the answer to the bind request is returned as well."""
    c, _ = authenticated(server, domain)
    c.send(f'<iq id="T2U7N-0" type="set"><bind xmlns="{BIND}"><resource>{resource}</resource></bind></iq>')
    answer = c.next()
    equal(answer.get("id"), "T2U7N-0", "id")
    if answer.get("type") == "result":
        c.jid = answer.findtext(f"{{{BIND}}}bind/{{{BIND}}}jid")
        c.send(f'<iq id="T2U7N-1" type="set"><session xmlns="{SESSION}"/></iq>')
        started = c.next()
        equal((started.get("id"), started.get("type"), len(started)), ("T2U7N-1", "result", 0), "answer to session")
    return c, answer


@scene("steps 1 and 2: the header is answered with ours, and before TLS nothing is offered but TLS")
def _(server):
    c = Client(server)
    features = header(c)
    check(f"{{{TLS}}}starttls" in names(features), "no starttls")
    for tag in ("{%s}mechanisms" % SASL, "{http://jabber.org/features/compress}compression",
                "{http://jabber.org/features/iq-auth}auth", "{http://jabber.org/features/iq-register}register"):
        check(tag not in names(features), f"{tag} before TLS")


@scene("steps 3 and 4: behind TLS come the mechanisms, under a new stream id, without starttls")
def _(server):
    c, features = encrypted(server)
    equal([m.text for m in features.find(f"{{{SASL}}}mechanisms")], OFFERED, "mechanisms")
    check(f"{{{TLS}}}starttls" not in names(features), "starttls again")
    equal(len(set(c.ids)), 2, "different stream ids")


@scene("steps 5 to 8: a recorded mechanism that is not listed is refused with invalid-mechanism, and PLAIN may follow")
def _(server):
    for mechanism in HISTORIC:
        c, _ = encrypted(server)
        equal(refusal(c, f'<auth mechanism="{mechanism}" xmlns="{SASL}"></auth>'), "invalid-mechanism", mechanism)
        equal(c.auth_plain(USER, server.password[f"{USER}@localhost"])[0], "success", "PLAIN afterwards")


@scene("steps 5 to 8: start tag and end tag without an initial response begin PLAIN with an empty challenge")
def _(server):
    c, _ = encrypted(server)
    equal(c.sasl(f'<auth mechanism="PLAIN" xmlns="{SASL}"></auth>'), ("challenge", b""), "challenge")
    secret = f"{USER}\0{USER}\0" + server.password[f"{USER}@localhost"]
    equal(c.sasl(f'<response xmlns="{SASL}">{b64(secret.encode())}</response>')[0], "success", "response")
    check(f"{{{BIND}}}bind" in names(header(c)), "no bind")


@scene("steps 9 to 14: the new stream on the same TLS offers bind and session; Spark gets its resource and its session")
def _(server):
    c, features = authenticated(server)
    for tag in (f"{{{BIND}}}bind", f"{{{SESSION}}}session"):
        check(tag in names(features), f"no {tag}")
    check(f"{{{SASL}}}mechanisms" not in names(features), "SASL again")
    check(c.header["id"] not in c.ids, "the stream id was used again")
    c.close()
    c, answer = bound(server)
    equal(answer.get("type"), "result", "answer to bind")
    equal(c.jid, f"{USER}@localhost/Spark 2.6.3", "jid")
    row = [s for s in server.sessions() if s["jid"] == c.jid][0]
    equal((row["address"], row["mechanism"], row["tls"][:4]), ("127.0.0.1", "PLAIN", "TLSv"), "what the session manager knows")
    check(len(row["sid"]) == 16, f"session id {row['sid']!r}")
    c.available()
    c.message(c.jid, "to myself")
    equal(c.bodies(1), ["to myself"], "body")
    c.close()


@scene("the whole login runs with every mechanism that is built")
def _(server):
    for mechanism in OFFERED:
        c, _ = encrypted(server)
        password = server.password[f"{USER}@localhost"]
        if mechanism == "PLAIN":
            c.auth_plain(USER, password)
        else:
            c.auth_scram(USER, password, mechanism[len("SCRAM-"):], gs2=f"n,a={USER},")
        header(c)
        c.bind("Spark 2.6.3")
        equal(c.jid, f"{USER}@localhost/Spark 2.6.3", "jid")
        c.close()


EVERYTHING = 'compression = "after-auth"\niq-auth = yes\nregistration = "open"'


def kinglong():
    """The server of the recording: its one domain is another than the one that clients open their streams to, and it has
    everything on that was offered there."""
    words = ", ".join(f'"{m}"' for m in RECORDED)
    return Server(settings='default-domain = "kinglong"\nshared-secret = "s3cr3tKy"',
                  domains={"kinglong": f"mechanisms = {{{words}}}\n" + EVERYTHING}, accounts=(f"{USER}@kinglong",))


def opened(c):
    """Steps 1, 3 and 9 of the recording: to="localhost", answered as kinglong."""
    c.new_parser()
    c.send(HEADER.format("localhost"))
    features = c.features()
    equal((c.header["from"], c.header["version"]), ("kinglong", "1.0"), "header")
    c.ids = getattr(c, "ids", []) + [c.header["id"]]
    return features


def recorded(other):
    """Steps 1 to 4 there."""
    c = Client(other)
    check(f"{{{TLS}}}starttls" in names(opened(c)), "no starttls")
    c.send(f'<starttls xmlns="{TLS}"/>')
    equal(c.next().tag, f"{{{TLS}}}proceed", "answer to starttls")
    c.handshake()
    features = opened(c)
    equal([m.text for m in features.iter(f"{{{SASL}}}mechanism")], RECORDED, "mechanisms, in the order of the recording")
    for tag in ("{http://jabber.org/features/iq-auth}auth", "{http://jabber.org/features/iq-register}register"):
        check(tag in names(features), f"no {tag}")
    return c


def spark(c, jid, compressed=False):
    """Steps 9 to 14 there; with compression a stream more."""
    features = names(opened(c))
    for tag in (f"{{{BIND}}}bind", f"{{{SESSION}}}session", "{http://jabber.org/features/compress}compression"):
        check(tag in features, features)
    if compressed:
        c.compress()
        opened(c)
    equal(len(set(c.ids)), 4 if compressed else 3, "different stream ids")
    c.send(f'<iq id="T2U7N-0" type="set"><bind xmlns="{BIND}"><resource>Spark 2.6.3</resource></bind></iq>')
    answer = c.next()
    equal((answer.get("type"), answer.get("id")), ("result", "T2U7N-0"), "answer to bind")
    c.jid = answer.findtext(f"{{{BIND}}}bind/{{{BIND}}}jid")
    check(c.jid == jid if jid else c.jid.endswith("@kinglong/" + c.jid.partition("@")[0]), c.jid)
    c.send(f'<iq id="T2U7N-1" type="set"><session xmlns="{SESSION}"/></iq>')
    started = c.next()
    equal((started.get("id"), started.get("type"), len(started)), ("T2U7N-1", "result", 0), "answer to session")


@scene("the recorded login, line by line: a stream to localhost, STARTTLS, DIGEST-MD5 with rspauth in the success, bind, session")
def _(server):
    other = kinglong()
    c = recorded(other)
    kind, last = c.auth_digest(USER, other.password[f"{USER}@kinglong"], realm="kinglong", authzid=USER)
    check(re.fullmatch('realm="kinglong",nonce="[^"]+",qop="auth",charset=utf-8,algorithm=md5-sess', c.digest_challenge),
          c.digest_challenge)
    check(re.fullmatch(b"rspauth=[0-9a-f]{32}", last) and kind == "success", last)
    spark(c, f"{USER}@kinglong/Spark 2.6.3")
    row = other.sessions()[0]
    equal((row["jid"], row["address"], row["mechanism"], row["tls"][:4], row["anonymous"]),
          (c.jid, "127.0.0.1", "DIGEST-MD5", "TLSv", False), "what the session manager knows")
    c.available()
    c.message(c.jid, "to myself")
    equal(c.bodies(1), ["to myself"], "body")
    c.close()
    other.stop()


@scene("the recorded login with compression, which was offered, before bind")
def _(server):
    other = kinglong()
    c = recorded(other)
    c.auth_digest(USER, other.password[f"{USER}@kinglong"], realm="kinglong", authzid=USER)
    spark(c, f"{USER}@kinglong/Spark 2.6.3", compressed=True)
    row = other.sessions()[0]
    equal((row["mechanism"], row["compressed"]), ("DIGEST-MD5", True), "what the session manager knows")
    c.available()
    c.message(c.jid, "to myself")
    equal(c.bodies(1), ["to myself"], "body")
    c.close()
    other.stop()


@scene("the recorded login with each of the five mechanisms of its list")
def _(server):
    other = kinglong()
    password = other.password[f"{USER}@kinglong"]
    ways = {"DIGEST-MD5": lambda c: c.auth_digest(USER, password, realm="kinglong", authzid=USER),
            "JIVE-SHAREDSECRET": lambda c: c.auth_shared_secret("s3cr3tKy"),
            "PLAIN": lambda c: c.auth_plain(USER, password, authzid=USER),
            "ANONYMOUS": lambda c: c.auth_anonymous(), "CRAM-MD5": lambda c: c.auth_cram(USER, password)}
    for mechanism in RECORDED:
        c = recorded(other)
        equal(ways[mechanism](c)[0], "success", mechanism)
        named = mechanism not in ("ANONYMOUS", "JIVE-SHAREDSECRET")
        spark(c, f"{USER}@kinglong/Spark 2.6.3" if named else None)
        c.close()
    c = recorded(other)
    try:
        c.auth_digest(USER, "wrong", realm="kinglong")
    except Refused as why:
        equal(why.condition, "not-authorized", "a wrong password")
    equal(c.auth_cram(USER, password)[0], "success", "another mechanism afterwards")
    other.stop()


@scene("step 12: a taken resource has one answer under each conflict policy")
def _(server):
    first, _ = bound(server)
    second, _ = bound(server)
    equal(first.stream_error(), "conflict", "closeold: the old one")
    equal(second.jid, f"{USER}@localhost/Spark 2.6.3", "closeold: the new one")
    first, _ = bound(server, "closenew.test")
    _, answer = bound(server, "closenew.test")
    equal(condition(answer), "conflict", "closenew: the new one")
    equal(first.quiet(), [], "closenew: the old one")
    first, _ = bound(server, "setresource.test")
    second, _ = bound(server, "setresource.test")
    check(second.jid != first.jid and second.jid.startswith(f"{USER}@setresource.test/"), f"setresource: {second.jid}")
    equal(first.quiet(), [], "setresource: the old one")


@scene("steps 4 and 10: compression, iq-auth and registration are offered where the operator wants them, and at the right time")
def _(server):
    c, features = encrypted(server, "recorded.test")
    compression = "{http://jabber.org/features/compress}compression"
    for tag in ("{http://jabber.org/features/iq-auth}auth", "{http://jabber.org/features/iq-register}register"):
        check(tag in names(features), f"no {tag}")
    check(compression not in names(features), "compression before authentication")
    c, features = authenticated(server, "recorded.test")
    for tag in (compression, f"{{{BIND}}}bind", f"{{{SESSION}}}session"):
        check(tag in names(features), f"no {tag}")
    c.compress()
    check(compression not in names(header(c, "recorded.test")), "compression twice")
    c.bind("Spark 2.6.3")
    equal(c.jid, f"{USER}@recorded.test/Spark 2.6.3", "jid")
    c.available().close()


@scene("where he does not, compression, iq-auth and registration have their refusals")
def _(server):
    c, _ = encrypted(server)
    c.send('<compress xmlns="http://jabber.org/protocol/compress"><method>zlib</method></compress>')
    equal(c.next().tag, "{http://jabber.org/protocol/compress}failure", "compression before authentication")
    c, _ = authenticated(server)
    c.send('<compress xmlns="http://jabber.org/protocol/compress"><method>zlib</method></compress>')
    answer = c.next()
    equal((answer.tag, answer[0].tag.rpartition("}")[2]), ("{http://jabber.org/protocol/compress}failure", "unsupported-method"),
          "compression after authentication")
    for namespace in ("jabber:iq:auth", "jabber:iq:register"):
        c, _ = encrypted(server)
        c.send(f'<iq type="get" id="a"><query xmlns="{namespace}"><username>{USER}</username></query></iq>')
        equal(c.stream_error(), "not-authorized", namespace)


@scene("a failed proof is not-authorized, and the stream waits for a better one")
def _(server):
    c, _ = encrypted(server)
    wrong = b64(f"\0{USER}\0wrong".encode())
    equal(refusal(c, f'<auth mechanism="PLAIN" xmlns="{SASL}">{wrong}</auth>'), "not-authorized", "a wrong password")
    equal(c.auth_plain(USER, server.password[f"{USER}@localhost"])[0], "success", "the right one")


server = Server(domains={"localhost": "", "closenew.test": 'resource-conflict = "closenew"',
                         "setresource.test": 'resource-conflict = "setresource"',
                         "recorded.test": 'compression = "after-auth"\niq-auth = yes\nregistration = "open"'},
                accounts=[f"{USER}@{domain}" for domain in ("localhost", "closenew.test", "setresource.test", "recorded.test")])
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
