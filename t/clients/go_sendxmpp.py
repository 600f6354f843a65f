#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""go-sendxmpp (the go-xmpp library) with its defaults, trusting our CA, sends to a client of our own and hears from it."""
import os
import re
import select
import shutil
import subprocess
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from server import DEADLINE, Server, eventually
from talk import alice_at
from tap import Skip, equal, finish, play, scene


def command(server, way, *words):
    environment = dict(os.environ, SSL_CERT_FILE=os.path.join(server.folder, "ca.pem"), HOME=server.folder)
    port = server.tls_port if way == "direct" else server.port
    direct = ["--tls"] if way == "direct" else []
    return subprocess.Popen(["go-sendxmpp", "-u", "bob@localhost", "-p", server.password["bob@localhost"], "-j", f"localhost:{port}",
                             *direct, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, env=environment)


def heard(listener, say):
    """The text of the first line that it prints. Now and then it drops what comes in its first moments: said again then."""
    try:
        for _ in range(int(DEADLINE)):
            say()
            if select.select([listener.stdout], [], [], 1)[0]:
                return listener.stdout.readline().rstrip().rpartition(": ")[2]
        raise AssertionError("waited in vain for the listener to print")
    finally:
        listener.kill()
        listener.communicate(timeout=DEADLINE)


def mechanism_of(server, jid):
    return re.findall(rf"event=login .*user={jid}/.* mech=(\S+)", server.log("c2s"))[-1]


def converse(way, mechanism, settings=""):
    if not shutil.which("go-sendxmpp"):
        raise Skip("go-sendxmpp is not installed")
    server = Server(domains={"localhost": settings})
    alice = alice_at(server, settings)
    try:
        said, _ = command(server, way, "alice@localhost/talk").communicate("hello \u20ac <&>\n", timeout=DEADLINE)
        equal(said, "", "what it complains of")
        equal(alice.bodies(1), ["hello \u20ac <&>"], "the body that came")
        equal(mechanism_of(server, "bob@localhost"), mechanism, "mechanism")
        listener = command(server, way, "--listen")
        jid = eventually(lambda: [s["jid"] for s in server.sessions() if s["jid"].startswith("bob@") and s["available"]],
                         "the listener")[0]
        equal(heard(listener, lambda: alice.message(jid, "and back")), "and back", "what the listener prints")
        equal(re.findall(r"event=stream_error.*", server.log("c2s")), [], "stream errors")
    except BaseException:
        print("\n".join("# " + line for line in server.explain()))
        raise
    finally:
        alice.close()
        server.stop()


@scene("go-sendxmpp logs in over STARTTLS with its defaults, sends and listens")
def _():
    converse("starttls", "PLAIN")


@scene("go-sendxmpp does the same over direct TLS")
def _():
    converse("direct", "PLAIN")


@scene("go-sendxmpp does the same by DIGEST-MD5 when nothing else is offered; it knows rspauth in a challenge only")
def _():
    converse("starttls", "DIGEST-MD5", 'mechanisms = {"DIGEST-MD5"}\ndigest-md5-rspauth = "challenge"')


finish(play())
