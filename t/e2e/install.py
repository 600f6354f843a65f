#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make install` puts in place (as staged in BUILD/stage), read as an administrator and the system's tools would read it; and the
init scripts at work, in a folder of their own."""
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client
from server import BUILD, certificate, eventually, free_ports
from tap import Skip, check, equal, finish, play, scene

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
STAGE = os.path.join(BUILD, "stage")
FILES = {
    "usr/sbin/sm": 0o755, "usr/sbin/c2s": 0o755,
    "etc/init.d/gatehouse-sm": 0o755, "etc/init.d/gatehouse-c2s": 0o755, "usr/share/gatehouse/init-functions": 0o644,
    "etc/default/gatehouse": 0o644, "etc/logrotate.d/gatehouse": 0o644, "etc/gatehouse/gatehouse.conf": 0o644,
    "lib/systemd/system/gatehouse.target": 0o644, "lib/systemd/system/gatehouse-sm.service": 0o644,
    "lib/systemd/system/gatehouse-c2s.service": 0o644, "usr/lib/tmpfiles.d/gatehouse.conf": 0o644,
    "usr/lib/sysusers.d/gatehouse.conf": 0o644, "usr/share/bash-completion/completions/sm": 0o644,
    "usr/share/bash-completion/completions/c2s": 0o644, "usr/share/doc/gatehouse/gatehouse.conf": 0o644,
    "usr/share/doc/gatehouse/examples/fail2ban/filter.d/gatehouse.conf": 0o644,
    "usr/share/doc/gatehouse/examples/fail2ban/jail.d/gatehouse.conf": 0o644,
    "usr/share/man/man8/sm.8": 0o644, "usr/share/man/man8/c2s.8": 0o644, "usr/share/man/man5/gatehouse.conf.5": 0o644,
    "usr/share/man/man7/gatehouse-events.7": 0o644, "usr/share/man/man7/gatehouse-protocol.7": 0o644,
}


def staged(path):
    if not os.path.isdir(STAGE):
        raise Skip("nothing is staged: make stage")
    return os.path.join(STAGE, path)


def read(path):
    with open(path) as f:
        return f.read()


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=120, **more)


def tool(name):
    path = shutil.which(name)
    if not path:
        raise Skip(f"{name} is not installed")
    return path


def pages():
    return [staged(path) for path in FILES if "/man/" in path]


def rows(table, pattern):
    return re.findall(pattern, read(os.path.join(ROOT, table)), re.M)


def rendered(page):
    """The page as words: overstrikes away, blanks single."""
    return re.sub(r"\s+", " ", re.sub(r".\x08", "", run(tool("mandoc"), "-Tascii", "-Owidth=1000", page).stdout))


@scene("install: every file is there, with its mode, and no other")
def _():
    found = {}
    for folder, _folders, names in os.walk(staged("")):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, STAGE)] = stat.S_IMODE(os.stat(path).st_mode)
    equal(found, FILES, "files")


@scene("install: another prefix is in every file that names the programs")
def _():
    staged("")
    with tempfile.TemporaryDirectory() as folder:
        done = run(os.path.join(ROOT, "etc/install"), folder, "/opt/x", "/opt/etc", "/opt/units", BUILD)
        equal(done.returncode, 0, done.stderr)
        for path in ("opt/units/gatehouse-sm.service", "opt/units/gatehouse-c2s.service", "opt/x/share/gatehouse/init-functions",
                     "opt/etc/init.d/gatehouse-sm", "opt/etc/init.d/gatehouse-c2s"):
            text = read(os.path.join(folder, path))
            check(not re.search(r"/usr/sbin/(sm|c2s|\$)|/usr/share/gatehouse|(?<!opt)/etc/gatehouse", text), path)
            check("/opt/x/" in text, path)


@scene("install: a configuration that is there already is kept")
def _():
    staged("")
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "etc/gatehouse"))
        path = os.path.join(folder, "etc/gatehouse/gatehouse.conf")
        with open(path, "w") as f:
            f.write("# mine\n")
        run(os.path.join(ROOT, "etc/install"), folder, "/usr", "/etc", "/lib/systemd/system", BUILD, check=True)
        equal(read(path), "# mine\n", "the configuration")


@scene("install: the sample configuration lacks nothing but a domain, a certificate and a key")
def _():
    text = read(staged("etc/gatehouse/gatehouse.conf"))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "gatehouse.conf")

        def says(program, words):
            with open(path, "w") as f:
                f.write(words)
            done = run(os.path.join(BUILD, program), "--check", "--config", path)
            return done.returncode, done.stdout + done.stderr
        for program in ("sm", "c2s"):
            status, why = says(program, text)
            check(status == 78 and "domain" in why, why)
        named = re.sub(r'(?ms)^#domain "example\.org" \{(.*)^#\}', r'domain "example.org" {\1}', text)
        check(named != text, "there is no domain to take the # from")
        equal(says("sm", named)[0], 0, "sm with a domain")
        status, why = says("c2s", named)
        check(status == 78 and "certificate.pem" in why, why)
        certificate(folder)
        os.rename(os.path.join(folder, "cert.pem"), os.path.join(folder, "certificate.pem"))
        os.rename(os.path.join(folder, "key.pem"), os.path.join(folder, "private-key.pem"))
        equal(says("c2s", named), (0, f"{path}: ok\n"), "c2s with all")


@scene("install: every setting, command, event, message and condition is in its manual page")
def _():
    tool("mandoc")
    wanted = {
        "man5/gatehouse.conf.5": [n.replace("_", "-") for n in rows("common/settings.def", r"^(?:DOMAIN_)?SETTING\((\w+),")],
        "man7/gatehouse-events.7": rows("common/event.def", r"^EVENT\(\d+, (\w+),"),
        "man7/gatehouse-protocol.7": rows("proto/messages.def", r"^MSG\(\d+, (\w+),") + rows(
            "common/condition.def", r'^\w+_CONDITION\(\w+, "([^"]*)"'),
        "man8/sm.8": rows("sm/commands.def", r'^CMD\("([^"]*)"') + rows("sm/commands.def", r'^CMD.*?\[(--[a-z-]+)'),
    }
    for page, names in wanted.items():
        text = rendered(staged("usr/share/man/" + page))
        check(names, page)
        equal([n for n in names if n not in text], [], page)


@scene("install: mandoc finds no fault in the manual pages")
def _():
    lint = tool("mandoc")
    for page in pages():
        said = run(lint, "-Tlint", "-Wstyle", page).stdout.splitlines()
        equal([line for line in said if "referenced manual not found" not in line and "operating system" not in line], [], page)


@scene("install: man formats the manual pages without a warning")
def _():
    man = tool("man")
    if not shutil.which("groff"):
        raise Skip("groff is not installed")
    for page in pages():
        done = run(man, "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page,
                   env=dict(os.environ, LC_ALL="C.UTF-8", MANROFFSEQ="", MANWIDTH="80"))
        equal((done.returncode, done.stderr), (0, ""), page)


@scene("install: the shell finds no fault in the scripts")
def _():
    lint = tool("shellcheck")
    scripts = [os.path.join(ROOT, path) for path in (
        "etc/init.d/gatehouse-sm", "etc/init.d/gatehouse-c2s", "etc/init.d/init-functions", "etc/debian/gatehouse.postinst",
        "etc/debian/gatehouse.prerm", "etc/debian/gatehouse.postrm", "etc/install", "etc/make-deb")]
    done = run(lint, "-s", "sh", *scripts)
    equal((done.returncode, done.stdout), (0, ""), "as sh")
    done = run(lint, "-s", "bash", staged("usr/share/bash-completion/completions/sm"),
               staged("usr/share/bash-completion/completions/c2s"))
    equal((done.returncode, done.stdout), (0, ""), "completion")


@scene("install: systemd understands every line of the units")
def _():
    analyze = tool("systemd-analyze")
    units = [staged(path) for path in FILES if path.startswith("lib/systemd")]
    with tempfile.TemporaryDirectory() as folder:
        for path in units: # the programs by their own names, so that they are found
            text = read(path).replace("/usr/sbin/", os.path.abspath(staged("usr/sbin")) + "/")
            with open(os.path.join(folder, os.path.basename(path)), "w") as f:
                f.write(re.sub(r"(?m)^Documentation=.*\n", "", text))
        done = run(analyze, "verify", "--man=no", *(os.path.join(folder, os.path.basename(path)) for path in units))
    said = [line for line in done.stderr.splitlines() if "gatehouse" in line]
    if not said and done.returncode != 0:
        raise Skip("systemd-analyze does not work here: " + done.stderr.strip()[:100])
    equal(said, [], "verify")


COMPLETE = r"""
. "$1"
sm() { case "$*" in
    *sessions*) echo '{"sessions": [{"jid": "alice@example.org/my phone", "sid": "00ab"}, {"jid": "bob@example.org/x", "sid": "00cd"}]}' ;;
    *account*) echo '{"accounts": [{"jid": "carol@example.org"}]}' ;;
esac; }
compopt() { :; }
shift
for line; do
    COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
    _gatehouse_sm
    (IFS=,; printf '%s\n' "${COMPREPLY[*]}")
done
"""


@scene("install: the shell completes commands, options, accounts and who is in")
def _():
    lines = {"sm sess": "session,sessions", "sm account pa": "passwd", "sm kick al": "alice@example.org/my\\ phone",
             "sm kick alice@ex": "example.org/my\\ phone", "sm kick 00": "00ab,00cd", "sm session 00c": "00cd",
             "sm account remove c": "carol@example.org", "sm kick x --rea": "--reason", "sm sessions --user c": "carol@example.org",
             "sm --vers": "--version", "sm --config /nowhere account l": "list"}
    done = run("bash", "-c", COMPLETE, "bash", staged("usr/share/bash-completion/completions/sm"), *lines)
    equal(dict(zip(lines, done.stdout.splitlines())), lines, "completion")


# --- the init scripts -----------------------------------------------------------------------------------------------------------


class Service:
    """Installed for good, but below a folder, and with a user that every system has."""

    def __init__(self):
        staged("")
        if os.getuid() != 0:
            raise Skip("needs root")
        if not shutil.which("start-stop-daemon"):
            raise Skip("there is no start-stop-daemon")
        self.folder = tempfile.mkdtemp(prefix="gatehouse-")
        os.chmod(self.folder, 0o755)
        run(os.path.join(ROOT, "etc/install"), "", self.at("usr"), self.at("etc"), self.at("units"), BUILD, check=True)
        for name in ("pid", "log"):
            os.mkdir(self.at(name))
        with open(self.at("etc/default/gatehouse"), "a") as f:
            f.write(f"SERVICE_USER=nobody PID_DIRECTORY={self.at('pid')} RUN_DIRECTORY={self.at('run')}\n"
                    f"STATE_DIRECTORY={self.at('state')} LOG_DIRECTORY={self.at('log')}\n")
        certificate(self.folder)
        for name in ("cert.pem", "key.pem"):
            shutil.copy(self.at(name), self.at("etc/gatehouse"))
        os.chmod(self.at("etc/gatehouse/key.pem"), 0o640)
        shutil.chown(self.at("etc/gatehouse/key.pem"), "root", pwd.getpwnam("nobody").pw_gid)
        self.port, self.tls_port = free_ports(2)
        self.password = {}

    def at(self, path):
        return os.path.join(self.folder, path)

    def configure(self, more=""):
        with open(self.at("etc/gatehouse/gatehouse.conf"), "w") as f:
            f.write(f"""user = "nobody"
run-directory = "{self.at('run')}"
state-directory = "{self.at('state')}"
listen = {{"127.0.0.1:{self.port}"}}
listen-tls = {{"127.0.0.1:{self.tls_port}"}}
certificate = "cert.pem"
private-key = "key.pem"
workers = 2
{more}
domain "localhost" {{
}}
""")

    def do(self, name, action, status=0):
        done = run(self.at("etc/init.d/gatehouse-" + name), action)
        if done.returncode != status:
            raise AssertionError(f"{name} {action}: {done.returncode}, wanted {status}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def pid(self, name):
        return int(read(self.at(f"pid/gatehouse-{name}.pid")))

    def sm(self, *words, secret=""):
        return run(self.at("usr/sbin/sm"), *words, "--config", self.at("etc/gatehouse/gatehouse.conf"), input=secret)

    def end(self):
        for name in ("c2s", "sm"):
            run(self.at("etc/init.d/gatehouse-" + name), "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def is_gone(pid):
    try:
        return not os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return True


def served(play_it):
    def scene_of_service():
        service = Service()
        try:
            play_it(service)
        finally:
            service.end()
    return scene_of_service


@scene("init scripts: start, stop, restart, reload and status do and answer what the Linux Standard Base says")
@served
def _(s):
    for name in ("sm", "c2s"):
        check("not configured" in s.do(name, "start", 6), name)
        s.do(name, "status", 3)
        s.do(name, "stop")
        s.do(name, "reload", 7)
        s.do(name, "dance", 2)
    s.configure()
    for name in ("sm", "c2s"):
        s.do(name, "start")
        s.do(name, "status")
        check("already" in s.do(name, "start"), name)
        equal(os.stat(f"/proc/{s.pid(name)}").st_uid, pwd.getpwnam("nobody").pw_uid, "user of " + name)
    equal(s.sm("account", "add", "alice@localhost", secret="pw-alice@localhost\n").returncode, 0, "account")
    s.password["alice@localhost"] = "pw-alice@localhost"
    alice = Client(s).login("alice", "first")
    gates, house = s.pid("c2s"), s.pid("sm")
    for name in ("sm", "c2s"):
        s.do(name, "reload")
        s.do(name, "force-reload")
    s.do("sm", "restart")
    check(s.pid("sm") != house and s.pid("c2s") == gates, "sm restarts alone")
    alice.message("alice@localhost/first", "still here")
    equal(alice.bodies(1), ["still here"], "across the restart of sm")
    s.do("c2s", "try-restart")
    check(s.pid("c2s") != gates, "another c2s")
    for name in ("c2s", "sm"):
        s.do(name, "stop")
        s.do(name, "status", 3)
        check(not os.path.exists(s.at(f"pid/gatehouse-{name}.pid")), "the pid file of " + name)
    s.do("sm", "try-restart")
    s.do("sm", "status", 3)


@scene("init scripts: upgrade executes the new programs in place: the same processes, and whoever is connected stays")
@served
def _(s):
    for name in ("sm", "c2s"):
        check("does not run" in s.do(name, "upgrade"), name)
    s.configure()
    for name in ("sm", "c2s"):
        s.do(name, "start")
    s.sm("account", "add", "alice@localhost", secret="pw-alice@localhost\n")
    s.password["alice@localhost"] = "pw-alice@localhost"
    alice = Client(s).login("alice", "first")
    before = s.pid("sm"), s.pid("c2s")
    for name in ("sm", "c2s"):
        path = s.at("usr/sbin/" + name)
        shutil.copy2(path, path + ".new")
        os.rename(path + ".new", path)
        check("upgraded in place" in s.do(name, "upgrade"), name)
        equal(os.stat(f"/proc/{s.pid(name)}/exe").st_ino, os.stat(path).st_ino, "binary of " + name)
        alice.message("alice@localhost/first", "still here")
        equal(alice.bodies(1), ["still here"], "across the upgrade of " + name)
    equal((s.pid("sm"), s.pid("c2s")), before, "processes")


@scene("init scripts: a wrong configuration neither stops nor reloads what runs")
@served
def _(s):
    s.configure()
    s.do("sm", "start")
    s.do("c2s", "start")
    before = s.pid("sm"), s.pid("c2s")
    s.configure("workers-of-the-world = unite")
    for name in ("sm", "c2s"):
        for action in ("restart", "reload", "force-reload"):
            said = s.do(name, action, 6)
            check("gatehouse.conf:9" in said and "workers-of-the-world" in said, said)
        s.do(name, "status")
    equal((s.pid("sm"), s.pid("c2s")), before, "processes")


@scene("init scripts: a program that cannot start, or that was killed, is told as such, and starts when it can")
@served
def _(s):
    s.configure()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", s.port))
        taken.listen()
        said = s.do("c2s", "start", 1)
        check("could not start" in said and str(s.port) in said, said)
        s.do("c2s", "status", 3)
    s.do("c2s", "start")
    pid = s.pid("c2s")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: is_gone(pid), "c2s to be gone")
    s.do("c2s", "status", 1)
    eventually(lambda: run(s.at("etc/init.d/gatehouse-c2s"), "start").returncode == 0, "c2s to start again")
    check(s.pid("c2s") != pid, "another process")


finish(play())
