#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""libstrophe with its default settings, plus trust in our CA, talks with a client of our own."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from talk import play_client

play_client("strophe", ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "DIGEST-MD5"), rounds=True, anonymous=True,
            external=True, iq_auth=True)
