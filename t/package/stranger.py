#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a stranger does with the package, by the README and nothing else, while two people (slixmpp) talk: from nothing to purge. Every
step, with what it printed, is written to build/deb/transcript.txt."""
import asyncio
import os
import shutil
import socket
import ssl
import sys
import tempfile
import threading
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
try:
    import slixmpp
except ImportError:
    slixmpp = None
from server import DEADLINE, certificate, eventually
from small_debian import ROOT, Debian, newer, package
from tap import Skip, check, equal, finish, play, scene

DOMAIN = "example.test"
TRANSCRIPT = os.path.join(ROOT, "build", "deb", "transcript.txt")


class Person:
    """Somebody with slixmpp, on a thread that all of them share."""
    loop = None

    def __init__(self, d, name, resource):
        self.d, self.jid, self.inbox, self.losses = d, f"{name}@{DOMAIN}/{resource}", [], 0
        if not Person.loop:
            Person.loop = asyncio.new_event_loop()
            threading.Thread(target=Person.loop.run_forever, daemon=True).start()
        self.online = threading.Event()
        asyncio.run_coroutine_threadsafe(self.come(), Person.loop).result(DEADLINE)
        check(self.online.wait(DEADLINE), self.jid + " does not get in")

    async def come(self):
        asyncio.set_event_loop(Person.loop)
        self.client = slixmpp.ClientXMPP(self.jid, "pw-" + self.jid.split("@")[0])
        self.client.ca_certs = os.path.join(self.d.folder, "ca.pem")
        self.client.add_event_handler("session_start", self.started)
        self.client.add_event_handler("message", lambda m: self.inbox.append(m["body"]))
        self.client.add_event_handler("disconnected", self.lost)
        self.client.connect(("127.0.0.1", self.d.port))

    def started(self, _):
        self.client.send_presence()
        self.online.set()

    def lost(self, _):
        self.losses += 1

    def say(self, to, words):
        Person.loop.call_soon_threadsafe(lambda: self.client.send_message(mto=to.jid, mbody=words, mtype="chat"))

    def heard(self, words):
        eventually(lambda: words in self.inbox, f"{self.jid} to hear: {words}")
        self.d.note(f"{self.jid} reads: {words}")

    def leave(self):
        Person.loop.call_soon_threadsafe(self.client.disconnect)
        eventually(lambda: self.losses, self.jid + " to leave")


def ready(d):
    if not d.init:
        raise Skip("there is no Debian to try it in")


def served_certificate(d):
    """The serial number of what a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", d.tls_port), DEADLINE) as plain, \
            context.wrap_socket(plain, server_hostname=DOMAIN) as secure:
        return secure.getpeercert(binary_form=True)


def both_stay(d):
    equal((d.alice.losses, d.bob.losses), (0, 0), "connections lost")


@scene("a stranger installs the package, names a domain and a certificate, adds two accounts, and starts it")
def _(d):
    if not slixmpp:
        raise Skip("slixmpp is not installed")
    d.prepare()
    shutil.copy(package(), d.at("root/gatehouse.deb"))
    for name in ("cert.pem", "key.pem"):
        shutil.copy(os.path.join(d.folder, name), d.at("root"))
    d.do("apt-get install -qq ./gatehouse.deb")
    d.do("install -m 644 cert.pem /etc/gatehouse/certificate.pem")
    d.do("install -m 640 -g gatehouse key.pem /etc/gatehouse/private-key.pem")
    d.do(f"sed -i -e 's/^#domain .*/domain \"{DOMAIN}\" {{/' -e 's/^#}}/}}/' /etc/gatehouse/gatehouse.conf")
    d.note("the ports of this machine are shared with others, so free ones are taken instead of 5222 and 5223")
    d.do(f"sed -i -e 's/^#listen = .*/listen = {{\"127.0.0.1:{d.port}\"}}/' "
         f"-e 's/^#listen-tls = .*/listen-tls = {{\"127.0.0.1:{d.tls_port}\"}}/' /etc/gatehouse/gatehouse.conf")
    d.do("grep -v '^[[:space:]]*#' /etc/gatehouse/gatehouse.conf | grep .")
    d.do("c2s --check")
    for name in ("alice", "bob"):
        d.do(f"echo pw-{name} | sm account add {name}@{DOMAIN}")
    d.do("service gatehouse-sm start")
    d.do("service gatehouse-c2s start")
    d.do("sm status")


@scene("two clients log in and talk, and the operator sees who is in, what goes on, and each step of a login")
def _(d):
    ready(d)
    d.alice, d.bob = Person(d, "alice", "phone"), Person(d, "bob", "desk")
    d.note("alice and bob log in with slixmpp: STARTTLS, SCRAM")
    d.alice.say(d.bob, "hello bob")
    d.bob.heard("hello bob")
    said = d.do("sm sessions")
    check(d.alice.jid in said and d.bob.jid in said, said)
    check("sessions" in d.do("sm top --once"), "top")
    d.do(f"sm trace bob@{DOMAIN} >/root/trace.txt 2>&1 & echo $! >/root/trace.pid", quiet=True)
    eventually(lambda: "trace" in d.read("var/log/gatehouse/sm.log"), "the trace to begin")
    Person(d, "bob", "tablet").leave()
    eventually(lambda: "session_established" in d.read("root/trace.txt"), "the whole login")
    d.do("kill $(cat /root/trace.pid)", quiet=True)
    d.said.append(f"# sm trace bob@{DOMAIN}     (and bob logs in once more, from his tablet)\n" + d.read("root/trace.txt"))


@scene("another certificate and a reload: whoever is connected stays, a new connection is shown the new one")
def _(d):
    ready(d)
    before = served_certificate(d)
    with tempfile.TemporaryDirectory() as folder:
        certificate(folder)
        for name in ("cert.pem", "key.pem"):
            shutil.copy(os.path.join(folder, name), d.at("root"))
        for name in ("ca.pem",):
            shutil.copy(os.path.join(folder, name), d.folder)
    d.do("install -m 644 cert.pem /etc/gatehouse/certificate.pem")
    d.do("install -m 640 -g gatehouse key.pem /etc/gatehouse/private-key.pem")
    d.do("sm reload")
    with open(d.at("etc/gatehouse/certificate.pem")) as f:
        wanted = ssl.PEM_cert_to_DER_cert(f.read())
    check(before != wanted, "it is the same certificate")
    equal(served_certificate(d), wanted, "certificate")
    d.note("a new connection is shown the new certificate; it is not the one from before")
    d.alice.say(d.bob, "have you noticed anything?")
    d.bob.heard("have you noticed anything?")
    both_stay(d)


@scene("a newer package is installed while they talk: nothing is lost, nobody is disconnected")
def _(d):
    ready(d)
    shutil.copy(newer(d.folder), d.at("root/gatehouse-newer.deb"))
    over = threading.Event()
    sent = []

    def talk():
        while not over.wait(0.01):
            sent.append(f"message {len(sent)}")
            d.alice.say(d.bob, sent[-1])
    talker = threading.Thread(target=talk)
    first = len(d.bob.inbox)
    talker.start()
    try:
        said = d.do("apt-get install -qq ./gatehouse-newer.deb")
    finally:
        over.set()
        talker.join()
    equal(said.count("upgraded in place"), 2, said)
    d.do("dpkg-query -W gatehouse")
    eventually(lambda: len(d.bob.inbox) >= first + len(sent), "the last message")
    equal(d.bob.inbox[first:], sent, "messages, none lost, none twice, in order")
    d.note(f"alice sent {len(sent)} messages meanwhile; bob has all of them, in order")
    both_stay(d)
    Person(d, "bob", "tablet").leave()
    d.note("bob logs in once more, with the new program")
    said = d.do("sm sessions")
    check(d.alice.jid in said and d.bob.jid in said, said)


@scene("removed it is silent, purged it is gone")
def _(d):
    ready(d)
    d.do("apt-get remove -qq gatehouse")
    eventually(lambda: d.alice.losses and d.bob.losses, "the streams to end")
    d.note("the streams of alice and bob have ended")
    d.do("ls /etc/gatehouse /var/lib/gatehouse")
    d.do("apt-get purge -qq gatehouse")
    d.do("ls -A /etc/gatehouse /var/lib/gatehouse; which c2s sm", 1)


debian = Debian(TRANSCRIPT)
try:
    failed = play(debian)
finally:
    debian.end()
finish(failed)
