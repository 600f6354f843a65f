# SPDX-License-Identifier: GPL-2.0-or-later
"""A worker that has been taken over: says to the real sm whatever it is told to, in the frames of proto/README.md. The messages
are those of proto/messages.def, read from there."""
import hashlib
import hmac
import os
import re
import socket
import struct

from server import DEADLINE

HERE = os.path.dirname(os.path.abspath(__file__))
INTEGERS = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q"}
SHA1, SHA256, SHA512 = 1, 2, 3


def catalogue():
    rows = {}
    with open(os.path.join(HERE, "..", "..", "proto", "messages.def")) as f:
        for line in f:
            row = re.match(r"MSG\((\d+), (\w+), \w+, (\w+), (.*), \"", line)
            if row:
                rows[row[2]] = (int(row[1]), row[3] == "NUMBERED", re.findall(r"FIELD\((\w+), (\w+)\)", row[4]))
    return rows


ROWS = catalogue()
NAMES = {code: name for name, (code, _, _) in ROWS.items()}


def encode(name, fields):
    unknown = set(fields) - {field for _, field in ROWS[name][2]}
    if unknown:
        raise AssertionError(f"{name} has no {unknown}")
    out = b""
    for kind, field in ROWS[name][2]:
        value = fields.get(field, [] if kind == "list" else b"" if kind in ("bytes", "jid") else 0)
        if kind in INTEGERS:
            out += struct.pack(INTEGERS[kind], value)
        elif kind == "list":
            out += struct.pack("<I", len(value)) + b"".join(struct.pack("<Q", v) for v in value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += struct.pack("<I", len(value)) + value
    return out


def decode(name, data):
    fields = {}
    for kind, field in ROWS[name][2]:
        if kind in INTEGERS:
            size = struct.calcsize(INTEGERS[kind])
            fields[field] = struct.unpack(INTEGERS[kind], data[:size])[0] if data else 0
            data = data[size:]
            continue
        n = struct.unpack("<I", data[:4])[0] if data else 0
        n *= 8 if kind == "list" else 1
        fields[field] = data[4:4 + n]
        data = data[4 + n:]
    return fields


class Link:
    """One socket to sm."""

    def __init__(self, server):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(os.path.join(server.folder, "run", "c2s.sock"))
        self.sent, self.buffer = 0, b""

    def say(self, name, **fields):
        self.sock.sendall(self.frame(name, **fields))
        return self

    def frame(self, name, **fields):
        code, numbered, _ = ROWS[name]
        self.sent += numbered
        payload = encode(name, fields)
        return struct.pack("<IHBBQ", len(payload), code, 0, 0, self.sent if numbered else 0) + payload

    def hear(self, *names):
        """The next message of these names; None: sm has cut the link."""
        while True:
            while len(self.buffer) < 16 or len(self.buffer) < 16 + struct.unpack("<I", self.buffer[:4])[0]:
                try:
                    data = self.sock.recv(65536)
                except ConnectionError:
                    data = b""
                if not data:
                    return None
                self.buffer += data
            n, code = struct.unpack("<IH", self.buffer[:6])
            payload, self.buffer = self.buffer[16:16 + n], self.buffer[16 + n:]
            if NAMES[code] in names:
                return decode(NAMES[code], payload)

    def end(self):
        self.sock.close()


class Forger(Link):
    """The parent's link, and that of its workers, of which this one is `slot`."""

    def __init__(self, server, slot=0, incarnation=None):
        if slot == 0 and not incarnation:
            server.parent = Link(server).say("introduce", low=1, high=2, slot=65535, incarnation=1000, pid=os.getpid())
            server.parent.hear("welcome")
            server.parent.say("roll_call", incarnations=[1001, 1002])
        super().__init__(server)
        self.incarnation, self.next = incarnation or 1001 + slot, 0
        self.say("introduce", low=1, high=2, slot=slot, incarnation=self.incarnation, pid=os.getpid())
        self.say("join", low=1, high=2).hear("welcome")

    def conn(self):
        self.next += 1
        return self.incarnation << 32 | self.next

    def ask(self, answer, name, **fields):
        return self.say(name, **fields).hear(answer)

    def client_key(self, conn, who, password, attempt=1):
        """What a worker makes of a password that it was told."""
        salt = self.ask("sasl_salt", "sasl_start", conn=conn, attempt=attempt, hash=SHA1, who=who)
        salted = hashlib.pbkdf2_hmac("sha1", password.encode(), salt["salt"], salt["iterations"])
        return hmac.new(salted, b"Client Key", "sha1").digest()

    def prove(self, conn, who, password, attempt=1, **fields):
        """As an honest worker does it for a client who logs in by PLAIN; the verdict."""
        fields = {"form": 2, "hash": SHA1, "mechanism": "PLAIN", "address": "192.0.2.1",
                  "proof": self.client_key(conn, who, password, attempt), **fields}
        return self.ask("sasl_verdict", "sasl_prove", conn=conn, attempt=attempt, who=who, **fields)

    def session(self, who, password, resource="forged"):
        conn = self.conn()
        if self.prove(conn, who, password)["cond"]:
            raise AssertionError(f"{who} was not proved")
        return conn, self.ask("opened", "open_session", conn=conn, resource=resource)["who"].decode()


def verifier(password, name, rounds=4096):
    """In a list of credentials (common/credential.h)."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, min(rounds, 100000))
    stored = hashlib.new(name, hmac.new(salted, b"Client Key", name).digest()).digest()
    value = struct.pack("<I", rounds) + salt + stored + hmac.new(salted, b"Server Key", name).digest()
    return struct.pack("<BI", {"sha1": SHA1, "sha256": SHA256, "sha512": SHA512}[name], len(value)) + value


def credentials(password, rounds=4096):
    return verifier(password, "sha1", rounds) + verifier(password, "sha256", rounds)
