#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Three accounts with two resources each do at random whatever changes rosters and presence, and sm dies at random, too. After
each few steps what clients have been told must be what is: both sides of each subscription agree, a roster that was kept by
versions and pushes (RFC 6121 2.6) is the one that is told whole, and each sees just those whom it may see."""
import os
import random
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT
from people import ROSTER, ask_roster, item, online, settle
from server import BUILD, Server
from tap import Skip, check, equal, finish, play, scene

NAMES = ("alice", "bob", "carol")
FAULTS = os.path.join(BUILD, "fault")
POINTS = ("turn_before_record", "turn_after_record", "turn_between_links", "turn_before_ack", "errand_stored")
PRESENCE = {"ask": "subscribe", "grant": "subscribed", "leave": "unsubscribe", "deny": "unsubscribed"}
ITEM = {"name": "name='n'", "unname": "", "remove": "subscription='remove'"}
# what, and how often
STEPS = {"ask": 6, "grant": 8, "leave": 3, "deny": 3, "name": 2, "unname": 1, "remove": 2, "appear": 6, "hide": 2, "come": 6,
         "close": 2, "vanish": 2, "join": 2, "part": 2, "block": 2, "unblock": 3, "die": 2}


def address(name):
    return name + "@localhost"


def entry(i):
    return i.get("name"), i.get("subscription"), i.get("ask"), i.get("approved"), tuple(sorted(g.text for g in i))


def items(query):
    return {i.get("jid"): entry(i) for i in query}


class Resource:
    """A client that remembers what it was told: its roster for longer than its session."""

    def __init__(self, name, resource):
        self.name, self.resource = name, resource
        self.client, self.roster, self.version = None, {}, ""
        self.seen, self.says = {}, None

    def come(self, server):
        self.client = online(server, self.name, self.resource, presence=False)
        self.seen, self.says = {}, None
        query = ask_roster(self.client, self.version)
        if query is not None:
            self.roster, self.version = items(query), query.get("ver")

    def hears(self):
        for stanza in self.client.quiet():
            if stanza.tag == f"{{{CLIENT}}}presence":
                self.sees(stanza)
            elif stanza.get("type") == "set" and item(stanza) is not None:
                self.is_pushed(stanza.find(f"{{{ROSTER}}}query").get("ver"), item(stanza))

    def sees(self, presence):
        if presence.get("type") is None:
            self.seen[presence.get("from")] = presence.findtext(f"{{{CLIENT}}}status")
        elif presence.get("type") == "unavailable":
            self.seen.pop(presence.get("from"), None)

    def is_pushed(self, version, i):
        check(int(version) > int(self.version or 0), f"version {version} after {self.version}")
        self.version = version
        if i.get("subscription") == "remove":
            self.roster.pop(i.get("jid"), None)
        else:
            self.roster[i.get("jid")] = entry(i)


class Walk:
    def __init__(self, server, seed):
        self.server, self.random = server, random.Random(seed)
        self.people = [Resource(name, resource) for name in NAMES for resource in ("x", "y")]
        self.blocks = {name: set() for name in NAMES}
        self.steps = []
        for one in self.people:
            one.come(server)

    def step(self):
        who = self.random.choice(self.people)
        other = self.random.choice([name for name in NAMES if name != who.name])
        what = self.random.choices(list(STEPS), list(STEPS.values()))[0]
        self.steps.append((what, who.name, who.resource, other))
        if what == "die":
            self.dies()
        elif what in ("join", "part"):
            self.server.sm("group", {"join": "join", "part": "leave"}[what], address(who.name), self.random.choice("GH"), check=False)
        elif what == "come" and not who.client:
            who.come(self.server)
        elif who.client:
            self.says(what, who, other)

    def dies(self):
        if self.server.build == BUILD:
            self.server.kill_sm()
            return
        self.server.terminate("sm")
        self.server.start_sm({"GATEHOUSE_FAULT": f"{self.random.choice(POINTS)}:{self.random.randrange(1, 15)}"})

    def says(self, what, who, other):
        if what in PRESENCE:
            who.client.send(f"<presence type='{PRESENCE[what]}' to='{address(other)}'/>")
        elif what in ITEM:
            who.client.send(f"<iq type='set' id='item'><query xmlns='{ROSTER}'><item jid='{address(other)}' {ITEM[what]}/></query></iq>")
        elif what == "appear":
            who.says = str(self.random.randrange(10 ** 6))
            who.client.send(f"<presence><priority>{self.random.randrange(-2, 5)}</priority><status>{who.says}</status></presence>")
        elif what == "hide":
            who.client.send("<presence type='unavailable'/>")
            who.hears()
            who.seen, who.says = {}, None
        elif what in ("block", "unblock"):
            who.client.send(f"<iq type='set' id='b'><{what} xmlns='urn:xmpp:blocking'><item jid='{address(other)}'/></{what}></iq>")
            settle(who.client)
            (self.blocks[who.name].add if what == "block" else self.blocks[who.name].discard)(other)
        elif what in ("close", "vanish"):
            settle(who.client)
            who.hears()
            getattr(who.client, what)()
            who.client = None

    def whole(self, name):
        client = online(self.server, name, "whole", presence=False)
        known = items(ask_roster(client))
        client.close()
        return known

    def may_see(self, rosters, who, other):
        if who.name == other.name:
            return True
        if other.name in self.blocks[who.name] or who.name in self.blocks[other.name]:
            return False
        return rosters[who.name].get(address(other.name), (None, "none"))[1] in ("to", "both")

    def agree(self):
        here = [one for one in self.people if one.client]
        for one in here + here:
            settle(one.client)
        for one in here:
            one.hears()
        rosters = {name: self.whole(name) for name in NAMES}
        for a in NAMES:
            for b in NAMES:
                sees = rosters[a].get(address(b), (None, "none"))[1] in ("to", "both")
                equal(rosters[b].get(address(a), (None, "none"))[1] in ("from", "both"), sees, f"{b} is seen by {a}")
        for one in here:
            equal(one.roster, rosters[one.name], f"what {one.client.jid} has in its roster")
            wanted = {o.client.jid: o.says for o in here if one.says and o.says and self.may_see(rosters, one, o)}
            equal(one.seen, wanted, f"whom {one.client.jid} sees")


def walk(server, seed, length):
    w = Walk(server, seed)
    try:
        for _ in range(length):
            for _ in range(w.random.randrange(1, 5)):
                w.step()
            w.agree()
    except AssertionError:
        print(f"# seed {seed}, the last steps: {w.steps[-12:]}")
        raise
    for one in w.people:
        if one.client:
            one.client.close()


@scene("what clients were told is what is, whatever they do, and however often sm is killed")
def _(server):
    for seed in (20, 22):
        fresh = Server('log-level = "info"')
        walk(fresh, seed, 40)
        fresh.stop()


@scene("the same with sm killed within its turns")
def _(server):
    if not os.path.exists(os.path.join(FAULTS, "sm")):
        raise Skip("no build with fault points: make faulty")
    STEPS.update(join=0, part=0)  # of which only who is there hears
    faulty = Server('log-level = "info"', build=FAULTS)
    walk(faulty, 3, 40)
    faulty.stop()


failed = play(None)
finish(failed)
