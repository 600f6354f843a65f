# SPDX-License-Identifier: GPL-2.0-or-later
"""SASL2 (XEP-0388) for the little client: one <authenticate/>, and what comes of it."""
import base64
import hashlib
import hmac
import os
from xml.sax.saxutils import quoteattr

from client import CLIENT, STREAMS, Client, Refused, b64

SASL2 = "urn:xmpp:sasl:2"
BIND2 = "urn:xmpp:bind:0"
IAP = "urn:xmpp:iap:0"
PHONE = "d4565fa7-4d72-4749-b3d3-740edbf87770"
LAPTOP = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"


def agent(ident=PHONE, software="Scene", device="Phone"):
    return f"<user-agent id='{ident}'><software>{software}</software><device>{device}</device></user-agent>"


def bind2(tag="Scene"):
    return f"<bind xmlns='{BIND2}'>" + (f"<tag>{tag}</tag>" if tag is not None else "") + "</bind>"


class Client2(Client):
    """Counts its flights, too: how often it had to wait for an answer to something that it had sent."""

    def __init__(self, server, direct=True, **more):
        self.flights = 0
        self.sent = False
        super().__init__(server, direct=direct, **more)

    def send(self, text):
        self.sent = True
        super().send(text)

    def read(self, end):
        if self.sent:
            self.flights += 1
            self.sent = False
        return super().read(end)

    def opened(self, to="localhost", **more):
        self.open(to, **more)
        self.offer = self.features()
        return self

    def say(self, text):
        """Sends, and returns the next element; Refused for a failure."""
        self.send(text)
        return self.answer()

    def answer(self):
        element = self.next()
        if element.tag == f"{{{SASL2}}}failure":
            why = Refused(element[0].tag.rpartition("}")[2])
            why.element = element
            raise why
        return element

    def authenticate(self, mechanism, initial=None, inline=""):
        data = f"<initial-response>{b64(initial)}</initial-response>" if initial is not None else ""
        return self.say(f"<authenticate xmlns='{SASL2}' mechanism={quoteattr(mechanism)}>{data}{inline}</authenticate>")

    def respond(self, data):
        return self.say(f"<response xmlns='{SASL2}'>{b64(data)}</response>")

    def accepted(self, element):
        """The <success/> as it should be; features follow it at once."""
        if element.tag != f"{{{SASL2}}}success":
            raise AssertionError("no success but " + element.tag)
        self.success = element
        self.jid = element.find(f"{{{SASL2}}}authorization-identifier").text
        self.offer = self.features()
        return self

    def plain(self, user="alice", password=None, inline="", authzid="", domain="localhost"):
        password = password or self.server.password[f"{user}@{domain}"]
        return self.accepted(self.authenticate("PLAIN", f"{authzid}\0{user}\0{password}".encode(), inline))

    def scram(self, user="alice", password=None, inline="", name="SHA-256", domain="localhost"):
        digest = name.replace("-", "").lower()
        password = password or self.server.password[f"{user}@{domain}"]
        bare = f"n={user},r={b64(os.urandom(15))}"
        challenge = self.authenticate("SCRAM-" + name, ("n,," + bare).encode(), inline)
        if challenge.tag != f"{{{SASL2}}}challenge":
            raise AssertionError("no challenge but " + challenge.tag)
        first = base64.b64decode(challenge.text).decode()
        fields = dict(part.split("=", 1) for part in first.split(","))
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        mac = lambda key, text: hmac.new(key, text, digest).digest()
        client_key = mac(salted, b"Client Key")
        final = f"c={b64(b'n,,')},r={fields['r']}"
        message = f"{bare},{first},{final}".encode()
        proof = bytes(a ^ b for a, b in zip(client_key, mac(hashlib.new(digest, client_key).digest(), message)))
        answer = self.respond((final + ",p=" + b64(proof)).encode())
        signature = base64.b64decode(answer.find(f"{{{SASL2}}}additional-data").text).decode()
        if signature != "v=" + b64(mac(mac(salted, b"Server Key"), message)):
            raise AssertionError("the server does not know our password: wrong signature")
        return answer if answer.tag == f"{{{SASL2}}}continue" else self.accepted(answer)


def header(to="localhost", extra=""):
    return f"<?xml version='1.0'?><stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' to='{to}' version='1.0'{extra}>"
