#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SASL2 (XEP-0388), Bind 2 (XEP-0386) and pipelining (XEP-0509): the short way in, and its edges."""
import os
import re
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import BIND, SASL, STREAMS, Client, Ended, Refused, b64, condition
from sasl2 import BIND2, IAP, LAPTOP, PHONE, SASL2, Client2, agent, bind2, header
from server import Server, eventually
from tap import check, equal, finish, play, scene

ALICE = "alice@localhost"


def refused(function, *arguments, **more):
    try:
        function(*arguments, **more)
    except Refused as why:
        return why.condition
    raise AssertionError("it was not refused")


def secure(server, **more):
    return Client2(server).opened(**more)


def names(features):
    return [child.tag for child in features]


def online(server, user="alice", domain="localhost", ident=PHONE, tag="Scene"):
    c = Client2(server).opened(domain)
    return c.plain(user, inline=bind2(tag) + (agent(ident) if ident else ""), domain=domain)


def jids(server):
    return sorted(s["jid"] for s in server.sessions())


def has_sessions(server, start, wanted):
    """Those of scenes before this one may still be ending."""
    eventually(lambda: [j for j in jids(server) if j.startswith(start)] == sorted(wanted), f"the sessions {wanted}")


@scene("SASL2 is offered over TLS, to everybody alike, with the mechanisms of SASL and with Bind 2")
def _(server):
    c = Client2(server, direct=False).opened()
    check(f"{{{SASL2}}}authentication" not in names(c.offer), "before TLS")
    c.starttls()
    offers = []
    for extra in ("", " from='alice@localhost'", " from='nobody@localhost'", " from='localhost'", " from='@'"):
        offer = secure(server, extra=extra).offer.find(f"{{{SASL2}}}authentication")
        offers.append(([m.text for m in offer if m.tag == f"{{{SASL2}}}mechanism"],
                       [m.tag for m in offer.find(f"{{{SASL2}}}inline")]))
    check(all(o == offers[0] for o in offers), f"offers differ: {offers}")
    offer = c.opened().offer
    equal(offers[0][0], [m.text for m in offer.find(f"{{{SASL}}}mechanisms")], "mechanisms")
    check(f"{{{BIND2}}}bind" in offers[0][1], "no Bind 2")


@scene("SASL2 with Bind 2 and SCRAM takes five round trips from connecting over direct TLS, and the session is open")
def _(server):
    c = secure(server).scram(inline=bind2() + agent())
    equal(c.sock.version(), "TLSv1.3", "a handshake of one round trip")
    equal(2 + c.flights, 5, "TCP, TLS, and flights of ours")
    check(re.fullmatch(r"alice@localhost/Scene/[0-9a-f]{16}", c.jid), c.jid)
    check(c.success.find(f"{{{BIND2}}}bound") is not None, "not bound")
    for tag in (f"{{{BIND}}}bind", f"{{{SASL2}}}authentication", f"{{{SASL}}}mechanisms"):
        check(tag not in names(c.offer), f"{tag} after the session is open")
    c.message(c.jid, "to myself")
    equal(c.bodies(1), ["to myself"], "bodies")
    rows = [s for s in server.sessions() if s["jid"] == c.jid]
    equal(rows[0]["mechanism"], "SCRAM-SHA-256", "mechanism")
    c.message(c.jid, "x" * 100000)  # the limits of a session hold, not those of a login
    equal(c.bodies(1), ["x" * 100000], "bodies")
    c.close()


@scene("without Bind 2, success names the account, features follow without a new stream, and RFC 6120's bind works")
def _(server):
    for way in ("scram", "plain"):
        c = getattr(secure(server), way)()
        equal(c.jid, ALICE, "authorization-identifier")
        check(f"{{{BIND}}}bind" in names(c.offer), "no bind")
        check(c.success.find(f"{{{BIND2}}}bound") is None, "bound")
        c.bind("legacy")
        equal(c.jid, ALICE + "/legacy", "jid")
        c.available()
        c.close()


@scene("an exchange may begin without an initial response, and goes over STARTTLS and by SHA-1 too")
def _(server):
    c = secure(server)
    equal(c.authenticate("PLAIN").tag, f"{{{SASL2}}}challenge", "answer")
    c.accepted(c.respond(f"\0alice\0{server.password[ALICE]}".encode()))
    c = Client2(server, direct=False).opened().starttls().opened().scram(name="SHA-1", inline=bind2())
    c.quiet()
    c.close()


@scene("a failure is SASL2's, is counted and logged as SASL's is, and leaves the stream as it was")
def _(server):
    server.forget_log("c2s")
    c = secure(server)
    try:
        c.plain(password="wrong")
    except Refused as why:
        equal([child.tag for child in why.element], [f"{{{SASL}}}not-authorized"], "failure")
    c.plain()
    c = secure(server)
    equal(refused(c.scram, password="wrong"), "not-authorized", "SCRAM")
    equal(refused(c.sasl, f"<auth xmlns='{SASL}' mechanism='PLAIN'>{b64(b'0alice0x')}</auth>"), "malformed-request", "SASL")
    equal(refused(c.plain, "nobody", "wrong"), "not-authorized", "unknown user")
    c.stream_error()
    check(c.closed, "three failures of both kinds did not end the stream")
    lines = eventually(lambda: re.findall(r"event=auth_failed.*", server.log("c2s")), "log lines")
    equal(len(lines), 4, f"lines in {lines}")
    for line in lines:
        check(re.search(r"ip=\S+ user=\S* mech=\S* cond=\S+", line), line)


@scene("SASL2: each malformed or misplaced message has its failure condition; '=' is no data here")
def _(server):
    def say(mechanism, content):
        c = secure(server)
        return refused(c.say, f"<authenticate xmlns='{SASL2}' mechanism='{mechanism}'>{content}</authenticate>")
    def initial(text):
        return f"<initial-response>{text}</initial-response>"
    good = initial(b64(f"\0alice\0{server.password[ALICE]}".encode()))
    equal(say("SCRAM-SHA-3", ""), "invalid-mechanism", "a mechanism that is not offered")
    equal(say("", ""), "invalid-mechanism", "no mechanism")
    equal(say("PLAIN", initial("=")), "incorrect-encoding", "'='")
    equal(say("PLAIN", initial("%%%")), "incorrect-encoding", "no base64")
    equal(say("PLAIN", initial("")), "malformed-request", "an empty initial response")
    equal(say("PLAIN", initial("<x/>")), "malformed-request", "an element in it")
    equal(say("PLAIN", good + good), "malformed-request", "two initial responses")
    equal(say("PLAIN", good + bind2() + bind2()), "malformed-request", "two binds")
    equal(say("PLAIN", good + agent() + agent()), "malformed-request", "two user-agents")
    for name in ("response", "abort", "next", "task-data"):
        equal(refused(secure(server).say, f"<{name} xmlns='{SASL2}'/>"), "not-authorized", f"{name} to nothing")
    c = secure(server)
    c.authenticate("PLAIN")
    equal(refused(c.say, f"<abort xmlns='{SASL2}'><text>no</text></abort>"), "aborted", "abort")
    c.plain()
    c = secure(server)
    c.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'>{good}" + "<odd xmlns='urn:odd'/>" * 20 + bind2() + "</authenticate>")
    check(c.accepted(c.answer()).jid.startswith(ALICE + "/Scene/"), "strangers in front of bind")
    c.close()


@scene("while an exchange goes on any other element ends the stream; a line feed between elements does not")
def _(server):
    for intruder in (f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'/>", f"<auth xmlns='{SASL}' mechanism='PLAIN'/>",
                     f"<response xmlns='{SASL}'>AA==</response>", "<odd xmlns='urn:odd'/>", f"<next xmlns='{SASL2}'/>"):
        c = secure(server)
        c.authenticate("PLAIN")
        c.send(intruder)
        equal(c.stream_error(), "policy-violation", intruder)
    c = secure(server)
    c.authenticate("PLAIN")
    c.send("<message to='bob@localhost'><body>early</body></message>")
    equal(c.stream_error(), "not-authorized", "a stanza")
    c = secure(server)
    c.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'/>\n")
    c.answer()
    c.send("\n")
    c.accepted(c.respond(f"\0alice\0{server.password[ALICE]}".encode()))


@scene("after its success SASL2 cannot be had again, with Bind 2 or without")
def _(server):
    for inline in ("", bind2()):
        c = secure(server).plain(inline=inline)
        equal(refused(c.authenticate, "PLAIN", b"\0alice\0x"), "not-authorized", "failure")
        equal(c.stream_error(), "not-authorized", "stream error")


@scene("a client gets the same resource each time, others get others, and its id shows in none")
def _(server):
    first = online(server)
    jid = first.jid
    first.close()
    again, laptop, bob = online(server), online(server, ident=LAPTOP), online(server, "bob")
    equal(again.jid, jid, "the same client")
    equal(len({j.rpartition("/")[2] for j in (jid, laptop.jid, bob.jid)}), 3, "different ends")
    check(PHONE not in jid and PHONE[:8] not in jid, jid)
    loose = [online(server, "carol", ident=ident) for ident in ("", "", "no-uuid", "no-uuid")]
    equal(len({c.jid for c in loose}), 4, "without an id each is a client of its own")
    bare = online(server, "carol", tag=None)
    check(re.fullmatch(r"carol@localhost/[0-9a-f]{16}", bare.jid), bare.jid)
    upper = online(server, "carol", ident=PHONE.upper(), tag=None)
    equal(upper.jid, bare.jid, "an id in capitals")
    for c in [again, laptop, bob, upper] + loose:
        c.close()


@scene("a client that comes back ends what it had before, under another tag too, and nobody else's")
def _(server):
    laptop = online(server, ident=LAPTOP)
    old = online(server)
    other = online(server, tag="Other")
    equal(old.stream_error(), "conflict", "the session before, under another tag")
    new = online(server, tag="Other")
    equal(other.stream_error(), "conflict", "the session before, under the same name")
    equal(other.jid, new.jid, "name")
    laptop.quiet()
    has_sessions(server, ALICE, [laptop.jid, new.jid])
    laptop.close(), new.close()


@scene("a client ends its own old session whatever the conflict policy; another's name is kept by the policy")
def _(server):
    for policy in ("closenew", "setresource"):
        domain = policy + ".test"
        old = online(server, "u", domain)
        new = online(server, "u", domain)
        equal((old.stream_error(), new.jid), ("conflict", old.jid), policy)
        new.close()
        eventually(lambda: not [j for j in jids(server) if domain in j], "the session to end")
        squatter = Client(server, direct=True).login("u", old.jid.partition("/")[2], domain=domain)
        equal(squatter.jid, old.jid, "squatter")
        c = Client2(server).opened(domain).plain("u", inline=bind2() + agent(), domain=domain)
        check(c.success.find(f"{{{BIND2}}}bound") is None if policy == "closenew" else c.jid.count("/"), policy)
        check(c.jid != old.jid, c.jid)
        squatter.quiet()
        squatter.close(), c.close()


@scene("two clients with one id that replace each other in a loop are parted")
def _(server):
    server.forget_log("sm")
    people = [online(server, "bob") for _ in range(7)]
    people[-1].quiet()
    check("event=conflict_damped" in server.log("sm"), "no damping")
    has_sessions(server, "bob@", [people[-2].jid, people[-1].jid])
    for c in people:
        c.sock.close()


@scene("when there may be no more sessions, success comes without bound, and RFC 6120's bind says why")
def _(server):
    first = online(server, "u", "one.test")
    c = online(server, "u", "one.test", ident=LAPTOP)
    equal(c.jid, "u@one.test", "authorization-identifier")
    check(c.success.find(f"{{{BIND2}}}bound") is None, "bound")
    check(f"{{{BIND}}}bind" in names(c.offer), "no bind")
    equal(refused(c.bind, "more"), "resource-constraint", "bind")
    first.close()
    eventually(lambda: not [j for j in jids(server) if "one.test" in j], "the session to end")
    c.bind("more")
    c.quiet()
    c.close()


@scene("who the header is from must be of the domain, and must be the identity that is claimed")
def _(server):
    c = secure(server, extra=" from='alice@example.test'")
    c.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'/>")
    equal(c.stream_error(), "invalid-from", "another domain")
    c = secure(server, extra=" from='bob@localhost'")
    equal(refused(c.plain, authzid=ALICE), "invalid-authzid", "another account")
    equal(c.plain().jid, ALICE, "without an identity it is a hint")
    equal(secure(server, extra=" from='ALICE@localhost'").plain(authzid=ALICE).jid, ALICE, "the same account")


@scene("header and authentication in one flight: in when the features are those that it knew, else it begins anew")
def _(server):
    version = secure(server).offer.find(f"{{{IAP}}}config-version")
    equal(version.get("scheme"), "opaque", "scheme")
    equal(version.get("value"), secure(server).offer.find(f"{{{IAP}}}config-version").get("value"), "value")
    check(secure(server, to="closenew.test").offer.find(f"{{{IAP}}}config-version").get("value") == version.get("value"),
          "the same features have another version")
    check(secure(server, to="one.test").offer.find(f"{{{IAP}}}config-version").get("value") != version.get("value"),
          "other features have the same version")
    def pipelined(value):
        c = Client2(server)
        data = b64(f"\0alice\0{server.password[ALICE]}".encode())
        c.send(header() + f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'><initial-response>{data}</initial-response>"
               f"{bind2()}<config-version xmlns='{IAP}' scheme='opaque' value='{value}'/></authenticate>")
        c.offer = c.features()
        return c
    c = pipelined(version.get("value"))
    c.accepted(c.answer())
    equal(2 + c.flights, 3, "TCP, TLS, and flights of ours")
    c.close()
    c = pipelined("stale")
    for _ in range(5):  # more often than failures are allowed
        try:
            c.answer()
            raise AssertionError("it was let in")
        except Refused as why:
            equal(why.condition, "aborted", "failure")
            check(why.element.find(f"{{{IAP}}}config-version-mismatch") is not None, "no reason")
        c.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'><config-version xmlns='{IAP}' value='stale'/></authenticate>")
    equal(refused(c.answer), "aborted", "failure")
    c.plain().close()


@scene("a tag that cannot be part of a resource, or is too long, is left out; names of any length do no harm")
def _(server):
    for tag in ("&#xFFF9;", "x" * 256, "", "&#9;"):
        c = online(server, tag=tag)
        check(re.fullmatch(r"alice@localhost/[0-9a-f]{16}", c.jid), f"{tag!r}: {c.jid}")
        c.close()
    c = online(server, tag="a/b \u20ac")
    check(c.jid.startswith(ALICE + "/a/b \u20ac/"), c.jid)
    c.close()
    c = secure(server).plain(inline=agent(software="s" * 3000, device="&#10;event=forged") + bind2())
    check("event=forged" not in re.sub(r'"[^"]*"', "", server.log("sm") + server.log("c2s")), "forged")
    c.close()


@scene("the whole login in single bytes gives what it gives in one piece")
def _(server):
    c = Client2(server)
    whole = c.send
    c.send = lambda text: [whole(bytes([b])) for b in text.encode()]
    check(c.opened().plain(inline=bind2() + agent()).jid.startswith(ALICE + "/Scene/"), c.jid)
    c.close()


@scene("kill -9 of sm while a client waits for its session: it gets one, and one only")
def _(server):
    people = []
    for n in range(8):
        c = Client2(server).opened()
        data = b64(f"\0alice\0{server.password[ALICE]}".encode())
        c.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'><initial-response>{data}</initial-response>"
               f"{bind2()}</authenticate>")
        people.append(c)
    server.kill_sm()
    for c in people:
        c.accepted(c.answer())
        c.quiet()
    has_sessions(server, ALICE, [c.jid for c in people])
    for c in people:
        c.close()


@scene("where passwords may go without TLS, SASL2 may too")
def _(server):
    other = Server(settings='allow-plaintext = "loopback"')
    c = Client2(other, direct=False).opened().plain(inline=bind2())
    c.quiet()
    c.close()
    other.stop()


server = Server(domains={"localhost": "", "example.test": "", "closenew.test": 'resource-conflict = "closenew"',
                         "setresource.test": 'resource-conflict = "setresource"',
                         "one.test": 'sessions-per-account = 1\nsession-limit = "closenew"\nmechanisms = {"PLAIN"}'},
                accounts=("alice", "bob", "carol", "u@closenew.test", "u@setresource.test", "u@one.test"))
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
