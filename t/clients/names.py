#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and passwords beyond ASCII (RFC 7622, RFC 8265), as other people's clients and one of our own write them."""
import asyncio
import os
import sys
import unicodedata
here = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != here] + [os.path.join(here, "..", "lib")]
import slixmpp
from client import Client, Refused
from server import DEADLINE, Server
from talk import FOLDER, Talker, session
from tap import Skip, check, equal, finish, play, scene

WAYS = ("SCRAM-SHA-1", "PLAIN")
PEOPLE = {  # as RFC 7622 prepares the name, and a password
    "j\u00fcrgen": "p\u00e4\u00dfw\u00f6rd \u20ac \U0001f511",
    "\u0438\u0432\u0430\u043d": "\u043f\u0430\u0440\u043e\u043b\u044c",
    "a=b,c": "=2C,=3D",
}


def house(mechanism):
    server = Server(domains={"localhost": f'mechanisms = {{"{mechanism}"}}'}, accounts=())
    for name, password in PEOPLE.items():
        server.account(name + "@localhost", password)
    return server


def refused(function, *arguments):
    try:
        function(*arguments)
    except Refused as why:
        return why.condition
    raise AssertionError("it was not refused")


def secure(server):
    c = Client(server, direct=True).open()
    c.features()
    return c


def bound(client):
    client.open().features()
    return client.bind("here").jid


def by_program(name, unescaped=()):
    if not os.path.exists(os.path.join(FOLDER, name)):
        raise Skip(f"{name} was not built here: its library is missing")
    for mechanism in WAYS:
        server = house(mechanism)
        for user in set(PEOPLE) - set(unescaped if mechanism != "PLAIN" else ()):
            talker = Talker(server, [os.path.join(FOLDER, name)], user + "@localhost", "starttls")
            try:
                jid = talker.line("online")
                check(jid.startswith(user + "@localhost/"), jid)
                equal(session(server, jid)["mechanism"], mechanism, "mechanism")
            finally:
                talker.end()
        server.stop()


# libstrophe 0.12.2 and gloox 1.0.24 do not escape ',' and '=' in a name (RFC 5802 5.1).
for program, unescaped in (("strophe", ("a=b,c",)), ("gloox", ("a=b,c",)), ("purple", ())):
    scene(f"{program} logs in with names and passwords beyond ASCII, by SCRAM and by PLAIN")(
        lambda program=program, unescaped=unescaped: by_program(program + "_talk", unescaped))


@scene("so does slixmpp")
def _():
    async def log_in(server, jid, mechanism):
        person = slixmpp.ClientXMPP(jid, server.password[jid])
        person.ca_certs = os.path.join(server.folder, "ca.pem")
        online = asyncio.get_event_loop().create_future()
        person.add_event_handler("session_start", lambda _: online.set_result(True))
        person.add_event_handler("failed_all_auth", lambda _: online.set_exception(AssertionError("refused")))
        person.connect(("127.0.0.1", server.port))
        await asyncio.wait_for(online, DEADLINE)
        equal([s["mechanism"] for s in server.sessions() if s["jid"] == person.boundjid.full], [mechanism], jid)
        await person.disconnect()
    for mechanism in WAYS:
        server = house(mechanism)
        for user in PEOPLE:
            asyncio.get_event_loop().run_until_complete(log_in(server, user + "@localhost", mechanism))
        server.stop()


@scene("a name in another case, width or composition is the same account's, in SCRAM and in PLAIN")
def _():
    forms = ("j\u00fcrgen", "J\u00dcRGEN", "\uff4a\u00fcrgen", unicodedata.normalize("NFD", "j\u00fcrgen"))
    password = PEOPLE["j\u00fcrgen"]
    for mechanism in WAYS:
        server = house(mechanism)
        for form in forms:
            c = secure(server)
            if mechanism == "PLAIN":
                c.auth_plain(form, password)
            else:
                c.auth_scram(form, password, "SHA-1")
            equal(bound(c), "j\u00fcrgen@localhost/here", form)
            c.close()
        for stranger in ("jurgen", "j\u00fcrgen\u00ad", "j\u00fcrgen\u200b"):
            c = secure(server)
            equal(refused(*((c.auth_plain, stranger, password) if mechanism == "PLAIN"
                            else (c.auth_scram, stranger, password, "SHA-1"))), "not-authorized", stranger)
        server.stop()


@scene("an account is made under its prepared name, and is one, whatever form it is made in")
def _():
    server = house("PLAIN")
    again = server.sm("account", "add", "J\u00dcRGEN@LOCALHOST", secret="x", check=False)
    check("exists already" in again.stderr, again.stderr)
    check("j\u00fcrgen@localhost" in server.sm("account", "list").stdout, "the prepared name is not listed")
    server.stop()


@scene("a password may be typed composed or not; one that SASLprep would change is for clients that do not, and sm says so")
def _():
    server = house("SCRAM-SHA-1")
    said = server.sm("account", "passwd", "j\u00fcrgen@localhost", secret=unicodedata.normalize("NFD", "cr\u00e8me"))
    equal(said.stderr, "", "words about an ordinary password")
    secure(server).auth_scram("j\u00fcrgen", "cr\u00e8me", "SHA-1")
    said = server.sm("account", "passwd", "j\u00fcrgen@localhost", secret="x\u00b2")
    check("RFC 4013" in said.stderr, said.stderr)
    secure(server).auth_scram("j\u00fcrgen", "x\u00b2", "SHA-1")
    equal(refused(secure(server).auth_scram, "j\u00fcrgen", "x2", "SHA-1"), "not-authorized", "as SASLprep has it")
    server.stop()


finish(play())
