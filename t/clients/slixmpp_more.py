#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""slixmpp's plugins against what the server does for a session: copies (XEP-0280), client state (XEP-0352), pings both ways
(XEP-0199), time (XEP-0202), capabilities (XEP-0115), stanza ids (XEP-0359)."""
import asyncio
import datetime
import os
import sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != here] + [os.path.join(here, "..", "lib")]
import slixmpp
from server import DEADLINE, Server
from tap import check, equal, finish, play, scene

PLUGINS = ("xep_0030", "xep_0092", "xep_0115", "xep_0199", "xep_0202", "xep_0280", "xep_0352", "xep_0359")


class Person(slixmpp.ClientXMPP):
    def __init__(self, server, jid):
        super().__init__(jid, server.password[slixmpp.JID(jid).bare])
        self.ca_certs = os.path.join(server.folder, "ca.pem")
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self.online = asyncio.get_event_loop().create_future()
        self.inbox, self.copies, self.presences, self.features_seen = (asyncio.Queue() for _ in range(4))
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("message", self.inbox.put_nowait)
        self.add_event_handler("carbon_received", lambda m: self.copies.put_nowait(("received", m["carbon_received"])))
        self.add_event_handler("carbon_sent", lambda m: self.copies.put_nowait(("sent", m["carbon_sent"])))
        self.add_event_handler("presence_available", self.presences.put_nowait)
        self.add_event_handler("csi_enabled", self.features_seen.put_nowait)
        self.connect(("127.0.0.1", server.port))

    async def started(self, _):
        self.send_presence()
        self.online.set_result(True)


def soon(awaitable):
    return asyncio.wait_for(awaitable, DEADLINE)


def people(server, *jids):
    made = [Person(server, jid) for jid in jids]
    return made, soon(asyncio.gather(*(p.online for p in made)))


def run(coroutine):
    asyncio.get_event_loop().run_until_complete(coroutine)


@scene("copies: slixmpp has what its other session says and hears, with one id")
def _(server):
    async def talk():
        (desk, phone, bob), online = people(server, "alice@localhost/desk", "alice@localhost/phone", "bob@localhost/b")
        await online
        await soon(phone["xep_0280"].enable())
        desk.send_message(mto=bob.boundjid.full, mbody="hello", mtype="chat")
        got = await soon(bob.inbox.get())
        equal((got["body"], got["stanza_id"]["by"]), ("hello", "bob@localhost"), "at bob")
        way, copy = await soon(phone.copies.get())
        equal((way, copy["body"], copy["to"].full), ("sent", "hello", bob.boundjid.full), "copy")
        equal(copy["stanza_id"]["id"], got["stanza_id"]["id"], "its id")
        bob.send_message(mto=desk.boundjid.full, mbody="and you", mtype="chat")
        got = await soon(desk.inbox.get())
        way, copy = await soon(phone.copies.get())
        equal((way, copy["body"], copy["from"].full), ("received", "and you", bob.boundjid.full), "copy")
        equal(copy["stanza_id"]["id"], got["stanza_id"]["id"], "its id")
        await soon(phone["xep_0280"].disable())
        bob.send_message(mto=phone.boundjid.full, mbody="last", mtype="chat")
        equal((await soon(phone.inbox.get()))["body"], "last", "without copies")
        for person in (desk, phone, bob):
            await person.disconnect()
    run(talk())


@scene("client state: slixmpp is offered it, and has the last presence when it is active again")
def _(server):
    async def talk():
        (alice, bob), online = people(server, "alice@localhost/a", "bob@localhost/b")
        await online
        await soon(bob.features_seen.get())
        bob["xep_0352"].send_inactive()
        await soon(bob["xep_0199"].ping("localhost"))
        while not bob.presences.empty():
            bob.presences.get_nowait()
        for status in ("one", "two", "three"):
            alice.send_presence(pto=bob.boundjid.full, pstatus=status)
        await soon(alice["xep_0199"].ping("localhost"))
        bob["xep_0352"].send_active()
        equal((await soon(bob.presences.get()))["status"], "three", "presence")
        await soon(bob["xep_0199"].ping("localhost"))
        check(bob.presences.empty(), "more than the last one came")
        await alice.disconnect()
        await bob.disconnect()
    run(talk())


@scene("pings, time, version and capabilities: slixmpp understands what it is told, and stays when it is pinged")
def _(server):
    async def talk():
        (alice,), online = people(server, "alice@localhost/a")
        await online
        check(await soon(alice["xep_0199"].ping("localhost")) >= 0, "ping")
        asked = asyncio.Queue()
        alice.add_filter("in", lambda s: asked.put_nowait(s) or s if s.xml.find("{urn:xmpp:ping}ping") is not None else s)
        for _ in range(3):
            await soon(asked.get())
        said = await soon(alice["xep_0202"].get_entity_time("localhost"))  # 1.8.3 puts another Z behind ours to read it
        told = slixmpp.plugins.xep_0082.parse(said.xml.findtext(".//{urn:xmpp:time}utc"))
        check(abs(told - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=5), f"time {told}")
        equal((await soon(alice["xep_0092"].get_version("localhost")))["software_version"]["name"], "gatehouse", "version")
        info = (await soon(alice["xep_0030"].get_info("localhost")))["disco_info"]
        check({"urn:xmpp:carbons:2", "urn:xmpp:ping", "urn:xmpp:time"} <= set(info["features"]), info["features"])
        made = alice["xep_0115"].generate_verstring(info, "sha-1")
        caps = await soon(alice["xep_0030"].get_info("localhost", node=f"urn:gatehouse:server#{made}"))
        equal(caps["disco_info"]["features"], info["features"], "features of the version that slixmpp makes itself")
        await alice.disconnect()
    run(talk())


server = Server("ping-interval = 1\nping-timeout = 60")
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
finish(failed or reports)
