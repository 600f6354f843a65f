#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client's way in: the stream, TLS, SASL and bind, and each way in which it is refused."""
import os
import ssl
import subprocess
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import BIND, SASL, STREAMS, TLS, Client, Ended, Refused, b64, condition
from server import BUILD, Server, eventually
from tap import Skip, check, equal, finish, play, scene

SESSION = "urn:ietf:params:xml:ns:xmpp-session"
LIMITS = "urn:xmpp:stream-limits:0"


def names(features):
    return [child.tag for child in features]


def refused(function, *arguments):
    try:
        function(*arguments)
    except Refused as why:
        return why.condition
    raise AssertionError("it was not refused")


def secure(server):
    c = Client(server, direct=True).open()
    c.features()
    return c


@scene("a client logs in over STARTTLS with SCRAM-SHA-256, binds, and opens the legacy session")
def _(server):
    c = Client(server).open()
    features = c.features()
    equal(c.header["from"], "localhost", "header's from")
    check(len(c.header["id"]) >= 16, "stream id is too short")
    ids = {c.header["id"]}
    check(features.find(f"{{{TLS}}}starttls/{{{TLS}}}required") is not None, "STARTTLS is not required")
    check(f"{{{SASL}}}mechanisms" not in names(features), "SASL before TLS")
    c.starttls().open()
    features = c.features()
    ids.add(c.header["id"])
    equal(c.mechanisms[3:], ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"], "mechanisms")  # -PLUS: binding.py
    check(f"{{{BIND}}}bind" not in names(features), "bind before SASL")
    c.auth_scram("alice", server.password["alice@localhost"])
    c.open()
    features = c.features()
    ids.add(c.header["id"])
    equal(len(ids), 3, "different stream ids")
    check(f"{{{BIND}}}bind" in names(features), "no bind feature")
    check(features.find(f"{{{SESSION}}}session/{{{SESSION}}}optional") is not None, "session is not optional")
    check(int(features.find(f"{{{LIMITS}}}limits/{{{LIMITS}}}max-bytes").text) >= 10000, "no limits")
    check(f"{{{SASL}}}mechanisms" not in names(features), "SASL again")
    c.bind("Spark 2.6.3")
    equal(c.jid, "alice@localhost/Spark 2.6.3", "bound jid")
    c.send(f"<iq id='T2U7N-1' type='set'><session xmlns='{SESSION}'/></iq>")
    equal(c.next().get("type"), "result", "answer to session")
    c.close()


@scene("SCRAM-SHA-512, SCRAM-SHA-1 and PLAIN log in too, over STARTTLS and over direct TLS")
def _(server):
    for mechanism in ("SHA-512", "SHA-1", "PLAIN"):
        for direct in (False, True):
            c = Client(server, direct=direct).login("bob", f"way-{mechanism}-{direct}", mechanism=mechanism)
            equal(c.jid, f"bob@localhost/way-{mechanism}-{direct}", "bound jid")
            c.close()


@scene("TLS 1.2 and TLS 1.3 are spoken, TLS 1.1 is not")
def _(server):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        c = Client(server, direct=True, versions=(version, version)).login("bob", "tls")
        row = [s for s in server.sessions() if s["jid"] == c.jid][0]
        check(c.sock.version() in str(row), f"{c.sock.version()} is not in {row}")
        c.close()
    try:
        Client(server, direct=True, versions=(ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1))
    except (ssl.SSLError, OSError):
        return
    raise AssertionError("TLS 1.1 was accepted")


@scene("direct TLS selects the ALPN protocol xmpp-client, and ends with a client that offers only another")
def _(server):
    equal(Client(server, direct=True).sock.selected_alpn_protocol(), "xmpp-client", "protocol")
    Client(server, direct=True, alpn=()).open().features()
    try:
        c = Client(server, direct=True, alpn=("h2",))
        c.open().features()
    except (ssl.SSLError, OSError, Ended):
        return
    raise AssertionError("h2 was let in")


@scene("SCRAM says which mechanisms were offered (XEP-0474) and which TLS is spoken (XEP-0515)")
def _(server):
    for version, wire in ((ssl.TLSVersion.TLSv1_2, "0303"), (ssl.TLSVersion.TLSv1_3, "0304")):
        for name in ("SHA-1", "SHA-256"):
            c = Client(server, direct=True, versions=(version, version)).login("bob", "offer", mechanism=name)
            equal(c.scram_first["t"], wire, "version of TLS")
            equal(list(c.scram_first), ["r", "s", "i", "h", "t"], "attributes")  # c has compared h itself
            c.close()
    quiet = Server('allow-plaintext = "loopback"', {"localhost": "", "example.test": "scram-downgrade-protection = no"},
                   accounts=("alice@localhost", "alice@example.test"))
    c = Client(quiet).login("alice", domain="example.test")
    equal(list(c.scram_first), ["r", "s", "i"], "attributes where the operator wants none")
    c.close()
    c = Client(quiet).open()
    c.features()
    c.auth_scram("alice", quiet.password["alice@localhost"])
    equal(list(c.scram_first), ["r", "s", "i", "h"], "attributes without TLS")
    quiet.stop()


@scene("an account of before SCRAM-SHA-512 was listed has it after its next PLAIN login, and is as unknown until then")
def _(server):
    older = Server(domains={"localhost": 'mechanisms = {"SCRAM-SHA-256", "PLAIN"}'})
    with open(older.conf) as f:
        text = f.read()
    with open(older.conf, "w") as f:
        f.write(text.replace('{"SCRAM-SHA-256"', '{"SCRAM-SHA-512", "SCRAM-SHA-256"'))
    older.sm("reload")
    password = older.password["alice@localhost"]
    firsts = []
    for user in ("alice", "nobody"):
        c = secure(older)
        equal(refused(c.auth_scram, user, password, "SHA-512"), "not-authorized", user)
        firsts.append((c.scram_first["i"], len(c.scram_first["s"])))
    equal(firsts[0], firsts[1], "rounds and length of the salt")
    secure(older).auth_plain("alice", password)
    def works():
        try:
            return secure(older).auth_scram("alice", password, "SHA-512")
        except Refused:
            return None
    eventually(works, "the verifier to be written")
    older.stop()


@scene("a wrong password and an unknown user are refused alike: same steps, same condition, a stable salt")
def _(server):
    equal(refused(secure(server).auth_scram, "alice", "wrong"), "not-authorized", "wrong password")
    first = []
    for _ in range(2):
        c = secure(server)
        equal(refused(c.auth_scram, "nobody", "wrong"), "not-authorized", "unknown user")
        first.append((c.scram_first["s"], c.scram_first["i"]))
    equal(first[0], first[1], "salt and iterations of an unknown user")
    known = secure(server)
    known.auth_scram("alice", server.password["alice@localhost"])
    equal(known.scram_first["i"], first[0][1], "iterations")
    equal(len(known.scram_first["s"]), len(first[0][0]), "length of the salt")
    for user in ("alice", "nobody"):
        equal(refused(secure(server).auth_plain, user, "wrong"), "not-authorized", "PLAIN")


@scene("when SCRAM's rounds are changed, who is nobody has those of before as accounts have, or the new ones, and keeps them")
def _(server):
    def rounds(user):
        c = Client(server, direct=True).open()
        c.features()
        said = c.sasl(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{b64(f'n,,n={user},r=abc'.encode())}</auth>")[1].decode()
        c.sock.close()
        return int(said.split(",i=")[1].split(",")[0])
    server.kill_sm()  # it reads what there is when it starts
    with open(server.conf) as f:
        text = f.read()
    equal({rounds(f"nobody{i}") for i in range(10)}, {10000}, "before")
    with open(server.conf, "w") as f:
        f.write("scram-sha256-iterations = 20000\n" + text)
    server.sm("reload")
    seen = [rounds(f"nobody{i}") for i in range(60)]
    equal((rounds("alice"), set(seen)), (10000, {10000, 20000}), "alice's, and nobody's")
    check(seen.count(10000) > seen.count(20000), "those of before are the most, as among accounts")
    server.kill_sm()
    equal([rounds(f"nobody{i}") for i in range(60)], seen, "the next time")
    with open(server.conf, "w") as f:
        f.write(text)
    server.sm("reload")


@scene("after auth-attempts failures the stream ends; before that a right password still logs in")
def _(server):
    c = secure(server)
    for _ in range(2):
        equal(refused(c.auth_plain, "alice", "wrong"), "not-authorized", "failure")
    c.auth_plain("alice", server.password["alice@localhost"])
    c = secure(server)
    for _ in range(3):
        equal(refused(c.auth_scram, "alice", "wrong"), "not-authorized", "failure")
    c.stream_error()
    check(c.closed, "the stream is still open")


@scene("SASL: each malformed or misplaced message has its failure condition")
def _(server):
    def auth(mechanism, text):
        c = secure(server)
        return refused(c.sasl, f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{text}</auth>")
    equal(auth("ANONYMOUS", "="), "invalid-mechanism", "a mechanism that is not offered")
    equal(auth("EXTERNAL", "="), "invalid-mechanism", "EXTERNAL")
    equal(auth("PLAIN", "%%%"), "incorrect-encoding", "no base64")
    equal(auth("PLAIN", b64(b"\0alice\0pw") + " "), "incorrect-encoding", "blank behind base64")
    equal(auth("PLAIN", b64(b"alice")), "malformed-request", "PLAIN without NUL")
    equal(auth("PLAIN", b64(b"\0alice\0pw\0")), "malformed-request", "PLAIN with three NULs")
    equal(auth("PLAIN", b64(b"\0alice\0")), "malformed-request", "PLAIN without a password")
    password = server.password["alice@localhost"].encode()
    equal(auth("PLAIN", b64(b"bob@localhost\0alice\0" + password)), "invalid-authzid", "PLAIN for somebody else")
    equal(auth("SCRAM-SHA-256", b64(b"p=tls-unique,,n=alice,r=abc")), "not-authorized", "channel binding not offered")
    equal(auth("SCRAM-SHA-256", b64(b"n,,m=x,n=alice,r=abc")), "malformed-request", "mandatory extension")
    c = secure(server)
    equal(refused(c.auth_scram, "alice", password.decode(), "SHA-256", "n,,", b64(b"y,,")), "not-authorized", "wrong c=")
    c = secure(server)
    equal(refused(c.auth_scram, "alice", password.decode(), "SHA-256", "n,,", None, lambda f: f.replace("r=", "r=x")),
          "not-authorized", "changed nonce")
    c = secure(server)
    equal(refused(c.auth_scram, "alice", password.decode(), "SHA-256", "n,a=bob@localhost,"), "invalid-authzid", "SCRAM for somebody else")
    c = secure(server)
    equal(c.sasl(f"<auth xmlns='{SASL}' mechanism='PLAIN'/>"), ("challenge", b""), "no initial response")
    equal(refused(c.sasl, f"<abort xmlns='{SASL}'/>"), "aborted", "abort")
    equal(c.auth_plain("alice", password.decode())[0], "success", "after an abort")


@scene("an authorization identity that names the same account is accepted")
def _(server):
    for authzid in ("alice", "alice@localhost"):
        equal(secure(server).auth_plain("alice", server.password["alice@localhost"], authzid)[0], "success", authzid)


@scene("elements outside their state have one defined answer each")
def _(server):
    c = Client(server).open()
    c.features()
    equal(refused(c.auth_plain, "alice", "pw"), "encryption-required", "SASL before required TLS")
    c = Client(server).open()
    c.features()
    c.send("<message to='bob@localhost'><body>early</body></message>")
    equal(c.stream_error(), "not-authorized", "stanza before authentication")
    c = secure(server)
    c.send(f"<starttls xmlns='{TLS}'/>")
    equal(c.next().tag, f"{{{TLS}}}failure", "STARTTLS twice")
    c.stream_error()
    c = Client(server, direct=True).open()
    c.features()
    c.auth_plain("alice", server.password["alice@localhost"])
    c.open()
    c.features()
    c.send("<message to='bob@localhost' id='m1'><body>not bound</body></message>")
    equal(condition(c.next()), "not-authorized", "stanza before bind")
    c.bind("bound")
    c.send(f"<iq type='set' id='again'><bind xmlns='{BIND}'/></iq>")
    equal(condition(c.next()), "not-allowed", "second bind")
    c.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>=</auth>")
    equal(c.stream_error(), "not-authorized", "SASL after authentication")


@scene("stream headers that cannot be served get their stream error after our header")
def _(server):
    ns = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
    for text, wanted in (
            (f"<stream:stream {ns} to='elsewhere.test' version='1.0'>", "host-unknown"),
            (f"<stream:stream {ns} version='1.0'>", "improper-addressing"),
            (f"<stream:stream {ns} to='alice@localhost' version='1.0'>", "improper-addressing"),
            (f"<stream:stream {ns} to='localhost/x' version='1.0'>", "improper-addressing"),
            (f"<stream:stream {ns} to='localhost' version='2.0'>", "unsupported-version"),
            (f"<stream:stream {ns} to='localhost'>", "unsupported-version"),
            (f"<stream:stream {ns} to='localhost' version='1.0' xml:lang='{'x' * 36}'>", "policy-violation"),
            ("<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>",
             "invalid-namespace"),
            ("<stream:stream xmlns='jabber:client' xmlns:stream='urn:other' to='localhost' version='1.0'>", "invalid-namespace"),
            ("GET / HTTP/1.1\r\n\r\n", None), ("\x16\x03\x01\x02", None)):
        c = Client(server)
        c.send(text)
        got = c.stream_error()
        check(c.header is not None, f"no header before the error for {text}")
        check(got == wanted if wanted else got in ("not-well-formed", "bad-format", "invalid-xml"), f"{text}: {got}")


@scene("another domain after authentication ends the stream")
def _(server):
    c = Client(server, direct=True).open()
    c.features()
    c.auth_plain("alice", server.password["alice@localhost"])
    c.open("example.test")
    check(c.stream_error() is not None, "the domain could be changed")


@scene("an empty resource is made by the server, a bad one is a bad request")
def _(server):
    made = set()
    for resource in (None, ""):
        c = Client(server, direct=True).login("carol", resource, presence=False)
        made.add(c.jid)
        check(len(c.jid) > len("carol@localhost/") + 8, c.jid)
    equal(len(made), 2, "different resources")
    c = Client(server, direct=True).open()
    c.features()
    c.auth_plain("alice", server.password["alice@localhost"])
    c.open()
    c.features()
    equal(refused(c.bind, "x" * 1024), "bad-request", "a resource of 1024 bytes")
    c.bind("x" * 1023)


@scene("a bind request in another's name, with two resources, or with more than text in one is refused")
def _(server):
    def authenticated():
        c = secure(server)
        c.auth_plain("alice", server.password["alice@localhost"])
        c.open()
        c.features()
        return c
    c = authenticated()
    for inner in ("<resource>a</resource><resource>b</resource>", "<resource>a<x/>b</resource>"):
        c.send(f"<iq type='set' id='b'><bind xmlns='{BIND}'>{inner}</bind></iq>")
        equal(condition(c.next()), "bad-request", inner)
    c.send(f"<iq type='set' id='b' from='alice@localhost'><bind xmlns='{BIND}'/></iq>")
    equal(c.next().get("type"), "result", "in one's own name")
    c = authenticated()
    c.send(f"<iq type='set' id='b' from='bob@localhost'><bind xmlns='{BIND}'/></iq>")
    equal(c.stream_error(), "invalid-from", "another's name")


@scene("the whole login in single bytes gives what it gives in one piece")
def _(server):
    c = Client(server, direct=True)
    whole = c.send
    c.send = lambda text: [whole(byte) for byte in (bytes([b]) for b in (text if isinstance(text, bytes) else text.encode()))]
    c.login("bob", "bytes", mechanism="PLAIN")
    c.message("bob@localhost/bytes", "to myself \u20ac")
    equal(c.bodies(1), ["to myself \u20ac"], "bodies")


@scene("user names and passwords beyond ASCII log in")
def _(server):
    server.account("j\u00fcrgen@localhost", "p\u00e4ss w\u00f6rd \u20ac")
    for mechanism in ("SHA-256", "SHA-1", "PLAIN"):
        c = Client(server, direct=True).login("j\u00fcrgen", "r\u00e9source", mechanism=mechanism)
        equal(c.jid, "j\u00fcrgen@localhost/r\u00e9source", "jid")
    Client(server, direct=True).login("J\u00dcRGEN", "upper", password="p\u00e4ss w\u00f6rd \u20ac")


@scene("a stream in a prefix of the client's own liking is understood")
def _(server):
    c = Client(server, direct=True)
    c.send(f"<s:stream xmlns:s='{STREAMS}' xmlns:c='jabber:client' xmlns='jabber:client' to='localhost' version='1.0'>")
    c.features()
    c.auth_plain("alice", server.password["alice@localhost"])
    c.new_parser()
    c.send(f"<s:stream xmlns:s='{STREAMS}' xmlns:c='jabber:client' xmlns='jabber:client' to='localhost' version='1.0'>")
    c.features()
    c.bind("prefix")
    c.send("<c:message to='alice@localhost/prefix' type='chat'><c:body>hello</c:body></c:message>")
    equal(c.bodies(1), ["hello"], "bodies")


def niceness(pid):
    """Of each thread of a process, by its number; the first is the loop."""
    nice = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat") as f:
            nice[int(task)] = int(f.read().rpartition(")")[2].split()[16])
    return nice


@scene("a thread that derives a password gives way to the loops, where who comes by SCRAM or with a token is served")
def _(server):
    other = Server(settings="password-cache = 0", workers=1)
    pid = other.children("c2s")[0]
    before = niceness(pid)
    secure(other).auth_scram("alice", other.password["alice@localhost"])
    equal(niceness(pid), before, "after SCRAM")
    secure(other).auth_plain("alice", other.password["alice@localhost"])
    after = niceness(pid)
    equal(after.pop(pid), before.pop(pid), "the loop's")
    check(max(after.values()) == max(before.values()) + 10, f"before {before}, after {after}")
    other.stop()


@scene("built with the other wolfSSL, Debian's, it serves the same logins over TLS 1.2 and 1.3")
def _(server):
    build = os.path.join(BUILD, "system")
    if not os.path.exists(os.path.join(build, "c2s")):
        raise Skip("not built")
    other = Server(build=build)
    check("system" in subprocess.run([other.program("c2s"), "--version"], capture_output=True, text=True).stdout, "it is lean")
    people = []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for direct in (False, True):
            people.append(Client(other, direct=direct, versions=(version, version)).login("alice", f"{version.name}-{direct}"))
    for c in people:
        people[0].message(c.jid, "hello " * 3000)
        equal(c.bodies(1), ["hello " * 3000], "body")
    other.stop()


server = Server(domains={"localhost": "", "example.test": ""})
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
