# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificates of clients; made by the openssl command."""
import os
import subprocess

ADDRESS = "otherName:1.3.6.1.5.5.7.8.5;UTF8:"  # id-on-xmppAddr (RFC 6120 13.7.1.4)


def openssl(folder, *words):
    subprocess.run(("openssl",) + words, check=True, capture_output=True, cwd=folder)


def issue(folder, name, address, ca):
    """NAME.pem and NAME.key, for this address, signed by ca.pem and ca.key of that folder."""
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
            "-out", name + ".csr", "-subj", "/CN=somebody")
    with open(os.path.join(folder, "alt"), "w") as f:
        f.write(f"subjectAltName={ADDRESS}{address}\n")
    openssl(folder, "x509", "-req", "-in", name + ".csr", "-CA", os.path.join(ca, "ca.pem"), "-CAkey",
            os.path.join(ca, "ca.key"), "-CAcreateserial", "-days", "30", "-extfile", "alt", "-out", name + ".pem")
