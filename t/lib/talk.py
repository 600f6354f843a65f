# SPDX-License-Identifier: GPL-2.0-or-later
"""What every compiled client of other people is put through: t/clients/<name>_talk is called with

    JID PASSWORD PORT CAFILE starttls|direct

connects to PORT of 127.0.0.1, prints "online FULLJID" when it has a session, for every message "got BODY" and says that
body back to its sender, logs out after the body "stop", and exits with 0 when all went well. Where its library lets one
choose, TALK_MECHANISM in its environment names the mechanism that it is to use (iq-auth: none), and TALK_CERTIFICATE and
TALK_KEY the files of a certificate that it is to show. A JID without a local part: nobody in particular."""
import os
import re
import select
import shutil
import subprocess
import time

from certificates import issue
from client import Client
from server import BUILD, DEADLINE, Server, eventually
from tap import Skip, equal, finish, play, scene

FOLDER = os.path.join(BUILD, "t", "clients")
BODIES = ("hello \u20ac", "<&>\"' &amp;", "\u65e5\u672c\u8a9e \U0001f600 e\u0301", "x" * 20000, "stop")


def others(mechanism):
    """The setting of a domain that offers all others, too; but no -PLUS to one that does not bind, since libraries that can
    bind say then that we could not ('y'), which is what an attacker in between would have them say (RFC 5802 6)."""
    bare = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"]
    plus = [name + "-PLUS" for name in bare] if mechanism.endswith("-PLUS") else []
    words = ", ".join(f'"{name}"' for name in [*plus, *bare, "PLAIN", "DIGEST-MD5", "CRAM-MD5", "ANONYMOUS"])
    return f"mechanisms = {{{words}}}"


class Talker:
    """The running program, and the lines that it prints."""

    def __init__(self, server, command, jid, way, **told):
        self.home = os.path.join(server.folder, "home")
        os.makedirs(self.home, exist_ok=True)
        environment = dict(os.environ, **told, HOME=self.home, XDG_CONFIG_HOME=self.home, XDG_DATA_HOME=self.home, LC_ALL="C.UTF-8",
                           NODE_EXTRA_CA_CERTS=os.path.join(server.folder, "ca.pem"))
        port = server.tls_port if way == "direct" else server.port
        self.process = subprocess.Popen([*command, jid, server.password.get(jid.partition("/")[0], ""), str(port),
                                         os.path.join(server.folder, "ca.pem"), way], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        self.buffer = b""
        self.seen = []

    def line(self, start):
        """The rest of the next line that starts like this; what comes before is kept for the complaint."""
        end = time.monotonic() + DEADLINE
        while True:
            line, newline, rest = self.buffer.partition(b"\n")
            if newline:
                self.buffer = rest
                text = line.decode(errors="replace")
                if text.startswith(start + " "):
                    return text[len(start) + 1:]
                self.seen.append(text)
                continue
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"waited in vain for '{start}'; it said {self.seen[-20:]}")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise AssertionError(f"it ended without '{start}'; it said {self.seen[-20:]}")
            self.buffer += data

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def session(server, jid):
    rows = [s for s in server.sessions() if s["jid"] == jid]
    equal(len(rows), 1, f"sessions of {jid}")
    return rows[0]


def alice_at(server, settings):
    """Our own client, by whatever the domain takes."""
    alice = Client(server, direct=True)
    if 'mechanisms = {"NONE"}' in settings:
        return alice.old_login("alice", "talk").available()
    alice.open().features()
    known = [m for m in ("SCRAM-SHA-256", "SCRAM-SHA-512", "SCRAM-SHA-1", "PLAIN", "DIGEST-MD5", "CRAM-MD5", "SCRAM-SHA-1-PLUS")
             if m in alice.mechanisms]
    alice.close()
    rounds = {"rounds": True} if '"challenge"' in settings and known[0] == "DIGEST-MD5" else {}
    return Client(server, direct=True).login("alice", "talk", mechanism=known[0].removeprefix("SCRAM-"), **rounds)


def converse(server, command, way, mechanism, compresses=False, settings="", who="bob@localhost", **told):
    """Logs in, is told things, says them back, logs out; every step is looked at from the server's side too."""
    talker = Talker(server, command, who, way, **told)
    alice = alice_at(server, settings)
    try:
        jid = talker.line("online")
        row = session(server, jid)
        equal(row["mechanism"], mechanism, "mechanism")
        equal(row["tls"][:4], "TLSv", "TLS")
        equal(row["compressed"], compresses, "compression")
        for body in BODIES:
            alice.message(jid, body)
            equal(talker.line("got"), body, "the body at the client")
            equal(alice.bodies(1), [body], "the body that came back")
        equal(talker.process.wait(DEADLINE), 0, f"exit status; it said {talker.seen[-20:]}")
        eventually(lambda: not [s for s in server.sessions() if s["jid"] == jid], "the session to end")
        equal(re.findall(r"event=stream_error.*", server.log("c2s")), [], "stream errors")
    finally:
        talker.end()
        alice.close()


def xmppjs_missing():
    """Where the module of xmpp.js is, and why it cannot be used; None: it can."""
    module = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "build", "npm", "node_modules", "@xmpp", "client",
                                          "index.js"))
    young = shutil.which("node") and subprocess.run(
        ["node", "-e", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"]).returncode == 0
    return module, None if young and os.path.exists(module) else "xmpp.js, or node 20, is not installed"


def play_client(name, mechanisms, ways=("starttls", "direct"), command=None, missing=None, direct=None,
                compresses=False, iq_auth=False, chooses=(), rounds=False, anonymous=False, external=False):
    """Plays the client against a server for each mechanism that it knows, best first; the first server offers all.
    `direct`: the mechanism that it takes over direct TLS, where that is another.
    `command`: how it is run, where it is not a compiled one of ours; `missing`: why it cannot be had; `compresses`: it asks
    for compression wherever that is offered; `iq_auth`: it knows XEP-0078, too; `chooses`: the mechanisms among which it
    can be told to choose, `rounds`: it knows DIGEST-MD5, and is to see rspauth in a challenge; `anonymous`, `external`: it
    knows these."""
    command = command or [os.path.join(FOLDER, name + "_talk")]

    def played(way, mechanism, settings="", compressed=False, certificate=False, **more):
        if missing or not os.path.exists(command[-1]):
            raise Skip(missing or f"{name}_talk was not built here: its library is missing")
        server = Server(domains={"localhost": settings})
        try:
            if certificate:
                issue(server.folder, "bob", "bob@localhost", server.folder)
                more.update({"TALK_CERTIFICATE": f"{server.folder}/bob.pem", "TALK_KEY": f"{server.folder}/bob.key"})
            converse(server, command, way, mechanism, compressed, settings, **more)
        except BaseException:
            print("\n".join("# " + line for line in server.explain()))
            raise
        finally:
            server.stop()

    for way in ways:
        words = "direct TLS" if way == "direct" else "STARTTLS"
        first = direct if direct and way == "direct" else mechanisms[0]
        scene(f"{name} logs in over {words} with its defaults, by {first}, talks both ways, and logs out")(
            lambda way=way, first=first: played(way, first))
    for mechanism in mechanisms[1:]:
        scene(f"{name} does the same by {mechanism} when nothing else is offered")(
            lambda mechanism=mechanism: played(ways[0], mechanism, f'mechanisms = {{"{mechanism}"}}'))
    if compresses:
        scene(f"{name} compresses the stream where the domain lets it")(
            lambda: played(ways[0], mechanisms[0], 'compression = "after-auth"', compressed=True))
    if iq_auth:
        scene(f"{name} does the same by iq-auth where no mechanism is offered")(
            lambda: played(ways[0], "iq-auth", 'mechanisms = {"NONE"}\n    iq-auth = yes', who="bob@localhost/old", TALK_MECHANISM="iq-auth"))
    for mechanism in chooses:
        scene(f"{name} does the same by {mechanism} when it is told to, with others there")(
            lambda mechanism=mechanism: played(ways[0], mechanism, others(mechanism), TALK_MECHANISM=mechanism))
    if rounds:
        scene(f"{name} does the same by DIGEST-MD5 where the server proves itself in a challenge of its own")(
            lambda: played(ways[0], "DIGEST-MD5", 'mechanisms = {"DIGEST-MD5"}\ndigest-md5-rspauth = "challenge"'))
    if anonymous:
        scene(f"{name} does the same as nobody in particular, by ANONYMOUS")(
            lambda: played(ways[0], "ANONYMOUS", others("ANONYMOUS"), who="localhost", TALK_MECHANISM="ANONYMOUS"))
    if external:
        scene(f"{name} does the same with a certificate, by EXTERNAL")(
            lambda: played(ways[0], "EXTERNAL", 'client-ca = "ca.pem"\nmechanisms = {"EXTERNAL", "SCRAM-SHA-256"}',
                           certificate=True, TALK_MECHANISM="EXTERNAL"))
    finish(play())
