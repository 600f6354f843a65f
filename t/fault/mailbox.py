#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages on their way through the store while sm dies (sm/mailbox.h): each that was taken from its sender is with its receiver or in
the store, once, in order, whoever of the receivers is there, comes or goes."""
import os
import random
import signal
import sys
import time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client
from faulty import Faulty
from people import on_worker
from server import eventually
from tap import Skip, check, equal, finish, play, scene


def online(server, user, resource, shown=True):
    """What waits may come as soon as it is shown."""
    c = Client(server, direct=True).login(user, resource, presence=False)
    if shown:
        c.send("<presence/>")
    return c


@scene("sm killed when what waited is read and not removed yet: what comes before it is gets to who is there")
def _(server):
    alice = online(server, "alice", "a")
    alice.message("bob@localhost", "stored")
    eventually(lambda: server.stored("bob") == 1, "the store to have it")
    server.disk("hold write store.db-wal 1 0")  # what removes it waits, with this sm and with the next
    bob = online(server, "bob", "b")
    equal(bob.bodies(1), ["stored"], "what waited")
    eventually(lambda: "what=\"handed out\"" in server.log("sm"), "sm to know that this was all")
    alice.quiet()  # now the record says so, too
    server.kill_sm()
    alice.message("bob@localhost", "behind it")
    alice.quiet()
    server.disk()
    equal(bob.bodies(1), ["behind it"], "what came before the mailbox was closed")
    alice.message("bob@localhost", "live")
    equal(bob.bodies(1), ["live"], "afterwards")
    close(alice, bob)


def close(*clients):
    for c in clients:
        c.quiet()
        c.close()


def holds_up(server, client, account):
    """The store waits, and in it something for carol; what follows from the client to that account goes behind its question."""
    server.disk("hold write store.db-wal 1 0")
    client.message("carol@localhost", "holds up the store")
    client.send(f"<iq type='get' id='v' to='{account}'><vCard xmlns='vcard-temp'/></iq>")


def read_by_carol(server):
    carol = online(server, "carol", "c")
    equal(carol.bodies(1), ["holds up the store"], "the other's")
    close(carol)


@scene("a message behind a question to the same account, and one behind that when its receiver has gone: they wait in their order")
def _(server):
    alice, bob = online(server, "alice", "a"), online(server, "bob", "b")
    bob.quiet()
    holds_up(server, alice, "bob@localhost")
    alice.message("bob@localhost", "1")
    alice.quiet()
    bob.send("<presence type='unavailable'/>")
    bob.quiet()
    alice.message("bob@localhost", "2")
    alice.quiet()
    server.disk()
    eventually(lambda: server.waiting("bob") == 2, "both to be stored")
    bob.send("<presence/>")
    equal(bob.bodies(2), ["1", "2"], "what waited")
    read_by_carol(server)
    close(alice, bob)


@scene("a note to oneself behind a question, from a session that vanishes meanwhile: the other one has it, and what comes later")
def _(server):
    phone, desk, bob = online(server, "alice", "phone"), online(server, "alice", "desk", shown=False), online(server, "bob", "b")
    phone.quiet()
    holds_up(server, desk, "alice@localhost")
    desk.message("alice@localhost", "note")
    desk.quiet()
    desk.vanish()
    eventually(lambda: len(server.sessions("--user", "alice")) == 1, "its session to end")
    server.disk()
    equal(phone.bodies(1), ["note"], "at the other one")
    bob.message("alice@localhost", "later")
    equal(phone.bodies(1), ["later"], "afterwards")
    read_by_carol(server)
    close(phone, bob)


class Receiver:
    """Somebody who comes and goes, and what came. Who says that he is away has what was handed to him before."""

    def __init__(self, server, user, resources=1, stays=False):
        self.server, self.user, self.chance = server, user, random.Random(user)
        self.stays = stays  # it says that it is there once, and nothing that would remind sm of it later
        self.clients = [on_worker(server, i, user, f"r{i}", come=online, shown=False) for i in range(resources)]
        self.got = []

    def show(self, *priorities):
        """Without any it goes away. No two resources have the same: a message is for the one that is highest."""
        for i, c in enumerate(self.clients):
            n = len(self.clients)
            ours = [p for p in priorities if p % n == i or p < 0]
            c.send(f"<presence><priority>{self.chance.choice(ours)}</priority></presence>" if ours else
                   "<presence type='unavailable'/>")

    def drain(self):
        for c in self.clients:
            while c.pending():
                self.take(c.next())

    def take(self, stanza):
        if stanza.tag.endswith("message"):
            self.got.append(stanza.findtext(f"{{{CLIENT}}}body"))

    def read(self, wanted, what):
        """All that was sent, each once; those of one sender in their order, where there is one resource."""
        if not self.stays:
            self.show(0, 1)
        eventually(lambda: self.drain() or len(self.got) >= len(wanted), f"{what}: {self.user} to have all")
        eventually(lambda: self.server.waiting(self.user) == 0, f"{what}: nothing to wait for {self.user}")
        for c in self.clients:
            for stanza in c.quiet():
                self.take(stanza)
        equal(sorted(self.got), sorted(wanted), f"{what}: what {self.user} has")
        for sender in {body.split()[0] for body in wanted} if len(self.clients) == 1 else ():
            of_sender = [b for b in self.got if b.split()[0] == sender]
            equal(of_sender, [b for b in wanted if b.split()[0] == sender], f"{what}: the order at {self.user}")
        self.got = []


UNDER_WAY = 4000  # messages; of those that wait for a store that stands still sm holds some 20,000, and refuses the next


class Storm:
    """Two who send to four: bob is away until the end, carol comes and goes, dave has some that waited and stays, erin has two
    resources that take turns."""

    def __init__(self, server):
        self.server, self.chance = server, random.Random(1)
        self.senders = [on_worker(server, i, "alice", f"s{i}", come=online) for i in range(2)]
        self.bob, self.carol, self.dave, self.erin = self.receivers = [
            Receiver(server, "bob"), Receiver(server, "carol"), Receiver(server, "dave", stays=True), Receiver(server, "erin", 2)]

    def send(self, burst, users):
        for number, sender in enumerate(self.senders):
            stanzas = []
            for _ in range(burst):
                user = self.chance.choice(users)
                body = f"{number} {self.count}"
                self.count += 1
                self.sent[user].append(body)
                stanzas.append(f"<message to='{user}@localhost' type='chat'><body>{body}</body></message>")
            sender.send("".join(stanzas))

    def hear(self):
        """What its senders hear; and no more is under way than sm has taken, or it refused some in the end."""
        self.heard += [s for c in self.senders for s in c.quiet() if s.tag.endswith("message")]

    def turn(self, sends):
        if sends:
            self.send(self.chance.randrange(1, 30), list(self.sent))
        else:
            time.sleep(0.05)
        self.carol.show(*self.chance.choice(((), (-1,), (0, 5))))
        self.erin.show(-1, 0, 1, 2, 3)
        for r in self.receivers:
            r.drain()

    def blow(self, what, is_over, rule=""):
        self.sent = {r.user: [] for r in self.receivers}
        self.count, turns, self.heard = 0, 0, []
        for r in (self.bob, self.dave):
            r.show()
            r.clients[0].quiet()
        self.send(3, ["dave"])
        for sender in self.senders:
            sender.quiet()
        self.dave.show(0)
        self.server.disk(rule)
        while turns < 8 or not is_over():
            self.turn(not rule or self.count < UNDER_WAY)
            turns += 1
            if turns % 10 == 0 and not rule:  # else child after child dies, and nobody answers
                self.hear()
            check(turns < 2000, f"{what} was never passed")
        self.server.disk()
        for r in self.receivers:
            r.read(self.sent[r.user], what)
        self.hear()
        equal([s.attrib for s in self.heard], [], f"{what}: what senders hear")

    def close(self):
        for c in self.senders + [c for r in self.receivers for c in r.clients]:
            c.close()


POINTS = ("turn_before_record", "turn_after_record", "turn_before_ack", "turn_between_links", "mailbox_stored", "mailbox_loaded",
          "mailbox_removed")
TIMES = (1, 3, 8)


@scene("sm killed at each point of a storm of messages to people who are away, come, go and stay: each once, in order, no error")
def _(server):
    storm = Storm(server)
    for point in POINTS:
        for nth in TIMES:
            server.failing_point(f"{point}:{nth}")
            storm.blow(f"{point}:{nth}", server.has_died)
    storm.close()


@scene("sm killed in each write and sync of the store during such a storm, child after child: each once, in order, no error")
def _(server):
    storm = Storm(server)
    for rule in ("write store.db-wal", "sync store.db-wal", "synced store.db-wal", "write store.db", "read store.db"):
        for nth in TIMES:
            server.forget_log("sm")
            storm.blow(f"{rule} {nth}", server.has_died, f"die {rule} {nth} 1")
            eventually(lambda: server.answers() and server.workers_joined(), "sm to be back")
    storm.close()


@scene("sm killed six times at random during such a storm: each once, in order, no error")
def _(server):
    storm, kills = Storm(server), []

    def kill_sometimes():
        if storm.chance.random() < 0.2:
            kills.extend(server.children("sm"))
            os.kill(kills[-1], signal.SIGKILL)
            eventually(server.answers, "sm to be back")
        return len(kills) >= 6
    storm.blow("random", kill_sometimes)
    storm.close()


try:
    # However long a slow machine needs to come to a point, nobody's mailbox is full.
    server = Faulty(accounts=("alice", "bob", "carol", "dave", "erin"), domains={"localhost": "offline-messages = 1000000"})
    failed = play(server)
    reports = server.sanitizer_reports()
    server.stop()
except Skip as why:
    print(f"1..0 # SKIP {why}")
    finish(0)
for line in reports:
    print("# " + line)
finish(failed or reports)
