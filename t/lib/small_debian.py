# SPDX-License-Identifier: GPL-2.0-or-later
"""A small Debian of its own for the package (build/deb): filled once from the machine's own package source, into build/package/; its
processes live in a namespace of theirs and end with it. The network is the machine's, so that clients of a scene reach it."""
import fcntl
import glob
import os
import re
import shutil
import subprocess
import tempfile

from server import certificate, eventually, free_ports
from tap import Skip

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BASE = os.path.join(ROOT, "build", "package", "base.tar")
CONF = "etc/gatehouse/gatehouse.conf"
# Process 1 of the namespace: waits for whatever is left to it, as every process 1 must.
INIT = 'use POSIX ":sys_wait_h"; while (1) { 1 while waitpid(-1, WNOHANG) > 0; select undef, undef, undef, 0.05 }'


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=900, **more)


def package():
    found = glob.glob(os.path.join(ROOT, "build", "deb", "gatehouse_*.deb"))
    if len(found) != 1:
        raise Skip("there is no package: make deb")
    return found[0]


def source():
    """The first suite and address that this machine takes packages from."""
    for path in ["/etc/apt/sources.list"] + sorted(glob.glob("/etc/apt/sources.list.d/*")):
        text = open(path).read() if os.path.isfile(path) else ""
        line = re.search(r"(?m)^deb\s+(?:\[.*?\]\s+)?(\S+)\s+(\S+)", text)
        uri, suite = re.search(r"(?m)^URIs:\s*(\S+)", text), re.search(r"(?m)^Suites:\s*(\S+)", text)
        if line:
            return line.group(2), line.group(1)
        if uri and suite:
            return suite.group(1), uri.group(1)
    raise Skip("this machine has no package source")


def make_base(folder):
    """A Debian with what the package depends on, as a tar file that later runs use again."""
    depends = run("dpkg-deb", "-f", package(), "Depends", "Pre-Depends").stdout
    names = {re.split(r"[ (|]", entry.strip())[0] for entry in re.sub(r"(?m)^[\w-]+:", ",", depends).replace("\n", ",").split(",")}
    suite, uri = source()
    wanted = ",".join(sorted(n for n in names if n) + ["logrotate", "sysvinit-core"])
    done = run("debootstrap", "--variant=minbase", "--include=" + wanted, suite, folder, uri)
    if done.returncode != 0:
        raise Skip("debootstrap does not work here: " + (done.stdout + done.stderr).strip().splitlines()[-1][:150])
    run("tar", "-C", folder, "-cf", BASE + ".new", ".", check=True)
    os.rename(BASE + ".new", BASE)


def fill(folder):
    os.makedirs(os.path.dirname(BASE), exist_ok=True)
    with open(BASE + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(BASE) and os.path.getmtime(BASE) > os.path.getmtime(os.path.join(ROOT, "etc/debian/control")):
            run("tar", "-C", folder, "-xf", BASE, check=True)
        else:
            make_base(folder)


class Debian:
    def __init__(self, transcript=None):
        """transcript: a file for every step with what it printed (or the environment's TRANSCRIPT)."""
        self.transcript = transcript or os.environ.get("TRANSCRIPT")
        self.init = None
        self.folder = None
        self.password = {}
        self.said = []

    def prepare(self):
        if os.getuid() != 0:
            raise Skip("needs root")
        for name in ("debootstrap", "unshare", "nsenter"):
            if not shutil.which(name):
                raise Skip(f"{name} is not installed")
        package()
        self.folder = tempfile.mkdtemp(prefix="gatehouse-debian-")
        os.chmod(self.folder, 0o755)
        self.root = os.path.join(self.folder, "root")
        os.mkdir(self.root)
        fill(self.root)
        self.init = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc=" + self.at("proc"),
             "chroot", self.root, "perl", "-e", INIT], stdin=subprocess.DEVNULL)
        eventually(lambda: self.first() and os.path.exists(f"/proc/{self.first()}/root/proc/1/stat"), "the namespace")
        with open(self.at("run/runlevel"), "w") as f:
            f.write("2N") # as a machine that has come up says it: runlevel 2, none before
        with open(self.at("etc/apt/apt.conf.d/70debconf"), "w") as f:
            f.write('Dpkg::Use-Pty "0";\n') # there is no terminal, and nobody to ask
        certificate(self.folder)
        self.port, self.tls_port = free_ports(2)

    def first(self):
        """Process 1 of the namespace, as it is known out here."""
        with open(f"/proc/{self.init.pid}/task/{self.init.pid}/children") as f:
            pids = f.read().split()
        return pids and pids[0]

    def at(self, path):
        return os.path.join(self.root, path)

    def read(self, path):
        with open(self.at(path)) as f:
            return f.read()

    def note(self, words):
        """What happens outside of the shell, for the transcript."""
        self.said.append(f"* {words}\n")

    def do(self, line, status=0, secret="", quiet=False):
        """A shell line inside; what it prints goes to the transcript too, unless it is of the scene's own making."""
        done = run("nsenter", "--target", self.first(), "--mount", "--pid", "--uts", "--ipc", "--root", "--wd", "env", "-i",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "HOME=/root",
                   "sh", "-c", "cd /root\n" + line, input=secret)
        if not quiet:
            self.said.append(f"# {line}\n{done.stdout}{done.stderr}")
        if done.returncode != status:
            raise AssertionError(f"{line}: {done.returncode}, wanted {status}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout + done.stderr

    def pid(self, name):
        return self.read(f"run/gatehouse-{name}.pid").strip()

    def install(self, path):
        shutil.copy(path, self.at("tmp/gatehouse.deb"))
        return self.do("dpkg -i /tmp/gatehouse.deb")

    def end(self):
        if self.init:
            self.init.kill()
            self.init.wait()
        if self.transcript and self.said:
            with open(self.transcript, "w") as f:
                f.write("\n".join(self.said))
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def explain(self):
        return "\n".join(self.said[-3:]).splitlines()


def newer(folder):
    """The same package under a later version number."""
    tree = os.path.join(folder, "newer")
    run("dpkg-deb", "-R", package(), tree, check=True)
    path = os.path.join(tree, "DEBIAN", "control")
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(re.sub(r"(?m)^(Version: .*)$", r"\1+newer", text))
    run("dpkg-deb", "--root-owner-group", "-b", tree, tree + ".deb", check=True)
    return tree + ".deb"
