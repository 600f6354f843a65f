#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading the configuration and the certificates again while clients are on line: nobody notices but who comes anew."""
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import TLS, Client
from server import DEADLINE, Server, eventually
from tap import check, equal, finish, play, scene


def issue(server, name, *hosts, days=30):
    """NAME.pem and NAME.key in the server's folder, from its CA; replaced in one step when they are there."""
    def openssl(*words):
        subprocess.run(("openssl",) + words, check=True, capture_output=True, cwd=server.folder)
    with open(os.path.join(server.folder, "names"), "w") as f:
        f.write("subjectAltName=" + ",".join("DNS:" + host for host in hosts) + "\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "new.key", "-out", "new.csr",
            "-subj", "/CN=" + hosts[0])
    openssl("x509", "-req", "-in", "new.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", str(days),
            "-extfile", "names", "-out", "new.pem")
    for ending in ("pem", "key"):
        os.rename(os.path.join(server.folder, "new." + ending), os.path.join(server.folder, f"{name}.{ending}"))


def shown(server, name, direct=True, to=None):
    """The names in the certificate that a client gets who asks for this one, checked against our CA."""
    context = ssl.create_default_context(cafile=os.path.join(server.folder, "ca.pem"))
    context.check_hostname = False
    if direct:
        raw = socket.create_connection(("127.0.0.1", server.tls_port), DEADLINE)
    else:
        c = Client(server).open(to)
        c.features()
        c.send(f"<starttls xmlns='{TLS}'/>")
        equal(c.next().tag, f"{{{TLS}}}proceed", "answer to starttls")
        raw = c.sock
    with context.wrap_socket(raw, server_hostname=name) as tls:
        certificate = tls.getpeercert()
        return certificate["serialNumber"], [value for _, value in certificate["subjectAltName"]]


def hosts(server, *arguments, **named):
    return shown(server, *arguments, **named)[1]


def serial(server):
    return shown(server, "localhost")[0]


def change(server, old, new):
    with open(server.conf) as f:
        text = f.read()
    check(old in text, f"{old!r} is not in the configuration")
    with open(server.conf + ".new", "w") as f:
        f.write(text.replace(old, new, 1))
    os.rename(server.conf + ".new", server.conf)


def reload(server):
    return server.sm("reload").stdout


@scene("sm reload without a change says so, for both programs")
def _(server):
    equal(reload(server), "sm: nothing has changed\nc2s: nothing has changed\n", "report")


@scene("a new certificate is shown to new connections, and the old ones go on")
def _(server):
    old = serial(server)
    direct = Client(server, direct=True).login(resource="direct")
    upgraded = Client(server).login("bob", resource="upgraded")
    half = Client(server)  # connected under the old one, and upgrades under it
    half.open().features()
    issue(server, "cert", "localhost", "example.test")
    os.rename(os.path.join(server.folder, "cert.key"), os.path.join(server.folder, "key.pem"))
    report = reload(server)
    check("c2s: in effect for new connections: another certificate\n" in report, report)
    check(serial(server) != old, "new connections get the old certificate")
    for _ in range(8):  # whichever worker it is
        check(serial(server) != old, "a worker shows the old certificate")
    half.starttls()
    equal(half.sock.getpeercert()["serialNumber"], old, "certificate of a connection from before")
    direct.message(upgraded.jid, "still here")
    equal(upgraded.bodies(1), ["still here"], "message between old connections")
    upgraded.message(direct.jid, "me too")
    equal(direct.bodies(1), ["me too"], "message between old connections")
    Client(server).login("carol").close()
    for c in (direct, upgraded):
        c.close()
    half.sock.close()


@scene("a worker that is started after a reload has what the reload brought")
def _(server):
    now = serial(server)
    old = server.children("c2s")
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len([c for c in server.children("c2s") if c not in old]) == len(old) and server.workers_joined(),
               "new workers")
    equal(serial(server), now, "certificate")


@scene("the log's level changes at once, in all processes")
def _(server):
    change(server, 'log-level = "debug"', 'log-level = "notice"')
    report = reload(server)
    check("sm: in effect: log-level\n" in report and "c2s: in effect: log-level\n" in report, report)
    server.forget_log("c2s")
    Client(server).login().close()
    check("event=login" not in server.log("c2s"), "a line of level info")
    change(server, 'log-level = "notice"', 'log-level = "debug"')
    reload(server)
    Client(server).login().close()
    eventually(lambda: "event=login" in server.log("c2s"), "a line of level info")


@scene("SIGHUP to each parent reloads that one alone")
def _(server):
    for name, other in (("c2s", "sm"), ("sm", "c2s")):
        for log in ("sm", "c2s"):
            server.forget_log(log)
        server.processes[name].send_signal(signal.SIGHUP)
        eventually(lambda: "event=reload " in server.log(name), "the reload of " + name)
        check("event=reload" not in server.log(other), other + " has reloaded too")


@scene("a limit for new connections leaves the ones that are there alone")
def _(server):
    long = "x" * 20000
    old = Client(server).login(resource="old")
    change(server, "workers =", 'stanza-bytes = 10000\nworkers =')
    check("in effect for new connections: stanza-bytes" in reload(server), "report")
    new = Client(server).login("bob", resource="new")
    old.message(new.jid, long)
    equal(new.bodies(1), [long], "what the old one may still say")
    new.message(old.jid, long)
    equal(new.stream_error(), "policy-violation", "what the new one may not say")
    old.close()
    change(server, 'stanza-bytes = 10000\nworkers =', "workers =")
    reload(server)


@scene("another address to listen on waits for a restart, says so each time, and is not listened on")
def _(server):
    port = server.port
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        other = s.getsockname()[1]
    change(server, f"127.0.0.1:{port}", f"127.0.0.1:{other}")
    for _ in range(2):
        report = reload(server)
        check("c2s: waits for a restart: listen\n" in report, report)
    equal(socket.socket().connect_ex(("127.0.0.1", other)) != 0, True, "nobody listens there")
    Client(server).login().close()
    change(server, f"127.0.0.1:{other}", f"127.0.0.1:{port}")
    check("restart" not in reload(server), "the change was taken back")


@scene("a bad file leaves the old configuration running, and is reported with its line")
def _(server):
    with open(server.conf) as f:
        text = f.read()
    line = text[:text.index("workers =")].count("\n") + 1
    change(server, "workers =", "auth-attempts = 0\nworkers =")
    try:
        done = server.sm("reload", check=False)  # the command reads the file as well, to find sm
        equal(done.returncode, 78, "status")
        check(f"{server.conf}:{line}: auth-attempts must be between" in done.stderr, done.stderr)
        for name in ("c2s", "sm"):
            server.forget_log(name)
            server.processes[name].send_signal(signal.SIGHUP)
            eventually(lambda: "event=reload_failed" in server.log(name), name + " to complain")
            found = re.findall(r"event=reload_failed.*", server.log(name))
            equal(len(found), 1, "lines")
            check(f"gatehouse.conf:{line}:" in found[0], found[0])
    finally:
        with open(server.conf, "w") as f:
            f.write(text)
    Client(server).login().close()


@scene("a key that does not belong to its certificate leaves the old pair in use")
def _(server):
    now = serial(server)
    issue(server, "other", "localhost")
    change(server, '"key.pem"', '"other.key"')
    done = server.sm("reload", check=False)
    change(server, '"other.key"', '"key.pem"')
    equal(done.returncode, 1, "status")
    check("c2s: nothing is changed" in done.stderr and "does not belong" in done.stderr, done.stderr)
    equal(serial(server), now, "certificate")


@scene("a domain's own certificate is chosen by SNI, and by `to` under STARTTLS")
def _(server):
    issue(server, "example", "example.test")
    change(server, 'domain "example.test" {', 'domain "example.test" {\ncertificate = "example.pem"\nprivate-key = "example.key"')
    report = reload(server)
    check('domain "example.test": another certificate' in report, report)
    equal(hosts(server, "example.test"), ["example.test"], "by SNI")
    equal(hosts(server, "EXAMPLE.test"), ["example.test"], "by SNI, in capitals")
    equal(hosts(server, "localhost"), ["localhost", "example.test"], "by SNI, another domain")
    equal(hosts(server, "elsewhere.test"), ["localhost", "example.test"], "by SNI, nobody's name")
    equal(hosts(server, None), ["localhost", "example.test"], "without SNI")
    equal(hosts(server, "example.test", direct=False, to="example.test"), ["example.test"], "by to")
    equal(hosts(server, "example.test", direct=False, to="localhost"), ["localhost", "example.test"], "by to, not by SNI")


@scene("a domain that is added is served at once, and one that is taken away is not")
def _(server):
    change(server, 'domain "localhost"', 'domain "late.test" {\n}\ndomain "localhost"')
    check('domain "late.test" (new)' in reload(server), "report")
    server.account("dora@late.test")
    c = Client(server)
    c.open("late.test").features()
    c.sock.close()
    change(server, 'domain "late.test" {\n}\n', "")
    reload(server)
    equal(Client(server).open("late.test").stream_error(), "host-unknown", "a domain that is gone")


@scene("sm status says when each certificate ends, after a restart of sm too")
def _(server):
    def days():
        rows = server.status()["certificates"]
        return {row["name"]: row["expires"] for row in rows}
    first = days()
    equal(sorted(first), ["(all others)", "example.test"], "names")
    issue(server, "example", "example.test", days=300)
    reload(server)
    second = days()
    check(second["example.test"] != first["example.test"], "a new certificate has the old date")
    equal(second["(all others)"], first["(all others)"], "the other's date")
    server.kill_sm()
    eventually(lambda: days() == second, "c2s to tell its dates again")


@scene("what a reload brought is in effect after sm's child was killed")
def _(server):
    change(server, 'domain "localhost" {', 'domain "localhost" {\nsessions-per-account = 1\nsession-limit = "closenew"')
    report = reload(server)
    check('sm: in effect: domain "localhost": sessions-per-account' in report, report)
    server.kill_sm()
    first = Client(server).login("bob", resource="one")
    try:
        Client(server).login("bob", resource="two")
        raise AssertionError("a second session")
    except Exception as why:
        equal(getattr(why, "condition", repr(why)), "resource-constraint", "refusal")
    first.close()


@scene("sm reload while c2s is away reloads sm, and says so")
def _(server):
    server.terminate("c2s")
    eventually(lambda: not server.status()["workers"], "the workers to go")
    check("c2s: is not here" in reload(server), "report")
    server.start_c2s()
    Client(server).login().close()


server = Server(domains={"localhost": "", "example.test": ""})
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
