#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""slixmpp with its default settings, plus trust in our CA. On TLS 1.3 Debian 12's (1.8.3) wants tls-unique, which is not
defined there, and then says that we could not bind: it is left with PLAIN, unless no -PLUS is offered."""
import asyncio
import os
import ssl
import sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != here] + [os.path.join(here, "..", "lib")]
import slixmpp
from certificates import issue
from server import DEADLINE, Server
from talk import others
from tap import check, equal, finish, play, scene


class Person(slixmpp.ClientXMPP):
    def __init__(self, server, jid, mechanism=None, version=None, certificate=None):
        super().__init__(jid, server.password.get(jid, ""), sasl_mech=mechanism)
        self.ca_certs = os.path.join(server.folder, "ca.pem")
        if version:
            self.ssl_context.maximum_version = version
        if certificate:
            self.certfile, self.keyfile = certificate + ".pem", certificate + ".key"
        self.online = asyncio.get_event_loop().create_future()
        self.inbox = asyncio.Queue()
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("failed_all_auth", lambda _: self.online.set_exception(AssertionError("authentication failed")))
        self.add_event_handler("message", self.inbox.put_nowait)
        self.connect(("127.0.0.1", server.port))

    async def started(self, _):
        self.send_presence()
        self.online.set_result(True)


@scene("two slixmpp clients log in with their defaults and exchange messages both ways")
def _(server):
    async def talk():
        alice, bob = Person(server, "alice@localhost"), Person(server, "bob@localhost")
        await asyncio.wait_for(asyncio.gather(alice.online, bob.online), DEADLINE)
        for sender, receiver in ((alice, bob), (bob, alice)):
            for i in range(20):
                sender.send_message(mto=receiver.boundjid.full, mbody=f"{i} \u20ac <&>", mtype="chat")
            for i in range(20):
                got = await asyncio.wait_for(receiver.inbox.get(), DEADLINE)
                equal((got["body"], got["from"].full), (f"{i} \u20ac <&>", sender.boundjid.full), "message")
        for person in (alice, bob):
            await person.disconnect()
    asyncio.get_event_loop().run_until_complete(talk())


@scene("where no -PLUS is offered, slixmpp logs in by SCRAM-SHA-512")
def _(server):
    unbound = Server(domains={"localhost": 'mechanisms = {"SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"}'})

    async def log_in():
        alice = Person(unbound, "alice@localhost")
        await asyncio.wait_for(alice.online, DEADLINE)
        equal([s["mechanism"] for s in unbound.sessions()], ["SCRAM-SHA-512"], "mechanism")
        await alice.disconnect()
    asyncio.get_event_loop().run_until_complete(log_in())
    unbound.stop()


async def log_in(server, mechanism, **more):
    person = Person(server, "localhost" if mechanism == "ANONYMOUS" else "alice@localhost", mechanism, **more)
    await asyncio.wait_for(person.online, DEADLINE)
    row = [s for s in server.sessions() if s["jid"] == person.boundjid.full][0]
    equal((row["mechanism"], row["anonymous"]), (mechanism, mechanism == "ANONYMOUS"), "what sm knows")
    await person.disconnect()


def each(server, mechanisms, **more):
    for mechanism in mechanisms:
        asyncio.get_event_loop().run_until_complete(log_in(server, mechanism, **more))


@scene("slixmpp logs in by each mechanism that it is told to take: without channel binding, historic ones, and as nobody")
def _(server):
    other = Server(domains={"localhost": others("ANONYMOUS")})
    each(other, ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "DIGEST-MD5", "CRAM-MD5", "ANONYMOUS"))
    other.stop()


@scene("and with channel binding, over TLS 1.2, where it can")
def _(server):
    other = Server(domains={"localhost": others("SCRAM-SHA-1-PLUS")})
    each(other, ("SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"), version=ssl.TLSVersion.TLSv1_2)
    other.stop()


@scene("and by DIGEST-MD5 where the server proves itself in a challenge of its own")
def _(server):
    other = Server(domains={"localhost": others("DIGEST-MD5") + '\ndigest-md5-rspauth = "challenge"'})
    each(other, ("DIGEST-MD5",))
    other.stop()


@scene("and with a certificate, by EXTERNAL")
def _(server):
    other = Server(domains={"localhost": 'client-ca = "ca.pem"\nmechanisms = {"EXTERNAL", "SCRAM-SHA-256"}'})
    issue(other.folder, "alice", "alice@localhost", other.folder)
    each(other, ("EXTERNAL",), certificate=os.path.join(other.folder, "alice"))
    other.stop()


server = Server()
failed = play(server)
server.stop()
finish(failed)
