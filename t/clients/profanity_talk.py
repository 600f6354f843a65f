#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""profanity on a terminal of its own, with its default settings plus trust in our CA, talks with a client of our own."""
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from server import DEADLINE, Server, eventually
from talk import alice_at
from tap import Skip, check, equal, finish, play, scene

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][0-9A-B]|\x1b[=>78]|\x1b\][^\x07]*\x07|[\x0e\x0f\r]")


class Terminal:
    """profanity in a pseudo-terminal: what is typed, and what has been drawn since the last look."""

    def __init__(self, server):
        self.home = os.path.join(server.folder, "profanity")
        os.mkdir(self.home)
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        environment = dict(os.environ, HOME=self.home, XDG_CONFIG_HOME=self.home, XDG_DATA_HOME=self.home,
                           LC_ALL="C.UTF-8", TERM="xterm")
        for name in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "WAYLAND_DISPLAY"):
            environment.pop(name, None)
        self.process = subprocess.Popen(["profanity", "--log", "DEBUG"], stdin=slave, stdout=slave, stderr=slave,
                                        env=environment, start_new_session=True)
        os.close(slave)
        self.master = master
        self.drawn = b""

    def type(self, line):
        os.write(self.master, line.encode() + b"\r")

    def look(self):
        """Takes in what was drawn; False at the end of the program."""
        if not select.select([self.master], [], [], 0.2)[0]:
            return True
        try:
            self.drawn += os.read(self.master, 65536)
        except OSError:
            return False
        return True

    def text(self):
        return ESCAPES.sub(b"", self.drawn).decode(errors="replace")

    def wait(self, words):
        """Until the words are drawn; what was drawn before them is forgotten."""
        end = time.monotonic() + DEADLINE
        while words not in self.text():
            check(self.look() and time.monotonic() < end, f"waited in vain for {words!r}; drawn: {self.text()[-1500:]!r}")
        self.drawn = b""

    def gone(self):
        """The exit status once it has ended; what it draws meanwhile must be read, or it would wait."""
        end = time.monotonic() + DEADLINE
        while self.look() and time.monotonic() < end:
            pass
        return self.process.wait(max(1, end - time.monotonic()))

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


def trusted_folder(server):
    """The CA as OpenSSL looks for it in a folder: under the hash of its name."""
    folder = os.path.join(server.folder, "trusted")
    os.makedirs(folder, exist_ok=True)
    ca = os.path.join(server.folder, "ca.pem")
    words = subprocess.run(["openssl", "x509", "-in", ca, "-noout", "-hash"], capture_output=True, text=True, check=True)
    shutil.copy(ca, os.path.join(folder, words.stdout.strip() + ".0"))
    return folder


def converse(way, mechanism, settings=""):
    if not shutil.which("profanity"):
        raise Skip("profanity is not installed")
    server = Server(domains={"localhost": settings})
    terminal = Terminal(server)
    try:
        talk(server, terminal, way, mechanism, settings)
    except BaseException:
        print("\n".join("# " + line for line in server.explain()))
        raise
    finally:
        terminal.end()
        server.stop()


def talk(server, terminal, way, mechanism, settings):
    terminal.wait("Type '/help'")
    terminal.type(f"/tls certpath set {trusted_folder(server)}")
    terminal.wait("Certificate path set")
    port = server.tls_port if way == "legacy" else server.port
    if mechanism == "iq-auth":  # which /connect has no room for
        terminal.type("/account add bob@localhost")
        terminal.wait("Account created")
        for words in ("server 127.0.0.1", f"port {port}", f"tls {way}", "auth legacy"):
            terminal.type(f"/account set bob@localhost {words}")
            terminal.wait("Updated")
        terminal.type("/connect bob@localhost")
    else:
        terminal.type(f"/connect bob@localhost server 127.0.0.1 port {port} tls {way}")
    terminal.wait("Enter password:")
    terminal.type(server.password["bob@localhost"])
    terminal.wait("logged in successfully")
    row = [s for s in server.sessions() if s["jid"].startswith("bob@localhost/profanity")][0]
    equal(row["mechanism"], mechanism, "mechanism")
    equal(row["tls"][:4], "TLSv", "TLS")
    alice = alice_at(server, settings)
    for number, body in enumerate(("hello \u20ac", "caf\u00e9 & <b>\"bold\"</b>", "\u65e5\u672c\u8a9e")):
        alice.message(row["jid"], f"{number} {body} from Alice")
        if number == 0:
            terminal.wait("chat message: alice@localhost/talk (win 2)")
            terminal.type("/win 2")
        terminal.wait(f"{number} {body} from Alice")
        terminal.type(f"{number} {body} from Bob")
        equal(alice.bodies(1), [f"{number} {body} from Bob"], "body")
    equal(re.findall(r"event=stream_error.*", server.log("c2s")), [], "stream errors")
    terminal.type("/quit")
    equal(terminal.gone(), 0, "exit status")
    eventually(lambda: not [s for s in server.sessions() if s["jid"] == row["jid"]], "the session to end")
    alice.close()


@scene("profanity logs in over STARTTLS with its defaults, trusting our CA, talks both ways, and quits")
def _():
    converse("force", "SCRAM-SHA-512")


@scene("profanity logs in over direct TLS, talks both ways, and quits")
def _():
    converse("legacy", "SCRAM-SHA-512")


@scene("profanity does the same by each mechanism that it knows, when nothing else is offered")
def _():
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "DIGEST-MD5"):
        converse("force", mechanism, f'mechanisms = {{"{mechanism}"}}')


@scene("profanity does the same by DIGEST-MD5 where the server proves itself in a challenge of its own")
def _():
    converse("force", "DIGEST-MD5", 'mechanisms = {"DIGEST-MD5"}\ndigest-md5-rspauth = "challenge"')


@scene("profanity does the same by iq-auth when it is told to")
def _():
    converse("force", "iq-auth", 'mechanisms = {"NONE"}\niq-auth = yes')


finish(play())
