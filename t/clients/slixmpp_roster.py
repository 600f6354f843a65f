#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Two slixmpp clients, and slixmpp with gloox, become friends: add, approve, see presence, vanish, come back, remove."""
import asyncio
import os
import sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != here] + [os.path.join(here, "..", "lib")]
import slixmpp
from server import DEADLINE, Server
from talk import FOLDER, Talker
from tap import Skip, check, equal, finish, play, scene


class Person(slixmpp.ClientXMPP):
    """As its defaults have it: every request is granted, and answered with one."""

    def __init__(self, server, jid):
        super().__init__(jid, server.password[jid])
        self.ca_certs = os.path.join(server.folder, "ca.pem")
        self.online = asyncio.get_event_loop().create_future()
        self.changed = asyncio.Event()
        for event in ("roster_update", "got_online", "got_offline", "changed_status", "presence_subscribed"):
            self.add_event_handler(event, lambda _: self.changed.set())
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("failed_all_auth", lambda _: self.online.set_exception(AssertionError("authentication failed")))
        self.connect(("127.0.0.1", server.port))

    async def started(self, _):
        await self.get_roster()
        self.send_presence()
        self.online.set_result(True)

    def item(self, jid):
        """(subscription, pending) of a contact; None: not in the roster."""
        if jid not in self.client_roster:
            return None
        return self.client_roster[jid]["subscription"], self.client_roster[jid]["pending_out"]

    async def until(self, ask, what):
        end = asyncio.get_event_loop().time() + DEADLINE
        while not ask():
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), end - asyncio.get_event_loop().time())
            except asyncio.TimeoutError:
                raise AssertionError(f"waited in vain for {what}; the roster is {dict(self.client_roster._jids)}")


async def in_thread(ask, *arguments):
    return await asyncio.get_event_loop().run_in_executor(None, ask, *arguments)


async def until_line(talker, start, wanted):
    while await in_thread(talker.line, start) != wanted:
        pass


def run(coroutine):
    asyncio.get_event_loop().run_until_complete(coroutine)


@scene("two slixmpp clients become friends and see each other; one leaves, comes back, and removes the other")
def _(server):
    async def friends():
        alice, bob = Person(server, "alice@localhost"), Person(server, "bob@localhost")
        await asyncio.wait_for(asyncio.gather(alice.online, bob.online), DEADLINE)
        alice.send_presence_subscription(pto="bob@localhost")
        for one, other in ((alice, bob), (bob, alice)):
            await one.until(lambda: one.item(other.boundjid.bare) == ("both", False), "both")
            await one.until(lambda: other.boundjid.resource in one.client_roster.presence(other.boundjid.bare), "presence")
        bob.send_presence(pshow="dnd", pstatus="busy")
        await alice.until(lambda: alice.client_roster.presence("bob@localhost").get(bob.boundjid.resource, {}).get("status") == "busy",
                          "the status")
        await bob.disconnect()
        await alice.until(lambda: not alice.client_roster.presence("bob@localhost"), "bob to be gone")
        bob = Person(server, "bob@localhost")
        await asyncio.wait_for(bob.online, DEADLINE)
        await bob.until(lambda: alice.boundjid.resource in bob.client_roster.presence("alice@localhost"), "alice, after coming back")
        await alice.until(lambda: alice.client_roster.presence("bob@localhost"), "bob to be back")
        alice.del_roster_item("bob@localhost")
        await alice.until(lambda: alice.item("bob@localhost") in (None, ("remove", False)), "the item to go")
        await bob.until(lambda: bob.item("alice@localhost") == ("none", False), "none at bob's side")
        for person in (alice, bob):
            await person.disconnect()
    run(friends())


@scene("slixmpp and gloox become friends, whoever begins, and see each other until one removes the other")
def _(server):
    program = os.path.join(FOLDER, "gloox_roster_talk")
    if not os.path.exists(program):
        raise Skip("gloox_roster_talk was not built here: its library is missing")

    async def friends():
        alice = Person(server, "alice@localhost")
        await asyncio.wait_for(alice.online, DEADLINE)
        carol = Talker(server, [program], "carol@localhost", "starttls")
        try:
            jid = await in_thread(carol.line, "online")
            equal(await in_thread(carol.line, "roster"), "0", "gloox's roster")
            alice.send_message(mto=jid, mbody="subscribe alice@localhost", mtype="chat")
            await alice.until(lambda: alice.item("carol@localhost") == ("both", False), "both at slixmpp")
            await alice.until(lambda: alice.client_roster.presence("carol@localhost"), "gloox's presence")
            await until_line(carol, "presence", f"{alice.boundjid.full} available ")
            await until_line(carol, "item", "alice@localhost both")
            alice.send_presence(pshow="xa", pstatus="far away")
            await until_line(carol, "presence", f"{alice.boundjid.full} xa far away")
            alice.send_message(mto=jid, mbody="away", mtype="chat")
            await alice.until(lambda: any(p.get("status") == "at lunch" for p in alice.client_roster.presence("carol@localhost").values()),
                              "gloox's status")
            alice.send_message(mto=jid, mbody="remove alice@localhost", mtype="chat")
            equal(await in_thread(carol.line, "removed"), "alice@localhost", "gone at gloox")
            await alice.until(lambda: alice.item("carol@localhost") == ("none", False), "none at slixmpp")
            alice.del_roster_item("carol@localhost")
            alice.send_presence_subscription(pto="carol@localhost")
            check((await in_thread(carol.line, "request")).startswith("alice@localhost"), "gloox is asked")
            await alice.until(lambda: alice.item("carol@localhost") == ("to", False), "gloox's answer")
            await alice.until(lambda: alice.client_roster.presence("carol@localhost"), "gloox's presence")
            alice.send_message(mto=jid, mbody="stop", mtype="chat")
            equal(await in_thread(carol.process.wait, DEADLINE), 0, f"exit status; it said {carol.seen[-20:]}")
            await alice.until(lambda: not alice.client_roster.presence("carol@localhost"), "gloox to be gone")
        finally:
            carol.end()
        await alice.disconnect()
    run(friends())


server = Server()
failed = play(server)
server.stop()
finish(failed)
