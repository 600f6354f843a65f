# SPDX-License-Identifier: GPL-2.0-or-later
"""SASL2 (XEP-0388) for the little client: one <authenticate/>, and what comes of it."""
import base64
import datetime
import hashlib
import hmac
import os
from xml.sax.saxutils import quoteattr

from client import CLIENT, STREAMS, Client, Refused, b64

SASL2 = "urn:xmpp:sasl:2"
BIND2 = "urn:xmpp:bind:0"
UPGRADE = "urn:xmpp:sasl:upgrade:0"
SCRAM_UPGRADE = "urn:xmpp:scram-upgrade:0"
FAST = "urn:xmpp:fast:0"
IAP = "urn:xmpp:iap:0"
PHONE = "d4565fa7-4d72-4749-b3d3-740edbf87770"
LAPTOP = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"


def agent(ident=PHONE, software="Scene", device="Phone"):
    return f"<user-agent id='{ident}'><software>{software}</software><device>{device}</device></user-agent>"


def bind2(tag="Scene"):
    return f"<bind xmlns='{BIND2}'>" + (f"<tag>{tag}</tag>" if tag is not None else "") + "</bind>"


def upgrades(*names):
    return "".join(f"<upgrade xmlns='{UPGRADE}'>{name}</upgrade>" for name in names)


def wants_token(mechanism):
    return f"<request-token xmlns='{FAST}' mechanism='{mechanism}'/>"


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

    def channel(self, mechanism):
        """Channel binding data for an HT mechanism."""
        if mechanism.endswith("-ENDP"):
            return hashlib.sha256(self.sock.getpeercert(binary_form=True)).digest()
        return self.sock.get_channel_binding("tls-unique") if mechanism.endswith("-UNIQ") else b""

    def fast(self, token, user="alice", mechanism="HT-SHA-256-NONE", ident=PHONE, inline="", channel=None, **attributes):
        """In by a token (FAST, XEP-0484); attributes: those of <fast/>."""
        channel = self.channel(mechanism) if channel is None else channel
        mac = lambda who: hmac.new(token.encode(), who + channel, "sha256").digest()
        words = "".join(f" {name}={quoteattr(str(value))}" for name, value in attributes.items())
        self.accepted(self.authenticate(mechanism, user.encode() + b"\0" + mac(b"Initiator"),
                                        agent(ident) + f"<fast xmlns='{FAST}'{words}/>" + inline))
        said = base64.b64decode(self.success.find(f"{{{SASL2}}}additional-data").text)
        if said != mac(b"Responder"):
            raise AssertionError("the server does not know our token")
        return self

    def token(self):
        """The token that came with the success; None: none did."""
        element = self.success.find(f"{{{FAST}}}token")
        if element is None:
            return None
        left = datetime.datetime.strptime(element.get("expiry"), "%Y-%m-%dT%H:%M:%SZ") - datetime.datetime.utcnow()
        if not datetime.timedelta(days=29) < left <= datetime.timedelta(days=30):
            raise AssertionError("the token is good for " + str(left))
        return element.get("token")

    def begin_task(self, name):
        """The salt and rounds for a task of XEP-0480."""
        salt = self.say(f"<next xmlns='{SASL2}' task={quoteattr(name)}/>").find(f"{{{SCRAM_UPGRADE}}}salt")
        return base64.b64decode(salt.text), int(salt.get("iterations"))

    def end_task(self, salted):
        return self.say(f"<task-data xmlns='{SASL2}'><hash xmlns='{SCRAM_UPGRADE}'>{b64(salted)}</hash></task-data>")

    def upgrade(self, element, password):
        """Does the tasks that <continue/> asks for, and returns their names and what comes at last."""
        done = []
        while element.tag == f"{{{SASL2}}}continue":
            names = [t.text for t in element.find(f"{{{SASL2}}}tasks")]
            digest = names[0][len("UPGR-SCRAM-"):].replace("-", "").lower()
            salt, rounds = self.begin_task(names[0])
            done += names
            element = self.end_task(hashlib.pbkdf2_hmac(digest, password.encode(), salt, rounds))
        return done, element


def header(to="localhost", extra=""):
    return f"<?xml version='1.0'?><stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' to='{to}' version='1.0'{extra}>"
