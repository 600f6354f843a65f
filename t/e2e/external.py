#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""EXTERNAL (XEP-0178): who shows a certificate with the account's address needs no password, and nobody else does."""
import os
import ssl
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from certificates import ADDRESS, issue
from client import SASL, Client, Refused, b64
from server import Server
from tap import check, equal, finish, play, scene


def come(server, name, version=ssl.TLSVersion.TLSv1_3, to="localhost"):
    context = ssl.create_default_context(cafile=os.path.join(server.folder, "ca.pem"))
    context.minimum_version = context.maximum_version = version
    if name:
        context.load_cert_chain(*(os.path.join(server.folder, name + ending) for ending in (".pem", ".key")))
    c = Client(server, context=context).open(to)
    c.features()
    c.starttls().open(to)
    c.features()
    return c


def external(c, authzid=""):
    """What comes of it: success, or the condition of the failure."""
    try:
        return c.sasl(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{b64(authzid.encode()) or '='}</auth>")[0]
    except Refused as why:
        return why.condition


@scene("the one account of a certificate logs in, over TLS 1.2 and 1.3, with and without its name")
def _(server):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for authzid in ("", "alice@localhost"):
            c = come(server, "alice", version)
            equal(c.mechanisms, ["EXTERNAL", "SCRAM-SHA-256"], "mechanisms")
            equal(external(c, authzid), "success", authzid)
            c.open().features()
            equal(c.bind("cert").jid, "alice@localhost/cert", "jid")
            equal([s["mechanism"] for s in server.sessions()], ["EXTERNAL"], "mechanism")
            c.close()


@scene("it is nobody else's, and where the certificate names several, one is chosen")
def _(server):
    for who in ("bob@localhost", "bob", "alice@localhost/x", "alice@example.test", "root"):
        equal(external(come(server, "alice"), who), "invalid-authzid", who)
    equal(external(come(server, "both")), "invalid-authzid", "none of two is chosen")
    for who in ("alice", "bob"):
        c = come(server, "both")
        equal(external(c, who + "@localhost"), "success", who)
        c.open().features()
        equal(c.bind("cert").jid, who + "@localhost/cert", "jid")
        c.close()


@scene("it is offered only with such a certificate, where the domain lists it, and chosen only where it was offered")
def _(server):
    for name, to in ((None, "localhost"), ("elsewhere", "localhost"), ("alice", "example.test"), ("elsewhere", "example.test")):
        c = come(server, name, to=to)
        check("EXTERNAL" not in c.mechanisms, f"{name} at {to}")
        equal(external(c), "invalid-mechanism", f"{name} at {to}")


@scene("a certificate makes no account, and does not open one that is gone; a failure leaves the password")
def _(server):
    c = come(server, "nobody")
    equal(external(c), "not-authorized", "an account that never was")
    c.auth_scram("alice", server.password["alice@localhost"])
    server.sm("account", "add", "carol@localhost", secret="x")
    equal(external(come(server, "carol")), "success", "while it is there")
    server.sm("account", "remove", "carol@localhost")
    equal(external(come(server, "carol")), "not-authorized", "when it is gone")


@scene("without an initial response an empty challenge asks for it")
def _(server):
    c = come(server, "alice")
    equal(c.sasl(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'/>"), ("challenge", b""), "challenge")
    equal(c.sasl(f"<response xmlns='{SASL}'/>")[0], "success", "an empty response")


server = Server(domains={"localhost": 'client-ca = "ca.pem"\nmechanisms = {"EXTERNAL", "SCRAM-SHA-256"}',
                         "example.test": 'client-ca = "ca.pem"\nmechanisms = {"SCRAM-SHA-256"}'}, accounts=("alice", "bob"))
for name, address in (("alice", "alice@localhost"), ("both", f"alice@localhost,{ADDRESS}bob@localhost"),
                      ("elsewhere", "alice@example.test"), ("nobody", "nobody@localhost"), ("carol", "carol@localhost")):
    issue(server.folder, name, address, server.folder)
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
