# SPDX-License-Identifier: GPL-2.0-or-later
"""Other servers, as Debian packages them, started as `play` starts ours: own folder, free loopback ports, cores of the server,
limits off. Their accounts are made once, in a folder that each scene gets a copy of. Nothing of /etc or /var is touched.

Each has the modules that answer to what gatehouse does, no more: whatever else a package enables would only make it dearer."""
import atexit
import base64
import glob
import gzip
import hashlib
import hmac
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import xml.etree.ElementTree as xml

from play import ACCOUNTS, PASSWORD, SERVER_CORES, end_with_us, eventually, free_ports, pinned

ROUNDS = 4096
SALT = b"a salt for all of them"  # as in our own store: the load generator derives once, the servers keep nothing by salt
BACKLOG = 4096


class Missing(Exception):
    """Why a peer cannot take part, in one line."""


def prepare_child():
    end_with_us()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def users():
    return (f"u{i:05d}" for i in range(ACCOUNTS))


def fill(path, text):
    with open(path, "w") as f:
        f.write(text)


class Peer:
    """A subclass has name, package, configure() and start(), and accounts() that fills the template."""
    template = None

    @classmethod
    def prepare(cls, store):
        """Version, certificate and accounts; raises Missing."""
        found = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", cls.package], capture_output=True, text=True)
        status, _, cls.version = found.stdout.partition(" ")
        if status != "installed":
            raise Missing(f"{cls.package} is not installed and cannot be had")
        cls.template = tempfile.mkdtemp(prefix=f"gatehouse-{cls.package}-")
        atexit.register(shutil.rmtree, cls.template, ignore_errors=True)
        for name in ("cert.pem", "key.pem"):
            shutil.copy(os.path.join(store, name), cls.template)
        with open(os.path.join(cls.template, "both.pem"), "w") as f:
            for name in ("cert.pem", "key.pem"):
                with open(os.path.join(store, name)) as part:
                    f.write(part.read())
        try:
            cls.accounts()
        except (OSError, subprocess.SubprocessError, AssertionError) as e:
            raise Missing(f"{cls.name} could not be given accounts: {e}") from e

    def __init__(self, store, play):
        parent = tempfile.mkdtemp(prefix=f"gatehouse-{self.package}-")
        self.parent, self.folder = parent, os.path.join(parent, "d")
        shutil.copytree(self.template, self.folder)
        self.port, self.tls_port = free_ports(2)
        self.processes = []
        atexit.register(self.stop)
        self.configure()
        try:
            pinned(SERVER_CORES, self.start)
            eventually(lambda: self.ended() or (listens(self.port) and listens(self.tls_port)), f"{self.name} to listen", 60)
        except (OSError, AssertionError) as e:
            said = self.explain()
            self.stop()
            raise Missing(f"{self.name} does not start: {e}\n{said}") from e

    def ended(self):
        for p in self.processes:
            if p.poll() is not None:
                raise AssertionError(f"{p.args[0]} ended with {p.returncode}")
        return False

    def spawn(self, *words, **environment):
        with open(os.path.join(self.folder, "output.log"), "ab") as log:
            process = subprocess.Popen(words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                       preexec_fn=prepare_child, env=dict(os.environ, **environment))
        self.processes.append(process)

    def pids(self):
        return [p.pid for p in self.processes]

    def stop(self):
        """The last one started ends first; whoever does not is killed with its children."""
        for p in reversed(self.processes):
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
                try:
                    p.wait(15)
                except subprocess.TimeoutExpired:
                    os.killpg(p.pid, signal.SIGKILL)
                    p.wait()
        self.processes = []
        shutil.rmtree(self.parent, ignore_errors=True)

    def explain(self):
        rows = []
        for path in sorted(glob.glob(os.path.join(self.folder, "*.log"))):
            with open(path, errors="replace") as f:
                rows += [f"--- the end of {os.path.basename(path)}"] + f.read().splitlines()[-8:]
        return "\n".join(rows)


class Ejabberd(Peer):
    """Run by erl as ejabberdctl runs it, but without a node name: no epmd, and no user to become. Accounts come by its import of
    server data; the verifiers in it are SCRAM-SHA-1, as auth_password_format makes them. Its schedulers do not spin (+sbwt
    none), which is to its advantage in CPU time."""
    name = package = "ejabberd"
    shares = "passwords as SCRAM-SHA-1"

    @staticmethod
    def words(folder):
        return ["erl", "-noinput", "+K", "true", "+P", "250000", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none",
                "-mnesia", "dir", f'"{folder}/spool"', "-s", "ejabberd"]

    @staticmethod
    def environment(folder):
        places = glob.glob("/usr/lib/*/ejabberd-*/ebin") + glob.glob("/usr/lib/ejabberd-*/ebin")
        if not places:
            raise OSError("its modules are not where Debian has them")
        return {"ERL_LIBS": os.path.dirname(os.path.dirname(places[0])), "EJABBERD_CONFIG_PATH": f"{folder}/ejabberd.yml",
                "EJABBERD_LOG_PATH": f"{folder}/ejabberd.log", "ERL_CRASH_DUMP": f"{folder}/crash.dump", "HOME": folder,
                "ERL_MAX_PORTS": "32000"}

    @staticmethod
    def settings(folder, port, tls_port):
        fill(f"{folder}/ejabberd.yml", f"""hosts: [localhost]
loglevel: info
log_rotate_count: 0
certfiles: ["{folder}/both.pem"]
auth_password_format: scram
disable_sasl_mechanisms: [digest-md5, X-OAUTH2]
listen:
  - {{port: {port}, ip: "127.0.0.1", module: ejabberd_c2s, starttls: true, backlog: {BACKLOG}, max_stanza_size: 262144, shaper: none, access: all}}
  - {{port: {tls_port}, ip: "127.0.0.1", module: ejabberd_c2s, tls: true, backlog: {BACKLOG}, max_stanza_size: 262144, shaper: none, access: all}}
shaper_rules:
  max_user_sessions: infinity
modules:
  mod_caps: {{}}
  mod_carboncopy: {{}}
  mod_disco: {{}}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_roster: {{}}
  mod_stream_mgmt: {{}}
""")

    @classmethod
    def accounts(cls):
        salted = hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), SALT, ROUNDS)
        stored = hashlib.sha1(hmac.digest(salted, b"Client Key", "sha1")).digest()
        parts = (stored, hmac.digest(salted, b"Server Key", "sha1"), SALT)
        parts = [base64.b64encode(base64.b64encode(part)).decode() for part in parts]  # twice: so does its export
        word = "scram:" + ",".join(parts + [str(ROUNDS)])
        folder = cls.template
        fill(f"{folder}/accounts.xml", "<?xml version='1.0'?><server-data xmlns='urn:xmpp:pie:0'><host jid='localhost'>"
             + "".join(f"<user name='{user}' password='{word}'/>" for user in users()) + "</host></server-data>")
        cls.settings(folder, *free_ports(2))
        load = f'ok = ejabberd_piefxis:import_file(<<"{folder}/accounts.xml">>), init:stop().'
        done = subprocess.run(cls.words(folder) + ["-eval", load], cwd=folder, env=dict(os.environ, **cls.environment(folder)),
                              preexec_fn=end_with_us, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)
        if done.returncode:
            raise OSError(f"erl ended with {done.returncode}: {done.stdout[-400:]}{done.stderr[-400:]}")

    def configure(self):
        self.settings(self.folder, self.port, self.tls_port)

    def start(self):
        self.spawn(*self.words(self.folder), **self.environment(self.folder))


class Prosody(Peer):
    """Accounts are made by prosodyctl: the first one; the others are copies of its file, which prosodyctl would make one process
    at a time."""
    name = "Prosody"
    package = "prosody"
    shares = "passwords as SCRAM-SHA-1"

    @staticmethod
    def settings(folder, port, tls_port):
        fill(f"{folder}/prosody.cfg.lua", f"""run_as_root = true
data_path = "{folder}/data"
pidfile = "{folder}/prosody.pid"
log = {{ info = "{folder}/prosody.log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ {tls_port} }}
network_settings = {{ tcp_backlog = {BACKLOG} }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "offline", "carbons", "smacks" }}
modules_disabled = {{ "s2s" }}
ssl = {{ certificate = "{folder}/cert.pem", key = "{folder}/key.pem" }}
authentication = "internal_hashed"
storage = "internal"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
VirtualHost "localhost"
""")

    @classmethod
    def accounts(cls):
        folder = cls.template
        os.mkdir(f"{folder}/data")
        cls.settings(folder, *free_ports(2))
        done = subprocess.run(["prosodyctl", "--config", f"{folder}/prosody.cfg.lua", "register", "u00000", "localhost", PASSWORD], cwd=folder,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        first = f"{folder}/data/localhost/accounts/u00000.dat"
        if not os.path.exists(first):
            raise OSError(f"prosodyctl: {(done.stdout + done.stderr)[-400:]}")
        for user in users():
            if user != "u00000":
                shutil.copyfile(first, os.path.join(os.path.dirname(first), f"{user}.dat"))

    def configure(self):
        self.settings(self.folder, self.port, self.tls_port)

    def start(self):
        self.spawn("prosody", "-F", "--config", f"{self.folder}/prosody.cfg.lua")


class Jabberd2(Peer):
    """Debian's own files with other places in them. It has no tool for accounts, so they are rows of its documented schema; SCRAM
    needs the password itself there, so this is the peer whose passwords are not hashed."""
    name = package = "jabberd2"
    shares = "passwords in plain: its SCRAM cannot do otherwise"

    @classmethod
    def accounts(cls):
        with gzip.open("/usr/share/doc/jabberd2/db-setup.sqlite.gz", "rt") as f:
            schema = f.read()
        database = sqlite3.connect(os.path.join(cls.template, "sqlite.db"))
        try:
            database.executescript(schema)
            database.executemany("INSERT INTO authreg VALUES (?, 'localhost', ?)", ((user, PASSWORD) for user in users()))
            database.executemany('INSERT INTO active ("collection-owner", time) VALUES (?, 1)', ((f"{user}@localhost",) for user in users()))
            database.commit()
        except sqlite3.Error as e:
            raise OSError(f"sqlite: {e}") from e
        finally:
            database.close()

    def change(self, part, changes):
        """Debian's file of one part: texts by path; an element that is missing is made."""
        tree = xml.parse(f"/etc/jabberd2/{part}.xml")
        root = tree.getroot()
        changes = {"log/file": f"{self.folder}/{part}.log", "pidfile": f"{self.folder}/{part}.pid", "io/max_fds": "20000", **changes}
        for path, text in changes.items():
            at = root
            for word in path.split("/"):
                below = at.find(word)
                at = xml.SubElement(at, word) if below is None else below
            at.text = text
        return tree

    def configure(self):
        router = str(free_ports(1)[0])
        pem, database = f"{self.folder}/both.pem", f"{self.folder}/sqlite.db"
        join = {"router/port": router}
        c2s = self.change("c2s", {
            **join, "local/id": "localhost", "local/ip": "127.0.0.1", "local/port": str(self.port), "local/ssl-port": str(self.tls_port),
            "local/pemfile": pem, "io/limits/stanzas": "0", "authreg/sqlite/dbname": database,
            "authreg/mechanisms/sasl/scram-sha-1": None, "authreg/ssl-mechanisms/sasl/scram-sha-1": None})
        c2s.find("local/id").attrib = {"realm": "localhost", "pemfile": pem}
        parts = {
            "router": self.change("router", {"local/ip": "127.0.0.1", "local/port": router,
                                             "local/users": "/etc/jabberd2/router-users.xml"}),
            "sm": self.change("sm", {**join, "local/id": "localhost", "storage/sqlite/dbname": database}),
            "c2s": c2s}
        for part, tree in parts.items():
            tree.write(f"{self.folder}/{part}.xml")
        self.router = int(router)

    def start(self):
        self.spawn("jabberd2-router", "-c", f"{self.folder}/router.xml")
        eventually(lambda: self.ended() or listens(self.router), "the router to listen")
        self.spawn("jabberd2-sm", "-c", f"{self.folder}/sm.xml")
        self.spawn("jabberd2-c2s", "-c", f"{self.folder}/c2s.xml")
        eventually(lambda: self.ended() or self.online(), "its parts to join the router", 60)

    def online(self):
        """c2s listens earlier, and answers with internal-server-error until then."""
        with open(f"{self.folder}/router.log") as f:
            said = f.read()
        return all(f"[{who}] online" in said for who in ("sm", "localhost", "c2s"))


PEERS = (Ejabberd, Prosody, Jabberd2)
