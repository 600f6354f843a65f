#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Failed logins over many connections: late verdicts, refused addresses, accounts that let their owner in, and the line for fail2ban."""
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import threading
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client, Ended, Refused
from elsewhere import Elsewhere
from server import Server, eventually
from tap import check, equal, finish, play, scene

FILTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "etc", "fail2ban", "filter.d", "gatehouse.conf")


def connected(server, source):
    c = Elsewhere(server, source=source, direct=True).open()
    c.features()
    return c


def tries(server, source, user, password, mechanism="PLAIN"):
    """One login on a connection of its own; None when it succeeded, else the condition, of SASL or the stream."""
    try:
        c = connected(server, source)
    except (Ended, OSError):
        return "refused at the door"
    try:
        if mechanism == "PLAIN":
            c.auth_plain(user, password)
        else:
            c.auth_scram(user, password, mechanism)
        return None
    except Refused as why:
        return why.condition
    finally:
        c.sock.close()


def bans(server):
    return {b["who"]: b for b in json.loads(server.sm("bans", "--json").stdout)}


def fail(server, source, user, times):
    for _ in range(times):
        equal(tries(server, source, user, "wrong"), "not-authorized", "a wrong password")


@scene("an address with too many failures is refused, at once, whatever it says; others are not; unban forgets")
def _(server):
    fail(server, "127.0.1.1", "alice", 4)
    equal(tries(server, "127.0.1.1", "nobody", "wrong"), "not-authorized", "an account that does not exist counts alike")
    fail(server, "127.0.1.1", "nobody", 3)
    early = connected(server, "127.0.1.1")
    equal(bans(server), {}, "bans")
    fail(server, "127.0.1.1", "carol", 2)
    banned = bans(server)
    equal(list(banned), ["127.0.1.1"], "bans")
    equal((banned["127.0.1.1"]["state"], banned["127.0.1.1"]["failures"]), ("refused", 10), "state and failures")
    check(0 < banned["127.0.1.1"]["left"] <= 600, "time left")
    try:
        early.auth_plain("alice", "pw-alice@localhost")
        raise AssertionError("a refused address was let in")
    except Refused as why:
        equal(why.condition, "temporary-auth-failure", "so that a client does not forget its password")
    early.sock.close()
    eventually(lambda: tries(server, "127.0.1.1", "alice", "pw-alice@localhost") == "refused at the door", "the door to know")
    plain = Elsewhere(server, source="127.0.1.1").open()
    equal(plain.stream_error(), "policy-violation", "where it can be said without a handshake")
    equal(tries(server, "127.0.1.2", "alice", "pw-alice@localhost"), None, "another address")
    equal(server.sm("unban", "127.0.9.9", check=False).returncode, 1, "unban of who is not")
    server.sm("unban", "127.0.1.1")
    equal(bans(server), {}, "bans")
    eventually(lambda: tries(server, "127.0.1.1", "alice", "pw-alice@localhost") is None, "the door to be open again")
    check("event=ban ip=127.0.1.1" in server.log("sm"), "the ban is logged")


@scene("a success forgives the failures of its own account there, and none of others")
def _(server):
    fail(server, "127.0.2.1", "alice", 5)
    fail(server, "127.0.2.1", "bob", 4)
    equal(tries(server, "127.0.2.1", "bob", "pw-bob@localhost", "SHA-256"), None, "bob")
    fail(server, "127.0.2.1", "carol", 4)
    equal(tries(server, "127.0.2.1", "bob", "pw-bob@localhost"), None, "5 + 4 are not ten")
    fail(server, "127.0.2.1", "carol", 1)
    check(tries(server, "127.0.2.1", "bob", "pw-bob@localhost"), "5 + 5 are")


@scene("a ban survives kill -9 of sm, and the door still knows")
def _(server):
    fail(server, "127.0.3.1", "alice", 10)
    eventually(lambda: tries(server, "127.0.3.1", "alice", "wrong") == "refused at the door", "the door to know")
    server.kill_sm()
    equal(bans(server)["127.0.3.1"]["state"], "refused", "state")
    equal(tries(server, "127.0.3.1", "alice", "pw-alice@localhost"), "refused at the door", "after the crash")
    server.sm("unban", "127.0.3.1")
    eventually(lambda: tries(server, "127.0.3.1", "alice", "pw-alice@localhost") is None, "the door to be open again")


@scene("an account that is attacked from everywhere lets its owner in, from home and from a clean address")
def _(server):
    equal(tries(server, "127.0.4.1", "dora", "pw-dora@localhost"), None, "at home, before")
    for i in range(30):
        equal(tries(server, f"127.0.5.{i}", "dora", "wrong"), "not-authorized", "a guess")
    equal(bans(server)["dora@localhost"]["state"], "refused", "state of the account")
    equal(tries(server, "127.0.5.1", "dora", "wrong"), "not-authorized", "a second guess")
    equal(tries(server, "127.0.5.1", "dora", "pw-dora@localhost"), "temporary-auth-failure", "no third, right or wrong")
    equal(tries(server, "127.0.5.1", "alice", "pw-alice@localhost"), None, "other accounts")
    equal(tries(server, "127.0.4.1", "dora", "pw-dora@localhost"), None, "home")
    equal(tries(server, "127.0.4.2", "dora", "pw-dora@localhost"), None, "a clean address")
    server.sm("unban", "dora@localhost")
    equal(tries(server, "127.0.5.1", "dora", "pw-dora@localhost"), None, "forgiven")


@scene("a guess that is not judged is not looked up either: its time does not tell a password that a worker remembers from others")
def _(server):
    equal(tries(server, "127.0.4.3", "gina", "pw-gina@localhost"), None, "at home, before")
    for i in range(30):
        fail(server, f"127.0.8.{i}", "gina", 1)
    fail(server, "127.0.8.1", "gina", 1)
    server.forget_log("c2s")
    for password in ("pw-gina@localhost", "wrong"):
        equal(tries(server, "127.0.8.1", "gina", password), "temporary-auth-failure", "verdict")
    eventually(lambda: server.log("c2s").count("cond=temporary-auth-failure") == 2, "the log")
    check("wait_for_salt" in server.log("c2s"), "states are logged")
    check("wait_for_key" not in server.log("c2s"), "a password was looked up, or derived")
    server.sm("unban", "gina@localhost")


@scene("verdicts come late to who fails, and a client whose verdict waits has its answer when sm is killed meanwhile")
def _(server):
    with open(server.conf) as f:
        text = f.read()
    with open(server.conf, "w") as f:
        f.write(text.replace("auth-delay = 0", "auth-delay = 15"))
    server.sm("reload")
    fail(server, "127.0.6.1", "frank", 7)
    delayed = bans(server)["127.0.6.1"]
    equal((delayed["state"], delayed["delay_ms"] >= 2000), ("delayed", True), "state, and a delay to be killed in")
    answers = []
    late = threading.Thread(target=lambda: answers.append(tries(server, "127.0.6.1", "bob", "pw-bob@localhost")))
    server.forget_log("sm")
    late.start()
    eventually(lambda: "event=auth_delayed" in server.log("sm"), "the verdict to be held")
    equal(answers, [], "answers so far")
    server.kill_sm()
    late.join(60)
    equal(answers, [None], "bob's login")
    with open(server.conf, "w") as f:
        f.write(text)
    server.sm("reload")


@scene("an account that is disabled ends its sessions and lets nobody in until it is enabled, with sm or without")
def _(server):
    c = Client(server, direct=True).login("erin", "x")
    equal(server.sm("account", "disable", "erin@localhost").stdout, "disabled; 1 session ended\n", "words")
    equal(c.stream_error(), "policy-violation", "the end of the stream")
    equal(tries(server, "127.0.0.1", "erin", "pw-erin@localhost"), "account-disabled", "the right password")
    equal(tries(server, "127.0.0.1", "erin", "wrong"), "not-authorized", "a wrong one learns nothing")
    listed = {a["jid"]: a["disabled"] for a in json.loads(server.sm("account", "list", "--json").stdout)}
    check(listed["erin@localhost"] and not listed["bob@localhost"], "the list says so")
    server.sm("account", "enable", "erin@localhost")
    equal(tries(server, "127.0.0.1", "erin", "pw-erin@localhost"), None, "enabled again")
    equal(server.sm("account", "disable", "none@localhost", check=False).returncode, 1, "no such account")
    check("event=command" in server.log("sm") and "account disable erin@localhost" in server.log("sm"), "it is logged")
    server.terminate("sm")
    equal(server.sm("account", "disable", "erin@localhost").stdout, "disabled\n", "without sm")
    server.start_sm()
    eventually(server.workers_joined, "the workers to join")
    equal(tries(server, "127.0.0.1", "erin", "pw-erin@localhost"), "account-disabled", "after the start")


def patterns():
    """failregex as fail2ban expands it, roughly: <ADDR> is an address."""
    parser = configparser.RawConfigParser()
    parser.read(FILTER)
    lines = parser["Definition"]["failregex"].split("\n")
    return [re.compile(line.replace("<ADDR>", r"(?P<ip>[0-9a-fA-F.:]+)")) for line in lines if line]


def hosts(lines):
    return [m.group("ip") for line in lines for m in [next(filter(None, (p.search(line) for p in patterns())), None)] if m]


@scene("the filter for fail2ban finds wrong passwords, and nothing else, in what c2s logs; no name forges a line")
def _(server):
    server.forget_log("c2s")
    fail(server, "127.0.7.1", "alice", 1)
    for name in ("x y", 'q" ip=192.0.2.66 user=x mech=PLAIN cond=not-authorized', "z\u00e9"):
        tries(server, "127.0.7.2", name.replace("@", "a"), "wrong")
    equal(tries(server, "127.0.7.3", "erin", "pw-erin@localhost"), "account-disabled", "erin")
    equal(tries(server, "127.0.7.4", "alice", "pw-alice@localhost"), None, "alice")
    eventually(lambda: "ip=127.0.7.4" in server.log("c2s"), "the log")
    lines = [line for line in server.log("c2s").splitlines() if "event=" in line]
    stamp = re.compile(r"^\S+Z ")
    filed = [stamp.sub("", line) for line in lines]
    found = hosts(filed)
    equal(set(found), {"127.0.7.1", "127.0.7.2"}, "addresses in a file")
    equal(len([h for h in found if h == "127.0.7.1"]), 1, "lines of one failure")
    syslog = [re.sub(r"^\S+ (c2s\[\d+\]) ", r"host \1: ", line) for line in filed]
    equal(hosts(syslog), found, "addresses in syslog")
    tool = os.environ.get("FAIL2BAN_REGEX") or shutil.which("fail2ban-regex")
    if tool:
        log = os.path.join(server.folder, "c2s.log")
        done = subprocess.run([tool, "--print-all-matched", log, FILTER], capture_output=True, text=True, timeout=120)
        match = re.search(r"Lines: \d+ lines, \d+ ignored, (\d+) matched", done.stdout)
        check(match and int(match.group(1)) == len(found), done.stdout[-2000:] + done.stderr[-500:])


SETTINGS = """auth-failures-per-address = 10
auth-failures-per-account = 30
auth-delay = 0
auth-ban = 600
"""

server = Server(settings=SETTINGS, accounts=("alice", "bob", "carol", "dora", "erin", "gina"))
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
