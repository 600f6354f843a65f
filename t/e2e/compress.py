#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stream compression (XEP-0138) where a domain lets it, by a client that packs with Python's zlib: when it may be had, what it
carries, and the bombs that it must not be."""
import os
import random
import re
import ssl
import sys
import zlib
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import BIND, CLIENT, COMPRESS, COMPRESS_FEATURE, SASL, STREAMS, Client, Refused
from server import Server, eventually
from tap import Skip, check, equal, finish, play, scene

OFFER = f"{{{COMPRESS_FEATURE}}}compression"
HEADER = f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' to='localhost' version='1.0'>"


def authenticated(server, domain="localhost", user="alice"):
    c = Client(server, direct=True).open(domain)
    c.first = c.features()
    c.auth_plain(user, server.password[f"{user}@{domain}"])
    c.open(domain)
    c.second = c.features()
    return c


def compressed(server, user="alice"):
    c = authenticated(server, user=user).compress().open()
    c.third = c.features()
    return c


def online(server, resource, user="alice"):
    return compressed(server, user).bind(resource).available()


def refusal(c, method="zlib"):
    try:
        c.compress(method)
    except Refused as why:
        return why.condition
    raise AssertionError("it was not refused")


def row(server, jid):
    return [s for s in server.sessions() if s["jid"] == jid][0]


def heap(pid):
    """KiB of anonymous memory."""
    with open(f"/proc/{pid}/maps") as maps:
        spans = [[int(end, 16) for end in line.split()[0].split("-")] for line in maps]
    if any(end - begin > 1 << 40 for begin, end in spans):
        raise Skip("memory is not measured under a sanitizer")
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return int(re.search(r"Anonymous:\s+(\d+)", rollup.read()).group(1))


def workers(server):
    return [w["pid"] for w in server.status()["workers"]]


def counted(server, name, least):
    """Workers report every two seconds."""
    return eventually(lambda: server.stats()["events"][name] >= least, f"{least} of {name}")


def raw(c, packed):
    """These bytes as they are; the server may end the stream in their midst."""
    c.packer = None
    c.new_parser()
    try:
        c.send(packed)
    except (OSError, ssl.SSLError):
        pass
    return c


@scene("it is offered to who has authenticated, and to nobody before or twice; bind comes behind it")
def _(server):
    c = compressed(server)
    equal([OFFER in [f.tag for f in features] for features in (c.first, c.second, c.third)], [False, True, False], "offers")
    equal([m.text for m in c.second.find(OFFER)], ["zlib"], "methods")
    check(f"{{{BIND}}}bind" in [f.tag for f in c.third], "no bind")
    check(f"{{{SASL}}}mechanisms" not in [f.tag for f in c.third], "SASL again")
    c.close()


@scene("a compressed session talks both ways; sm and the log know of it")
def _(server):
    alice = online(server, "packed")
    bob = Client(server, direct=True).login("bob", "plain", mechanism="PLAIN")
    words = [f"<&> \u20ac {n} " + "words " * (n % 50) for n in range(500)]
    for body in words:
        bob.message(alice.jid, body)
    equal(alice.bodies(len(words)), words, "to the compressed client")
    for body in words:
        alice.message(bob.jid, body)
    equal(bob.bodies(len(words)), words, "from the compressed client")
    equal((row(server, alice.jid)["compressed"], row(server, bob.jid)["compressed"]), (True, False), "what sm shows")
    log = server.log("c2s")
    check(re.search(r"event=login .*user=\S*alice@localhost/packed\S* .*compression=zlib", log), "the login's line")
    check(re.search(r"event=login .*user=\S*bob@localhost/plain\S* .*compression=none", log), "the other login's line")
    alice.close()
    bob.close()


@scene("before authentication, twice, and after bind it is setup-failed; another method is unsupported; the stream goes on")
def _(server):
    c = Client(server).open()
    c.features()
    equal(refusal(c), "setup-failed", "in plain")
    c.starttls().open().features()
    equal(refusal(c), "setup-failed", "before authentication")
    c.auth_plain("alice", server.password["alice@localhost"])
    c.open().features()
    equal(refusal(c, "lzw"), "unsupported-method", "another method")
    c.compress().open().features()
    equal(refusal(c), "setup-failed", "twice")
    c.bind("after")
    equal(refusal(c), "setup-failed", "after bind")
    c.available().close()


@scene("a domain without it neither offers nor grants it")
def _(server):
    c = authenticated(server, "plain.test")
    check(OFFER not in [f.tag for f in c.second], "it is offered")
    equal(refusal(c), "unsupported-method", "asked all the same")
    c.bind("plain").close()


@scene("who does not wait for the answer loses the stream")
def _(server):
    for behind in (HEADER.encode(), zlib.compress(HEADER.encode())):
        c = authenticated(server)
        c.send(f"<compress xmlns='{COMPRESS}'><method>zlib</method></compress>".encode() + behind)
        equal(c.stream_error(), "policy-violation", repr(behind[:9]))


@scene("what is no zlib, wants a dictionary, or ends its zlib stream is bad-format; a truncated one is a hang-up")
def _(server):
    packer = zlib.compressobj(zdict=b"<message/>")
    for packed in (HEADER.encode(), b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"x" * 50, zlib.compress(HEADER.encode()),
                   packer.compress(HEADER.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)):
        c = raw(authenticated(server).compress(), packed)
        equal(c.stream_error(), "bad-format", repr(packed[:9]))
    check(counted(server, "unzip_failed", 4), "the counter")
    before = workers(server)
    for cut in range(1, 60, 7):
        raw(authenticated(server).compress(), zlib.compress(HEADER.encode())[:cut]).vanish()
    compressed(server).close()
    equal(workers(server), before, "workers")


@scene("250 MB of blanks in 250 kB end the stream in constant memory, and are counted; so does one stanza of a letter")
def _(server):
    calm = online(server, "calm", "bob")
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(b" " * 1000000) for _ in range(250)) + packer.flush(zlib.Z_SYNC_FLUSH)
    check(len(bomb) < 300000, f"{len(bomb)} bytes are no bomb")
    opened = zlib.compressobj(9)
    stanza = opened.compress(HEADER.encode() + b"<message><body>" + b"z" * 50000000) + opened.flush(zlib.Z_SYNC_FLUSH)
    raw(authenticated(server).compress(), stanza).stream_error()
    before = [heap(pid) for pid in workers(server)]
    for packed in (bomb, stanza):
        c = raw(authenticated(server).compress(), packed)
        equal(c.stream_error(), "policy-violation", "the bomb's stream")
    grown = [now - then for now, then in zip([heap(pid) for pid in workers(server)], before)]
    check(max(grown) < 2048, f"the workers grew by {grown} KiB")
    check(counted(server, "zip_bomb", 3), "the counter")
    equal(calm.quiet(), [], "another client")
    calm.close()


@scene("who packs much more than a turn inflates is heard to the end, in order, and others between")
def _(server):
    calm = online(server, "calm", "bob")
    c = online(server, "loud")
    dice = random.Random(1)
    c.send("".join(dice.choice(" \n\t\r") for _ in range(3000000)))
    equal(calm.quiet(), [], "another client")
    words = [f"{n} {dice.random()} " * 20 for n in range(1500)]
    c.send("".join(f"<message to='{calm.jid}' type='chat'><body>{word}</body></message>" for word in words))
    equal(calm.bodies(len(words)), words, "what the loud one said")
    equal(c.quiet(), [], "the loud one")
    c.close()
    calm.close()


@scene("close_notify behind packed words that wait for their turn: all of them are heard")
def _(server):
    calm = online(server, "calm", "bob")
    c = online(server, "hasty")
    words = [f"{n} {random.random()} " * 100 for n in range(300)]
    c.send("".join(f"<message to='{calm.jid}' type='chat'><body>{word}</body></message>" for word in words))
    try:
        c.sock.unwrap()
    except ssl.SSLError:
        pass  # what was said to it before it hung up
    equal(calm.bodies(len(words)), words, "what it said")
    calm.close()


@scene("kill -9 of sm: a compressed client goes on")
def _(server):
    c = online(server, "packed")
    server.kill_sm()
    c.message(c.jid, "to myself")
    equal(c.bodies(1), ["to myself"], "body")
    eventually(lambda: row(server, c.jid)["compressed"], "sm to know that it is compressed")
    c.close()


server = Server(domains={"localhost": 'compression = "after-auth"', "plain.test": ""},
                accounts=("alice", "bob", "alice@plain.test"))
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
