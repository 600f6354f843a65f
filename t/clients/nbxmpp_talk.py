#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nbxmpp (Gajim's library) with its default settings, plus trust in our certificate, talks with a client of our own.

Called with the words of t/lib/talk.py it is that talker; without, it plays the scenes."""
import os
import sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != here] + [os.path.join(here, "..", "lib")]


def say(*words):
    print(*words, flush=True)


def run(jid, password, port, ca, way):
    from gi.repository import Gio, GLib
    from nbxmpp.client import Client
    from nbxmpp.const import ConnectionProtocol, ConnectionType
    from nbxmpp.protocol import Message, Presence
    from nbxmpp.structs import StanzaHandler
    loop = GLib.MainLoop()
    client = Client(log_context="talk")
    user, _, domain = jid.partition("@")
    client.set_domain(domain)
    client.set_username(user)
    client.set_password(password)
    client.set_resource("nbxmpp")
    client.set_custom_host(f"127.0.0.1:{port}", ConnectionProtocol.TCP,
                           ConnectionType.DIRECT_TLS if way == "direct" else ConnectionType.START_TLS)
    # It trusts a CA only when the whole system does; a certificate that its user has accepted is the other way.
    certificate = os.path.join(os.path.dirname(ca), "cert.pem")
    client.set_accepted_certificates([Gio.TlsCertificate.new_from_file(certificate)])

    def on_message(_, stanza, properties):
        if properties.body is None:
            return
        say("got", properties.body)
        client.send_stanza(Message(to=stanza.getFrom(), body=properties.body, typ="chat"))
        if properties.body == "stop":
            client.disconnect()

    def on_login(*_):
        client.register_handler(StanzaHandler(name="message", callback=on_message, priority=50))
        client.send_stanza(Presence())
        say("online", client.get_bound_jid())

    def on_end(*_):
        say("ended", client.get_error())
        loop.quit()

    if os.environ.get("TALK_MECHANISM"):
        client.set_mechs([os.environ["TALK_MECHANISM"]])
    client.subscribe("connected", on_login)
    client.subscribe("connection-failed", on_end)
    client.subscribe("disconnected", on_end)
    client.connect()
    loop.run()
    return 0 if client.get_error()[1] in (None, "stream-end") else 1


if len(sys.argv) == 6:
    sys.exit(run(*sys.argv[1:]))

from talk import play_client
try:
    import nbxmpp
    missing = None
except ImportError:
    missing = "nbxmpp is not installed"
play_client("nbxmpp", ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"), command=[os.path.abspath(__file__)], missing=missing,
            chooses=("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"))
