#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a hostile client tries; the numbers are those of the attack cases that the design lists."""
import os
import socket
import ssl
import struct
import sys
import time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import CLIENT, STREAMS, TLS, Client, Ended, condition
from server import Server, eventually
from tap import check, equal, finish, play, scene

HEADER = f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' to='localhost' version='1.0'>"


@scene("plaintext behind <starttls/> in the same segment is never parsed after TLS (1, 2)")
def _(server):
    for behind in (HEADER, "\n" + HEADER, "<iq type='get' id='x'/>"):
        c = Client(server).open()
        c.features()
        c.send(f"<starttls xmlns='{TLS}'/>" + behind)
        try:
            got = c.next()
            check(got.tag != f"{{{TLS}}}proceed", "it proceeded")
            c.stream_error()
        except Ended:
            pass


@scene("compression and registration on plaintext are refused and leak nothing (3, 4)")
def _(server):
    c = Client(server).open()
    c.features()
    c.send("<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>")
    equal(c.next().tag.rpartition("}")[2], "failure", "answer to compress")
    c = Client(server).open()
    c.features()
    c.send("<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>")
    equal(c.stream_error(), "not-authorized", "registration before login")


@scene("what is not XML, or not the restricted XML of RFC 6120, ends the stream with its condition (5 to 11, 13)")
def _(server):
    cases = [
        (b"<!DOCTYPE a [<!ENTITY x 'y'>]>", "restricted-xml"), (b"<!-- a -->", "restricted-xml"), (b"<?php a?>", "restricted-xml"),
        (b"<?xml version='1.0'?>", None), (b"<message><body>&nbsp;</body></message>", "restricted-xml"),
        (b"<message><body>\xc0\xbc</body></message>", "bad-format"), (b"<message><body>\xed\xa0\x80</body></message>", "bad-format"),
        (b"<message><body>\xf4\x90\x80\x80</body></message>", "bad-format"), (b"<message><body>\xe2\x82<</body></message>", "bad-format"),
        (b"<message>\xfe\xff\0a</message>", "bad-format"), (b"<message><body>a\0b</body></message>", "not-well-formed"),
        (b"<message><body>\x01</body></message>", "not-well-formed"), (b"<message><body>\xef\xbf\xbe</body></message>", "not-well-formed"),
        (b"<message><body>&#0;</body></message>", "not-well-formed"), (b"<message><body>&#xD800;</body></message>", "not-well-formed"),
        (b"<message><body>&#x110000;</body></message>", "not-well-formed"), (b"<message><body>&#4294967361;</body></message>", "not-well-formed"),
        (b"<a:message/>", "bad-namespace-prefix"), (b"<message a='1' a='2'/>", "not-well-formed"), (b"<message></body>", "not-well-formed"),
        (b"<message xmlns:xml='urn:x'/>", None), (b"<message a=1/>", "not-well-formed"),
        (b"<message>" + b"<a>" * 1000, "policy-violation"), (b"<message " + b" ".join(b"a%d='1'" % i for i in range(200)) + b"/>", "policy-violation"),
        (b"<message>" + b"x" * 600000, "policy-violation"), (b"<message>" + b"<a/>" * 20000, "policy-violation"),
        (b"<" + b"n" * 5000, "policy-violation")]
    for number, (text, wanted) in enumerate(cases):
        c = Client(server, direct=True).login("alice", f"xml{number}", presence=False)
        try:
            c.send(text)
        except OSError:
            pass
        got = c.stream_error()
        check(got == wanted if wanted else got is not None, f"{text[:60]}: {got}, wanted {wanted}")


@scene("before login a top-level element has at most 8 KiB and 32 elements (13, 14)")
def _(server):
    for text in ("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + "A" * 9000, "<a>" + "<b/>" * 40):
        c = Client(server).open()
        c.features()
        c.send(text)
        equal(c.stream_error(), "policy-violation", "condition")


@scene("a client that trickles bytes is ended by the absolute deadline, at whatever step it is (15)")
def _(server):
    slow = Server("negotiation-timeout = 2", workers=1)
    trickle, silent, halfway = Client(slow), Client(slow), Client(slow)
    halfway.open()
    halfway.features()
    halfway.send(f"<starttls xmlns='{TLS}'/>")
    halfway.next()
    for byte in HEADER[:30]:
        try:
            trickle.send(byte)
        except OSError:
            break
        time.sleep(0.15)
    for c in (trickle, silent):
        equal(c.stream_error(), "connection-timeout", "condition")
    eventually(lambda: halfway.sock.recv(4096) == b"", "the half-done handshake to end")
    slow.stop()


@scene("connections of one address that are not logged in are limited; logged-in ones do not count (14)")
def _(server):
    tight = Server("connections-per-address = 5", workers=2)
    logged_in = [Client(tight, direct=True).login("alice", f"r{i}") for i in range(7)]
    waiting = [Client(tight).open() for _ in range(5)]
    for c in waiting:
        c.features()
    extra = Client(tight)
    try:
        extra.open()
    except OSError:
        pass
    check(extra.stream_error() in ("policy-violation", "resource-constraint"), "the sixth was let in")
    waiting.pop().sock.close()
    def again():
        try:
            c = Client(tight).open()
            c.features()
            return c
        except (Ended, OSError, AssertionError):
            return None
    eventually(again, "a place to be free again")
    for c in logged_in:
        c.quiet()
    tight.stop()


@scene("a TLS record without content does not end the worker (CVE-2024-0901)")
def _(server):
    before = server.children("c2s")
    for body in (b"\x17\x03\x03\x00\x10" + b"\0" * 16, b"\x17\x03\x03\x00\x00", b"\x17\x03\x03\x00\x11" + b"\0" * 17,
                 b"\x17\x03\x03\xff\xff" + b"\0" * 100, b"\x16\x03\x01\x40\x00" + b"\1" * 16384 * 2, os.urandom(3000)):
        c = Client(server, direct=True)
        raw = socket.socket(fileno=os.dup(c.sock.fileno()))
        raw.setblocking(True)
        try:
            raw.sendall(body)
            raw.settimeout(10)
            while raw.recv(4096):
                pass
        except OSError:
            pass
    equal(server.children("c2s"), before, "workers")


@scene("bytes that are no TLS at all on either port end only their own connection")
def _(server):
    before = server.children("c2s")
    for port in (server.port, server.tls_port):
        for text in (b"\0" * 5000, b"SSH-2.0-x\r\n", b"\x80\x2e\x01\x03\x01" + b"a" * 80, os.urandom(20000)):
            s = socket.create_connection(("127.0.0.1", port), 10)
            try:
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
                while s.recv(4096):
                    pass
            except OSError:
                pass
            s.close()
    equal(server.children("c2s"), before, "workers")


@scene("a stanza in somebody else's name ends the stream with invalid-from (20)")
def _(server):
    for sender in ("bob@localhost", "bob@localhost/x", "alice@localhost/other", "localhost", "@@"):
        c = Client(server, direct=True).login("alice", "forger", presence=False)
        c.send(f"<message to='bob@localhost' from='{sender}'><body>I am Bob</body></message>")
        equal(c.stream_error(), "invalid-from", sender)


@scene("what one client writes is read by another as one stanza with the same meaning, however it is dressed (12, 35)")
def _(server):
    bob = Client(server, direct=True).login("bob", "reader")
    alice = Client(server, direct=True).login("alice", "writer")
    for body, wanted in (("<![CDATA[</body></message><message from='x'>]]>", "</body></message><message from='x'>"),
                         ("&#60;b&#62; &amp;amp; &quot;", "<b> &amp; \""), ("a&#13;b\r\nc", "a\rb\nc"), ("]]&gt;", "]]>")):
        alice.send(f"<message to='bob@localhost/reader' type='chat'><body>{body}</body></message>")
        equal(bob.bodies(1), [wanted], "body")
    alice.send("<message to='bob@localhost/reader' id='&#10;&quot;&lt;' type='chat'><x xmlns='urn:x' xmlns:y='urn:y' y:a='&#9;'><y:b/></x></message>")
    got = bob.next()
    equal(got.get("id"), "\n\"<", "id")
    equal(got.find("{urn:x}x").get("{urn:y}a"), "\t", "attribute")
    check(got.find("{urn:x}x/{urn:y}b") is not None, "child in another namespace")
    equal(got.get("from"), alice.jid, "from")


@scene("a stream error of the client's is not answered with one: the stream is closed (45)")
def _(server):
    c = Client(server, direct=True).login("alice", "sorry", presence=False)
    c.send("<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
    equal(c.stream_error(), None, "condition")
    check(c.closed, "the stream is open")


@scene("an error or a result is never answered with an error (45)")
def _(server):
    c = Client(server, direct=True).login("alice", "loop")
    c.send("<iq type='result' id='1' to='nobody@localhost/x'/><iq type='error' id='2' to='nobody@localhost/x'/>"
           "<message type='error' to='nobody@localhost'><body>x</body></message><presence type='error' to='nobody@localhost/x'/>"
           "<iq type='result' id='3'/>")
    equal(c.quiet(), [], "answers")


@scene("a client that never reads is ended when its queue is full, and the others do not wait")
def _(server):
    small = Server("client-queue-bytes = 65536", workers=1)
    reader = Client(small, direct=True).login("bob", "fine")
    stuck = Client(small, direct=True)
    stuck.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.login("bob", "stuck")
    sender = Client(small, direct=True).login("alice", "sender")
    def pushed():
        for _ in range(50):
            sender.message("bob@localhost/stuck", "x" * 5000, kind="normal")  # a chat would go on with the other resource
        sender.quiet()
        return not [s for s in small.sessions() if s["jid"] == "bob@localhost/stuck"]
    eventually(pushed, "the stuck session to end")
    sender.message("bob@localhost/fine", "still here")
    equal(reader.bodies(1), ["still here"], "body")
    check("event=slow_client" in small.log("c2s"), "no log line")
    small.stop()


server = Server()
failed = play(server)
reports = server.sanitizer_reports()
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
