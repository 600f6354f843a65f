# SPDX-License-Identifier: GPL-2.0-or-later
"""What `run` and `peers` share: the options, the scenes, the server and the floor as they start them, and one scene played."""
import datetime
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from certificates import issue  # noqa: E402
from server import BUILD, Server, certificate, end_with_us, eventually, free_ports  # noqa: E402,F401


def number(name, default):
    return int(os.environ.get(name, default))


BUILD = os.path.abspath(BUILD)
SECONDS = number("SECONDS", 5)
PAIRS = number("PAIRS", 100)
IDLE = min(number("IDLE", 10000), resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200)
STORM = number("STORM", 2000)
RESOURCES = number("RESOURCES", 100)
CONTACTS = number("CONTACTS", 2000)
LOGINS = number("LOGINS", 16)     # at the same time
FIRST = number("FIRST", 200)      # accounts that log in by PLAIN for the first time
SCENES = os.environ.get("SCENES", "").split()
MESSAGES = number("MESSAGES", 100000)  # that wait for one account
FLOOR = number("FLOOR", 1)
PASSWORD = "bench"

TLS_LOGIN = {"tls": "starttls", "scene": "login", "clients": LOGINS}
CHAT = {"tls": "direct", "scene": "chat", "clients": PAIRS, "nap": 100}
# Servers of ours alone, with a setting of the domain: the floor and the peers have no such login.
ALONE = {**TLS_LOGIN, "accounts": 200, "alone": True}
OLD = {**ALONE, "store": "old"}
SASL2 = {**ALONE, "tls": "direct", "sasl2": 1}
# The first account's contacts, each with a session; the floor knows no rosters, and plays it with one account's resources.
FRIENDS = {"tls": "direct", "scene": "presence", "store": "friends", "floor": {"accounts": 1}}
# name: what the load generator is told; nap: what the floor's workers sleep before a turn, in us (floor.c says why);
# alone: see above; floor: what it is told instead; domain: lines for the server's configuration; store: which accounts
PLAY = {
    "login-plain-first": {"tls": "none", "mechanism": "PLAIN", "scene": "login", "clients": 8, "once": 1, "accounts": FIRST,
                          "store": "PLAIN"},
    "login-plain": {"tls": "none", "mechanism": "PLAIN", "scene": "login", "clients": LOGINS, "accounts": 100, "store": "PLAIN"},
    "login-plain-tls": {**ALONE, "mechanism": "PLAIN", "accounts": 100, "store": "PLAIN"},
    "login-sha1": {**TLS_LOGIN, "mechanism": "SCRAM-SHA-1"},
    "login-sha256": {**TLS_LOGIN, "mechanism": "SCRAM-SHA-256"},
    "login-resumed": {**TLS_LOGIN, "mechanism": "SCRAM-SHA-1", "resume": 1},
    "login-direct": {**TLS_LOGIN, "tls": "direct", "mechanism": "SCRAM-SHA-1"},
    "login-sha512": {**ALONE, "mechanism": "SCRAM-SHA-512"},
    "login-sha256-plus": {**ALONE, "mechanism": "SCRAM-SHA-256-PLUS"},
    "login-digest": {**OLD, "mechanism": "DIGEST-MD5", "domain": 'mechanisms = {"DIGEST-MD5"}'},
    "login-cram": {**OLD, "mechanism": "CRAM-MD5", "domain": 'mechanisms = {"CRAM-MD5"}'},
    "login-anonymous": {**ALONE, "mechanism": "ANONYMOUS", "domain": 'mechanisms = {"ANONYMOUS"}'},
    "login-external": {**ALONE, "mechanism": "EXTERNAL", "accounts": 1, "certificate": "client.pem", "key": "client.key",
                       "domain": 'client-ca = "ca.pem"\nmechanisms = {"EXTERNAL", "SCRAM-SHA-1"}'},
    "login-iq-auth": {**ALONE, "iq-auth": 1, "store": "PLAIN", "accounts": 100, "domain": "iq-auth = yes"},
    "login-sasl2": {**SASL2, "mechanism": "SCRAM-SHA-256"},
    "login-fast": {**SASL2, "mechanism": "HT-SHA-256-NONE", "accounts": 64},
    "chat-1": {**CHAT, "window": 1},
    "chat-16": {**CHAT, "window": 16},
    "presence": {"tls": "direct", "scene": "presence", "clients": RESOURCES, "accounts": 1},
    "presence-100": {**FRIENDS, "clients": 101, "accounts": 101},
    "presence-contacts": {**FRIENDS, "clients": CONTACTS + 1, "accounts": CONTACTS + 1},
    "offline": {"tls": "direct", "scene": "offline", "clients": 32, "messages": MESSAGES, "accounts": 200, "alone": True,
                "domain": "offline-messages = 10000000\noffline-bytes = 10737418240"},
    "storm": {"tls": "starttls", "scene": "storm", "clients": STORM},
    "idle": {"tls": "direct", "scene": "idle", "clients": IDLE, "seconds": 2},
}
ACCOUNTS = max(2 * PAIRS, STORM, IDLE, LOGINS)


def cores():
    """Server and load each on their own core, when there are two."""
    mine = sorted(os.sched_getaffinity(0))
    return ({mine[0]}, set(mine[1:])) if len(mine) > 1 else (set(mine), set(mine))


SERVER_CORES, LOAD_CORES = cores()
WORKERS = number("WORKERS", len(SERVER_CORES))


def pinned(where, start):
    """Runs start() with the affinity that its children are to inherit."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, where)
    try:
        return start()
    finally:
        os.sched_setaffinity(0, before)


class Gatehouse:
    """The two real programs, on a store that has the accounts already."""
    name = "gatehouse"

    def __init__(self, store, play):
        settings = f"""log-level = "info"
connections-per-address = 0
negotiations-per-worker = 100000
allow-plaintext = "loopback"
"""
        domain = "sessions-per-account = 10000\n" + play.get("domain", "")
        self.server = Server(settings, {"localhost": domain}, workers=WORKERS, accounts=(), build=BUILD, start=False)
        shutil.copy(os.path.join(store, "store.db"), os.path.join(self.server.folder, "state", "store.db"))
        if "certificate" in play:
            issue(self.server.folder, "client", "u00000@localhost", self.server.folder)
        pinned(SERVER_CORES, lambda: (self.server.start_sm(), self.server.start_c2s()))
        self.port, self.tls_port = self.server.port, self.server.tls_port

    def files(self, play):
        """The client's certificate and key, which are named as they are in the server's folder."""
        return {word: os.path.join(self.server.folder, play[word]) for word in ("certificate", "key") if word in play}

    def pids(self):
        return [self.server.processes[name].pid for name in ("sm", "c2s")]

    def stop(self):
        self.server.stop()

    def explain(self):
        return "\n".join(self.server.explain())


class Floor:
    """t/bench/floor.c, with the same number of workers."""
    name = "floor"

    def __init__(self, store, play):
        self.port, self.tls_port = free_ports(2)
        words = [os.path.join(BUILD, "t", "bench", "floor"), str(self.port), str(self.tls_port),
                 os.path.join(store, "cert.pem"), os.path.join(store, "key.pem"), str(WORKERS), str(play.get("once", 0)),
                 os.environ.get("NAP", str(play.get("nap", 0)))]
        self.process = pinned(SERVER_CORES, lambda: subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        if self.process.stdout.readline() != b"ready\n":
            raise SystemExit("the floor does not start")

    def pids(self):
        return [self.process.pid]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def explain(self):
        return ""


def make_store(accounts, unique, *more):
    """Accounts and a certificate, made once for all scenes."""
    folder = tempfile.mkdtemp(prefix="gatehouse-bench-")
    certificate(folder)
    subprocess.run([os.path.join(BUILD, "t", "bench", "accounts"), folder, str(accounts), str(unique), PASSWORD, *more], check=True)
    return folder


def make_stores():
    """PLAIN's derivations must not be shared, but those of the load generator's clients may."""
    return {"PLAIN": make_store(max(FIRST, 100), FIRST), "old": make_store(200, 0, "old"),
            "friends": make_store(max(CONTACTS, 100) + 1, 0, "friends"), None: make_store(max(ACCOUNTS, 200), 0)}


def store_for(play, stores):
    return stores[play.get("store")]


NOT_TOLD = ("nap", "alone", "domain", "store", "table", "floor")


def play_scene(name, server, play):
    files = server.files(play) if "certificate" in play else {}
    play = {**play, **(play.get("floor", {}) if server.name == "floor" else {})}
    play = {**{key: value for key, value in play.items() if key not in NOT_TOLD}, **files}
    options = {"accounts": ACCOUNTS, "seconds": SECONDS, "password": PASSWORD, "lenient": int(server.name == "floor"),
               "mechanism": "SCRAM-SHA-1", **play, "port": server.port, "tls-port": server.tls_port,
               "servers": ",".join(str(pid) for pid in server.pids())}
    words = [os.path.join(BUILD, "t", "bench", "load")] + [f"{key}={value}" for key, value in options.items()]
    done = pinned(LOAD_CORES, lambda: subprocess.run(words, stdout=subprocess.PIPE, text=True))
    if not done.stdout:
        raise SystemExit(f"{name} with {server.name}: the load generator ended with {done.returncode}")
    return json.loads(done.stdout)


def measure(name, make, store, explain=True, play=None):
    """One scene on a fresh server; and what the server said when something is wrong."""
    play = play or PLAY[name]
    server = make(store, play)
    try:
        figures = play_scene(name, server, play)
        if explain and trouble(figures):
            print(f"{name}, {server.name}: {trouble(figures)}\n{server.explain()}", file=sys.stderr)
        return figures
    finally:
        server.stop()


def trouble(f):
    found = [f"{f[word]} {word}" for word in ("lost", "doubled", "disordered", "failed") if f[word]]
    return ", ".join(found + [f["why"]] if found else [])


def by_process(f):
    """What a process spent on an operation: time, calls of read and write, and how often it was woken."""
    return ", ".join(f"{p['name'].replace(' (child)', '')} {p['cpu_us']:.1f} us {p['calls']:.2g} calls {p['wakes']:.2g} wakes"
                     for p in f["processes"] if p["cpu_us"] >= 0.05)


def microseconds(us):
    return f"{us / 1000:.1f} ms" if us >= 1000 else f"{us:.0f} us"


def ratio(ours, floor, key):
    return f"{ours[key] / floor[key]:.2f}" if floor and floor[key] > 0 else "-"


def chosen():
    return [name for name in PLAY if not SCENES or any(name.startswith(word) for word in SCENES)]


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo") as f:
        for row in f:
            if row.startswith("model name"):
                model = row.partition(":")[2].strip()
                break
    version = subprocess.run([os.path.join(BUILD, "c2s"), "--version"], capture_output=True, text=True).stdout.strip()
    return {"processor": model, "kernel": platform.release(), "server_cores": sorted(SERVER_CORES),
            "load_cores": sorted(LOAD_CORES), "workers": WORKERS, "version": version, "load": os.getloadavg()[0],
            "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}
