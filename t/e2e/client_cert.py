#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""client-ca: clients are asked for a certificate, a good one is seen, a bad one is the end, and none is fine."""
import os
import re
import ssl
import subprocess
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from certificates import issue
from client import Client, Ended
from server import BUILD, Server, certificate, eventually
from tap import Skip, check, equal, finish, play, scene


def come(server, name, direct, version):
    """Logs in, with that certificate; what the log says about it."""
    context = ssl.create_default_context(cafile=os.path.join(server.folder, "ca.pem"))
    context.minimum_version = context.maximum_version = version
    if name:
        context.load_cert_chain(*(os.path.join(server.folder, name + ending) for ending in (".pem", ".key")))
    server.forget_log("c2s")
    c = Client(server, direct=direct, context=context).login()
    c.close()
    return re.search(r"event=tls conn=.* certificate=(\w+)", server.log("c2s")).group(1)


def setting(server, line):
    with open(server.conf) as f:
        text = f.read()
    with open(server.conf, "w") as f:
        f.write(re.sub(r"(?m)^client-ca = .*\n", "", text).replace('domain "localhost" {\n', f'domain "localhost" {{\n{line}\n'))


def everywhere(server, name):
    return {come(server, name, direct, version) for direct in (False, True)
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)}


def refused(server, name):
    for direct in (False, True):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            try:
                come(server, name, direct, version)
                check(False, f"{name} was let in, {version}")
            except (ssl.SSLError, OSError, Ended):
                eventually(lambda: "event=tls_failed" in server.log("c2s"), "the log to say so")


@scene("nobody is asked by default, whatever certificate there is")
def _(server):
    equal(everywhere(server, "alice"), {"no"}, "certificate")


@scene("with client-ca, taken up by a reload, a certificate of that authority is seen")
def _(server):
    setting(server, 'client-ca = "ca.pem"')
    check("client-ca" in server.sm("reload").stdout, "the reload does not say so")
    equal(everywhere(server, "alice"), {"yes"}, "certificate")


@scene("who has none logs in as ever")
def _(server):
    equal(everywhere(server, None), {"no"}, "certificate")


@scene("another authority's certificate is the end of the handshake")
def _(server):
    refused(server, "stranger")
    equal(everywhere(server, "alice"), {"yes"}, "certificate")


@scene("what is no authority is refused, with file and line, and changes nothing")
def _(server):
    with open(os.path.join(server.folder, "rubbish.pem"), "w") as f:
        f.write("rubbish\n")
    for bad, words in (("rubbish.pem", "authorities"), ("missing.pem", "No such file")):
        setting(server, f'client-ca = "{bad}"')
        done = subprocess.run([os.path.join(BUILD, "c2s"), "--check", "--config", server.conf], capture_output=True, text=True)
        equal(done.returncode != 0, True, "refused")
        check(re.search(r"gatehouse\.conf:\d+: client-ca: .*" + words, done.stdout + done.stderr), done.stdout + done.stderr)
        server.sm("reload", check=False)
    equal(everywhere(server, "alice"), {"yes"}, "certificate")


def prepared(build=None):
    server = Server(build=build)
    other = os.path.join(server.folder, "other")
    os.mkdir(other)
    certificate(other)
    issue(server.folder, "alice", "alice@localhost", server.folder)
    issue(server.folder, "stranger", "alice@localhost", other)
    return server


@scene("built with the other wolfSSL, Debian's, it sees the same")
def _(_server):
    build = os.path.join(BUILD, "system")
    if not os.path.exists(os.path.join(build, "c2s")):
        raise Skip("not built")
    server = prepared(build)
    setting(server, 'client-ca = "ca.pem"')
    server.sm("reload")
    equal(everywhere(server, "alice"), {"yes"}, "certificate")
    equal(everywhere(server, None), {"no"}, "certificate")
    refused(server, "stranger")
    reports = server.sanitizer_reports()
    server.stop()
    equal(reports, [], "reports")


server = prepared()
failed = play(server)
reports = server.sanitizer_reports() if server.folder else []
server.stop()
for line in reports:
    print("# " + line)
finish(failed or reports)
