# SPDX-License-Identifier: GPL-2.0-or-later
"""A little XMPP client that does exactly what a scene tells it, wrong things included. Blocking, with a deadline."""
import base64
import hashlib
import hmac
import os
import re
import select
import socket
import ssl
import time
import zlib
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from server import DEADLINE

STREAMS = "http://etherx.jabber.org/streams"
CLIENT = "jabber:client"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
CHANNEL_BINDINGS = "urn:xmpp:sasl-cb:0"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
COMPRESS = "http://jabber.org/protocol/compress"
COMPRESS_FEATURE = "http://jabber.org/features/compress"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"


class Ended(Exception):
    """The server ended the stream or the connection."""


class Refused(Exception):
    """SASL failure; .condition says which."""

    def __init__(self, condition):
        super().__init__(condition)
        self.condition = condition


def b64(data):
    return base64.b64encode(data).decode()


class Client:
    def __init__(self, server, direct=False, host="127.0.0.1", alpn=("xmpp-client",), port=None, versions=None,
                 context=None, session=None):
        self.server = server
        self.sock = socket.create_connection((host, port or (server.tls_port if direct else server.port)), DEADLINE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.secure = False
        self.packer = self.unpacker = None
        self.jid = None
        self.header = None
        self.versions = versions
        self.context, self.session = context, session  # of TLS: to come back with what an earlier client got
        self.new_parser()
        if direct:
            self.handshake(alpn)

    # -- bytes

    def new_parser(self):
        self.parser = ET.XMLPullParser(("start", "end"))
        self.depth = 0
        self.ready = []
        self.root = None
        self.closed = False

    def handshake(self, alpn=()):
        context = self.context or ssl.create_default_context(cafile=os.path.join(self.server.folder, "ca.pem"))
        if self.versions:
            context.minimum_version, context.maximum_version = self.versions
        if alpn:
            context.set_alpn_protocols(list(alpn))
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost", session=self.session)
        self.secure = True

    def send(self, text):
        data = text.encode() if isinstance(text, str) else text
        if self.packer:
            data = self.packer.compress(data) + self.packer.flush(zlib.Z_SYNC_FLUSH)
        self.sock.sendall(data)

    def read(self, end):
        """Reads once into the parser; False at the end of the connection."""
        self.sock.settimeout(max(0.001, end - time.monotonic()))
        try:
            data = self.sock.recv(65536)
        except (socket.timeout, TimeoutError):
            raise AssertionError("waited in vain for the server to say something")
        except (ConnectionResetError, ssl.SSLError, BrokenPipeError):
            data = b""
        if not data:
            return False
        if self.unpacker:
            data = self.unpacker.decompress(data)
        self.parser.feed(data)
        for event, element in self.parser.read_events():
            if event == "start":
                self.depth += 1
                if self.depth == 1:
                    self.root = element
                    self.header = dict(element.attrib)
                    self.ready.append(("header", element))
            else:
                self.depth -= 1
                if self.depth == 1:
                    self.ready.append(("stanza", element))
                    self.root.remove(element) if element in list(self.root) else None
                elif self.depth == 0:
                    self.closed = True
                    self.ready.append(("close", element))
        return True

    def next(self, deadline=None):
        """The next stanza; Ended when there is none any more."""
        end = time.monotonic() + (deadline or DEADLINE)
        while True:
            while self.ready:
                kind, element = self.ready.pop(0)
                if kind == "stanza":
                    return element
                if kind == "close":
                    raise Ended("the server closed the stream")
            if not self.read(end):
                raise Ended("the connection ended")

    def expect(self, want, deadline=None):
        """The first stanza for which want(stanza) holds (or with that local name); others are dropped."""
        if isinstance(want, str):
            name = want
            want = lambda e: e.tag.rpartition("}")[2] == name
        end = time.monotonic() + (deadline or DEADLINE)
        while True:
            stanza = self.next(end - time.monotonic())
            if want(stanza):
                return stanza

    def quiet(self):
        """Everything that is here by the time the server has answered a ping; the ping itself is left out."""
        ident = os.urandom(6).hex()
        self.send(f"<iq type='get' id='{ident}'><ping xmlns='urn:xmpp:ping'/></iq>")
        got = []
        while True:
            stanza = self.next()
            if stanza.get("id") == ident:
                return got
            got.append(stanza)

    def stream_error(self):
        """Reads on until the stream ends; the condition of the stream error, None when there was none."""
        condition = None
        try:
            while True:
                stanza = self.next()
                if stanza.tag == f"{{{STREAMS}}}error":
                    condition = next(child.tag.rpartition("}")[2] for child in stanza
                                     if child.tag.startswith(f"{{{STREAM_ERRORS}}}") and not child.tag.endswith("}text"))
        except Ended:
            return condition

    # -- the login, step by step

    def open(self, to="localhost", extra="", declaration="<?xml version='1.0'?>", version=" version='1.0'"):
        self.new_parser()
        address = f" to={quoteattr(to)}" if to is not None else ""
        self.send(f"{declaration}<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'{address}{version}{extra}>")
        return self

    def features(self):
        stanza = self.next()
        if stanza.tag != f"{{{STREAMS}}}features":
            raise AssertionError(f"no features but {ET.tostring(stanza)}")
        self.mechanisms = [m.text for m in stanza.findall(f"{{{SASL}}}mechanisms/{{{SASL}}}mechanism")]
        self.offered = stanza  # the last ones
        self.bindings = [b.get("type") for b in stanza.findall(f"{{{CHANNEL_BINDINGS}}}sasl-channel-binding/*")]
        return stanza

    def starttls(self):
        self.send(f"<starttls xmlns='{TLS}'/>")
        stanza = self.next()
        if stanza.tag != f"{{{TLS}}}proceed":
            raise AssertionError(f"no proceed but {ET.tostring(stanza)}")
        self.handshake()
        return self

    def compress(self, method="zlib"):
        """XEP-0138; Refused on failure. A new stream header is to follow."""
        self.send(f"<compress xmlns='{COMPRESS}'><method>{method}</method></compress>")
        stanza = self.next()
        if stanza.tag != f"{{{COMPRESS}}}compressed":
            raise Refused(stanza[0].tag.rpartition("}")[2])
        self.packer, self.unpacker = zlib.compressobj(), zlib.decompressobj()
        return self

    def sasl(self, text):
        """Sends, and returns (name, bytes) of the answer; Refused on failure."""
        self.send(text)
        stanza = self.next()
        name = stanza.tag.rpartition("}")[2]
        if name == "failure":
            raise Refused(stanza[0].tag.rpartition("}")[2])
        return name, base64.b64decode(stanza.text or "") if stanza.text != "=" else b""

    def auth_plain(self, user, password, authzid=""):
        return self.sasl(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{b64(f'{authzid}{chr(0)}{user}{chr(0)}{password}'.encode())}</auth>")

    def binding(self, kind):
        """What binds to this connection: RFC 5929's, and RFC 9266's where the socket can (t/lib/exporting.py)."""
        if kind == "tls-server-end-point":  # our certificates are signed with SHA-256
            return hashlib.sha256(self.sock.getpeercert(True)).digest()
        return self.sock.get_channel_binding(kind)

    def auth_scram(self, user, password, name="SHA-256", gs2="n,,", cbind=None, tamper=None, bind=None):
        """name with -PLUS: binds by `bind`, or by tls-server-end-point."""
        if name.endswith("-PLUS"):
            bind, name = bind or "tls-server-end-point", name[:-5]
            gs2 = f"p={bind},,"
            cbind = cbind or b64(gs2.encode() + self.binding(bind))
            return self.auth_scram_bare(user, password, name, gs2, cbind, tamper, "-PLUS")
        return self.auth_scram_bare(user, password, name, gs2, cbind, tamper)

    def auth_scram_bare(self, user, password, name, gs2, cbind, tamper, plus=""):
        digest = name.replace("-", "").lower()
        nonce = b64(os.urandom(15))
        bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
        kind, first = self.sasl(f"<auth xmlns='{SASL}' mechanism='SCRAM-{name}{plus}'>{b64((gs2 + bare).encode())}</auth>")
        if kind != "challenge":
            raise AssertionError("no challenge but " + kind)
        fields = dict(part.split("=", 1) for part in first.decode().split(","))
        if not fields["r"].startswith(nonce):
            raise AssertionError("the server changed our nonce")
        self.scram_first = fields
        self.check_offer(digest)
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        mac = lambda key, text: hmac.new(key, text, digest).digest()
        client_key = mac(salted, b"Client Key")
        final = f"c={cbind or b64(gs2.encode())},r={fields['r']}"
        if tamper:
            final = tamper(final)
        message = f"{bare},{first.decode()},{final}".encode()
        proof = bytes(a ^ b for a, b in zip(client_key, mac(hashlib.new(digest, client_key).digest(), message)))
        kind, last = self.sasl(f"<response xmlns='{SASL}'>{b64((final + ',p=' + b64(proof)).encode())}</response>")
        if kind != "success":
            raise AssertionError("no success but " + kind)
        if last.decode() != "v=" + b64(mac(mac(salted, b"Server Key"), message)):
            raise AssertionError("the server does not know our password: wrong signature")
        return kind, last

    def check_offer(self, digest):
        """What the server says that it has offered is what came here (XEP-0474), over the TLS that is here (XEP-0515)."""
        offer = "\x1e".join(sorted(self.mechanisms)) + ("\x1f" + "\x1e".join(sorted(self.bindings)) if self.bindings else "")
        wanted = b64(hashlib.new(digest, offer.encode()).digest())
        if self.scram_first.get("h", wanted) != wanted:
            raise AssertionError(f"the server has offered something else than {offer!r}")
        if hasattr(self.sock, "version"):  # else the scene does TLS in its own way, or there is none
            version = {"TLSv1.2": "0303", "TLSv1.3": "0304"}[self.sock.version()]
            if self.scram_first.get("t", version) != version:
                raise AssertionError(f"the server speaks {self.scram_first['t']}, we {version}")

    def digest(self, challenge, user, password, realm="localhost", uri=None, authzid=None, charset="utf-8", more=""):
        """DIGEST-MD5's response, and the rspauth that proves the server; `charset` is how name and password are hashed. The
        fields come in the order of the recorded client."""
        fields = dict(re.findall(r'([a-z-]+)="?([^",]*)"?', challenge))
        h = lambda data: hashlib.md5(data).digest()
        x = lambda data: h(data).hex().encode()
        e = lambda text: text.encode(charset)
        cnonce, uri = b64(os.urandom(12)), uri or f"xmpp/{realm}"
        a1 = h(e(user) + b":" + e(realm) + b":" + e(password)) + f":{fields['nonce']}:{cnonce}".encode()
        a1 += b":" + authzid.encode() if authzid is not None else b""
        answer = lambda a2: x(x(a1) + f":{fields['nonce']}:00000001:{cnonce}:auth:".encode() + x(a2)).decode()
        response = (b"charset=utf-8," if charset == "utf-8" else b"") + b'username="' + e(user) + b'",realm="' + e(realm)
        response += (f'",nonce="{fields["nonce"]}",nc=00000001,cnonce="{cnonce}",digest-uri="{uri}",maxbuf=65536,response='
                     + answer(f"AUTHENTICATE:{uri}".encode()) + ",qop=auth" + more).encode()
        response += f',authzid="{authzid}"'.encode() if authzid is not None else b""
        return response, "rspauth=" + answer(f":{uri}".encode())

    def auth_digest(self, user, password, tamper=None, begin="", rounds=False, **named):
        """rounds: the server proves itself in a challenge of its own; stops there, with that."""
        self.digest_challenge = self.sasl(f"<auth mechanism='DIGEST-MD5' xmlns='{SASL}'>{begin}</auth>")[1].decode()
        response, wanted = self.digest(self.digest_challenge, user, password, **named)
        self.digest_response = tamper(response) if tamper else response
        kind, last = self.sasl(f"<response xmlns='{SASL}'>{b64(self.digest_response)}</response>")
        if last.decode() != wanted or kind != ("challenge" if rounds else "success"):
            raise AssertionError(f"the server does not know our password: {kind} {last}")
        return kind, last

    def auth_cram(self, user, password):
        self.cram_challenge = self.sasl(f"<auth mechanism='CRAM-MD5' xmlns='{SASL}'/>")[1]
        digest = hmac.new(password.encode(), self.cram_challenge, "md5").hexdigest()
        return self.sasl(f"<response xmlns='{SASL}'>{b64(f'{user} {digest}'.encode())}</response>")

    def auth_anonymous(self, trace=""):
        return self.sasl(f"<auth mechanism='ANONYMOUS' xmlns='{SASL}'>{trace}</auth>")

    def auth_shared_secret(self, secret, name="spark"):
        digest = hashlib.md5(secret.encode()).hexdigest()
        return self.sasl(f"<auth mechanism='JIVE-SHAREDSECRET' xmlns='{SASL}'>{b64(f'{name}{chr(0)}{digest}'.encode())}</auth>")

    def bind(self, resource=None):
        inner = f"<resource>{escape(resource)}</resource>" if resource is not None else ""
        self.send(f"<iq type='set' id='bind'><bind xmlns='{BIND}'>{inner}</bind></iq>")
        answer = self.expect(lambda e: e.get("id") == "bind")
        if answer.get("type") != "result":
            error = answer.find(f"{{{CLIENT}}}error")
            raise Refused(error[0].tag.rpartition("}")[2])
        self.jid = answer.find(f"{{{BIND}}}bind/{{{BIND}}}jid").text
        return self

    def login(self, user="alice", resource="scene", password=None, domain="localhost", mechanism="SHA-256", presence=True,
              **more):
        """From the open connection to an available session."""
        if not self.secure:
            self.open(domain)
            self.features()
            self.starttls()
        self.open(domain)
        self.features()
        password = password or self.server.password[f"{user}@{domain}"]
        others = {"PLAIN": self.auth_plain, "DIGEST-MD5": self.auth_digest, "CRAM-MD5": self.auth_cram}
        if mechanism in others:
            others[mechanism](user, password, **more)
            if more.get("rounds"):
                self.sasl(f"<response xmlns='{SASL}'/>")
        else:
            self.auth_scram(user, password, mechanism)
        self.open(domain)
        self.features()
        self.bind(resource)
        if presence:
            self.available()
        return self

    def old_login(self, user, resource, password=None, domain="localhost"):
        """By iq-auth (XEP-0078), from the open and encrypted connection to a session; Refused on failure."""
        self.open(domain).features()
        password = password or self.server.password[f"{user}@{domain}"]
        self.send(f"<iq type='set' id='old'><query xmlns='jabber:iq:auth'><username>{escape(user)}</username>"
                  f"<password>{escape(password)}</password><resource>{escape(resource)}</resource></query></iq>")
        answer = self.expect(lambda e: e.get("id") == "old")
        if answer.get("type") != "result":
            raise Refused(condition(answer))
        self.jid = f"{user}@{domain}/{resource}"
        return self

    def available(self, priority=0):
        """Sends presence and waits until the server has taken it."""
        self.send(f"<presence><priority>{priority}</priority></presence>")
        self.quiet()
        return self

    def message(self, to, body, kind="chat", ident=""):
        mark = f" id='{ident}'" if ident else ""
        self.send(f"<message to={quoteattr(to)} type='{kind}'{mark}><body>{escape(body)}</body></message>")

    def bodies(self, count, deadline=None):
        """The bodies of the next `count` messages, in the order of arrival."""
        found = []
        while len(found) < count:
            stanza = self.expect("message", deadline)
            found.append(stanza.findtext(f"{{{CLIENT}}}body"))
        return found

    def close(self):
        """Says goodbye as RFC 6120 4.4 asks, and waits for the answer."""
        try:
            self.send("</stream:stream>")
            self.stream_error()
        except OSError:
            pass
        self.sock.close()

    def vanish(self):
        """Is gone without a word: the socket is reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def pending(self):
        return bool(self.ready) or bool(select.select([self.sock], [], [], 0)[0])


def condition(stanza):
    """The defined condition inside a stanza's <error/>."""
    error = stanza.find(f"{{{CLIENT}}}error")
    return error[0].tag.rpartition("}")[2] if error is not None and len(error) else None
