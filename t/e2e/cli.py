#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The sm command, and what both programs say to their operator."""
import json
import os
import random
import re
import socket
import sqlite3
import subprocess
import sys
import threading
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client, Refused
from server import Server, eventually
from tap import check, equal, finish, play, scene


def run(server, name, *words):
    return subprocess.run([server.program(name)] + list(words), capture_output=True, text=True, timeout=60)


def with_line(server, line, section="", name="sm"):
    """Checks a copy of the configuration with one more line in it."""
    path = os.path.join(server.folder, "other.conf")
    with open(server.conf) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace('domain "localhost" {', 'domain "localhost" {\n' + section) + line + "\n")
    return run(server, name, "--check", "--config", path)


@scene("sm sessions shows who is in: JID, sid, worker, address, TLS, mechanism, priority; --user and --domain choose")
def _(server):
    alice = Client(server, direct=True).login("alice", "cli", mechanism="SHA-1")
    alice.available(9)
    bob = Client(server).login("bob", "cli", mechanism="PLAIN")
    rows = {row["jid"]: row for row in server.sessions()}
    row = rows["alice@localhost/cli"]
    equal((row["priority"], row["mechanism"]), (9, "SCRAM-SHA-1"), "row")
    check("127.0.0.1" in row["address"] and row["tls"].startswith("TLSv1.") and row["cipher"], str(row))
    check(row["worker"] in (0, 1) and row["sid"], str(row))
    equal([r["jid"] for r in server.sessions("--user", "bob")], ["bob@localhost/cli"], "--user")
    equal(server.sessions("--domain", "example.test"), [], "--domain")
    text = server.sm("sessions").stdout
    check("alice@localhost/cli" in text and "bob@localhost/cli" in text, text)
    one = server.sm("session", row["sid"]).stdout
    check("alice@localhost/cli" in one, one)
    alice.close(), bob.close()


@scene("sm kick ends a session by JID and by sid, with a reason that the client is told")
def _(server):
    c = Client(server, direct=True).login("alice", "kicked")
    server.sm("kick", "alice@localhost/kicked", "--reason", "maintenance <now>")
    said = []
    try:
        while True:
            said.append(c.next())
    except Exception:
        pass
    check(any("maintenance <now>" in "".join(s.itertext()) for s in said), "the reason did not arrive")
    c = Client(server, direct=True).login("alice", "kicked")
    server.sm("kick", [s["sid"] for s in server.sessions() if s["jid"] == c.jid][0])
    check(c.stream_error() is not None, "no stream error")
    equal(server.sm("kick", "alice@localhost/kicked", check=False).returncode, 1, "exit status for nobody")
    equal(server.sessions(), [], "sessions")


@scene("accounts are added, listed, changed and removed while sm runs; removal ends their sessions")
def _(server):
    server.sm("account", "add", "dave@localhost", secret="first")
    equal(server.sm("account", "add", "dave@localhost", secret="again", check=False).returncode, 1, "twice")
    for jid, password in (("dave@elsewhere.test", "x"), ("da ve@localhost", "x"), ("eve@localhost", "")):
        check(server.sm("account", "add", jid, secret=password, check=False).returncode != 0, f"{jid} was added")
    check("dave@localhost" in server.sm("account", "list").stdout.split(), "list")
    c = Client(server, direct=True).login("dave", "r", password="first")
    server.sm("account", "passwd", "dave@localhost", secret="second")
    c.quiet()
    try:
        Client(server, direct=True).login("dave", "s", password="first")
        raise AssertionError("the old password still logs in")
    except Refused:
        pass
    Client(server, direct=True).login("dave", "s", password="second").close()
    server.sm("account", "remove", "dave@localhost")
    check(c.stream_error() is not None, "the session of a removed account goes on")
    equal(server.sm("account", "remove", "dave@localhost", check=False).returncode, 1, "removed twice")
    check("dave@localhost" not in server.sm("account", "list").stdout.split(), "list afterwards")


@scene("a password that the workers know by heart logs in no more once it is changed")
def _(server):
    server.sm("account", "add", "gail@localhost", secret="first")
    for i in range(4):
        Client(server, direct=True).login("gail", f"r{i}", password="first", mechanism="PLAIN").close()
    for password in ("first", "guess"):
        if password == "first":
            server.sm("account", "passwd", "gail@localhost", secret="second")
        for mechanism in ("PLAIN", "SHA-1"):
            try:
                Client(server, direct=True).login("gail", "s", password=password, mechanism=mechanism)
                raise AssertionError(f"{password} logs in by {mechanism}")
            except Refused as why:
                equal(str(why), "not-authorized", "failure")
    for i in range(4):
        Client(server, direct=True).login("gail", f"r{i}", password="second", mechanism="PLAIN").close()
    server.sm("account", "remove", "gail@localhost")


@scene("accounts can be kept while sm is stopped, too")
def _(server):
    other = Server(accounts=(), start=False)
    other.sm("account", "add", "zoe@localhost", secret="pw")
    check("zoe@localhost" in other.sm("account", "list").stdout, "list")
    other.sm("account", "passwd", "zoe@localhost", secret="pw2")
    equal(other.sm("status", check=False).returncode, 69, "status of a stopped sm")
    other.start_sm()
    other.start_c2s()
    Client(other, direct=True).login("zoe", "r", password="pw2").close()
    other.stop()


@scene("no password and no key is in the databases or the logs")
def _(server):
    Client(server, direct=True).login("alice", "secret", mechanism="PLAIN").close()
    for folder, _, files in os.walk(server.folder):
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as f:
                check(server.password["alice@localhost"].encode() not in f.read(), f"{name} holds a password")


@scene("the view sessions can be read with sqlite3 while the server runs")
def _(server):
    c = Client(server, direct=True).login("carol", "sql")
    path = os.path.join(server.folder, "run", "sessions.db")
    def row():
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            return db.execute("select count(*) from sessions where jid = ?", (c.jid,)).fetchone()[0] == 1
    eventually(row, "the session in the view")
    equal(os.stat(path).st_mode & 0o777, 0o640, "mode")
    c.close()


@scene("status and stats answer in text and JSON")
def _(server):
    check("worker" in server.sm("status").stdout.lower(), "status")
    equal(server.stats()["ghosts"], 0, "ghosts")
    eventually(lambda: server.stats()["events"]["login"] >= 1, "the workers to report their logins")
    check("login" in server.sm("stats").stdout, "stats")


@scene("a bad configuration is one line with file and line number, and the program does not start")
def _(server):
    for name in ("sm", "c2s"):
        equal(with_line(server, "", name=name).returncode, 0, "good configuration")
        for line, section in (("unknown-thing = 1", ""), ("workers = 100000", ""), ("log-level = \"loud\"", ""),
                              ("metrics-listen = \"localhost:9222\"", ""),
                              ("negotiation-timeout = \"soon\"", ""), ("", "resource-conflict = \"never\"")):
            done = with_line(server, line, section, name)
            check(done.returncode == 78 and done.stderr.count("\n") == 1 and "other.conf:" in done.stderr, f"{line}{section}: {done}")
    path = os.path.join(server.folder, "other.conf")
    with open(server.conf) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace("cert.pem", "missing.pem"))
    done = run(server, "c2s", "--check", "--config", path)
    check(done.returncode == 78 and "missing.pem" in done.stderr and "other.conf:" in done.stderr, str(done))


@scene("--defaults prints a file that is accepted, --help and --version answer, bad usage is exit 64")
def _(server):
    for name in ("sm", "c2s"):
        text = run(server, name, "--defaults")
        path = os.path.join(server.folder, "defaults.conf")
        with open(path, "w") as f:
            f.write(text.stdout)
        equal(run(server, name, "--check", "--config", path).returncode, 0, "check of the defaults")
        equal(run(server, name, "--help").returncode, 0, "--help")
        check("0.1" in run(server, name, "--version").stdout, "--version")
        done = run(server, name, "--nonsense")
        equal(done.returncode, 64, "bad usage")
    check("wolfSSL" in run(server, "c2s", "--version").stdout, "TLS library")


@scene("accounts that are removed, disabled or made anew while sm does not run: their sessions end when it does, the others go on")
def _(server):
    users = ("dave", "erin", "fred")
    for user in users:
        server.account(f"{user}@localhost")
    gone = [Client(server, direct=True).login(user, "r") for user in users]
    alice = Client(server, direct=True).login("alice", "r")
    server.terminate("sm")
    server.sm("account", "remove", "dave@localhost")
    server.sm("account", "disable", "erin@localhost")
    server.sm("account", "remove", "fred@localhost")
    server.account("fred@localhost", "another")
    with sqlite3.connect(f"{server.folder}/state/store.db") as db:  # accounts know the second in which they were made
        db.execute("UPDATE account SET created = created + 60 WHERE jid = 'fred@localhost'")
    server.start_sm()
    equal([c.stream_error() for c in gone], ["not-authorized", "policy-violation", "not-authorized"], "the streams")
    equal([s["jid"] for s in server.sessions()], [alice.jid], "who is there")
    fred = Client(server, direct=True).login("fred", "r")
    alice.message("fred@localhost", "to the new one")
    equal(fred.bodies(1), ["to the new one"], "message")
    for user in users:
        server.sm("account", "remove", f"{user}@localhost", check=user != "dave")
    fred.vanish(), alice.close()


@scene("a second sm on the same directory refuses to start and leaves the first alone")
def _(server):
    done = run(server, "sm", "serve", "--config", server.conf)
    check(done.returncode not in (0, None), str(done))
    equal(server.answers(), True, "the first")


def escaped(cell):
    return "".join(c if c > " " and c not in "%\x7f" else "".join(f"%{b:02x}" for b in c.encode()) for c in cell)


class Answering:
    """In place of sm: gives one answer to all who ask, in pieces of any size."""

    def __init__(self, server, answer):
        folder = os.path.join(server.folder, "other-run")
        os.makedirs(folder)
        self.answer = answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(folder, "control.sock"))
        self.listener.listen()
        self.conf = os.path.join(server.folder, "other-run.conf")
        with open(server.conf) as f, open(self.conf, "w") as other:
            other.write(re.sub(r'run-directory = ".*"', f'run-directory = "{folder}"', f.read()))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                while connection.recv(4096):
                    pass
                at = 0
                while at < len(self.answer):
                    n = random.choice((1, 7, 4096, 70000, 300000))
                    connection.sendall(self.answer[at:at + n])
                    at += n

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@scene("a long answer is whole and in order, in whatever pieces it comes and whatever its cells hold")
def _(server):
    odd = ["\u00e4\u20ac", 'quote"back\\', "a b", "100%", "\n", "", "x" * 300000, "\u202e"]
    random.seed(1)
    rows = [{"name": f"somebody-{random.getrandbits(24):08d}-{n:05d}", "n": n, "note": odd[n % len(odd)] if n % 500 < 8 else "plain"}
            for n in range(20000)]
    random.shuffle(rows)
    lines = [f"+ {row['name']} {row['n']} {escaped(row['note'])}" for row in rows]
    other = Answering(server, "\n".join(["0", "* people name:s n:n note:s"] + lines + [".", ""]).encode())
    want = sorted(rows, key=lambda row: row["name"].encode())
    shown = run(server, "sm", "sessions", "--json", "--config", other.conf)
    equal(shown.returncode, 0, shown.stderr)
    check(json.loads(shown.stdout) == want, "JSON")
    text = run(server, "sm", "sessions", "--config", other.conf).stdout.splitlines()
    equal([line.split()[:2] for line in text[1:]], [[row["name"], str(row["n"])] for row in want], "text")
    equal({line.split(maxsplit=2)[2] for line in text[1:] if len(line) < 300},
          {"plain", "\u00e4\u20ac", 'quote"back\\', "a b", "100%", "\\x0a", "-", "\\xe2\\x80\\xae"}, "notes")
    other.end()


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
