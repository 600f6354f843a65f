#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gloox with its default settings, plus trust in our CA, talks with a client of our own."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from talk import play_client

play_client("gloox", ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN", "DIGEST-MD5"), direct="SCRAM-SHA-1", compresses=True,
            chooses=("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "DIGEST-MD5", "PLAIN"), rounds=True, anonymous=True, external=True, iq_auth=True)
