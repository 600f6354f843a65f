#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stanzas between people who are online (RFC 6121 section 8, RFC 6120 section 10)."""
import os
import sys
from xml.etree import ElementTree
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client, condition
from server import Server, eventually
from tap import check, equal, finish, play, scene

DISCO = "http://jabber.org/protocol/disco#info"


def online(server, user, resource, priority=0, presence=True):
    c = Client(server, direct=True).login(user, resource, presence=False)
    if presence:
        c.available(priority)
    return c


def leave(*clients):
    for c in clients:
        c.close()


@scene("a message to a full JID arrives there alone, with the sender's full JID as from")
def _(server):
    alice, bob, other = online(server, "alice", "a"), online(server, "bob", "b"), online(server, "bob", "other")
    alice.message("bob@localhost/b", "hello", ident="m1")
    got = bob.expect("message")
    equal((got.get("from"), got.get("to"), got.get("id"), got.get("type")), (alice.jid, bob.jid, "m1", "chat"), "attributes")
    equal([s.tag for s in other.quiet() if s.tag.endswith("message")], [], "at the other resource")
    leave(alice, bob, other)


@scene("a message to a bare JID goes to the highest non-negative priority only, a headline to every one")
def _(server):
    alice = online(server, "alice", "a")
    high, also, low, negative = (online(server, "bob", f"r{p}{n}", p) for n, p in enumerate((5, 5, 1, -1)))
    silent = online(server, "bob", "silent", presence=False)
    alice.message("bob@localhost", "to the top")
    for c in (high, also):
        equal(c.bodies(1), ["to the top"], "body")
    alice.message("bob@localhost", "news", kind="headline")
    for c in (high, also, low):
        equal(c.bodies(1), ["news"], "body")
    for c in (low, negative, silent):
        equal([s for s in c.quiet() if s.tag.endswith("message")], [], "messages elsewhere")
    leave(alice, high, also, low, negative, silent)


@scene("a message to a stranger or to another domain, or that cannot wait, is answered with its error")
def _(server):
    alice = online(server, "alice", "a")
    for to, kind, wanted in (("nobody@localhost", "chat", "service-unavailable"), ("nobody@localhost/gone", "chat", "service-unavailable"),
                             ("bob@localhost/gone", "normal", "service-unavailable"), ("bob@localhost", "groupchat", "service-unavailable"),
                             ("x@far.test", "chat", "remote-server-not-found"), ("a@@b", "chat", "jid-malformed")):
        alice.message(to, "anybody?", kind, "m")
        got = alice.next()
        equal((got.get("type"), got.get("id"), condition(got)), ("error", "m", wanted), to)
    for to in ("bob@localhost", "nobody@localhost"):
        alice.message(to, "news", "headline")
    equal(alice.quiet(), [], "answers to a headline")
    for to in ("bob@localhost/gone", "nobody@localhost/gone", "localhost", "localhost/x"):
        alice.message(to, "news", "headline", "h")
        equal(condition(alice.next()), "service-unavailable", f"a headline for {to}")
    leave(alice)


@scene("an iq to a full JID is delivered and its result finds its way back; to an absent one it is refused")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    bob.send(f"<presence to='{alice.jid}'/>")
    alice.expect("presence")
    alice.send(f"<iq type='get' id='q1' to='{bob.jid}'><query xmlns='urn:x:ask'/></iq>")
    asked = bob.expect("iq")
    equal(asked.get("from"), alice.jid, "from")
    bob.send(f"<iq type='result' id='q1' to='{asked.get('from')}'><query xmlns='urn:x:ask'>42</query></iq>")
    got = alice.expect("iq")
    equal((got.get("type"), got.get("from"), got[0].text), ("result", bob.jid, "42"), "answer")
    alice.send("<iq type='get' id='q2' to='bob@localhost/none'><query xmlns='urn:x:ask'/></iq>")
    equal(condition(alice.expect("iq")), "service-unavailable", "absent")
    alice.send("<iq type='get' id='q3' to='bob@localhost'><query xmlns='urn:x:ask'/></iq>")
    equal(condition(alice.expect("iq")), "service-unavailable", "bare JID")
    leave(alice, bob)


@scene("who may not see a session cannot ask it: as if it were not there, until it says directly that it is (RFC 6121 8.5.3.1)")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")

    def refused():
        for kind in ("get", "set"):
            got = []
            for to in (bob.jid, "bob@localhost/none", "nobody@localhost/b"):
                alice.send(f"<iq type='{kind}' id='q' to='{to}'><query xmlns='urn:x:ask'/></iq>")
                answer = alice.expect("iq")
                equal((answer.get("type"), answer.get("from"), condition(answer)), ("error", to, "service-unavailable"), kind)
                answer.set("from", "")
                got.append(ElementTree.tostring(answer))
            equal(set(got), {got[0]}, "answers")
        equal([s.tag for s in bob.quiet()], [], "what bob hears")
    refused()
    for to in (alice.jid, "alice@localhost"):
        bob.send(f"<presence to='{to}'/>")
        alice.expect("presence")
        alice.send(f"<iq type='get' id='q' to='{bob.jid}'><query xmlns='urn:x:ask'/></iq>")
        equal(bob.expect("iq").get("from"), alice.jid, "asked")
        bob.send(f"<iq type='get' id='back' to='{alice.jid}'><query xmlns='urn:x:ask'/></iq>")
        equal(condition(bob.expect("iq")), "service-unavailable", "alice has not said so")
        bob.send(f"<presence to='{to}' type='unavailable'/>")
        alice.expect("presence")
        refused()
    for kind in ("result", "error"):
        alice.send(f"<iq type='{kind}' id='any' to='{bob.jid}'/>")
        equal(bob.expect("iq").get("type"), kind, "an answer to whatever")
    leave(alice, bob)


@scene("presence of a type that there is not is refused, and goes to nobody")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    for to in ("", f" to='{bob.jid}'", " to='bob@localhost'"):
        alice.send(f"<presence type='invisible' id='t'{to}/>")
        got = alice.expect("presence")
        equal((got.get("type"), got.get("id"), condition(got)), ("error", "t", "bad-request"), to)
    equal(bob.quiet(), [], "what bob hears")
    leave(alice, bob)


@scene("the server answers disco, ping and version, and unknown requests with service-unavailable")
def _(server):
    alice = online(server, "alice", "a")
    def ask(inner, to="localhost", kind="get"):
        address = f" to='{to}'" if to else ""
        alice.send(f"<iq type='{kind}' id='q'{address}>{inner}</iq>")
        return alice.expect("iq")
    info = ask(f"<query xmlns='{DISCO}'/>")
    features = {f.get("var") for f in info.iter(f"{{{DISCO}}}feature")}
    check({DISCO, "urn:xmpp:ping", "jabber:iq:version", "http://jabber.org/protocol/disco#items"} <= features, str(features))
    equal(info.find(f".//{{{DISCO}}}identity").attrib["category"], "server", "identity")
    equal(ask("<query xmlns='http://jabber.org/protocol/disco#items'/>").get("type"), "result", "items")
    for to in ("localhost", None, "alice@localhost"):
        equal(ask("<ping xmlns='urn:xmpp:ping'/>", to).get("type"), "result", f"ping {to}")
    version = ask("<query xmlns='jabber:iq:version'/>")
    equal(version.findtext("{jabber:iq:version}query/{jabber:iq:version}name"), "gatehouse", "name")
    equal(condition(ask("<query xmlns='urn:x:unknown'/>")), "service-unavailable", "unknown")
    equal(condition(ask("<query xmlns='urn:x:unknown'/>", kind="set")), "service-unavailable", "unknown set")
    equal(condition(ask("<a xmlns='urn:x'/><b xmlns='urn:x'/>")), "bad-request", "two children")
    equal(condition(ask("")), "bad-request", "no child")
    equal(condition(ask(f"<query xmlns='{DISCO}' node='none'/>")), "item-not-found", "unknown node")
    leave(alice)


@scene("presence goes to one's own other resources, and a new one is told of those that are there")
def _(server):
    first = online(server, "alice", "one", 3)
    second = Client(server, direct=True).login("alice", "two", presence=False)
    second.send("<presence><show>away</show></presence>")
    seen = {}
    for stanza in second.quiet():
        seen[stanza.get("from")] = stanza
    equal(seen["alice@localhost/one"].findtext(f"{{{CLIENT}}}priority"), "3", "priority of the first")
    got = first.expect("presence")
    equal((got.get("from"), got.findtext(f"{{{CLIENT}}}show")), (second.jid, "away"), "the second's presence")
    second.send("<presence type='unavailable'/>")
    got = first.expect("presence")
    equal((got.get("from"), got.get("type")), (second.jid, "unavailable"), "unavailable")
    leave(first, second)


@scene("every end of a session is unavailable presence: goodbye, a cut connection, a kick, a replacement")
def _(server):
    watcher = online(server, "alice", "watcher")
    def ends(how):
        c = online(server, "alice", "leaver")
        watcher.expect(lambda s: s.get("from") == c.jid and s.get("type") is None)
        more = how(c)
        watcher.expect(lambda s: s.get("from") == c.jid and s.get("type") == "unavailable")
        return more
    ends(lambda c: c.close())
    ends(lambda c: c.vanish())
    ends(lambda c: server.sm("kick", c.jid))
    leave(ends(lambda c: online(server, "alice", "leaver", presence=False)), watcher)


@scene("directed presence arrives, and ends with unavailable when its sender goes")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    alice.send(f"<presence to='{bob.jid}'><status>just you</status></presence>")
    got = bob.expect("presence")
    equal((got.get("from"), got.findtext(f"{{{CLIENT}}}status")), (alice.jid, "just you"), "directed presence")
    alice.vanish()
    got = bob.expect("presence")
    equal((got.get("from"), got.get("type")), (alice.jid, "unavailable"), "at the end")
    leave(bob)


@scene("order is kept: 2,000 messages in one burst arrive whole and in order, on two workers")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    for start in range(0, 2000, 100):
        alice.send("".join(f"<message to='bob@localhost/b' type='chat'><body>{i}</body></message>" for i in range(start, start + 100)))
    equal(bob.bodies(2000), [str(i) for i in range(2000)], "bodies")
    leave(alice, bob)


@scene("a stanza just under the limit passes whole, larger than a frame of the channel")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    text = "0123456789abcdef" * 15000
    alice.message(bob.jid, text)
    equal(bob.bodies(1), [text], "body")
    leave(alice, bob)


@scene("xml:lang of the stream becomes the stanza's own")
def _(server):
    bob = online(server, "bob", "b")
    c = Client(server, direct=True).open(extra=" xml:lang='de'")
    c.features()
    c.auth_plain("alice", server.password["alice@localhost"])
    c.open(extra=" xml:lang='de'")
    c.features()
    c.bind("lang")
    c.message(bob.jid, "guten Tag")
    equal(bob.expect("message").get("{http://www.w3.org/XML/1998/namespace}lang"), "de", "lang")
    leave(c, bob)


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
