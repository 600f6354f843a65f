#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xmpp.js (of npm, in build/npm) with its default settings, plus trust in our CA, talks with a client of our own."""
import os
import shutil
import subprocess
import sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "lib"))
from talk import play_client

module = os.path.join(here, "..", "..", "build", "npm", "node_modules", "@xmpp", "client", "index.js")
young = shutil.which("node") and subprocess.run(["node", "-e", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"]).returncode == 0
missing = None if young and os.path.exists(module) else "xmpp.js, or node 20, is not installed"
os.environ["XMPPJS"] = os.path.abspath(module)
play_client("xmpp.js", ("SCRAM-SHA-1", "PLAIN"), command=["node", os.path.join(here, "xmppjs_talk.mjs")], missing=missing)
