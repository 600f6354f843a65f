#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator sees of running programs: readiness, logs, metrics, sm top, sm log-level, sm trace."""
import fcntl
import http.client
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client, Refused
from server import DEADLINE, Server, end_with_us, eventually, free_ports
from tap import check, equal, finish, play, scene


class Listener:
    """A datagram socket, as systemd's for readiness or a syslog daemon's. It is read at once: the kernel keeps ten."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder, name)
        self.heard = []
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        threading.Thread(target=self.read, args=(self.socket,), daemon=True).start()

    def read(self, from_socket):
        while True:
            data = from_socket.recv(65536)
            if not data:
                return
            self.heard.append(data.decode())

    def until(self, pattern):
        """The first that fits; those before it are dropped."""
        def found():
            while self.heard:
                text = self.heard.pop(0)
                if re.search(pattern, text):
                    return text
        return eventually(found, pattern)

    def next(self):
        return self.until("")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        os.unlink(self.path)


def with_sm(settings, accounts=("alice",)):
    """A server of its own, of which nothing runs yet."""
    return Server(settings, accounts=accounts, start=False)


def text_of(path):
    with open(path, errors="replace") as f:
        return f.read()


# -- readiness

@scene("both programs tell who started them when they are ready, with their process id, and when they stop")
def _(_):
    server = with_sm("")
    heard = Listener(server.folder, "notify")
    environment = {"NOTIFY_SOCKET": heard.path}
    for name, start in (("sm", server.start_sm), ("c2s", server.start_c2s)):
        start(environment)
        words = heard.next().split("\n")
        check("READY=1" in words and f"MAINPID={server.processes[name].pid}" in words, f"{name} said {words}")
        check("STATUS=serving" in words, f"{name} said {words}")
    server.kill_sm()  # a new child is no new readiness
    for name in ("c2s", "sm"):
        equal(server.terminate(name), 0, name)
        equal(heard.next(), "STOPPING=1", name)
    heard.close()
    server.stop()


@scene("c2s is not ready while sm is away, and becomes it as soon as sm is there")
def _(_):
    server = with_sm("")
    heard = Listener(server.folder, "notify")
    server.spawn("c2s", ["--config", server.conf], {"NOTIFY_SOCKET": heard.path})
    eventually(lambda: "event=link_down" in server.log("c2s"), "c2s to miss sm")
    equal(heard.heard, [], "what it says without sm")
    server.start_sm()
    check("STATUS=serving" in heard.next(), "status")
    server.stop()


# -- logs

@scene("log names a file: every process writes there, and goes on in a new one when it was moved away")
def _(_):
    server = with_sm('', accounts=())
    paths = {name: os.path.join(server.folder, name + ".events") for name in ("sm", "c2s")}
    for name, path in paths.items():
        with open(server.conf) as f:
            text = f.read()
        with open(os.path.join(server.folder, name + ".conf"), "w") as f:
            f.write(f'log = "{path}"\n' + text)
    server.account("alice@localhost")
    server.spawn("sm", ["serve", "--config", os.path.join(server.folder, "sm.conf")])
    eventually(server.answers, "sm to answer")
    server.spawn("c2s", ["--config", os.path.join(server.folder, "c2s.conf")])
    eventually(server.workers_joined, "the workers to join")
    Client(server, direct=True).login("alice", "one").close()
    eventually(lambda: "event=login" in text_of(paths["c2s"]), "a worker's line")
    eventually(lambda: "event=session_open" in text_of(paths["sm"]), "a line of sm's child")
    equal(os.stat(paths["sm"]).st_mode & 0o137, 0, "nobody else may read it")
    for path in paths.values():
        os.rename(path, path + ".1")
    for name, path in paths.items():
        eventually(lambda: os.path.exists(path) and "event=log_opened" in text_of(path), f"a new file of {name}")
    eventually(lambda: text_of(paths["sm"]).count("event=log_opened") + text_of(paths["sm"] + ".1").count("event=log_opened") >= 1,
               "sm to say so")

    def all_in_new():
        Client(server, direct=True).login("alice", "two").close()
        return "event=login" in text_of(paths["c2s"]) and "event=session_open" in text_of(paths["sm"])
    eventually(all_in_new, "lines of confined workers in the new file")
    pids = {int(pid) for pid in re.findall(r"c2s\[(\d+)\]", text_of(paths["c2s"]))}
    check(pids & set(server.children("c2s")), "no worker wrote to the new file")
    equal(server.terminate("c2s"), 0, "c2s")
    check("event=stop" in text_of(paths["c2s"]), "the end is not in the new file")
    server.stop()


@scene("log says syslog: each line is a datagram with its priority; a syslog daemon may come and go")
def _(_):
    folder = with_sm("")
    daemon = Listener(folder.folder, "log")
    server = with_sm(f'log = "syslog:{daemon.path}"')
    server.start_sm()
    server.start_c2s()
    Client(server, direct=True).login("alice", "r").close()
    line = daemon.until("event=login ")
    check(re.match(r"<30>c2s\[\d+\]: info event=login ", line) and not line.endswith("\n"), line)
    daemon.close()
    Client(server, direct=True).login("alice", "r").close()
    eventually(lambda: "event=login" in server.log("c2s"), "what syslog did not take on standard error")
    daemon.open()
    Client(server, direct=True).login("alice", "again").close()
    daemon.until("event=login ")
    server.stop()
    folder.stop()


@scene("a log that is no place, or cannot be opened, is said with file and line, and nothing starts")
def _(_):
    for value, status in (("journal", 78), ("relative/file", 78), ("/nonexistent/folder/log", None)):
        server = with_sm("", accounts=())
        with open(server.conf, "a") as f:
            f.write(f'log = "{value}"\n')
        line = len(text_of(server.conf).splitlines())
        for words in (["sm", "serve"], ["c2s"]):
            done = subprocess.run([server.program(words[0])] + words[1:] + ["--config", server.conf], capture_output=True,
                                  text=True, timeout=DEADLINE)
            check(done.returncode != 0 and (status is None or done.returncode == status), f"{value}: {done}")
            check(f":{line}: log" in done.stderr or value in done.stderr, f"{value}: {done.stderr}")
        server.stop()


# -- metrics

def scrape(port, method="GET", path="/metrics"):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    c.request(method, path)
    answer = c.getresponse()
    body = answer.read().decode()
    c.close()
    return answer, body


def samples(body):
    """{'name{labels}': value}, and that it is well-formed: HELP and TYPE before the first sample, none twice."""
    found, typed = {}, set()
    for line in body.splitlines():
        if line.startswith("# TYPE "):
            typed.add(line.split()[2])
            continue
        if line.startswith("# HELP "):
            continue
        m = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? (\d+)', line)
        check(m and m[1] in typed, line)
        check(m[1] + (m[2] or "") not in found, "twice: " + line)
        found[m[1] + (m[2] or "")] = int(m[3])
    return found


@scene("metrics-listen gives Prometheus sessions, workers, events and ghosts, and refuses everything else")
def _(server):
    c = Client(server, direct=True).login("alice", "counted")
    eventually(lambda: samples(scrape(server.metrics)[1])['gatehouse_events_total{event="login"}'] >= 1, "the login")
    answer, body = scrape(server.metrics)
    equal((answer.status, answer.getheader("Content-Type")), (200, "text/plain; version=0.0.4; charset=utf-8"), "answer")
    found = samples(body)
    equal(found["gatehouse_sessions"], 1, "sessions")
    equal(found["gatehouse_ghosts_total"], 0, "ghosts")
    workers = [v for k, v in found.items() if k.startswith("gatehouse_worker_sessions{")]
    equal((len(workers), sum(workers)), (2, 1), "sessions of the workers")
    equal(found['gatehouse_proofs_total{result="proved"}'] >= 1, True, "proofs")
    check("alice" not in body, "a user's name is in the metrics")
    equal(set(server.stats()["events"]), {k[len('gatehouse_events_total{event="'):-2] for k in found if k.startswith("gatehouse_events_total")}, "events")
    for method, path, status in (("GET", "/", 404), ("DELETE", "/metrics", 405), ("GET", "/metrics?x", 404)):
        equal(scrape(server.metrics, method, path)[0].status, status, f"{method} {path}")
    c.close()


@scene("metrics: clients that say nothing, too much or nonsense keep nobody else away for long, and sm serves on")
def _(server):
    def raw(data):
        s = socket.create_connection(("127.0.0.1", server.metrics), DEADLINE)
        s.sendall(data)
        return s
    silent = [raw(b"") for _ in range(20)]
    equal(raw(b"").getsockname()[0], "127.0.0.1", "one more waits")
    Client(server, direct=True).login("bob", "meanwhile").close()
    equal(silent[0].recv(12), b"HTTP/1.1 408", "who says nothing")
    equal(scrape(server.metrics)[0].status, 200, "afterwards")
    for data, status in ((b"x" * 5000, b"431"), (b"\0\r\n\r\n", b"400"), (b"GET /metrics HTTP/3.0\r\n\r\n", b"505")):
        s = raw(data)
        equal(s.recv(12)[9:], status, str(data[:20]))
        s.close()
    for s in silent:
        s.close()


@scene("metrics: counters of a worker that died still count, and a port that is taken keeps nobody from logging in")
def _(_):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    server = Server(f'metrics-listen = "127.0.0.1:{port}"', accounts=("alice",), workers=1)
    Client(server, direct=True).login("alice", "r").close()
    check("event=listen_failed" in server.log("sm"), "no word about the port")
    taken.close()
    def login_count():
        try:
            return samples(scrape(port)[1])['gatehouse_events_total{event="login"}']
        except OSError:
            return 0
    eventually(lambda: login_count() == 1, "the port to be tried again")
    worker = server.children("c2s")[0]
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: server.children("c2s") not in ([], [worker]) and server.workers_joined(), "another worker")
    equal(login_count(), 1, "logins, after the worker that counted them died")
    server.stop()


@scene("metrics-listen that is no address is said with file and line")
def _(_):
    for value in ("9222", "localhost:9222", "127.0.0.1:0", "127.0.0.1:70000", "[::1:9222", "127.0.0.1"):
        server = with_sm(f'metrics-listen = "{value}"', accounts=())
        server.spawn("sm", ["serve", "--config", server.conf])
        check(server.processes["sm"].wait(DEADLINE) != 0, value)
        check(re.search(r"gatehouse.conf:\d+: metrics-listen", server.log("sm")), server.log("sm"))
        server.stop()


# -- sm top

def take_terminal():
    end_with_us()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def on_terminal(server, *words, rows=24):
    """The command on a pseudo-terminal of 80 columns: process and descriptor."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
    process = subprocess.Popen([server.program("sm")] + list(words) + ["--config", server.conf], stdin=theirs, stdout=theirs,
                               stderr=theirs, start_new_session=True, preexec_fn=take_terminal)
    os.close(theirs)
    return process, ours


def read_until(fd, pattern):
    text = ""
    def found():
        nonlocal text
        try:
            text += os.read(fd, 65536).decode(errors="replace")
        except OSError:
            return True
        return re.search(pattern, text, re.S)
    eventually(found, pattern)
    return text


@scene("sm top --once prints one page: rates, sessions and queues of each worker, failures, databases; in 80 columns")
def _(server):
    clients = [Client(server, direct=True).login("alice", f"top{i}") for i in range(3)]
    try:
        Client(server, direct=True).login("bob", "x", password="wrong")
        raise AssertionError("a wrong password was taken")
    except Refused:
        pass
    def page():
        text = server.sm("top", "--once").stdout
        check(max(len(line) for line in text.splitlines()) <= 80, text)
        check("\033" not in text, "escapes without a terminal")
        return text
    text = eventually(lambda: (lambda t: t if re.search(r"auth-failed +[1-9]", t) else None)(page()), "the failure to be shown")
    check(re.search(r"sessions +3 ", text) and re.search(r"ghosts +0$", text, re.M), text)
    rows = re.findall(r"^ +\d+ +(\d+)  up +(\d+) +(\d+)", text, re.M)
    equal((len(rows), sum(int(r[1]) for r in rows)), (2, 3), "workers and their sessions")
    equal({int(r[0]) for r in rows}, set(server.children("c2s")), "pids")
    check(re.search(r"^store.db-writer +works", text, re.M), text)
    if os.environ.get("GATEHOUSE_TEST_SHOW"):
        print("\n".join("# " + line for line in text.splitlines()))
    for c in clients:
        c.close()


@scene("sm top on a terminal draws the page anew, ends by q and by Ctrl-C, and gives the terminal back")
def _(server):
    for key, rows in ((b"q", 24), (b"\x03", 10)):
        process, fd = on_terminal(server, "top", rows=rows)
        text = read_until(fd, "logins/s.*logins/s")
        check(text.startswith("\033[?1049h\033[?25l\033[H"), repr(text[:40]))
        first = text.split("\033[H")[1]
        check(first.count("\n") < rows, "it scrolls")
        os.write(fd, key)
        rest = read_until(fd, re.escape("\033[?1049l"))
        check(rest.endswith("\033[?25h\033[?1049l"), repr(rest[-40:]))
        equal(process.wait(DEADLINE), 0, "exit status")
        os.close(fd)
    done = server.sm("top", check=False)
    equal(done.returncode, 64, "without a terminal")


# -- sm log-level

def loud(server, name, word):
    """Does a login make that program say the word?"""
    server.forget_log(name)
    Client(server, direct=True).login("carol", "loud").close()
    try:
        eventually(lambda: word in server.log(name), word, 2)
        return True
    except AssertionError:
        return False


@scene("sm log-level changes what runs: sm, every worker, and those that are started later; a reload takes it back")
def _(_):
    server = Server('log-level = "notice"', accounts=("carol",), workers=1)
    check(not loud(server, "c2s", "event=login"), "info at notice")
    server.sm("log-level", "debug")
    check(loud(server, "c2s", "event=state"), "a worker did not follow")
    check("event=session_open" in server.log("sm"), "sm did not follow")
    server.sm("log-level", "error", "--program", "sm")
    server.forget_log("sm")
    check(loud(server, "c2s", "event=state") and "event=session_open" not in server.log("sm"), "--program sm")
    os.kill(server.children("c2s")[0], signal.SIGKILL)
    eventually(lambda: server.children("c2s") and server.workers_joined(), "another worker")
    check(loud(server, "c2s", "event=state"), "a new worker does not know")
    server.sm("reload")
    check(not loud(server, "c2s", "event=login"), "a reload did not take it back")
    for words in (("loud",), ("info", "--program", "all")):
        equal(server.sm("log-level", *words, check=False).returncode, 64, str(words))
    server.stop()


# -- sm trace

class Trace:
    def __init__(self, server, who):
        self.process = subprocess.Popen([server.program("sm"), "trace", who, "--config", server.conf], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, preexec_fn=end_with_us)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def read(self):
        try:
            self.text += os.read(self.process.stdout.fileno(), 65536).decode()
        except BlockingIOError:
            pass
        return self.text

    def until(self, pattern):
        eventually(lambda: re.search(pattern, self.read()), f"{pattern} in: {self.text}")
        return self.text

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(DEADLINE)
        self.process.stdout.close()


def follow(server, who, *more):
    """Logs in until the trace has begun, which nothing else says."""
    trace = Trace(server, who)
    def begun():
        Client(server, direct=True).login("alice", "begun").close()
        return "verb=" in trace.read()
    eventually(begun, "the trace to begin")
    trace.until("begun.* next=closing")
    eventually(lambda: server.sessions() == [], "sessions to end")
    trace.text = ""
    return trace


@scene("sm trace follows the logins of an account from the connection to the end, and tells nothing of what was sent")
def _(server):
    trace = follow(server, "Alice@localhost")
    Client(server).login("bob", "other").close()
    Client(server).login("alice", "traced", mechanism="PLAIN").close()
    text = trace.until("user=alice@localhost/traced .* next=closing")
    lines = [dict(w.split("=", 1) for w in line.split()) for line in text.splitlines()]
    equal({line["conn"] for line in lines} - {lines[0]["conn"]}, set(), "connections")
    equal(lines[0]["input"], "connect", "the first step")
    steps = [(line.get("verb"), line["next"]) for line in lines]
    for step in (("upgrade", "wait_for_tls"), ("secured", "wait_for_stream"), ("begin", "wait_for_salt"), ("derived", "wait_for_proof"),
                 ("judged", "wait_for_stream"), ("bind", "wait_for_open"), ("enter", "wait_for_session")):
        check(step in steps, f"{step} is not in {steps}")
    times = [int(line["ms"]) for line in lines]
    equal(times, sorted(times), "times")
    check("answer=sasl_start" in text and "answer=success" in text and "ip=127.0.0.1" in text, text)
    check("bob" not in text and server.password["alice@localhost"] not in text, text)
    try:
        Client(server, direct=True).login("alice", "x", password="wrong", mechanism="PLAIN")
    except Refused:
        pass
    trace.until("input=verdict:not-authorized .* answer=failure:not-authorized")
    trace.end()


@scene("sm trace follows an address, survives sm's own death not, and what it cannot trace it refuses")
def _(server):
    trace = follow(server, "127.0.0.1")
    c = Client(server)
    c.send("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
           "to='localhost' version='1.0'><secret-word/>")
    text = trace.until("answer=stream-error:")
    check("secret-word" not in text, text)
    c.sock.close()
    for pid in server.children("sm"):
        os.kill(pid, signal.SIGKILL)
    equal(trace.process.wait(DEADLINE), 69, "exit status")
    trace.until("sm has gone")
    eventually(lambda: server.answers() and server.workers_joined(), "sm to answer again")
    for who in ("localhost", "127.0.0.1/8", "@", "a b@x", "alice@"):
        equal(server.sm("trace", who, check=False).returncode, 1, who)


@scene("traces are eight at most, and one whose command is gone ends by itself")
def _(server):
    traces = [follow(server, "alice@localhost/begun")] + [Trace(server, "alice@localhost") for _ in range(7)]
    def full():
        p = Trace(server, "alice@localhost")
        try:
            return p.process.wait(1) == 1 and "too many" in p.read()
        except subprocess.TimeoutExpired:
            return False
        finally:
            p.end()
    eventually(full, "the ninth to be refused")
    for t in traces[1:]:
        t.end()
    def again():
        p = Trace(server, "bob@localhost")
        Client(server, direct=True).login("bob", "b").close()
        try:
            return p.process.wait(1) != 1
        except subprocess.TimeoutExpired:
            return True
        finally:
            p.end()
    eventually(again, "room for another one")
    traces[0].end()


metrics_port = free_ports(1)[0]
server = Server(settings=f'metrics-listen = "127.0.0.1:{metrics_port}"')
server.metrics = metrics_port
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
