# SPDX-License-Identifier: GPL-2.0-or-later
"""The scene cli: how long the commands of sm take, from starting the program to its end, while many sessions are there."""
import contextlib
import os
import re
import resource
import statistics
import subprocess
import tempfile
import time

from play import BUILD, LOAD_CORES, PASSWORD, Gatehouse, eventually, make_store, number, pinned

SESSIONS = min(number("SESSIONS", 10000), resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200, 18000)
RUNS = number("RUNS", 40)
HEAD = ("command", "median", "90%", "max", "CPU: sm", "itself", "bytes")
FORM = "{:<40} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9}"
COMMANDS = (["sessions"], ["sessions", "--json"], ["sessions", "--domain", "localhost"], ["sessions", "--user", "u00042"],
            ["sessions", "--user", "u00042@localhost"], ["session", "{sid}"], ["status"], ["status", "--json"], ["stats"],
            ["stats", "--json"], ["kick", "u{n:05d}@localhost"], ["account", "list"], ["log-level", "info"])


class Run:
    """A server, so many clients who are online over TLS and say nothing, and commands."""

    def __init__(self, store):
        self.server = Gatehouse(store, {}).server
        self.output = tempfile.TemporaryFile(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.kicked = 0

    def crowd(self):
        options = {"scene": "idle", "tls": "direct", "clients": SESSIONS, "accounts": SESSIONS, "seconds": 3600, "kicks": 1,
                   "password": PASSWORD, "port": self.server.port, "tls-port": self.server.tls_port,
                   "servers": self.server.processes["sm"].pid}
        words = [os.path.join(BUILD, "t", "bench", "load")] + [f"{key}={value}" for key, value in options.items()]
        return pinned(LOAD_CORES, lambda: subprocess.Popen(words, stdout=subprocess.DEVNULL))

    def answer(self, *words):
        return subprocess.run([self.server.program("sm"), *words, "--config", self.server.conf], capture_output=True, text=True,
                              check=True).stdout

    def online(self):
        return int(re.search(r"sessions +(\d+)", self.answer("stats")).group(1))

    def spent(self):
        """CPU of the serving sm, in ms."""
        (child,) = self.server.children("sm")
        total = 0
        for thread in os.listdir(f"/proc/{child}/task"):
            with open(f"/proc/{child}/task/{thread}/schedstat") as f:
                total += int(f.read().split()[0])
        return total / 1e6

    def once(self, words):
        """Milliseconds that passed, and CPU of the command; its output goes to a file in memory."""
        program = self.server.program("sm")
        self.output.truncate(0)
        self.output.seek(0)
        out = [(os.POSIX_SPAWN_DUP2, self.output.fileno(), 1)]
        began = time.perf_counter()
        pid = os.posix_spawn(program, [program, "--config", self.server.conf, *words], os.environ, file_actions=out)
        _, status, used = os.wait4(pid, 0)
        passed = time.perf_counter() - began
        if status:
            raise SystemExit(f"sm {' '.join(words)} ended with {status}")
        return passed * 1e3, (used.ru_utime + used.ru_stime) * 1e3

    def words(self, command):
        """Each time somebody else is kicked."""
        self.kicked += command[0] == "kick"
        return [word.format(sid=self.sid, n=self.kicked) for word in command]

    def measure(self, command):
        before = self.spent()
        runs = [self.once(self.words(command)) for _ in range(RUNS)]
        passed = sorted(run[0] for run in runs)
        return {"median_ms": statistics.median(passed), "p90_ms": passed[int(len(passed) * 0.9)], "max_ms": passed[-1],
                "sm_cpu_ms": (self.spent() - before) / RUNS, "own_cpu_ms": statistics.median(run[1] for run in runs),
                "bytes": os.fstat(self.output.fileno()).st_size}

    def play(self):
        eventually(lambda: self.online() >= SESSIONS, "everybody to be online", 90)
        self.sid = re.search(r"\b[0-9a-f]{16}\b", self.answer("sessions", "--user", "u00001")).group(0)
        return pinned(LOAD_CORES, lambda: {" ".join(c): self.measure(c) for c in COMMANDS})


@contextlib.contextmanager
def running(store):
    run = Run(store)
    load = run.crowd()
    try:
        yield run
        if load.poll() is not None:
            raise SystemExit("the sessions ended before the commands did")
    finally:
        load.terminate()
        load.wait()
        run.server.stop()
        run.output.close()


def play_cli(stores):
    stores["cli"] = make_store(SESSIONS, 0)
    print(f"\n# {SESSIONS} sessions, each command {RUNS} times, wall clock in ms")
    print(FORM.format(*HEAD), flush=True)
    with running(stores["cli"]) as run:
        figures = run.play()
    for command, f in figures.items():
        numbers = [f"{f[key]:.1f}" for key in ("median_ms", "p90_ms", "max_ms", "sm_cpu_ms", "own_cpu_ms")]
        print(FORM.format(f"sm {command}", *numbers, f["bytes"]))
    return {"sessions": SESSIONS, "runs": RUNS, "commands": figures}
