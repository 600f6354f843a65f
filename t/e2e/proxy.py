#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients behind a proxy that says who they are (PROXY protocol): only from a proxy that is listed, and then always."""
import os
import struct
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client, Ended, Refused
from elsewhere import Elsewhere
from server import Server, eventually
from tap import check, equal, finish, play, scene

PROXY = "127.0.1.7"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def line(source):
    return f"PROXY TCP4 {source} 192.0.2.100 40000 5222\r\n".encode()


def binary(source, command=0x21, tlvs=b""):
    addresses = bytes(int(x) for x in source.split(".")) + b"\xc0\0\2\x64" + struct.pack(">HH", 40000, 5222)
    return SIGNATURE + struct.pack(">BBH", command, 0x11, len(addresses + tlvs)) + addresses + tlvs


def behind(server, first, **more):
    return Elsewhere(server, source=PROXY, first=first, **more)


def ends(client):
    """Reads to the end of the connection: everything that the server said."""
    got = b""
    try:
        while True:
            piece = client.sock.recv(65536)
            if not piece:
                return got
            got += piece
    except OSError:
        return got


@scene("whom a header of version 1 or 2 names is who has the session, the log line and the failures, over STARTTLS and direct TLS")
def _(server):
    for number, (first, direct) in enumerate(((line("192.0.2.1"), False), (binary("192.0.2.2"), True), (line("192.0.2.3"), True))):
        c = behind(server, first, direct=direct).login("alice", f"r{number}")
        equal([s["address"] for s in server.sessions() if s["jid"] == c.jid], [f"192.0.2.{number + 1}"], "address")
        check(f"ip=192.0.2.{number + 1} " in server.log("c2s"), "the log has the client's")
        c.close()
    c = behind(server, binary("192.0.2.1", command=0x20), direct=True).login("alice", "local")
    equal([s["address"] for s in server.sessions() if s["jid"] == c.jid], [PROXY], "LOCAL: the proxy speaks for itself")
    c.close()


@scene("a header that comes byte by byte, or in one piece with what follows it, is the same")
def _(server):
    c = behind(server, b"")
    for byte in line("192.0.2.9"):
        c.send(bytes([byte]))
    c.login("alice", "slow")
    equal([s["address"] for s in server.sessions() if s["jid"] == c.jid], ["192.0.2.9"], "address")
    c.close()
    hello = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'" \
        " to='localhost' version='1.0'>"
    c = behind(server, binary("192.0.2.10") + hello.encode())
    c.features()
    c.sock.close()


@scene("from a listed proxy a connection without a header, or with a bad one, is cut without a word")
def _(server):
    server.forget_log("c2s")
    for first in (b"<?xml version='1.0'?>", b"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n", b"PROXY UNKNOWN " + b"x" * 200, SIGNATURE + b"\x31\x11\0\0",
                  binary("192.0.2.1")[:-1] + b"", SIGNATURE + b"\x21\x11\xff\xff"):
        c = behind(server, first)
        if first == binary("192.0.2.1")[:-1]:
            c.sock.shutdown(1)
        equal(ends(c), b"", "words")
    eventually(lambda: server.log("c2s").count("event=proxy_failed") == 5, "five lines")
    check(f"event=proxy_failed conn=" in server.log("c2s") and f"ip={PROXY} why=" in server.log("c2s"), "the log names the proxy")


@scene("a forged header from anybody else is garbage, over STARTTLS and direct TLS")
def _(server):
    c = Elsewhere(server, first=line("192.0.2.66"))
    c.new_parser()
    equal(c.stream_error(), "not-well-formed", "as XML")
    try:
        Elsewhere(server, first=binary("192.0.2.66"), direct=True)
        raise AssertionError("the handshake went on")
    except (OSError, Ended):
        pass
    check("192.0.2.66" not in server.log("c2s"), "nobody believes it")


@scene("limits are the client's, not the proxy's: one bad client is refused, the others behind the same proxy are not")
def _(server):
    for _ in range(5):
        c = behind(server, line("192.0.2.20"), direct=True).open()
        c.features()
        try:
            c.auth_plain("alice", "wrong")
        except Refused as why:
            equal(why.condition, "not-authorized", "a wrong password")
        c.sock.close()
    check('"who": "192.0.2.20"' in server.sm("bans", "--json").stdout.replace('":"', '": "'), "bans")

    def refused():
        first = behind(server, line("192.0.2.20")).open().next()  # features, when sm's word has not come yet
        return first.find("{*}policy-violation") is not None
    eventually(refused, "the door to know")
    behind(server, line("192.0.2.21"), direct=True).login("alice", "other").close()
    waiting = [behind(server, line("192.0.2.30")).open() for _ in range(4)]
    for c in waiting:
        c.features()
    equal(behind(server, line("192.0.2.30")).open().stream_error(), "resource-constraint", "one too many of one client")
    behind(server, line("192.0.2.31"), direct=True).login("alice", "another").close()
    for c in waiting:
        c.sock.close()


@scene("where the proxy ended TLS and says so, PLAIN is offered without STARTTLS; where it does not say so, nothing is")
def _(server):
    tls = b"\x20" + struct.pack(">HBI", 5, 1, 0)
    c = behind(server, binary("192.0.2.40", tlvs=tls)).open()
    check("PLAIN" in "".join(c.features().itertext()), "mechanisms")
    c.auth_plain("alice", "pw-alice@localhost")
    c.sock.close()
    c = behind(server, binary("192.0.2.40", tlvs=b"\x20" + struct.pack(">HBI", 5, 0, 1))).open()
    check("PLAIN" not in "".join(c.features().itertext()), "no mechanisms in the clear")
    c.sock.close()


@scene("an address of this machine that a proxy carries is no reason to do without TLS")
def _(server):
    c = Client(server).open()
    check("PLAIN" in "".join(c.features().itertext()), "loopback itself may")
    c.sock.close()
    for first in (line("127.0.0.1"), b"PROXY UNKNOWN\r\n"):
        c = behind(server, first).open()
        check("PLAIN" not in "".join(c.features().itertext()), f"carried, it may not: {first}")
        c.sock.close()


server = Server(settings=f"""proxy-from = {{"127.0.1.0/24"}}
allow-plaintext = "loopback"
connections-per-address = 4
auth-failures-per-address = 5
auth-delay = 0
""")
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line_ in reports:
    print("# " + line_)
finish(failed or reports)
