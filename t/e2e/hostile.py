#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that push: thousands of drops, everything in one segment, floods, names made to confuse. Each scene says what must
hold; in all of them the same workers live on, and others are served."""
import contextlib
import os
import re
import socket
import ssl
import subprocess
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import BIND, CLIENT, SASL, STREAMS, TLS, Client, Ended, Refused, b64, condition
from server import Server, eventually
from tap import Skip, check, equal, finish, play, scene

HEADER = f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' to='localhost' version='1.0'>"
PING = "<ping xmlns='urn:xmpp:ping'/>"
ROOM = 4096  # KiB that a heap may grow by while it does the same thing again and again


@contextlib.contextmanager
def another(settings):
    """A server of the scene's own, ended with it, whatever happens."""
    own = Server(settings, workers=1)
    try:
        yield own
    finally:
        own.stop()


def heap(pid):
    """KiB of anonymous memory: what a leak would be in. Files that are mapped (the turn log) do not count."""
    with open(f"/proc/{pid}/maps") as maps:
        spans = [[int(end, 16) for end in line.split()[0].split("-")] for line in maps]
    if any(end - begin > 1 << 40 for begin, end in spans):  # its shadow memory
        raise Skip("memory is not measured under a sanitizer")
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return int(re.search(r"Anonymous:\s+(\d+)", rollup.read()).group(1))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def read_until(sock, words):
    got = b""
    while words not in got:
        data = sock.recv(65536)
        check(data, f"the connection ended before {words}; it said {got[-300:]}")
        got += data


def said_until(c, words):
    """The client's socket as bytes, because two streams in one segment are more than its parser takes; None: to the end."""
    got = b""
    while words is None or words not in got:
        try:
            data = c.sock.recv(65536)
        except ssl.SSLError:
            data = b""
        if not data:
            check(words is None, f"the connection ended without {words}; it said {got[-300:]}")
            break
        got += data
    return got


def client_hello():
    """The first flight of a TLS client, as bytes."""
    out = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return out.read()


def plain_auth(server, user="alice"):
    secret = f"\0{user}\0" + server.password[f"{user}@localhost"]
    return f"<auth xmlns='{SASL}' mechanism='PLAIN'>{b64(secret.encode())}</auth>"


def bind(resource, ident="bind"):
    return f"<iq type='set' id='{ident}'><bind xmlns='{BIND}'><resource>{resource}</resource></bind></iq>"


def secure(server):
    c = Client(server, direct=True).open()
    c.features()
    return c


def authenticated(server):
    c = secure(server)
    c.auth_plain("alice", server.password["alice@localhost"])
    c.open().features()
    return c


def online(server, user, resource):
    """Is there for one scene only; PLAIN, because what is tried here comes later."""
    return Client(server, direct=True).login(user, resource, mechanism="PLAIN")


def flood(c, stanzas):
    """A hundred at a time, each hundred taken in and its answers read before the next."""
    for i in range(0, len(stanzas), 100):
        c.send("".join(stanzas[i:i + 100]))
        c.quiet()


def drop(server, hello, number):
    """One of the ways to come and go without having said who one is."""
    direct = number % 5 > 2
    s = socket.create_connection(("127.0.0.1", server.tls_port if direct else server.port), 30)
    if number % 5 == 1:
        s.sendall(HEADER[:60].encode())
    elif number % 5 == 2:
        s.sendall(HEADER.encode())
        read_until(s, b"</stream:features>")
        s.sendall(f"<starttls xmlns='{TLS}'/>".encode())
        read_until(s, b"proceed")
        s.sendall(hello)
    elif direct:
        s.sendall(hello if number % 5 == 3 else hello[:100])
        if number % 5 == 3:
            s.recv(100)
    if number % 2:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.close()


@scene("twenty thousand clients connect and drop at every step before login, and no heap grows (14)")
def _(server):
    hello = client_hello()
    with another('connections-per-address = 0\nlog-level = "warn"') as soak:
        programs = soak.children("c2s") + soak.children("sm")
        open_before = [descriptors(pid) for pid in programs]
        def cycles(count):
            for number in range(count):
                drop(soak, hello, number)
            online(soak, "alice", "after").close()  # by now the worker has seen what came before
            eventually(lambda: all(descriptors(pid) <= was for pid, was in zip(programs, open_before)), "descriptors to be closed")
            return [heap(pid) for pid in programs]
        before, after = cycles(2000), cycles(20000)
        equal(soak.children("c2s") + soak.children("sm"), programs, "processes")
    for name, was, now in zip(("c2s worker", "sm"), before, after):
        check(now < was + ROOM, f"{name}: {was} KiB after 2,000 drops, {now} KiB after 20,000 more")


@scene("five hundred clients stop in the middle of the TLS handshake: others log in, and the deadline ends them all (15)")
def _(server):
    hello, held = client_hello(), []
    with another("connections-per-address = 0\nnegotiation-timeout = 3") as slow:
        worker = slow.children("c2s")[0]
        before = descriptors(worker)
        for number in range(500):
            held.append(socket.create_connection(("127.0.0.1", slow.tls_port), 30))
            held[-1].sendall(hello if number % 2 else hello[:200])
        online(slow, "alice", "meanwhile").close()
        eventually(lambda: descriptors(worker) <= before, "the half-open handshakes to end")
        equal(slow.children("c2s"), [worker], "workers")


@scene("a renegotiation of TLS 1.2 is refused; a key update of TLS 1.3 is not (16)")
def _(server):
    def typed(version, key):
        return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.tls_port}", version, "-CAfile",
                               os.path.join(server.folder, "ca.pem")], input=f"{key}\nQ\n", capture_output=True, text=True)
    check(typed("-tls1_2", "R").returncode != 0, "it was renegotiated")
    equal(typed("-tls1_3", "K").returncode, 0, "key update")


@scene("a whole login in one segment, stanzas behind the bind included, is answered in order")
def _(server):
    bob = online(server, "bob", "pipe")
    c = Client(server, direct=True)
    c.send(HEADER + plain_auth(server) + HEADER + bind("pipe") + "<presence/><message to='bob@localhost/pipe' type='chat'>"
           f"<body>early</body></message><iq type='get' id='p'>{PING}</iq>")
    equal(bob.bodies(1), ["early"], "body")
    got = said_until(c, b'id="p"')
    order = [got.find(words) for words in (b"<mechanisms", b"<success", b"<stream:stream", b'id="bind"', b'id="p"')]
    check(-1 not in order and got.rfind(b"<stream:stream") > order[1], f"{order}: {got}")
    equal(sorted(order[:2] + order[3:]), order[:2] + order[3:], "order of the answers")
    c.send("</stream:stream>")
    check(said_until(c, None).endswith(b"</stream:stream>"), "no goodbye")
    bob.close()


@scene("what follows <auth/> in the same segment must be a stream header; nothing else gets in by it")
def _(server):
    for behind in ("<presence/>", plain_auth(server), bind("x"), "</stream:stream>", "\0"):
        c = Client(server, direct=True)
        c.send(HEADER + plain_auth(server) + behind)
        got = said_until(c, None)
        check(b"<success" in got and b"<stream:error>" in got, f"{behind}: {got[-300:]}")
    equal([s for s in server.sessions() if s["jid"].startswith("alice")], [], "sessions")


@scene("twenty messages and a goodbye in one segment all arrive; so do twenty and a closed connection")
def _(server):
    bob = online(server, "bob", "reader")
    burst = "".join(f"<message to='bob@localhost/reader' type='chat'><body>{i}</body></message>" for i in range(20))
    for ending in ("</stream:stream>", ""):  # the second is a drop: TLS ends as well
        c = online(server, "alice", "leaver")
        c.send(burst + ending)
        c.sock.close()
        equal(bob.bodies(20), [str(i) for i in range(20)], "bodies")
    bob.close()


@scene("what was asked for right before a goodbye is answered before ours, also to who has closed its half")
def _(server):
    for half in (False, True):
        c = online(server, "alice", "leaver")
        c.send("".join(f"<iq type='get' id='last{i}'>{PING}</iq>" for i in range(20)) +
               "<message to='nobody@localhost' id='lost'><body>x</body></message></stream:stream>")
        if half:
            socket.socket.shutdown(c.sock, socket.SHUT_WR)  # under TLS, which goes on listening
        got = said_until(c, None)
        check(got.endswith(b"</stream:stream>"), f"no goodbye: {got[-300:]}")
        equal([i for i in range(20) if b'id="last%d"' % i not in got], [], "pings that were not answered")
        check(b'id="lost"' in got and b"<service-unavailable" in got, f"no bounce: {got[-300:]}")


@scene("whoever aborts, asks for strange mechanisms or answers unasked without end is ended after auth-attempts")
def _(server):
    for text in (f"<auth xmlns='{SASL}' mechanism='NOPE'/>", f"<response xmlns='{SASL}'/>", f"<abort xmlns='{SASL}'/>",
                 f"<auth xmlns='{SASL}' mechanism='PLAIN'/><abort xmlns='{SASL}'/>",
                 f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{b64(b'n,,n=alice,r=abc')}</auth><abort xmlns='{SASL}'/>"):
        c = secure(server)
        failures = 0
        try:
            for _ in range(50):
                c.send(text)
                c.expect("failure")
                failures += 1
        except (Ended, OSError):
            pass
        equal(failures, 3, text)


@scene("odd bind requests: a get, a stranger's address, two payloads; the stream goes on to a good one")
def _(server):
    for odd, wanted in ((f"<iq type='get' id='odd'><bind xmlns='{BIND}'/></iq>", "not-authorized"),
                        (f"<iq type='set' id='odd' to='bob@localhost'><bind xmlns='{BIND}'/></iq>", "not-authorized"),
                        (f"<iq type='set' id='odd' to='@@'><bind xmlns='{BIND}'/></iq>", "not-authorized"),
                        (f"<iq type='set' id='odd'><bind xmlns='{BIND}'/><bind xmlns='{BIND}'/></iq>", "bad-request"),
                        (f"<iq type='get' id='odd'>{PING}</iq>", "not-authorized"), ("<presence id='odd'/>", "not-authorized")):
        c = authenticated(server)
        c.send(odd)
        answer = c.next()
        equal((answer.get("id"), condition(answer)), ("odd", wanted), odd)
        c.bind("good")
        c.close()


@scene("priorities beyond -128 to 127, or that are no numbers, are bad requests and change nothing")
def _(server):
    c = online(server, "alice", "priority")
    priority = lambda: [s["priority"] for s in server.sessions() if s["jid"] == c.jid][0]
    for text, wanted in (("127", 127), ("-128", -128), (" 5 ", 5)):
        c.available(text)
        equal(priority(), wanted, text)
    for text in ("128", "-129", "9" * 1000, "-" + "9" * 20, "4294967296", "18446744073709551617", "abc", "",
                 "5.0", "0x5", "1e2", "\u0663"):
        c.send(f"<presence id='odd'><priority>{text}</priority></presence>")
        equal([condition(e) for e in c.quiet() if e.get("id") == "odd"], ["bad-request"], text[:30])
        equal(priority(), 5, text[:30])
    c.close()


@scene("an IQ without id or type, with a strange one, or with no or two payloads is a bad request, answered to its sender")
def _(server):
    c, bob = online(server, "alice", "iq"), online(server, "bob", "iq")
    for odd in ("<iq/>", "<iq type='get'/>", "<iq id='1'/>", "<iq type='bogus' id='1'/>", "<iq type='' id='1'/>",
                "<iq type='get' id='1'/>",
                f"<iq type='get'>{PING}</iq>", f"<iq type='get' id='1'>{PING}{PING}</iq>", "<iq type='set' id='1'/>"):
        for to in ("", " to='bob@localhost/iq'"):
            c.send(odd.replace("<iq", "<iq" + to, 1))
            equal([(e.get("type"), condition(e)) for e in c.quiet()], [("error", "bad-request")], odd + to)
    equal(bob.quiet(), [], "at bob")
    for ident in ("", "'\"<>&\n\t", "\u20ac" * 1000, "x" * 30000):
        written = "".join(f"&#{ord(letter)};" if letter in "'<&\n\t" else letter for letter in ident)
        c.send(f"<iq type='get' id='{written}' xmlns:y='urn:y' y:id='z' y:to='bob@localhost'>{PING}</iq>")
        answer = c.next()
        equal((answer.get("id"), answer.get("type")), (ident, "result"), "id")
    c.close(), bob.close()


@scene("addresses in every spelling: bob's reach bob, nobody's come back, what is none is malformed")
def _(server):
    c, bob = online(server, "alice", "names"), online(server, "bob", "names")
    bob.send("<presence to='alice@localhost'/>")
    c.expect("presence")
    domain = ".".join(["d" * 61] * 4)
    reach = ("BOB@LOCALHOST/names", "\uff22\uff2f\uff22@localhost/names",
             "bob@\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54/names")
    nobody = ("\u00fcmlaut@localhost", "bob@localhost/NAMES", "bob@localhost/names\u0300", "\u00df@localhost",
              "xn--bcher-kva.test", "b\u00fccher.test", "[::1]", "bob@127.0.0.1", "l" * 1023 + "@localhost/" + "r" * 1023,
              "l" * 1023 + "@" + domain + "/" + "r" * 1023)
    malformed = ("", "@", "/", ".", "bob@", "@localhost", "bob@localhost/", "a@b@localhost", "'@localhost", "a b@localhost",
                 "a..test", "-a.test", "b\u200bob@localhost", "b\u202eob@localhost", "\u212bngstrom@localhost", "\U0001f600@localhost",
                 "l" * 1024 + "@localhost",
                 "bob@localhost/" + "r" * 1024, "l" * 1023 + "@" + "d" * 1023 + "/" + "r" * 1023,
                 "l" * 1023 + "@" + ".".join(["d" * 63] * 16) + "/" + "r" * 1023, "a" * 100000)
    for group, wanted in ((reach, []), (nobody, ["service-unavailable", "remote-server-not-found"]), (malformed, ["jid-malformed"])):
        for address in group:
            written = address.replace("'", "&apos;")
            c.send(f"<iq type='get' id='odd' to='{written}'>{PING}</iq>")
            answers = [condition(e) for e in c.quiet()]
            equal(len(answers), 1 if wanted else 0, f"answers to {address[:40]!r}")
            check(not wanted or answers[0] in wanted, f"{address[:40]!r}: {answers}")
            equal([e.get("to") for e in bob.quiet()], [] if wanted else [bob.jid], f"at bob from {address[:40]!r}")
    c.close(), bob.close()


@scene("resources with markup, quotes, blanks or 1,023 bytes are names like others, to clients and to the operator")
def _(server):
    bob = online(server, "bob", "names")
    for resource in ("a'b", "a\"b", "a&b", "a&amp;b", "a<b>", "'\"&<>" * 204, "\u20ac" * 341, "\U0001f600" * 255, "/", "@",
                     "a/b@c/d", " ", "%s%n", "../../x", "$(id)", "\\", "--help", "'; DROP TABLE session; --"):
        c = online(server, "alice", resource)
        equal(c.jid, "alice@localhost/" + resource, "jid")
        c.message(bob.jid, "here")
        equal(bob.expect("message").get("from"), c.jid, "from")
        bob.message(c.jid, "there")
        equal(c.bodies(1), ["there"], "body")
        equal([s["jid"] for s in server.sessions() if s["jid"].startswith("alice")], [c.jid], "sessions")
        server.sm("kick", c.jid)
        check(c.stream_error() is not None, f"{resource[:30]!r} was not kicked")
    for resource in ("a\tb", "a\nb", "\x7f", "\u0085", "\u200b", "a\u202eb", "\u2028", "\u00ad", "\ufdd0",
                     "\U000e0001", "x" * 1024):
        c = authenticated(server)
        try:
            c.bind(resource)
            raise AssertionError(f"{resource!r} became {c.jid!r}")
        except Refused as why:
            equal(why.condition, "bad-request", ascii(resource))
        c.close()
    bob.close()


@scene("the longest account name and the longest resource make one address that works in both directions")
def _(server):
    name = "l" * 1023
    server.account(name + "@localhost", "pw")
    long = Client(server, direct=True).login(name, "'&<" * 341, password="pw")
    equal(len(long.jid), 1023 + len("@localhost/") + 1023, "bytes of the jid")
    c = online(server, "alice", "short")
    c.message(long.jid, "to the long one")
    equal(long.bodies(1), ["to the long one"], "body")
    long.message(c.jid, "from the long one")
    equal(c.expect("message").get("from"), long.jid, "from")
    long.message("nobody@localhost", "<" * 50000, ident="&amp;" * 5000)
    equal(condition(long.expect("message")), "service-unavailable", "an error around 50,000 escaped characters")
    long.close(), c.close()


@scene("eighty thousand presences of one client, half of them directed to ever new addresses, leave no heap grown (46)")
def _(server):
    with another('log-level = "warn"') as soak:
        c = online(soak, "alice", "flood")
        programs = soak.children("c2s") + soak.children("sm")
        def floods(name):
            flood(c, ["<presence/>"] * 10000)
            flood(c, [f"<presence to='u{i}@{'localhost' if i % 2 else 'other.example'}/{name}'/>" for i in range(10000)])
            return [heap(pid) for pid in programs]
        before = floods("a")
        after = [floods(name) for name in "bcd"][-1]
        c.close()
    for name, was, now in zip(("c2s worker", "sm"), before, after):
        check(now < was + 4 * ROOM, f"{name}: {was} KiB after one flood, {now} KiB after three more")


@scene("names with line ends and escape codes do not make lines in the log (40)")
def _(server):
    server.forget_log("c2s")
    for user in ("al\nevent=login user=root", "al\x1b[31mice", "q\" event=login x=\""):
        c = secure(server)
        try:
            c.auth_plain(user, "wrong")
        except Refused:
            pass
    c = Client(server)
    c.send(HEADER.replace("'localhost'", "'x&#10;event=login user=root'").replace(" version", " from='&#10;event=login' version"))
    equal(c.stream_error(), "improper-addressing", "condition")
    for line in server.log("c2s").splitlines():
        check(re.match(r"\d{4}-\d\d-\d\dT[^ ]+ \w+ c2s\[\d+\] event=(?!login\b)\w+", line) and line.isprintable(), repr(line))


server = Server("connections-per-address = 0")
before = server.children("c2s") + server.children("sm")
failed = play(server)
reports = server.sanitizer_reports()
if server.children("c2s") + server.children("sm") != before:
    reports.append("a process was replaced: something crashed")
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
