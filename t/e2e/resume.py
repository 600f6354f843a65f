#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS sessions that are resumed: a short handshake with whichever worker, whatever has happened to the server meanwhile."""
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client
from server import BUILD, Server, certificate, end_with_us, eventually
from tap import Skip, check, equal, finish, play, scene

VERSIONS = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)


class Guest:
    """A client with a memory: it comes back with what it was given."""

    def __init__(self, server, version):
        self.server = server
        self.context = ssl.create_default_context(cafile=os.path.join(server.folder, "ca.pem"))
        self.context.minimum_version = self.context.maximum_version = version
        self.session = None

    def visit(self, direct=True):
        """Logs in; was the session resumed, and in which worker (its incarnation)?"""
        self.server.forget_log("c2s")
        c = Client(self.server, direct=direct, context=self.context, session=self.session).login()
        resumed = c.sock.session_reused
        self.session = c.sock.session
        c.close()
        for event in ("tls", "login"):
            conn, said = re.search(rf"event={event} conn=(\w+) .*resumed=(\w+)", self.server.log("c2s")).groups()
            equal(said, "yes" if resumed else "no", "what the log says of " + event)
        return resumed, int(conn, 16) >> 32

    def arrive(self):
        self.session = None
        equal(self.visit()[0], False, "resumed, with nothing to resume")
        check(self.session.has_ticket, "there is no ticket")
        return self

    def meet(self, workers):
        """Comes back until it has met so many workers, and is resumed each time."""
        met = set()
        while len(met) < workers:
            resumed, worker = self.visit()
            check(resumed, f"not resumed; met {met}, then {worker}")
            met.add(worker)
        return met


@scene("a client comes back to any worker, by direct TLS or STARTTLS")
def _(server):
    for version in VERSIONS:
        guest = Guest(server, version).arrive()
        guest.meet(2)
        check(guest.visit(direct=False)[0], "not resumed behind STARTTLS")


@scene("sm trace says that the handshake was a short one")
def _(server):
    guest = Guest(server, VERSIONS[0]).arrive()
    trace = subprocess.Popen([server.program("sm"), "trace", "127.0.0.1", "--config", server.conf], stdout=subprocess.PIPE,
                             text=True, start_new_session=True, preexec_fn=end_with_us)
    lines = []
    threading.Thread(target=lambda: [lines.append(line) for line in trace.stdout], daemon=True).start()
    eventually(lambda: guest.visit()[0] and any("answer=resumed" in line for line in list(lines)), "the trace to say so")
    trace.terminate()
    trace.wait()


@scene("after a worker was killed, its successor knows its tickets")
def _(server):
    for version in VERSIONS:
        guest = Guest(server, version).arrive()
        before = guest.meet(2)
        for pid in server.children("c2s"):
            old = server.children("c2s")
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: len([c for c in server.children("c2s") if c not in old]) == 1, "another worker")
            eventually(server.workers_joined, "it to join")
        check(not guest.meet(2) & before, "those that were killed")


@scene("a reload changes nothing, but another certificate does")
def _(server):
    for version in VERSIONS:
        guest = Guest(server, version).arrive()
        server.sm("reload")
        guest.meet(2)
        certificate(server.folder)
        server.sm("reload")
        try:  # whom it trusts is gone; were it resumed, it would not see that
            guest.visit()
            check(False, "resumed with another certificate")
        except ssl.SSLCertVerificationError:
            pass
        Guest(server, version).arrive().meet(2)


@scene("after c2s was upgraded its tickets are still good, and those of its successor too")
def _(server):
    guests = [Guest(server, version).arrive() for version in VERSIONS]
    for _ in range(2):
        old = server.children("c2s")
        server.processes["c2s"].send_signal(signal.SIGUSR2)
        eventually(lambda: len([c for c in server.children("c2s") if c not in old]) == 2, "new workers")
        eventually(server.workers_joined, "the new workers to join")
        for guest in guests:
            guest.meet(2)


def setting(server, line):
    with open(server.conf) as f:
        text = f.read()
    with open(server.conf, "w") as f:
        f.write(re.sub(r"(?m)^ticket-lifetime = .*\n", "", text).replace("workers", line + "\nworkers", 1))
    return server.sm("reload").stdout


@scene("without ticket-lifetime there are no tickets, and with one again there are")
def _(server):
    for version in VERSIONS:
        guest = Guest(server, version).arrive()
        check("ticket-lifetime" in setting(server, "ticket-lifetime = 0"), "the reload does not say so")
        equal(guest.visit()[0], False, "resumed")
        check(not guest.session or not guest.session.has_ticket, "a ticket")
        setting(server, "ticket-lifetime = 1h")
        guest.arrive().meet(2)


@scene("tickets are no longer good when the keys have changed twice")
def _(server):
    for version in VERSIONS:
        setting(server, "ticket-lifetime = 1h")
        guest = Guest(server, version).arrive()
        guest.meet(2)
        setting(server, "ticket-lifetime = 1")
        guest.arrive()
        stale = guest.session
        server.forget_log("c2s")
        eventually(lambda: server.log("c2s").count("event=ticket_keys lifetime=1") > 2, "keys to change")
        guest.session = stale
        equal(guest.visit()[0], False, "resumed")


@scene("built with the other wolfSSL, Debian's, it resumes the same")
def _(_server):
    build = os.path.join(BUILD, "system")
    if not os.path.exists(os.path.join(build, "c2s")):
        raise Skip("not built")
    server = Server(build=build)
    for version in VERSIONS:
        Guest(server, version).arrive().meet(2)
    reports = server.sanitizer_reports()
    server.stop()
    equal(reports, [], "reports")


server = Server()
failed = play(server)
reports = server.sanitizer_reports() if server.folder else []
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
