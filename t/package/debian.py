#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of the Debian package (build/deb) in a small Debian of its own, from nothing to purge, with what can go wrong."""
import glob
import os
import shutil
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client
from server import eventually
from small_debian import CONF, Debian, newer, package
from tap import Skip, check, equal, finish, play, scene


def ready(debian):
    if not debian.init:
        raise Skip("there is no Debian to try it in")


@scene("package: it installs, makes its user and folders, and starts nothing before it is configured")
def _(d):
    d.prepare()
    said = d.install(package())
    check("not configured: name a domain and a certificate in /etc/gatehouse/gatehouse.conf" in said, said)
    for name in ("sm", "c2s"):
        d.do(f"service gatehouse-{name} status", 3)
    equal(d.do("stat -c '%a %U %G' /var/lib/gatehouse /var/log/gatehouse").split("\n")[:2],
          ["750 gatehouse gatehouse", "755 root adm"], "folders")
    check("/usr/sbin/nologin" in d.do("getent passwd gatehouse"), "the user logs in nowhere")
    equal(d.do("ls /etc/rc2.d | grep -c gatehouse").strip(), "2", "links of runlevel 2")
    check(d.do("sm --check", 78) and d.do("c2s --check", 78), "unusable as it is")


@scene("package: a certificate, a domain and two accounts later both services start, as the user gatehouse")
def _(d):
    ready(d)
    shutil.copy(os.path.join(d.folder, "cert.pem"), d.at("etc/gatehouse/certificate.pem"))
    shutil.copy(os.path.join(d.folder, "key.pem"), d.at("etc/gatehouse/private-key.pem"))
    d.do("chown root:gatehouse /etc/gatehouse/private-key.pem; chmod 640 /etc/gatehouse/private-key.pem")
    d.do("sed -i -e 's/^#domain .*/domain \"localhost\" {/' -e 's/^#}/}/' /etc/gatehouse/gatehouse.conf")
    d.do(f"sed -i -e 's/^#listen = .*/listen = {{\"127.0.0.1:{d.port}\"}}/' "
         f"-e 's/^#listen-tls = .*/listen-tls = {{\"127.0.0.1:{d.tls_port}\"}}/' /etc/gatehouse/gatehouse.conf")
    d.do("c2s --check")
    for name in ("alice", "bob"):
        d.password[name + "@localhost"] = "pw-" + name
        d.do(f"sm account add {name}@localhost", secret=f"pw-{name}\n")
    d.do("service gatehouse-sm start")
    d.do("service gatehouse-c2s start")
    for name in ("sm", "c2s"):
        d.do(f"service gatehouse-{name} status")
        check("already" in d.do(f"service gatehouse-{name} start"), name)
        equal(d.do(f"stat -c %U /proc/{d.pid(name)}").strip(), "gatehouse", "user of " + name)
    equal(d.do("find /run/gatehouse /var/lib/gatehouse ! -user gatehouse"), "", "what is not the user's")
    d.do("sm status")


@scene("package: two clients log in and talk, and the operator sees them")
def _(d):
    ready(d)
    d.alice, d.bob = Client(d).login("alice", "one"), Client(d, direct=True).login("bob", "two")
    d.alice.message("bob@localhost/two", "hello from a package")
    equal(d.bob.bodies(1), ["hello from a package"], "message")
    said = d.do("sm sessions")
    check("alice@localhost/one" in said and "bob@localhost/two" in said, said)


@scene("package: sm restarts alone; the clients stay, and what they send arrives")
def _(d):
    ready(d)
    before = d.pid("sm"), d.pid("c2s")
    d.do("service gatehouse-sm restart")
    check(d.pid("sm") != before[0] and d.pid("c2s") == before[1], "processes")
    d.bob.message("alice@localhost/one", "after the restart")
    equal(d.alice.bodies(1), ["after the restart"], "message")


@scene("package: reload is for a good configuration; a bad one neither reloads nor restarts")
def _(d):
    ready(d)
    before = d.pid("sm"), d.pid("c2s")
    for name in ("sm", "c2s"):
        d.do(f"service gatehouse-{name} reload")
        d.do(f"service gatehouse-{name} force-reload")
    d.do(f"cp /{CONF} /tmp/good; echo 'nonsense = 1' >>/{CONF}")
    for name in ("sm", "c2s"):
        for action in ("reload", "restart"):
            check("nonsense" in d.do(f"service gatehouse-{name} {action}", 6), "it says what is wrong")
    d.do(f"cp /tmp/good /{CONF}")
    equal((d.pid("sm"), d.pid("c2s")), before, "processes")
    d.alice.message("bob@localhost/two", "undisturbed")
    equal(d.bob.bodies(1), ["undisturbed"], "message")


@scene("package: the logs rotate, and the programs go on writing into the new ones")
def _(d):
    ready(d)
    check(d.read("var/log/gatehouse/c2s.log"), "a log")
    d.do("logrotate -f /etc/logrotate.d/gatehouse")
    check(os.path.exists(d.at("var/log/gatehouse/c2s.log.1")), "the old log")
    Client(d).login("alice", "rotated").close()
    eventually(lambda: "user=alice" in d.read("var/log/gatehouse/c2s.log") or "login" in d.read("var/log/gatehouse/c2s.log"),
               "a login in the new log")


@scene("package: an upgrade keeps configuration, accounts and who is connected, and runs the new version")
def _(d):
    ready(d)
    before, conf = (d.pid("sm"), d.pid("c2s")), d.read(CONF)
    d.install(newer(d.folder))
    check("+newer" in d.do("dpkg-query -W gatehouse"), "version")
    equal(d.read(CONF), conf, "configuration")
    for name in ("sm", "c2s"):
        d.do(f"service gatehouse-{name} status")
        equal(d.do(f"readlink /proc/{d.pid(name)}/exe").strip(), f"/usr/sbin/{name}", "not a deleted program")
    equal((d.pid("sm"), d.pid("c2s")), before, "processes, which executed the new programs in place")
    d.alice.message("bob@localhost/two", "after the upgrade")
    equal(d.bob.bodies(1), ["after the upgrade"], "message")
    Client(d).login("bob", "upgraded").close()


@scene("package: a user that went missing is made again at the start")
def _(d):
    ready(d)
    for name in ("c2s", "sm"):
        d.do(f"service gatehouse-{name} stop")
    uid = d.do("id -u gatehouse").strip()
    d.do("userdel gatehouse")
    d.do("service gatehouse-sm start; true")
    check(d.do("id -u gatehouse").strip(), "the user")
    d.do(f"service gatehouse-sm stop; usermod -u {uid} gatehouse; chown -R gatehouse:gatehouse /var/lib/gatehouse /run/gatehouse")
    d.do("service gatehouse-sm start")
    d.do("service gatehouse-c2s start; true")


@scene("package: removed, it stops, and leaves configuration and accounts")
def _(d):
    ready(d)
    d.do("dpkg --remove gatehouse")
    check(not [p for p in glob.glob(f"/proc/{d.first()}/root/proc/[0-9]*/exe") if "/usr/sbin/" in os.path.realpath(p)], "processes")
    check(os.path.exists(d.at(CONF)) and os.path.exists(d.at("var/lib/gatehouse/store.db")), "what must stay")
    d.do("sh /etc/init.d/gatehouse-sm start && sh /etc/init.d/gatehouse-c2s stop") # nothing to do is no fault


@scene("package: installed again it finds its accounts; purged, nothing is left but the certificate and the user")
def _(d):
    ready(d)
    d.install(package())
    check("alice@localhost" in d.do("sm account list"), "accounts")
    Client(d).login("alice", "again").close()
    d.do("dpkg --purge gatehouse")
    left = d.do("find / -xdev -path /proc -prune -o -iname '*gatehouse*' -print").split()
    equal(sorted(p for p in left if not p.startswith("/tmp/")), ["/etc/gatehouse"], "what is left")
    equal(sorted(os.listdir(d.at("etc/gatehouse"))), ["certificate.pem", "private-key.pem"], "in /etc/gatehouse")


debian = Debian()
try:
    failed = play(debian)
finally:
    debian.end()
finish(failed)
