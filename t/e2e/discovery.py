#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the server says of itself: disco (XEP-0030), its version in the stream features (XEP-0115), addresses (XEP-0157),
time (XEP-0202), software (XEP-0092)."""
import base64
import datetime
import hashlib
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client, condition
from server import Server, eventually
from tap import check, equal, finish, play, scene

INFO = "http://jabber.org/protocol/disco#info"
FORM = "jabber:x:data"
CAPS = "http://jabber.org/protocol/caps"


def online(server, domain="localhost", user="alice", resource="scene"):
    return Client(server, direct=True).login(user, resource, domain=domain)


def ask(c, inner, to=None, kind="get"):
    address = f" to='{to}'" if to else ""
    c.send(f"<iq type='{kind}' id='q'{address}>{inner}</iq>")
    return c.expect("iq")


def caps(c):
    return c.offered.find(f"{{{CAPS}}}c")


def version(info):
    """XEP-0115 5.1, of an answer."""
    part = lambda *names: "".join(name + "<" for name in names)
    q = info.find(f"{{{INFO}}}query")
    text = "".join(sorted(part(f"{i.get('category')}/{i.get('type')}//{i.get('name', '')}") for i in q.iter(f"{{{INFO}}}identity")))
    text += part(*sorted(f.get("var") for f in q.iter(f"{{{INFO}}}feature")))
    for form in q.iter(f"{{{FORM}}}x"):
        fields = {f.get("var"): sorted(v.text for v in f.iter(f"{{{FORM}}}value")) for f in form.iter(f"{{{FORM}}}field")}
        text += part(*fields.pop("FORM_TYPE"))
        text += "".join(part(name, *fields[name]) for name in sorted(fields))
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


def addresses(info):
    return {f.get("var"): [v.text for v in f.iter(f"{{{FORM}}}value")] for f in info.iter(f"{{{FORM}}}field")
            if f.get("var") != "FORM_TYPE"}


@scene("the features of a client that has logged in name the version of what disco says, and it answers to that node")
def _(server):
    for domain in ("localhost", "example.test"):
        c = online(server, domain)
        told = caps(c)
        equal(told.get("hash"), "sha-1", "hash")
        info = ask(c, f"<query xmlns='{INFO}'/>", domain)
        equal(told.get("ver"), version(info), "version")
        node = f"{told.get('node')}#{told.get('ver')}"
        again = ask(c, f"<query xmlns='{INFO}' node='{node}'/>", domain)
        equal(again.find(f"{{{INFO}}}query").get("node"), node, "node")
        equal(version(again), version(info), "version of the node")
        equal(condition(ask(c, f"<query xmlns='{INFO}' node='{node}x'/>", domain)), "item-not-found", "another node")
        c.close()


ALL = {INFO, "http://jabber.org/protocol/disco#items", "urn:xmpp:carbons:2", "urn:xmpp:ping", "urn:xmpp:time", "jabber:iq:version",
       "vcard-temp", "urn:xmpp:blocking", "jabber:iq:last"}


@scene("what is built is what disco says, of the domain, of an account and in the stream's features, and nothing else")
def _(server):
    c = online(server)
    for to, more in (("localhost", {CAPS, "msgoffline", "jabber:iq:register"}),
                     ("alice@localhost", {"jabber:iq:roster", "jabber:iq:private", "urn:xmpp:sid:0"})):
        equal({f.get("var") for f in ask(c, f"<query xmlns='{INFO}'/>", to).iter(f"{{{INFO}}}feature")}, ALL | more, to)
    tags = {f.tag for f in c.offered}
    for name in ("{urn:xmpp:features:rosterver}ver", "{urn:xmpp:features:pre-approval}sub", "{urn:xmpp:csi:0}csi"):
        check(name in tags, f"{name} in {tags}")
    c.close()


@scene("nobody is told that before")
def _(server):
    c = Client(server, direct=True).open()
    c.features()
    equal(caps(c), None, "caps")
    c.close()


@scene("each domain has the addresses that its operator gave it, and only its own")
def _(server):
    c, other = online(server), online(server, "example.test")
    equal(addresses(ask(c, f"<query xmlns='{INFO}'/>", "localhost")),
          {"abuse-addresses": ["mailto:abuse@localhost", "xmpp:abuse@localhost"], "support-addresses": ["https://localhost/?a&b"]}, "addresses")
    equal(addresses(ask(other, f"<query xmlns='{INFO}'/>", "example.test")), {}, "of the other")
    c.close()
    other.close()


@scene("a reload with another address is another version, for whoever comes then; kill -9 of sm is not")
def _(server):
    before = online(server)
    text = open(server.conf).read()
    with open(server.conf, "w") as f:
        f.write(text.replace("https://localhost/?a&b", "https://localhost/help"))
    server.sm("reload")

    def changed():
        c = online(server, resource="new")
        try:
            return caps(c).get("ver") != caps(before).get("ver") and caps(c).get("ver")
        finally:
            c.close()
    new = eventually(changed, "another version")
    equal(version(ask(before, f"<query xmlns='{INFO}'/>", "localhost")), new, "what disco says")
    server.kill_sm()
    c = online(server, resource="new")
    equal(caps(c).get("ver"), new, "after a crash")
    c.close()
    before.close()


@scene("an account says what it is, has no items, and time and software are told by domain and account")
def _(server):
    c = online(server)
    info = ask(c, f"<query xmlns='{INFO}'/>")
    equal(info.find(f".//{{{INFO}}}identity").attrib, {"category": "account", "type": "registered"}, "identity")
    equal(len(ask(c, "<query xmlns='http://jabber.org/protocol/disco#items'/>")[0]), 0, "items")
    for to in ("localhost", "alice@localhost", None):
        time = ask(c, "<time xmlns='urn:xmpp:time'/>", to)[0]
        equal(time.findtext("{urn:xmpp:time}tzo"), "+00:00", "offset")
        told = datetime.datetime.strptime(time.findtext("{urn:xmpp:time}utc"), "%Y-%m-%dT%H:%M:%S.%fZ")
        check(abs(told - datetime.datetime.utcnow()) < datetime.timedelta(minutes=5), f"time {told}")
        equal(ask(c, "<query xmlns='jabber:iq:version'/>", to).findtext(".//{jabber:iq:version}name"), "gatehouse", "software")
    equal(condition(ask(c, "<time xmlns='urn:xmpp:time'/>", kind="set")), "service-unavailable", "setting the time")
    c.close()


server = Server(domains={"localhost": 'abuse-addresses = {"mailto:abuse@localhost", "xmpp:abuse@localhost"}\n'
                                      'support-addresses = {"https://localhost/?a&b"}', "example.test": ""},
                accounts=("alice", "alice@example.test"))
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
