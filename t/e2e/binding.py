#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Channel binding: what is offered where, what logs in, and what somebody in between cannot do."""
import os
import socket
import ssl
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import SASL, Client, Refused, b64
from exporting import Exporting
from server import Server
from tap import check, equal, finish, play, scene

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
HASHES = ("SHA-512", "SHA-256", "SHA-1")
DEFAULT = [f"SCRAM-{h}-PLUS" for h in HASHES] + [f"SCRAM-{h}" for h in HASHES] + ["PLAIN"]
KINDS = {V12: ["tls-exporter", "tls-unique", "tls-server-end-point"], V13: ["tls-exporter", "tls-server-end-point"]}


def connect(server, version=V13, to="localhost"):
    c = Client(server, direct=True, versions=(version, version)).open(to)
    c.features()
    return c


def exporting(server):
    """A client whose TLS gives away the exporter."""
    c = Client(server)
    c.sock.close()
    c.sock = Exporting(socket.create_connection(("127.0.0.1", server.tls_port), 30))
    c.secure = True
    c.open().features()
    return c


def refused(function, *arguments, **named):
    try:
        function(*arguments, **named)
    except Refused as why:
        return why.condition
    raise AssertionError("it was not refused")


def password(server, jid="alice@localhost"):
    return server.password[jid]


@scene("every -PLUS is offered over TLS, with the types that this version of it has, best first (XEP-0440)")
def _(server):
    for version in (V12, V13):
        c = connect(server, version)
        equal((c.mechanisms, c.bindings), (DEFAULT, KINDS[version]), str(version))
        c.close()
    c = connect(server, to="unbound.test")
    equal((c.mechanisms, c.bindings), (["SCRAM-SHA-256", "PLAIN"], []), "a domain that lists none")
    c = Client(server).open()  # without TLS, where the operator allows that
    c.features()
    equal((c.mechanisms, c.bindings), (DEFAULT[3:], []), "without TLS")


@scene("each hash logs in bound by each type that Python knows, over TLS 1.2 and 1.3")
def _(server):
    for version in (V12, V13):
        for name in HASHES:
            for kind in KINDS[version][1:]:
                c = connect(server, version)
                c.auth_scram("alice", password(server), name + "-PLUS", bind=kind)
                c.open()
                c.features()
                c.bind("bound")
                equal([s["mechanism"] for s in server.sessions() if s["jid"] == c.jid], [f"SCRAM-{name}-PLUS"], "mechanism")
                c.close()


@scene("tls-exporter logs in")
def _(server):
    for name in HASHES:
        c = exporting(server)
        c.auth_scram("alice", password(server), name + "-PLUS", bind="tls-exporter")
        c.open().features()
        c.close()


@scene("a binding of another connection is refused, however right the password")
def _(server):
    first, second = exporting(server), exporting(server)
    stolen = first.binding("tls-exporter")
    check(stolen != second.binding("tls-exporter"), "two connections have one exporter")
    equal(refused(second.auth_scram, "alice", password(server), "SHA-256-PLUS", bind="tls-exporter",
                  cbind=b64(b"p=tls-exporter,," + stolen)), "not-authorized", "exporter")
    old, new = connect(server, V12), connect(server, V12)
    equal(refused(new.auth_scram, "alice", password(server), "SHA-256-PLUS", bind="tls-unique",
                  cbind=b64(b"p=tls-unique,," + old.binding("tls-unique"))), "not-authorized", "unique")
    new.auth_scram("alice", password(server), "SHA-256-PLUS", bind="tls-unique")  # its own is right


@scene("what c= carries is compared to the last bit")
def _(server):
    c = connect(server)
    data = c.binding("tls-server-end-point")
    head = b"p=tls-server-end-point,,"
    for cbind in (b64(head), b64(head + data[:-1]), b64(head + data + b"\0"), b64(head + data[:-1] + bytes([data[-1] ^ 1])),
                  b64(b"n,,"), b64(b"n,," + data), b64(b"p=tls-exporter,," + data), b64(head + data).rstrip("=") + "==="):
        c = connect(server)
        equal(refused(c.auth_scram, "alice", password(server), "SHA-256-PLUS", cbind=cbind), "not-authorized", cbind)
    text = b64(b"n,,")
    for cbind in (text + "AB==", text + "AA==", text + "=", text[:-1]):
        c = connect(server)
        equal(refused(c.auth_scram, "alice", password(server), "SHA-256", cbind=cbind), "not-authorized", cbind)


@scene("what a client says of channel binding must fit what was offered (RFC 5802 6)")
def _(server):
    def first(mechanism, gs2, version=V13, to="localhost"):
        c = connect(server, version, to)
        text = f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{b64(gs2 + b'n=alice,r=abc')}</auth>"
        try:
            return c.sasl(text)[0]
        except Refused as why:
            return why.condition
    plain, plus = "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"
    equal(first(plain, b"n,,"), "challenge", "n")
    equal(first(plain, b"y,,"), "not-authorized", "y where -PLUS is offered")
    equal(first(plain, b"y,,", to="unbound.test"), "challenge", "y where it is not")
    equal(first(plain, b"p=tls-server-end-point,,"), "not-authorized", "p without -PLUS")
    equal(first(plus, b"n,,"), "not-authorized", "-PLUS with n")
    equal(first(plus, b"y,,"), "not-authorized", "-PLUS with y")
    equal(first(plus, b"p=tls-unique,,"), "not-authorized", "tls-unique on TLS 1.3")
    equal(first(plus, b"p=tls-unique,,", V12), "challenge", "tls-unique on TLS 1.2")
    equal(first(plus, b"p=tls-banana,,"), "not-authorized", "an unknown type")
    equal(first(plus, b"p=,,"), "malformed-request", "no type")
    equal(first(plus, b"p=tls-server-end-point,,", to="unbound.test"), "invalid-mechanism", "-PLUS that is not listed")


@scene("a client that tries each -PLUS in vain, as slixmpp does, has its attempts left; there is an end to it all the same")
def _(server):
    c = connect(server)
    server.forget_log("c2s")
    for mechanism in DEFAULT[:3]:
        equal(refused(c.sasl, f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{b64(b'p=tls-unique,,n=alice,r=abc')}</auth>"),
              "not-authorized", mechanism)
    check("auth_failed" not in server.log("c2s"), "it is taken for a failed login")
    c.auth_scram("alice", password(server))
    c = connect(server)
    for _ in range(8 + 3):
        equal(refused(c.sasl, f"<auth xmlns='{SASL}' mechanism='{DEFAULT[0]}'>{b64(b'n,,n=alice,r=abc')}</auth>"),
              "not-authorized", "n")
    c.stream_error()
    check(c.closed, "the stream goes on for ever")


@scene("a session of TLS that is taken up again binds by its own values")
def _(server):
    for version in (V12, V13):
        context = ssl.create_default_context(cafile=os.path.join(server.folder, "ca.pem"))
        context.minimum_version = context.maximum_version = version
        session = None
        for _ in range(3):
            c = Client(server)
            c.sock.close()
            raw = socket.create_connection(("127.0.0.1", server.tls_port), 30)
            c.sock = context.wrap_socket(raw, server_hostname="localhost", session=session)
            c.secure = True
            c.open().features()
            for kind in KINDS[version][1:]:
                if kind in c.bindings:
                    c.auth_scram("alice", password(server), "SHA-1-PLUS", bind=kind)
                    break
            c.open().features()
            session = c.sock.session
            c.close()


server = Server('allow-plaintext = "loopback"', {"localhost": "", "unbound.test": 'mechanisms = {"SCRAM-SHA-256", "PLAIN"}'},
                accounts=("alice@localhost", "alice@unbound.test"))
failed = play(server)
server.stop()
finish(failed)
