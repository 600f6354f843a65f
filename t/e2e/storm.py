#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A storm of clients that all want to shake hands at once: addresses take turns, who is in is served, too many are shed."""
import os
import re
import signal
import socket
import ssl
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client
from server import DEADLINE, Server, eventually
from tap import check, equal, finish, play, scene

CROWD = 300


class Guest:
    """A connection to the direct TLS port that is there, and whose handshake is taken step by step."""

    def __init__(self, server, source):
        self.sock = socket.create_connection(("127.0.0.1", server.tls_port), DEADLINE, (source, 0))
        context = ssl.create_default_context(cafile=os.path.join(server.folder, "ca.pem"))
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def step(self):
        """True when the handshake is complete."""
        try:
            self.tls.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            done = False
        self.sock.sendall(self.outgoing.read())
        return done

    def finish(self):
        """Goes on until it is complete; False when the server has ended it."""
        while not self.step():
            try:
                data = self.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                return False
            self.incoming.write(data)
        return True


def connected(server, source, count):
    before = server.log("c2s").count("event=connect ")
    guests = [Guest(server, source) for _ in range(count)]
    eventually(lambda: server.log("c2s").count("event=connect ") == before + count, "the connections to be accepted")
    return guests


class stopped:
    """The worker stands still meanwhile, so that all that is sent to it arrives at once."""

    def __init__(self, server):
        self.worker = server.children("c2s")[0]

    def __enter__(self):
        os.kill(self.worker, signal.SIGSTOP)
        def state():
            with open(f"/proc/{self.worker}/stat") as f:
                return f.read().rpartition(")")[2].split()[0] == "T"
        eventually(state, "the worker to stand still")

    def __exit__(self, *fault):
        os.kill(self.worker, signal.SIGCONT)


def lines(server, *words):
    """In order: which of the words each line of c2s's log has."""
    return [word for line in server.log("c2s").splitlines() for word in words if word in line]


@scene("three hundred handshakes of one address do not keep one of another address waiting, nor somebody who is in")
def _(server):
    alice = Client(server, direct=True).login("alice", "in")
    bob = Client(server, direct=True).login("bob", "in")
    crowd = connected(server, "127.0.1.1", CROWD)
    other = connected(server, "127.0.1.2", 1)[0]
    server.forget_log("c2s")
    with stopped(server):
        for guest in crowd:
            guest.step()
        other.step()
        alice.message(bob.jid, "in the storm")
        alice.send("</stream:stream>")
    equal(bob.bodies(1), ["in the storm"], "a message meanwhile")
    check(other.finish(), "the other's handshake")
    for guest in crowd:
        check(guest.finish(), "a handshake of the crowd")
    eventually(lambda: len(lines(server, "event=handshake_late")) >= CROWD - 1, "the last to have its turn")
    order = lines(server, "event=handshake_late conn=", "from=session_established to=")
    check(order.index("from=session_established to=") < 20, "who is in is heard between the handshakes")
    late = re.findall(r"event=handshake_late conn=\S+ ip=(\S+)", server.log("c2s"))
    check(late.index("127.0.1.2") <= 2, f"the other address is number {late.index('127.0.1.2')}")
    for guest in crowd + [other]:
        guest.sock.close()
    bob.close()


@scene("a hello that comes in pieces, each a byte, is shaken hands with, too, and one that never ends waits for nothing of ours")
def _(server):
    guest = connected(server, "127.0.2.1", 1)[0]
    try:
        guest.tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = guest.outgoing.read()
    guest.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(len(hello)):
        guest.sock.sendall(hello[i:i + 1])
    data = guest.sock.recv(65536)
    guest.incoming.write(data)
    check(guest.finish(), "the handshake")
    guest.sock.close()
    rest = connected(server, "127.0.2.1", 1)[0]
    rest.sock.sendall(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + b"\0" * 5000)
    rest.sock.close()
    eventually(lambda: server.status()["workers"][0]["negotiating"] == 0, "both to be forgotten")


@scene("more than may wait are shed, and counted, and those of the address that has the most: another one gets through")
def _(server):
    with open(server.conf) as f:
        text = f.read()
    before = server.stats()["events"]["shed"]
    with open(server.conf, "w") as f:
        f.write("handshakes-waiting = 50\n" + text)
    server.sm("reload")
    crowd = connected(server, "127.0.3.1", CROWD)
    other = connected(server, "127.0.3.2", 1)[0]
    with stopped(server):
        for guest in crowd:
            guest.step()
        other.step()
    check(other.finish(), "the other's handshake")
    done = [guest.finish() for guest in crowd]
    check(50 <= done.count(True) <= 60, f"{done.count(True)} of the crowd")
    eventually(lambda: server.stats()["events"]["shed"] - before == done.count(False), "those who were shed to be counted")
    check("event=shed" in server.log("c2s"), "there is a line")
    for guest in crowd + [other]:
        guest.sock.close()
    with open(server.conf, "w") as f:
        f.write(text)


server = Server(workers=1, settings="connections-per-address = 1000\nhandshakes-per-turn = 1\n")
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line_ in reports:
    print("# " + line_)
finish(failed or reports)
