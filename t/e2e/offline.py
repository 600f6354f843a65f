#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages for people who are not online wait in the store (XEP-0160): in order, once, whatever crashes."""
import calendar
import os
import random
import re
import signal
import sqlite3
import sys
import time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, Client, Ended, condition
from server import BUILD, Server, eventually
from tap import Skip, check, equal, finish, play, scene

DELAY = "urn:xmpp:delay"
FAULTS = os.path.join(BUILD, "fault")
POINTS = ("turn_before_record", "turn_after_record", "turn_before_ack", "mailbox_stored", "mailbox_loaded", "mailbox_removed")


def online(server, user, resource, priority=0, presence=True):
    c = Client(server, direct=True).login(user, resource, presence=False)
    if presence:
        c.send(f"<presence><priority>{priority}</priority></presence>")
    return c


def bodies(stanzas):
    return [s.findtext(f"{{{CLIENT}}}body") for s in stanzas if s.tag.endswith("message")]


def nothing_waits(server, user="bob"):
    c = online(server, user, "look")
    equal(bodies(c.quiet() + c.quiet()), [], "messages that wait still")
    c.close()


@scene("messages of types chat and normal wait, in order, and come with the time of their arrival and our domain's stamp")
def _(server):
    alice = online(server, "alice", "a")
    before = time.time() - 1
    for i in range(5):
        alice.message("bob@localhost", f"{i}", kind="chat" if i % 2 else "normal")
    alice.message("bob@localhost/gone", "5")
    equal(bodies(alice.quiet()), [], "what the sender hears")
    after = time.time() + 1
    eventually(lambda: re.fullmatch(r"6 messages, \d+ bytes, the oldest of 20.*Z\n",
                                    server.sm("offline", "show", "bob@localhost").stdout), "sm offline show to tell of six")
    bob = online(server, "bob", "b")
    for i in range(6):
        got = bob.expect("message")
        equal((got.findtext(f"{{{CLIENT}}}body"), got.get("from")), (str(i), alice.jid), "message")
        delay = got.findall(f"{{{DELAY}}}delay")
        equal([d.get("from") for d in delay], ["localhost"], "stamps")
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", delay[0].get("stamp")), delay[0].get("stamp"))
        stamp = time.strptime(delay[0].get("stamp")[:19], "%Y-%m-%dT%H:%M:%S")
        check(before - 1 <= calendar.timegm(stamp) <= after, "the time in the stamp")
    bob.close()
    nothing_waits(server)
    alice.close()


@scene("groupchat and headline do not wait, nor do chat states alone, nor what a hint keeps from the store")
def _(server):
    alice = online(server, "alice", "a")
    alice.message("bob@localhost", "room", kind="groupchat", ident="g")
    equal(condition(alice.expect("message")), "service-unavailable", "groupchat")
    alice.message("bob@localhost", "news", kind="headline")
    states = "http://jabber.org/protocol/chatstates"
    alice.send(f"<message to='bob@localhost' type='chat'><composing xmlns='{states}'/></message>")
    alice.send("<message to='bob@localhost' type='chat'><body>not me</body><no-store xmlns='urn:xmpp:hints'/></message>")
    alice.send("<message to='bob@localhost' type='chat'><request xmlns='urn:xmpp:receipts'/><store xmlns='urn:xmpp:hints'/></message>")
    alice.send("<message to='bob@localhost' type='chat'><body>off the record</body><no-permanent-store xmlns='urn:xmpp:hints'/></message>")
    equal(bodies(alice.quiet()), [], "what the sender hears")
    bob = online(server, "bob", "b")
    got = bob.expect("message")
    equal([c.tag for c in got][:2], ["{urn:xmpp:receipts}request", "{urn:xmpp:hints}store"], "what waited")
    equal(bob.bodies(1), ["off the record"], "what is not to be archived (XEP-0334) waits until it is read")
    bob.close()
    nothing_waits(server)
    alice.close()


@scene("a stamp that claims to be ours is cut, one of somebody else stays")
def _(server):
    alice = online(server, "alice", "a")
    many = "".join(f"<x xmlns='urn:x:{i}'/>" for i in range(12))
    alice.send("<message to='bob@localhost' type='chat'><body>x</body>" + many +
               f"<delay xmlns='{DELAY}' from='localhost' stamp='1999-01-01T00:00:00Z'/>"
               f"<delay xmlns='{DELAY}' from='alice@localhost' stamp='2001-01-01T00:00:00Z'/></message>")
    alice.quiet()
    bob = online(server, "bob", "b")
    got = bob.expect("message")
    equal([d.get("from") for d in got.findall(f"{{{DELAY}}}delay")], ["alice@localhost", "localhost"], "stamps")
    check("1999" not in got.findall(f"{{{DELAY}}}delay")[1].get("stamp"), "the forged stamp")
    equal(len(got), 1 + 12 + 2 + 1, "children, the stanza-id included")
    bob.close()
    alice.close()


@scene("a negative priority has none; they wait for the resource that may have them")
def _(server):
    alice = online(server, "alice", "a")
    shy = online(server, "bob", "shy", priority=-1)
    shy.quiet()
    alice.message("bob@localhost", "wait")
    alice.quiet()
    equal(bodies(shy.quiet()), [], "at the negative priority")
    shy.send("<presence><priority>1</priority></presence>")
    equal(shy.bodies(1), ["wait"], "after the change")
    shy.close()
    nothing_waits(server)
    alice.close()


@scene("for nobody's account the sender hears service-unavailable, and so when the account is full")
def _(_):
    server = Server(domains={"localhost": "offline-messages = 3"})
    alice = online(server, "alice", "a")
    alice.message("nobody@localhost", "x", ident="n")
    equal(condition(alice.expect("message")), "service-unavailable", "nobody")
    for i in range(5):
        alice.message("bob@localhost", str(i), ident=f"m{i}")
    got = [alice.expect("message") for _ in range(2)]
    equal([(g.get("id"), g.get("from"), condition(g)) for g in got],
          [(f"m{i}", "bob@localhost", "service-unavailable") for i in (3, 4)], "errors")
    bob = online(server, "bob", "b")
    equal(bob.bodies(3), ["0", "1", "2"], "what waited")
    bob.close()
    eventually(lambda: store(server, "SELECT offline, offline_bytes FROM account WHERE jid='bob@localhost'") == [(0, 0)], "the count to be 0")
    alice.message("bob@localhost", "again")
    alice.quiet()
    bob = online(server, "bob", "b")
    equal(bob.bodies(1), ["again"], "after it was emptied")
    bob.close(), alice.close(), server.stop()


def store(server, sql):
    with sqlite3.connect(f"file:{server.folder}/state/store.db?mode=ro", uri=True) as db:
        return db.execute(sql).fetchall()


@scene("what comes while the stored ones are handed out comes behind them, to bare and full JID, from all senders")
def _(server):
    senders = [online(server, "alice", f"a{i}") for i in range(3)]
    for i in range(300):
        for n, c in enumerate(senders):
            c.message("bob@localhost", f"{n} {i}")
    for c in senders:
        c.quiet()
    bob = online(server, "bob", "b")
    eventually(lambda: [s for s in server.sessions("--user", "bob") if s["available"]], "bob's presence")
    for i in range(300, 600):
        for n, c in enumerate(senders):
            c.message("bob@localhost/b" if i % 2 else "bob@localhost", f"{n} {i}")
    got = bob.bodies(1800)
    for n in range(3):
        equal([int(b.split()[1]) for b in got if b.startswith(f"{n} ")][:601], list(range(600)), f"of sender {n}")
    for c in senders:
        c.message("bob@localhost", "live")
    equal(bob.bodies(3), ["live"] * 3, "afterwards")
    equal([s for s in bob.quiet() if s.tag.endswith("message")], [], "too many")
    bob.close()
    nothing_waits(server)
    for c in senders:
        c.close()


@scene("the next resource goes on where one that vanished was; what was handed out does not come twice")
def _(server):
    alice = online(server, "alice", "a")
    for i in range(500):
        alice.message("bob@localhost", str(i))
    alice.quiet()
    bob = online(server, "bob", "b")
    first = bob.bodies(1)
    bob.vanish()
    eventually(lambda: not server.sessions("--user", "bob"), "its session to end")
    again = online(server, "bob", "again")
    alice.message("bob@localhost", "500")
    got = again.bodies(1)
    while got[-1] != "500":
        got += again.bodies(1)
    again.close()
    numbers = [int(b) for b in first + got]
    equal(numbers, sorted(set(numbers)), "order, each once")
    nothing_waits(server)
    alice.close()


def fill(server, alice, count, user="bob"):
    for i in range(count):
        alice.message(user + "@localhost", str(i))
    alice.quiet()
    eventually(lambda: server.sm("offline", "show", user + "@localhost").stdout.startswith(f"{count} "), "the store to have them")


def numbers(client, count):
    return [int(b) for b in client.bodies(count)]


@scene("a client that becomes unavailable and available again while it has them gets none twice, few or many")
def _(server):
    alice = online(server, "alice", "a")
    for count in (5, 300):
        fill(server, alice, count)
        bob = online(server, "bob", "b")
        got = numbers(bob, 1)
        for _ in range(30):
            bob.send("<presence type='unavailable'/><presence/>")
        got += numbers(bob, count - 1)
        equal(got, list(range(count)), "what came")
        equal(bodies(bob.quiet() + bob.quiet()), [], "too many")
        bob.close()
        nothing_waits(server)
    alice.close()


@scene("resources whose priorities change while one has them: each message comes to one of them, once")
def _(server):
    alice = online(server, "alice", "a")
    fill(server, alice, 400)
    readers = [online(server, "bob", f"b{i}", priority=-1) for i in range(3)]
    for turn in range(60):
        for i, c in enumerate(readers):
            c.send(f"<presence><priority>{1 if turn % 3 == i else -1}</priority></presence>")
    readers[1].send("<presence><priority>1</priority></presence>")
    got = []
    eventually(lambda: got.extend(int(b) for c in readers for b in bodies(c.quiet())) or len(got) >= 400, "all")
    got += [int(b) for c in readers for b in bodies(c.quiet())]
    equal(sorted(got), list(range(400)), "what came")
    for c in readers:
        c.close()
    nothing_waits(server)
    alice.close()


@scene("a client that says goodbye while it has them, and reads on until the server's: none comes twice")
def _(server):
    chance = random.Random(1)
    alice = online(server, "alice", "a")
    for _ in range(3):
        fill(server, alice, 3000)
        got = []
        while len(got) < 3000:
            bob = online(server, "bob", "b")
            got += numbers(bob, min(chance.randrange(1, 500), 3000 - len(got)))
            bob.send("</stream:stream>")
            got += the_rest(bob)
            bob.sock.close()
        equal(got, list(range(3000)), "what came")
        nothing_waits(server)
    alice.close()


@scene("started again with a clock that is behind: what comes then comes behind what waited, and is not taken for read with it")
def _(_):
    server = Server()
    alice = online(server, "alice", "a")
    fill(server, alice, 3)
    alice.close()
    for name in ("c2s", "sm"):
        server.terminate(name)
    with sqlite3.connect(f"{server.folder}/state/store.db") as db:
        db.execute("UPDATE offline SET id = id + (3600000 << 22)")  # stored an hour from now
    server.start_sm()
    server.start_c2s()
    alice = online(server, "alice", "a")
    alice.message("bob@localhost", "3")
    alice.quiet()
    bob = online(server, "bob", "b")
    for i in range(4, 40):
        alice.message("bob@localhost", str(i))
    equal(numbers(bob, 40), list(range(40)), "what came")
    bob.close(), alice.close(), server.stop()


def the_rest(client):
    got = []
    try:
        while True:
            got += numbers(client, 1)
    except Ended:
        return got


@scene("a session that is replaced by one of its own full JID while it has them: each message comes to one of the two")
def _(_):
    server = Server(workers=2)
    alice = online(server, "alice", "a")
    fill(server, alice, 2000)
    bob, got = online(server, "bob", "b"), []
    for _ in range(4):
        got += [int(b) for b in bodies(bob.quiet())]
        then = online(server, "bob", "b")
        got += the_rest(bob)
        bob = then
    eventually(lambda: got.extend(int(b) for b in bodies(bob.quiet())) or len(got) >= 2000, "all")
    equal(sorted(got), list(range(2000)), "what came")
    bob.close()
    nothing_waits(server)
    server.stop()


@scene("a worker that is killed while its client has them: none is missing, and the next has them in order")
def _(_):
    server = Server(workers=2)
    alice = online(server, "alice", "a")
    fill(server, alice, 1000)
    bob = online(server, "bob", "b")
    got = numbers(bob, 1)
    for pid in server.children("c2s"):
        os.kill(pid, signal.SIGKILL)
    got += the_rest(bob)
    eventually(server.workers_joined, "new workers")
    bob = online(server, "bob", "b")
    again = numbers(bob, 1)
    while again[-1] != 999:
        again += numbers(bob, 1)
    equal(got, list(range(len(got))), "what came before")
    equal(again, list(range(again[0], 1000)), "what came afterwards")
    check(again[0] <= len(got), f"missing from {len(got)} to {again[0]}")
    bob.close()
    nothing_waits(server)
    server.stop()


@scene("while messages keep coming, a client that comes and goes gets each once, and none is forgotten in the store")
def _(server):
    alice = online(server, "alice", "a")
    sent, got = 0, []
    for round_ in range(40):
        bob = online(server, "bob", f"b{round_}")
        for _ in range(30):
            alice.message("bob@localhost", str(sent))
            sent += 1
            got += [int(b) for b in bodies(bob.quiet())]
        while len(got) < sent:
            got += numbers(bob, 1)
        bob.close()
        for _ in range(3):
            alice.message("bob@localhost", str(sent))
            sent += 1
    bob = online(server, "bob", "last")
    while len(got) < sent:
        got += numbers(bob, 1)
    equal(got, list(range(sent)), "what came")
    bob.close()
    nothing_waits(server)
    alice.close()


@scene("more than a stream may queue: a client that does not read for a while is not ended, and then has all")
def _(server):
    alice = online(server, "alice", "a")
    for i in range(6000):
        alice.message("bob@localhost", f"{i} " + "x" * 2000)
        if i % 1000 == 999:  # what is held for the store has a limit
            eventually(lambda: server.sm("offline", "show", "bob@localhost").stdout.startswith(f"{i + 1} "), "the store to have them")
    bob = online(server, "bob", "b")
    eventually(lambda: sum(w["queued"] for w in server.status()["workers"]) > 65536, "its queue to be long")
    for _ in range(3):
        alice.quiet()
    equal([int(b.split()[0]) for b in bob.bodies(6000)], list(range(6000)), "what came")
    bob.close()
    nothing_waits(server)
    alice.close()


@scene("many clients of one worker that do not read for a while: none is ended, and each then has all")
def _(_):
    users = [f"u{i}" for i in range(24)]
    server = Server("client-queue-bytes = 262144", workers=1, accounts=["alice"] + users)
    alice = online(server, "alice", "a")
    for user in users:
        for i in range(50):
            alice.message(user + "@localhost", f"{i} " + "x" * 20000)
        eventually(lambda: server.sm("offline", "show", user + "@localhost").stdout.startswith("50 "), "the store to have them")
    readers = [online(server, user, "slow") for user in users]

    def all_wait():
        equal(server.log("c2s").count("event=slow_client"), 0, "clients that are said not to read")
        return sum(s["queue"] > 0 for s in server.sessions()) == len(users)
    eventually(all_wait, "something to wait for each")
    for c in readers:
        equal([int(b.split()[0]) for b in c.bodies(50)], list(range(50)), c.jid)
        c.close()
    alice.close(), server.stop()


def own_memory(server):
    """What sm's serving child has of its own, in bytes; files that are mapped apart."""
    child, = server.children("sm")
    with open(f"/proc/{child}/status") as f:
        return int(re.search(r"RssAnon:\s+(\d+) kB", f.read())[1]) * 1024


def memory_says_something(server):
    with open(server.program("sm"), "rb") as f:
        if b"__asan" in f.read():
            raise Skip("with the address sanitizer memory says nothing")


@scene("a message that went to the store leaves nothing in memory: 5,000 more of them, again and again, and sm comes to an end of growing")
def _(_):
    server = Server('log-level = "info"')
    memory_says_something(server)
    alice, sizes = online(server, "alice", "a"), []
    for _ in range(5):
        for i in range(5000):
            alice.message("nobody@localhost", "x" * 50)
            if i % 200 == 199:
                alice.quiet()
        eventually(lambda: not any(d["waiting"] for d in server.status()["databases"]), "the store to have nothing to do")
        sizes.append(own_memory(server))
    growth = [after - before for before, after in zip(sizes, sizes[1:])]
    check(min(growth) < 100000, f"it has grown by {growth} bytes")
    alice.close(), server.stop()


@scene("40 MB in 4,000 messages for one account come in order, each once, and sm does not have them in memory meanwhile")
def _(_):
    server = Server("turn-log-bytes = 4194304", domains={"localhost": "offline-bytes = 1073741824"})
    memory_says_something(server)
    alice, most = online(server, "alice", "a"), 0
    for i in range(4000):
        alice.message("bob@localhost", f"{i} " + "x" * 10000)
        most = max(most, own_memory(server))
        if i % 25 == 24:  # what is held for the store has a limit; of what is stored sm may not have heard yet
            eventually(lambda: server.sm("offline", "show", "bob@localhost").stdout.startswith(f"{i + 1} "), "the store to have them")
    bob, got = online(server, "bob", "b"), []
    while len(got) < 4000:
        got.append(int(bob.bodies(1)[0].split()[0]))
        most = max(most, own_memory(server))
    equal(got, list(range(4000)), "what came")
    equal(bodies(bob.quiet()), [], "too many")
    check(most < 16 * 2**20, f"sm had {most / 2**20:.1f} MiB")
    bob.close(), alice.close(), server.stop()


@scene("the largest stanza that the server takes comes, live and from the store; a byte more ends the stream (RFC 6120 4.9.3.14, 13.12)")
def _(server):
    alice = online(server, "alice", "a")
    most = 262144  # stanza-bytes, as XEP-0478 announces it
    before, after = "<message to='bob@localhost' type='chat'><body>", "</body></message>"
    text = "x" * (most - len(before) - len(after))
    largest = before + text + after
    alice.send(largest)
    alice.quiet()
    bob = online(server, "bob", "b")
    check(bob.bodies(1) == [text], "what waited")
    alice.send(largest)
    check(bob.bodies(1) == [text], "live")
    alice.send(before + text + "x" + after)
    equal(alice.stream_error(), "policy-violation", "condition")
    equal(bodies(bob.quiet()), [], "what comes of it")
    bob.close()


@scene("an account that is removed while messages for it are held and handed out: nothing stays, and a new one of its name has none")
def _(server):
    server.account("dave@localhost")
    alice = online(server, "alice", "a")
    fill(server, alice, 300, "dave")
    dave = online(server, "dave", "d")
    dave.bodies(1)
    for i in range(100):
        alice.message("dave@localhost", f"late {i}", ident=f"l{i}")
    server.sm("account", "remove", "dave@localhost")
    alice.quiet()
    eventually(lambda: store(server, "SELECT count(*) FROM offline") == [(0,)], "its messages to go")
    alice.message("dave@localhost", "nobody", ident="n")
    while alice.expect("message").get("id") != "n":
        pass
    server.account("dave@localhost")
    dave.vanish()
    dave = online(server, "dave", "d")
    equal(bodies(dave.quiet() + dave.quiet()), [], "what the new account has")
    alice.message("dave@localhost", "live")
    equal(dave.bodies(1), ["live"], "afterwards")
    dave.close()
    server.sm("account", "remove", "dave@localhost")
    alice.close()


@scene("sm killed while messages are stored, handed out and removed, at every point: each comes exactly once, in order")
def _(_):
    if not os.path.exists(os.path.join(FAULTS, "sm")):
        raise Skip("no build with fault points: make faulty")
    server = Server(build=FAULTS, workers=2)
    alice = online(server, "alice", "a")
    for point in POINTS:
        for turn in (1, 2, 5):
            what = f"{point}:{turn}"
            server.terminate("sm")
            server.forget_log("sm")
            server.start_sm({"GATEHOUSE_FAULT": what})
            sent = 0
            got = []
            for round_ in range(1000):
                for _ in range(40):
                    alice.message("bob@localhost", f"{what} {sent}")
                    sent += 1
                bob = online(server, "bob", f"b{round_}")
                for _ in range(40):
                    alice.message("bob@localhost", f"{what} {sent}")
                    sent += 1
                while len(got) < sent:
                    got += bob.bodies(1)
                bob.close()
                if "event=child_end" in server.log("sm"):
                    break
            else:
                check(False, f"{what} was never passed")
            wanted = [f"{what} {i}" for i in range(sent)]
            check(got == wanted, f"{what}: missing {sorted(set(wanted) - set(got))[:5]}, too many {len(got) - len(set(got))}, "
                                 f"foreign {sorted(set(got) - set(wanted))[:5]}, in order: {got == sorted(got, key=lambda b: int(b.split()[-1]))}")
            equal([s for s in alice.quiet() if s.tag.endswith("message")], [], f"{what}: errors")
    nothing_waits(server)
    alice.close()
    server.stop()


@scene("sm killed when the stored ones have just been read: who is still there gets what comes next")
def _(server):
    alice = online(server, "alice", "a")
    for step in range(6):
        alice.message("bob@localhost", f"stored {step}")
        alice.quiet()
        bob = online(server, "bob", f"b{step}")
        equal(bob.bodies(1), [f"stored {step}"], "what waited")
        for pid in server.children("sm"):
            os.kill(pid, signal.SIGKILL)
        alice.message("bob@localhost", f"live {step}")
        equal(bob.bodies(1), [f"live {step}"], "what came next")
        bob.close()
    nothing_waits(server)
    alice.close()


@scene("sm killed, or started again in order, when all was read and removed: who is there gets what comes next, at once")
def _(server):
    alice, bob = online(server, "alice", "a"), None
    for step, end in enumerate((server.kill_sm, lambda: (server.terminate("sm"), server.start_sm()))):
        alice.message("bob@localhost", "stored")
        alice.quiet()
        bob = online(server, "bob", f"b{step}")
        equal(bob.bodies(1), ["stored"], "what waited")
        eventually(lambda: store(server, "SELECT count(*) FROM offline") == [(0,)], "it to be removed")
        bob.quiet()  # and what the record says of that is written
        end()
        for i in range(3):
            alice.message("bob@localhost", f"live {i}")
            equal(bob.bodies(1), [f"live {i}"], "what came next")
        eventually(lambda: store(server, "SELECT count(*) FROM offline") == [(0,)], "the store to be empty")
        bob.close()
    nothing_waits(server)
    alice.close()


@scene("sm offline purge throws them away")
def _(server):
    alice = online(server, "alice", "a")
    for i in range(3):
        alice.message("bob@localhost", str(i))
    alice.quiet()
    eventually(lambda: server.sm("offline", "show", "bob@localhost").stdout.startswith("3 messages"), "the messages")
    equal(server.sm("offline", "purge", "bob@localhost").stdout, "3 messages thrown away\n", "words")
    equal(server.sm("offline", "show", "bob@localhost").stdout, "0 messages, 0 bytes\n", "words")
    equal(server.sm("offline", "purge", "nobody@localhost", check=False).returncode, 1, "nobody's")
    nothing_waits(server)
    alice.close()


@scene("everything killed at once: what was stored for somebody absent is there after the start")
def _(server):
    alice = online(server, "alice", "a")
    for i in range(50):
        alice.message("bob@localhost", str(i))
    alice.quiet()
    eventually(lambda: store(server, "SELECT count(*) FROM offline") == [(50,)], "the store to have them")
    for name in ("sm", "c2s"):
        os.killpg(server.processes[name].pid, signal.SIGKILL)
        server.processes[name].wait()
    server.start_sm()
    server.start_c2s()
    bob = online(server, "bob", "b")
    equal(bob.bodies(50), [str(i) for i in range(50)], "what waited")
    bob.close()
    nothing_waits(server)


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
