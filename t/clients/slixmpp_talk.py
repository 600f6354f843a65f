#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""slixmpp with its default settings, plus trust in our CA."""
import asyncio
import os
import sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != here] + [os.path.join(here, "..", "lib")]
import slixmpp
from server import DEADLINE, Server
from tap import check, equal, finish, play, scene


class Person(slixmpp.ClientXMPP):
    def __init__(self, server, jid):
        super().__init__(jid, server.password[jid])
        self.ca_certs = os.path.join(server.folder, "ca.pem")
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


server = Server()
failed = play(server)
server.stop()
finish(failed)
