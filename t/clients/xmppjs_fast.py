#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xmpp.js (of npm, in build/npm) logs in by SASL2, Bind 2 and, the second time, with its token."""
import os
import re
import subprocess
import sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "lib"))
from server import DEADLINE, Server
from talk import xmppjs_missing
from tap import Skip, equal, finish, play, scene


@scene("xmpp.js logs in by SASL2 and Bind 2, is given a token, and logs in with it under the same resource")
def _():
    module, missing = xmppjs_missing()
    if missing:
        raise Skip(missing)
    server = Server()
    try:
        environment = dict(os.environ, XMPPJS=module, NODE_EXTRA_CA_CERTS=os.path.join(server.folder, "ca.pem"))
        done = subprocess.run(["node", os.path.join(here, "xmppjs_fast.mjs"), "bob@localhost", server.password["bob@localhost"],
                               str(server.tls_port)], env=environment, capture_output=True, text=True, timeout=DEADLINE * 2)
        equal(done.stderr, "", "what it complains of")
        first, token, second = done.stdout.splitlines()
        equal(token, "token HT-SHA-256-NONE", "what it was given")
        equal(second, first, "its name the second time")
        equal(re.findall(r"event=login .* mech=(\S+)", server.log("c2s")), ["SCRAM-SHA-1", "HT-SHA-256-NONE"], "mechanisms")
        equal(len(re.findall(r"xmpp\.js .* HT-SHA-256-NONE", server.sm("clients", "bob@localhost").stdout)), 1, "sm clients")
    finally:
        server.stop()


finish(play())
