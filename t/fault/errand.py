#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What clients ask of the store (sm/errand.h) on a disk that fails, when the power fails, and while sm dies: each question has one
answer, what was answered with a result has happened, once and in order, and what was answered with an error has not."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client, condition
from faulty import Faulty
from server import eventually
from tap import Skip, check, equal, finish, play, scene

PRIVATE, BLOCKING, VCARD, ROSTER = "jabber:iq:private", "urn:xmpp:blocking", "vcard-temp", "jabber:iq:roster"


class Asker:
    """Sets numbers in private storage, vCard and roster, and blocks as many contacts; what it has heard of that."""

    def __init__(self, server, resource, user="alice"):
        self.server, self.user = server, user
        self.client = Client(server, direct=True).login(user, resource)
        self.asked, self.answers = [], {}
        self.value = self.stored()
        self.blocked = set(self.blocklist())

    def iq(self, kind, content):
        ident = f"q{len(self.asked)}"
        self.asked.append(ident)
        self.client.send(f"<iq type='{kind}' id='{ident}'>{content}</iq>")
        return ident

    def answer(self, ident):
        """The one answer to it; those to others are kept."""
        eventually(lambda: self.drain() or ident in self.answers, "an answer")
        return self.answers[ident]

    def drain(self):
        while self.client.pending():
            self.take(self.client.next())
        if self.server.has_died():
            self.server.disk()  # one child is to die of it, or a few

    def take(self, stanza):
        if stanza.get("type") in ("result", "error") and stanza.get("id", "").startswith("q"):
            equal(stanza.get("id") in self.answers, False, f"a second answer to {stanza.get('id')}")
            self.answers[stanza.get("id")] = stanza

    def change(self, number):
        """Asks for all of them; call heard() with what it returns."""
        return {"private": self.iq("set", f"<query xmlns='{PRIVATE}'><n xmlns='urn:n'>{number}</n></query>"),
                "vcard": self.iq("set", f"<vCard xmlns='{VCARD}'><FN>{number}</FN></vCard>"),
                "roster": self.iq("set", f"<query xmlns='{ROSTER}'><item jid='friend@localhost' name='{number}'/></query>"),
                "block": self.iq("set", f"<block xmlns='{BLOCKING}'><item jid='n{number}@localhost'/></block>")}

    def heard(self, number, idents):
        """How many of them were refused."""
        refused = 0
        for what, ident in idents.items():
            answer = self.answer(ident)
            if answer.get("type") == "error":
                equal(answer.find(f"{{{CLIENT}}}error").get("type"), "wait", f"the type of {condition(answer)}")
                refused += 1
            elif what == "block":
                self.blocked.add(f"n{number}@localhost")
            else:
                self.value[what] = str(number)
        return refused

    def ask(self, kind, content):
        answer = self.answer(self.iq(kind, content))
        equal(answer.get("type"), "result", "the answer")
        return answer

    def blocklist(self):
        answer = self.ask("get", f"<blocklist xmlns='{BLOCKING}'/>")
        return [item.get("jid") for item in answer.iter(f"{{{BLOCKING}}}item")]

    def stored(self):
        """What the store has, by asking for it."""
        private = self.ask("get", f"<query xmlns='{PRIVATE}'><n xmlns='urn:n'/></query>")
        vcard = self.answer(self.iq("get", f"<vCard xmlns='{VCARD}'/>"))  # or there is none
        roster = self.ask("get", f"<query xmlns='{ROSTER}'/>")
        names = [item.get("name") for item in roster.iter(f"{{{ROSTER}}}item")]
        check(len(names) < 2, f"the roster has {names}")
        return {"roster": names[0] if names else None, "private": private.findtext(".//{urn:n}n") or None, "vcard": vcard.findtext(f".//{{{VCARD}}}FN")}

    def agrees(self, what):
        equal(self.stored(), self.value, f"{what}: values")
        equal(sorted(self.blocklist()), sorted(self.blocked), f"{what}: blocked contacts")
        equal(len(self.answers), len(self.asked), f"{what}: answers")

    def close(self):
        for stanza in self.client.quiet():
            self.take(stanza)
        self.client.close()


@scene("a fault of the disk at each operation: what was refused has not happened, what was not has, each question has one answer")
def _(server):
    number = 0
    for rule in ("full write", "short write", "error write", "error sync"):
        asker, refused = Asker(server, "faults"), 0
        for nth in (1, 2, 3, 5, 8):
            server.disk(f"{rule} store.db {nth} 1")
            for _ in range(4):
                number += 1
                refused += asker.heard(number, asker.change(number))
            server.disk()
            number += 1
            equal(asker.heard(number, asker.change(number)), 0, "refused when it works again")
            asker.agrees(f"{rule} {nth}")
        check(refused > 0, f"{rule}: nothing was refused")
        asker.close()


POINTS = ("turn_before_record", "turn_after_record", "turn_before_ack", "errand_stored")


def ask_until(server, what, is_over, number):
    asker, other = Asker(server, "asks"), Asker(server, "looks")
    turns, pushed = 0, []
    while turns < 3 or not is_over():
        turns += 1
        check(turns < 1000, f"{what} was never passed")
        several = {}
        for _ in range(6):
            number += 1
            several[number] = asker.change(number)
        for n, idents in several.items():
            equal(asker.heard(n, idents), 0, f"{what}: refused")
            while len(pushed) < len(asker.blocked) - len(other.blocked):
                pushed.append(other.client.expect(lambda s: s.find(f"{{{BLOCKING}}}block") is not None)[0][0].get("jid"))
    server.disk()
    asker.agrees(what)
    equal(pushed, [f"n{n}@localhost" for n in range(number - len(pushed) + 1, number + 1)], f"{what}: pushes to the other resource")
    asker.ask("set", f"<unblock xmlns='{BLOCKING}'/>")
    asker.close(), other.close()
    return number


@scene("sm killed at each point while a client asks, and child after child in each write and sync: each happens once, in order")
def _(server):
    number = 10000
    for point in POINTS:
        for nth in (1, 3, 7):
            server.failing_point(f"{point}:{nth}")
            number = ask_until(server, f"{point}:{nth}", server.has_died, number)
    for rule in ("write store.db-wal", "sync store.db-wal", "synced store.db-wal"):
        for nth in (1, 3, 7):
            server.forget_log("sm")
            server.disk(f"die {rule} {nth} 1")
            number = ask_until(server, f"{rule} {nth}", server.has_died, number)


@scene("the power fails at each sync while a client asks: what was answered with a result is there, and at most one that was not")
def _(_):
    server = Faulty()
    number = 0
    for seed in (0, 1):
        for operation in ("sync", "synced"):
            for nth in range(1, 100):
                asker = Asker(server, "asks")
                server.disk(f"cut {operation} store.db {nth} 1 {seed}")
                for _ in range(4):
                    number += 1
                    idents = asker.change(number)
                    eventually(lambda: asker.drain() or set(idents.values()) <= set(asker.answers) or server.power_is_gone(),
                               "an answer")
                    asker.drain()
                    if not set(idents.values()) <= set(asker.answers):
                        break
                    asker.heard(number, idents)
                survived = not server.power_is_gone()
                if survived:
                    server.disk()
                    asker.close()
                    break
                go_on(server, asker, number, f"{operation} {nth} {seed}")
            check(nth > 4, "syncs")
    server.stop()


def go_on(server, asker, number, what):
    server.end_with_power()
    server.start_sm()
    server.start_c2s()
    after = Asker(server, "after")
    stored, blocked = after.stored(), set(after.blocklist())
    for key, least in asker.value.items():
        check(stored[key] in (least, str(number)), f"{what}: {key} is {stored[key]}, {least} was promised, {number} was asked for")
    check(asker.blocked <= blocked <= asker.blocked | {f"n{number}@localhost"}, f"{what}: blocked are {blocked ^ asker.blocked}")
    after.close()


try:
    server = Faulty()
    failed = play(server)
    reports = server.sanitizer_reports()
    server.stop()
except Skip as why:
    print(f"1..0 # SKIP {why}")
    finish(0)
for line in reports:
    print("# " + line)
finish(failed or reports)
