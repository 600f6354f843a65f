# SPDX-License-Identifier: GPL-2.0-or-later
"""Rosters and presence as a scene tells of them."""
from xml.sax.saxutils import escape, quoteattr

from client import CLIENT, Client
from tap import equal

ROSTER = "jabber:iq:roster"


def online(server, user, resource="scene", presence=True, **words):
    return Client(server, direct=True, **words).login(user, resource, presence=presence)


def on_worker(server, slot, *who, come=online, **more):
    """A client whose connection the kernel happens to give to that worker; come() logs it in."""
    while True:
        c = come(server, *who, **more)
        if [s["worker"] for s in server.sessions() if s["jid"] == c.jid] == [slot]:
            return c
        c.close()


def ask_roster(client, version=None):
    """The <query/> of the answer; None: it has none. version None: it does not say one."""
    ver = f" ver={quoteattr(version)}" if version is not None else ""
    client.send(f"<iq type='get' id='roster'><query xmlns='{ROSTER}'{ver}/></iq>")
    answer = client.expect(lambda s: s.get("id") == "roster")
    equal(answer.get("type"), "result", "the answer")
    return answer.find(f"{{{ROSTER}}}query")


def roster(client):
    """{jid: (name, subscription, ask, groups)}; with approved, that too is in `ask`."""
    return {i.get("jid"): (i.get("name") or "", i.get("subscription"), i.get("ask") or ("approved" if i.get("approved") else None),
                           tuple(sorted(g.text for g in i)))
            for i in ask_roster(client)}


def item(push):
    return push.find(f"{{{ROSTER}}}query/{{{ROSTER}}}item")


def push(client, whole=False, version=False):
    """The <item/> of the next roster push, or all of it, or its version."""
    got = client.expect(lambda s: s.get("type") == "set" and item(s) is not None)
    return got if whole else got.find(f"{{{ROSTER}}}query").get("ver") if version else item(got)


def change(client, inner, result):
    """A roster set, whose answer is waited for; pushes that come before it stay."""
    client.send(f"<iq type='set' id='change'><query xmlns='{ROSTER}'>{inner}</query></iq>")
    answer = wait(client, lambda s: s.get("id") == "change")
    equal(answer.get("type"), result, f"answer to {inner}")
    return answer


def add(client, jid, name="", groups=(), result="result"):
    inner = "".join(f"<group>{escape(g)}</group>" for g in groups)
    called = f" name={quoteattr(name)}" if name else ""
    return change(client, f"<item jid={quoteattr(jid)}{called}>{inner}</item>", result)


def remove(client, jid, result="result"):
    return change(client, f"<item jid={quoteattr(jid)} subscription='remove'/>", result)


def wait(client, want):
    """The first stanza for which want() holds; what came before it is there for the next who asks."""
    before = []
    while True:
        stanza = client.next()
        if want(stanza):
            client.ready[:0] = [("stanza", s) for s in before]
            return stanza
        before.append(stanza)


def settle(client):
    """Until all that was asked of the store, by whomever, has come about: what is asked behind it is answered behind it."""
    client.send("<iq type='get' id='settle'><query xmlns='jabber:iq:private'><none xmlns='urn:x:none'/></query></iq>")
    wait(client, lambda s: s.get("id") == "settle")


def presence(client, kind, to):
    """A presence stanza for somebody, and until it has come about."""
    client.send(f"<presence type={quoteattr(kind)} to={quoteattr(to)}/>")
    settle(client)


def of(stanza):
    """(from, type) of a presence, without the priority that t/lib/client.py gives it."""
    return stanza.get("from"), stanza.get("type")


def sees(client, jid, kind=None):
    """Waits for the presence of this full JID; what else comes is dropped."""
    return client.expect(lambda s: s.tag == f"{{{CLIENT}}}presence" and of(s) == (jid, kind))


def told(client):
    """What has come, by the time that a ping is answered: presence as (from, type), pushes as (jid, subscription, ask)."""
    got = []
    for s in client.quiet():
        if s.tag == f"{{{CLIENT}}}presence":
            got.append(of(s))
        elif item(s) is not None:
            got.append((item(s).get("jid"), item(s).get("subscription"), item(s).get("ask")))
    return got


def befriend(a, b):
    """Both see each other afterwards, and all that it took has been said."""
    for one, other in ((a, b), (b, a)):
        presence(one, "subscribe", other.jid.partition("/")[0])
        wait(other, lambda s: of(s) == (one.jid.partition("/")[0], "subscribe"))
        presence(other, "subscribed", one.jid.partition("/")[0])
        wait(one, lambda s: of(s) == (other.jid.partition("/")[0], "subscribed"))
    for c in (a, b):
        c.quiet()
