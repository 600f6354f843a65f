#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What slixmpp's plugins ask of the store: blocking (XEP-0191), vCards (XEP-0054, 0153), last activity (XEP-0012)."""
import asyncio
import os
import sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != here] + [os.path.join(here, "..", "lib")]
import slixmpp
from server import DEADLINE, Server
from tap import equal, finish, play, scene


class Person(slixmpp.ClientXMPP):
    def __init__(self, server, jid, plugins):
        super().__init__(jid, server.password[jid])
        self.ca_certs = os.path.join(server.folder, "ca.pem")
        self.online = asyncio.get_event_loop().create_future()
        self.heard = asyncio.Queue()
        for name in plugins:
            self.register_plugin(name)
        self.add_event_handler("session_start", self.started)
        for event in ("blocked", "unblocked"):
            self.add_event_handler(event, lambda iq, event=event: self.heard.put_nowait((event, iq)))
        self.add_event_handler("message", lambda m: self.heard.put_nowait((m["type"], m)))
        self.add_event_handler("message_error", lambda m: self.heard.put_nowait(("error", m)))
        self.connect(("127.0.0.1", server.port))

    async def started(self, _):
        self.send_presence()
        self.online.set_result(True)

    async def hears(self, what):
        got, stanza = await asyncio.wait_for(self.heard.get(), DEADLINE)
        equal(got, what, "what came")
        return stanza


def together(*names):
    """A scene of these people, who are online."""
    def decorate(function):
        async def played(server, plugins):
            people = [Person(server, n + "@localhost", plugins) for n in names]
            await asyncio.wait_for(asyncio.gather(*(p.online for p in people)), DEADLINE)
            await asyncio.wait_for(function(*people), DEADLINE * 3)
            for p in people:
                await p.disconnect()
        return lambda server: asyncio.get_event_loop().run_until_complete(
            played(server, ("xep_0012", "xep_0030", "xep_0054", "xep_0153", "xep_0191")))
    return decorate


@scene("slixmpp blocks, hears of it, and unblocks; who is blocked hears nothing")
@together("alice", "bob")
async def _(alice, bob):
    found = await alice["xep_0030"].get_info(jid="localhost", cached=False)
    equal({"urn:xmpp:blocking", "vcard-temp", "jabber:iq:last"} - set(found["disco_info"]["features"]), set(), "features that lack")
    equal((await alice["xep_0191"].get_blocked())["blocklist"]["items"], set(), "the list")
    await alice["xep_0191"].block("bob@localhost")
    equal((await alice.hears("blocked"))["block"]["items"], {slixmpp.JID("bob@localhost")}, "the push")
    bob.send_message(mto=alice.boundjid, mbody="x", mtype="chat")
    equal((await bob.hears("error"))["error"]["condition"], "service-unavailable", "what he hears")
    alice.send_message(mto=bob.boundjid, mbody="x", mtype="chat")
    equal((await alice.hears("error"))["error"]["condition"], "not-acceptable", "what she hears")
    await alice["xep_0191"].unblock("bob@localhost")
    await alice.hears("unblocked")
    bob.send_message(mto=alice.boundjid, mbody="again", mtype="chat")
    equal((await alice.hears("chat"))["body"], "again", "afterwards")


@scene("slixmpp puts an avatar where there is no vCard yet, and tells its contacts (XEP-0153)")
@together("carol")
async def _(carol):
    await carol["xep_0153"].set_avatar(avatar=b"\x89PNG" + bytes(5000), mtype="image/png")
    got = await carol["xep_0054"].get_vcard(slixmpp.JID("carol@localhost"), cached=False)
    equal(got["vcard_temp"]["PHOTO"]["BINVAL"], b"\x89PNG" + bytes(5000), "what is there")


@scene("slixmpp publishes its vCard, and another reads it; it asks how long the server runs")
@together("alice", "bob")
async def _(alice, bob):
    card = alice["xep_0054"].make_vcard()
    card["FN"] = "Alice"
    await alice["xep_0054"].publish_vcard(card)
    got = await bob["xep_0054"].get_vcard(slixmpp.JID("alice@localhost"), cached=False)
    equal(got["vcard_temp"]["FN"], "Alice", "her name")
    uptime = await bob["xep_0012"].get_last_activity("localhost")
    equal(0 <= uptime["last_activity"]["seconds"] < 600, True, "seconds")


server = Server()
failed = play(server)
server.stop()
finish(failed)
