#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Crashes: sm killed at every point of a turn and at random, a worker killed, everything killed. Clients stay; every message
arrives exactly once and in order."""
import os
import random
import signal
import sys
import threading
import time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client
from people import on_worker, online
from server import BUILD, Server, eventually
from tap import Skip, check, equal, finish, play, scene

FAULTS = os.path.join(BUILD, "fault")
POINTS = ("turn_before_record", "turn_after_record", "turn_between_links", "turn_before_ack")
BURST = 40


def pairs(server, count):
    """Pairs that talk across both workers: the receivers are on one and the other by turns, the senders opposite."""
    return [(on_worker(server, 1 - i % 2, "alice", f"a{i}"), on_worker(server, i % 2, "bob", f"b{i}")) for i in range(count)]


def talk(all_pairs, start, count):
    for sender, receiver in all_pairs:
        sender.send("".join(f"<message to='{receiver.jid}' type='chat'><body>{i}</body></message>"
                            for i in range(start, start + count)))


def heard(all_pairs, start, count, what):
    for _, receiver in all_pairs:
        equal(receiver.bodies(count), [str(i) for i in range(start, start + count)], f"{what}: messages at {receiver.jid}")


def passed(server):
    return "event=child_end" in server.log("sm")


@scene("sm killed at each point of a turn, at many turns: every message exactly once, in order, and nobody is disconnected")
def _(server):
    if not os.path.exists(os.path.join(FAULTS, "sm")):
        raise Skip("no build with fault points: make faulty")
    faulty = Server(build=FAULTS, workers=2)
    people = pairs(faulty, 3)
    for point in POINTS:
        for turn in (1, 2, 3, 5, 8, 13):
            what = f"{point}:{turn}"
            faulty.terminate("sm")
            faulty.forget_log("sm")
            faulty.start_sm({"GATEHOUSE_FAULT": what})
            step = 0
            while step < 2 or not passed(faulty):
                check(step < 2000, f"{what} was never passed")
                talk(people, step * BURST, BURST)
                heard(people, step * BURST, BURST, what)
                step += 1
            for pair in people:
                for c in pair:
                    equal([s for s in c.quiet() if s.tag.endswith("message")], [], f"{what}: messages too many")
            equal(faulty.stats()["ghosts"], 0, "ghosts")
    faulty.stop()


@scene("sm killed at random again and again under load: exactly once, in order; the sessions stay")
def _(server):
    people = pairs(server, 4)
    chance = random.Random(1)
    stop = threading.Event()

    def killer():
        while not stop.wait(chance.uniform(0.15, 0.6)):
            for pid in server.children("sm"):
                os.kill(pid, signal.SIGKILL)
    thread = threading.Thread(target=killer)
    thread.start()
    try:
        for step in range(30):
            talk(people, step * BURST, BURST)
            heard(people, step * BURST, BURST, "random kills")
    finally:
        stop.set()
        thread.join()
    eventually(server.answers, "sm to answer")
    for pair in people:
        for c in pair:
            equal([s for s in c.quiet() if s.tag.endswith("message")], [], "messages too many")
    equal(sorted(s["jid"] for s in server.sessions()), sorted(c.jid for pair in people for c in pair), "sessions")
    equal(server.stats()["ghosts"], 0, "ghosts")
    for pair in people:
        for c in pair:
            c.close()


@scene("a login that is under way while sm is away goes on when it is back")
def _(server):
    c = Client(server, direct=True).open()
    c.features()
    pid = server.children("sm")[0]
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    c.auth_scram("carol", server.password["carol@localhost"])
    c.open()
    c.features()
    c.bind("patient")
    c.available()
    c.close()


@scene("presence, priority and directed presence survive a crash of sm")
def _(server):
    alice, watcher, bob = online(server, "alice", "p"), online(server, "alice", "w"), online(server, "bob", "d")
    alice.available(7)
    alice.send(f"<presence to='{bob.jid}'/>")
    bob.expect(lambda s: s.get("from") == alice.jid)
    server.kill_sm()
    equal([s["priority"] for s in server.sessions() if s["jid"] == alice.jid], [7], "priority")
    alice.vanish()
    watcher.expect(lambda s: s.get("from") == alice.jid and s.get("type") == "unavailable")
    bob.expect(lambda s: s.get("from") == alice.jid and s.get("type") == "unavailable")
    watcher.close(), bob.close()


@scene("a worker killed: the other's clients notice nothing, its own sessions end with unavailable presence, a new one serves")
def _(server):
    watchers = [online(server, "alice", f"w{i}") for i in range(6)]
    lost = [online(server, "bob", f"l{i}") for i in range(6)]
    rows = {s["jid"]: s for s in server.sessions()}
    workers = {w["slot"]: w["pid"] for w in server.status()["workers"]}
    slot = rows[lost[0].jid]["worker"]
    gone = {jid for jid, row in rows.items() if row["worker"] == slot}
    stay = [c for c in watchers + lost if c.jid not in gone]
    for c in lost:
        if c.jid in gone:
            for friend in stay:
                c.send(f"<presence to='{friend.jid}'/>")
            c.quiet()
    os.kill(workers[slot], signal.SIGKILL)
    for friend in stay:
        waiting = set(gone & {c.jid for c in lost})
        while waiting:
            stanza = friend.expect("presence")
            if stanza.get("type") == "unavailable":
                waiting.discard(stanza.get("from"))
    eventually(lambda: {s["jid"] for s in server.sessions()} == {c.jid for c in stay}, "the dead worker's sessions to end")
    eventually(server.workers_joined, "the new worker to join")
    back = [online(server, "carol", f"n{i}") for i in range(4)]
    for c in stay + back:
        c.quiet()
    equal(server.stats()["ghosts"], 0, "ghosts")
    for c in stay + back:
        c.close()


@scene("everything killed at once: a new start serves, without sessions of the dead")
def _(server):
    c = online(server, "alice", "before")
    for name in ("sm", "c2s"):
        os.killpg(server.processes[name].pid, signal.SIGKILL)
        server.processes[name].wait()
    try:
        c.stream_error()
    except OSError:
        pass
    server.start_sm()
    server.start_c2s()
    eventually(lambda: server.sessions() == [], "the old session to end")
    online(server, "alice", "after").close()


@scene("sm restarted in order while clients talk: they stay, and messages go on")
def _(server):
    people = pairs(server, 2)
    talk(people, 0, BURST)
    server.terminate("sm")
    talk(people, BURST, BURST)
    server.start_sm()
    heard(people, 0, 2 * BURST, "restart")
    for pair in people:
        for c in pair:
            c.close()


@scene("SIGTERM to c2s ends every stream with system-shutdown, and sm has no session left")
def _(server):
    clients = [online(server, "alice", f"s{i}") for i in range(5)]
    server.forget_log("sm")
    equal(server.terminate("c2s"), 0, "exit status")
    for c in clients:
        equal(c.stream_error(), "system-shutdown", "condition")
    eventually(lambda: server.sessions() == [], "the sessions to end")
    eventually(lambda: server.log("sm").count("event=link_closed") == 3, "sm to see both workers and their parent go")
    check("event=link_down" not in server.log("sm"), "an end in order is no alarm")
    equal(server.terminate("sm"), 0, "exit status")


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
