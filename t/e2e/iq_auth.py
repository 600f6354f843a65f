#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients from before SASL (XEP-0078) where a domain lets them in."""
import os
import re
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client, Ended, Refused, condition
from server import Server
from tap import check, equal, finish, play, scene

NS = "jabber:iq:auth"
FEATURE = "{http://jabber.org/features/iq-auth}auth"


def refused(server, *words, **named):
    try:
        Client(server, direct=True).old_login(*words, **named)
    except Refused as why:
        return why.condition
    raise AssertionError("it was not refused")


@scene("one request logs in, without another stream; sm and the log know how")
def _(server):
    c = Client(server, direct=True).old_login("alice", "old").available()
    row = [s for s in server.sessions() if s["jid"] == "alice@localhost/old"][0]
    equal(row["mechanism"], "iq-auth", "mechanism")
    other = Client(server, direct=True).login("bob", "new")
    c.message(other.jid, "hello")
    equal(other.bodies(1), ["hello"], "from it")
    other.message(c.jid, "hello")
    equal(c.bodies(1), ["hello"], "to it")
    check(re.search(r"event=login .*alice@localhost/old.* mech=iq-auth", server.log("c2s")), "the login's line")
    c.close()
    other.close()


@scene("it is offered behind TLS where it is on; elsewhere it is neither offered nor granted")
def _(server):
    for domain, direct, offered in (("localhost", True, True), ("localhost", False, False), ("modern.test", True, False)):
        c = Client(server, direct=direct).open(domain)
        equal(FEATURE in [f.tag for f in c.features()], offered, f"{domain} direct {direct}")
        if not offered:
            c.send(f"<iq type='get' id='g'><query xmlns='{NS}'><username>alice</username></query></iq>")
            equal(c.stream_error(), "not-authorized", "the stream")


@scene("a client from before XMPP 1.0 says no version: it gets a header without one and no features, and logs in")
def _(server):
    c = Client(server, direct=True).open(version="")
    c.send(f"<iq type='get' id='g'><query xmlns='{NS}'><username>alice</username></query></iq>")
    fields = c.next()  # no features before it
    equal([f.tag.rpartition("}")[2] for f in fields[0]], ["username", "password", "resource"], "fields")
    equal((c.header.get("version"), len(c.header.get("id"))), (None, 32), "version and id of the answer")
    c.send(f"<iq type='set' id='s'><query xmlns='{NS}'><username>alice</username><password>pw-alice@localhost</password>"
           "<resource>ancient</resource></query></iq>")
    equal(c.next().get("type"), "result", "login")
    c.jid = "alice@localhost/ancient"
    c.available()
    c.message(c.jid, "hello")
    equal(c.bodies(1), ["hello"], "to itself")
    c.close()
    for to, direct in (("localhost", False), ("modern.test", True), ("elsewhere.test", True)):
        c = Client(server, direct=direct).open(to, version="")
        equal(c.stream_error(), "unsupported-version", f"{to} direct {direct}")
        equal(c.header.get("version"), "1.0", "version of the answer")


@scene("known and unknown names, and wrong passwords, are told alike; each failure is a line, and the third ends the stream")
def _(server):
    server.forget_log("c2s")
    equal([refused(server, "alice", "x", password="wrong"), refused(server, "nobody", "x", password="wrong")],
          ["not-authorized"] * 2, "refusals")
    equal(sorted(re.findall(r"event=auth_failed .*user=(\S+) mech=(\S+) cond=(\S+)", server.log("c2s"))),
          [("alice@localhost", "iq-auth", "not-authorized"), ("nobody@localhost", "iq-auth", "not-authorized")], "lines")
    c = Client(server, direct=True).open()
    c.features()
    for n in range(3):
        c.send(f"<iq type='set' id='{n}'><query xmlns='{NS}'><username>alice</username><password>wrong</password>"
               "<resource>x</resource></query></iq>")
        equal(condition(c.expect("iq")), "not-authorized", "refusal")
    equal(c.stream_error(), None, "the end")


@scene("it replaces a session of its resource, whatever the domain says about conflicts; a loop is refused, not renamed")
def _(server):
    first = Client(server, direct=True).login("alice", "same", domain="strict.test")
    second = Client(server, direct=True).old_login("alice", "same", domain="strict.test").available()
    equal(first.stream_error(), "conflict", "the old one")
    try:
        Client(server, direct=True).login("alice", "same", domain="strict.test")
        raise AssertionError("closenew does not hold for bind")
    except Refused as why:
        equal(why.condition, "conflict", "bind, by the domain's policy")
    answers = []
    for _ in range(20):
        try:
            second = Client(server, direct=True).old_login("alice", "same", domain="strict.test")
        except Refused as why:
            answers.append(why.condition)
            break
    equal(answers, ["conflict"], "the loop")
    second.available().close()


@scene("it works where no mechanism is listed, and it changes no password")
def _(server):
    c = Client(server, direct=True).old_login("alice", "x", domain="only.test").available()
    for kind in ("get", "set"):
        c.send(f"<iq type='{kind}' id='{kind}'><query xmlns='{NS}'><username>alice</username><password>new</password>"
               "<resource>y</resource></query></iq>")
        equal(condition(c.expect(lambda e: e.get("id") == kind)), "not-allowed", kind)
    c.close()
    equal(refused(server, "alice", "x", password="new", domain="only.test"), "not-authorized", "the new password")
    Client(server, direct=True).old_login("alice", "x", domain="only.test").available().close()


server = Server(domains={"localhost": "iq-auth = yes", "modern.test": "", "only.test": 'iq-auth = yes\nmechanisms = {"NONE"}',
                         "strict.test": 'iq-auth = yes\nresource-conflict = "closenew"'},
                accounts=("alice", "bob", "alice@only.test", "alice@strict.test"))
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
