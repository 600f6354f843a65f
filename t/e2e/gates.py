#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How the gates treat clients that come and go in unusual ways, and what they leave behind."""
import base64
import os
import re
import socket
import ssl
import sys
import time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, STREAMS, Client
from server import DEADLINE, Server, eventually
from tap import Skip, check, equal, finish, play, scene

HEADER = f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' to='localhost' version='1.0'>".encode()


def ends(server, resource):
    return [line for line in server.log("c2s").splitlines() if "event=disconnect" in line and f"/{resource} " in line]


@scene("the log says who hung up, who said goodbye, and whose stream ended with an error")
def _(server):
    cases = {"hung-up": lambda c: c.vanish(), "goodbye": lambda c: c.close(), "error": lambda c: (c.send("<!-- -->"), c.stream_error())}
    for reason, leave in cases.items():
        leave(Client(server, direct=True).login("alice", reason, presence=False))
        line = eventually(lambda: ends(server, reason), "the line of its end")[0]
        check(f" reason={reason} " in line, line)
        equal('cond=""' in line, reason != "error", "no condition in " + line)
        ended = lambda: [line for line in server.log("sm").splitlines() if "event=session_end" in line and f"/{reason} " in line]
        line = eventually(ended, "sm's line of its end")[0]
        check(f"why={'restricted-xml' if reason == 'error' else reason}" in line.replace('"', ""), line)


@scene("a client that has closed its half of the connection still gets all that waits for it")
def _(server):
    plain = Server('allow-plaintext = "loopback"\nclient-queue-bytes = 64M\nworker-queue-bytes = 128M', workers=1)
    bob = Client(plain, direct=True).login("bob")
    c = Client(plain)
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    c.secure = True  # as far as login() is concerned: no STARTTLS
    c.login("alice", "half")
    for number in range(100):
        bob.message("alice@localhost/half", f"{number} " + "x" * 200000)
    bob.quiet()
    c.send("</stream:stream>")
    c.sock.shutdown(socket.SHUT_WR)
    data, tail = 0, b""
    c.sock.settimeout(DEADLINE)
    while True:
        piece = c.sock.recv(1 << 20)
        if not piece:
            break
        data += len(piece)
        tail = (tail + piece)[-100:]
    check(tail.endswith(b"</message></stream:stream>") and data > 100 * 200000, f"{data} bytes, it ended with {tail!r}")
    plain.stop()


@scene("a connection that both sides have closed gives its descriptor back at once")
def _(server):
    workers = [w["pid"] for w in server.status()["workers"]]
    held = lambda: sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in workers)
    before, most = held(), 0
    for _ in range(300):
        c = Client(server).open()
        c.features()
        c.close()
        most = max(most, held())
    check(most < before + 100, f"{before} descriptors before, {most} while clients came and went one by one")


@scene("the end of a TLS handshake, a header and close_notify in one segment are a short visit, and no fault of ours")
def _(server):
    context = ssl.create_default_context(cafile=os.path.join(server.folder, "ca.pem"))
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(inward, outward, server_hostname="localhost")
    sock = socket.create_connection(("127.0.0.1", server.tls_port), DEADLINE)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            sock.sendall(outward.read())
            inward.write(sock.recv(65536))
    tls.write(HEADER)
    try:
        tls.unwrap()
    except ssl.SSLError:
        pass
    sock.sendall(outward.read())
    answer = b""
    while piece := sock.recv(65536):
        answer += piece
    check(len(answer) > 300, "no features came back")
    check("input in a state that reads none" not in server.log("c2s"), "it was taken for a fault of ours")


@scene("a flood of refused connections is one line a second, and each is counted")
def _(server):
    tight = Server("connections-per-address = 1", workers=1)
    first = Client(tight).open()
    first.features()
    begin = time.monotonic()
    for _ in range(300):
        socket.create_connection(("127.0.0.1", tight.port), DEADLINE).close()
    last = Client(tight)
    check(last.stream_error() == "resource-constraint", "it was let in")
    lines = tight.log("c2s").count("event=refuse ")
    check(1 <= lines <= 2 + (time.monotonic() - begin), f"{lines} lines")
    tight.stop()


@scene("after PLAIN logins no copy of the password is left in the worker's memory")
def _(server):
    own = Server(workers=1)
    clients = [Client(own).login("alice", f"r{i}", mechanism="PLAIN") for i in range(3)]
    password = own.password["alice@localhost"].encode()
    secrets = (password, base64.b64encode(b"\0alice\0" + password)[8:])
    worker = own.children("c2s")[0]
    try:
        memory = open(f"/proc/{worker}/mem", "rb", 0)
    except PermissionError:
        raise Skip("another process's memory cannot be read here")
    with memory, open(f"/proc/{worker}/maps") as maps:
        for line in maps:
            span = re.match("([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not span:
                continue
            begin, end = (int(word, 16) for word in span.groups())
            if end - begin > 1 << 30:
                continue  # a sanitizer's shadow
            memory.seek(begin)
            bytes_there = memory.read(end - begin)
            for secret in secrets:
                check(secret not in bytes_there, f"{secret!r} in {line}")
    for c in clients:
        c.close()
    own.stop()


if __name__ == "__main__":
    server = Server()
    failed = play(server)
    reports = server.sanitizer_reports()
    server.stop()
    for line in reports:
        print("# " + line)
    finish(failed or reports)
