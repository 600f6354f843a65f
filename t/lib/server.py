# SPDX-License-Identifier: GPL-2.0-or-later
"""The two real programs on free loopback ports, in a folder of their own; ended by what started them, and only that."""
import atexit
import ctypes
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DEADLINE = float(os.environ.get("GATEHOUSE_TEST_DEADLINE", "30"))  # seconds that a scene waits for an event
BUILD = os.environ.get("GATEHOUSE_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build"))


PR_SET_PDEATHSIG = 1


def end_with_us():
    """In a child: whatever becomes of the scene, its server does not outlive it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def eventually(ask, what, deadline=None):
    """Polls until ask() is true and returns its value; the deadline is there to fail, not to measure."""
    end = time.monotonic() + (deadline or DEADLINE)
    while True:
        value = ask()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)


def free_ports(count):
    """Ports that nobody has now, from below the range that outgoing connections are given theirs from: a scene beside
    us that connects thousands of times must not take one before we listen."""
    ports = []
    while len(ports) < count:
        port = random.randrange(10000, 32768)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def certificate(folder):
    """A CA and a certificate for localhost and example.test in `folder`; made by the openssl command."""
    def openssl(*words):
        subprocess.run(("openssl",) + words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=gatehouse test CA")
    openssl("req", *ec, "-keyout", "key.pem", "-out", "host.csr", "-subj", "/CN=localhost")
    with open(os.path.join(folder, "san"), "w") as f:
        f.write("subjectAltName=DNS:localhost,DNS:example.test,IP:127.0.0.1,IP:::1\n")
    openssl("x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-extfile", "san", "-out", "cert.pem")


class Server:
    """settings: lines for the top of the file; domains: {name: lines inside its section}; faults: environment of one program."""

    def __init__(self, settings="", domains=None, workers=2, accounts=("alice", "bob", "carol"), build=None,
                 sm_environment=None, start=True):
        self.build = build or BUILD
        self.folder = tempfile.mkdtemp(prefix="gatehouse-")
        self.port, self.tls_port = free_ports(2)
        self.processes = {}
        self.password = {}
        atexit.register(self.stop)
        certificate(self.folder)
        sections = "".join('domain "%s" {\n%s\n}\n' % (name, lines)
                           for name, lines in (domains or {"localhost": ""}).items())
        self.conf = os.path.join(self.folder, "gatehouse.conf")
        if "auth-" not in settings:  # scenes fail to log in as often as they like
            settings += '\nauth-exempt = {"127.0.0.1", "::1"}\n'
        level = "" if "log-level" in settings else 'log-level = "debug"'
        with open(self.conf, "w") as f:
            f.write(f"""run-directory = "run"
state-directory = "state"
listen = {{"127.0.0.1:{self.port}"}}
listen-tls = {{"127.0.0.1:{self.tls_port}"}}
certificate = "cert.pem"
private-key = "key.pem"
workers = {workers}
{level}
{settings}
{sections}""")
        for name in ("run", "state"):
            os.mkdir(os.path.join(self.folder, name), 0o700)
        for name in accounts:
            self.account(name if "@" in name else name + "@localhost")
        if start:
            self.start_sm(sm_environment)
            self.start_c2s()

    def account(self, jid, password=None):
        password = password or "pw-" + jid
        self.sm("account", "add", jid, secret=password)
        self.password[jid] = password

    def program(self, name):
        return os.path.join(self.build, name)

    def spawn(self, name, words, environment=None):
        log = open(os.path.join(self.folder, name + ".log"), "ab")
        env = dict(os.environ, **(environment or {}))
        self.processes[name] = subprocess.Popen([self.program(name)] + words, stdout=log, stderr=log, env=env,
                                                stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=end_with_us)
        log.close()

    def start_sm(self, environment=None):
        self.spawn("sm", ["serve", "--config", self.conf], environment)
        eventually(lambda: self.answers() or self.ended("sm"), "sm to answer")

    def start_c2s(self, environment=None):
        self.spawn("c2s", ["--config", self.conf], environment)
        eventually(self.workers_joined, "the workers to join sm")

    def answers(self):
        return self.sm("status", check=False).returncode == 0

    def ended(self, name):
        status = self.processes[name].poll()
        if status is not None:
            raise AssertionError(f"{name} ended with {status}: {self.log(name)[-600:]}")
        return False

    def workers_joined(self):
        self.ended("c2s")
        status = self.status()
        return status and status["workers"] and all(w["joined"] for w in status["workers"])

    def sm(self, *words, secret=None, check=True):
        """Runs the CLI; returns the finished process with .stdout and .stderr as text."""
        done = subprocess.run([self.program("sm")] + list(words) + ["--config", self.conf], capture_output=True, text=True,
                              input=(secret + "\n") if secret is not None else None,
                              stdin=subprocess.DEVNULL if secret is None else None, timeout=DEADLINE * 2)
        if check and done.returncode != 0:
            raise AssertionError(f"sm {' '.join(words)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def status(self):
        done = self.sm("status", "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def sessions(self, *words):
        return json.loads(self.sm("sessions", "--json", *words).stdout)

    def stats(self):
        return json.loads(self.sm("stats", "--json").stdout)

    def log(self, name):
        with open(os.path.join(self.folder, name + ".log"), errors="replace") as f:
            return f.read()

    def forget_log(self, name):
        os.truncate(os.path.join(self.folder, name + ".log"), 0)

    def children(self, name):
        """Process ids of the program's children (workers of c2s, the serving child of sm)."""
        parent = self.processes[name].pid
        with open(f"/proc/{parent}/task/{parent}/children") as f:
            return [int(pid) for pid in f.read().split()]

    def kill_sm(self):
        """kill -9 of the serving child; returns when another one answers."""
        old = self.children("sm")
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: [c for c in self.children("sm") if c not in old], "another sm child")
        eventually(lambda: self.answers() and self.workers_joined(), "sm to answer again")

    def terminate(self, name):
        process = self.processes[name]
        process.send_signal(signal.SIGTERM)
        return process.wait(DEADLINE * 2)

    def stop(self):
        for name in ("c2s", "sm"):
            process = self.processes.get(name)
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        self.processes = {}
        if self.folder:
            keep = os.environ.get("GATEHOUSE_TEST_KEEP")
            if not keep:
                shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def sanitizer_reports(self):
        found = []
        for name in ("sm", "c2s"):
            found += re.findall(r"(?m)^.*(?:ERROR: \w+Sanitizer|runtime error:|event=internal|CHECK|event=parser_mismatch).*$",
                                self.log(name))
        return found

    def explain(self):
        if not self.folder:
            return []
        return [f"--- {n}.log" for n in ()] + [line for name in ("sm", "c2s") if os.path.exists(os.path.join(self.folder, name + ".log"))
                                               for line in [f"--- the end of {name}.log"] + self.log(name).splitlines()[-25:]]
