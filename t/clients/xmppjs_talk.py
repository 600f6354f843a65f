#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xmpp.js (of npm, in build/npm) with its default settings, plus trust in our CA, talks with a client of our own."""
import os
import sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "lib"))
from talk import play_client, xmppjs_missing

module, missing = xmppjs_missing()
os.environ["XMPPJS"] = module
play_client("xmpp.js", ("SCRAM-SHA-1", "PLAIN"), command=["node", os.path.join(here, "xmppjs_talk.mjs")], missing=missing,
            chooses=("SCRAM-SHA-1", "PLAIN"))
