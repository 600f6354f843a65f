# SPDX-License-Identifier: GPL-2.0-or-later
"""Round trips of make bench: how often a client waits for the server from connecting until it may say its first stanza, on each
path that there is, and what a login by it costs. The load generator counts them on its sockets; a path that takes more than its
table says is wrong."""
from play import OLD, SASL2, TLS_LOGIN, Gatehouse, by_process, measure, store_for, trouble

STARTTLS = {**TLS_LOGIN, "accounts": 200}
DIRECT = {**STARTTLS, "tls": "direct"}
SCRAM = {"mechanism": "SCRAM-SHA-256"}
FAST = {**SASL2, "mechanism": "HT-SHA-256-NONE", "accounts": 64}
# path: how it goes; table: round trips of the design's table (TLS 1.3)
PATHS = {
    "STARTTLS, DIGEST-MD5, session": {**OLD, "mechanism": "DIGEST-MD5", "session": 1, "table": 10,
                                      "domain": 'mechanisms = {"DIGEST-MD5"}'},
    "STARTTLS, SCRAM": {**STARTTLS, **SCRAM, "table": 9},
    "direct TLS, SCRAM": {**DIRECT, **SCRAM, "table": 7},
    "direct TLS, SASL2, Bind 2, SCRAM": {**SASL2, **SCRAM, "table": 5},
    "STARTTLS, SASL2, FAST": {**FAST, "tls": "starttls", "table": 6},
    "direct TLS, SASL2, FAST": {**FAST, "table": 4},
    "the same, pipelined": {**FAST, "pipeline": 1, "table": 3},
    "direct TLS, SASL2, PLAIN, pipelined": {**SASL2, "mechanism": "PLAIN", "store": "PLAIN", "accounts": 32, "pipeline": 1, "table": 3},
    "TLS resumed, SASL2, Bind 2, SCRAM": {**SASL2, **SCRAM, "resume": 1, "table": 5},
    "TLS resumed, SASL2, FAST, pipelined": {**FAST, "pipeline": 1, "resume": 1, "table": 3},
}
HEAD = ("path", "round trips", "table", "CPU/login", "wrong")
FORM = "{:<36} {:>11} {:>6} {:>10}  {}"


def trips(f):
    least, most = f["trips_least"], f["trips_most"]
    return str(most) if least == most else f"{least} to {most}"


def play_paths(stores):
    """Figures by path, and whether something was wrong."""
    figures, wrong = {}, False
    print("\n# round trips from connecting to the first stanza; the table's: protocol with TLS 1.3")
    print(FORM.format(*HEAD), flush=True)
    for path, play in PATHS.items():
        f = figures[path] = measure(path, Gatehouse, store_for(play, stores), play=play)
        f["trips_table"] = play["table"]
        why = trouble(f) or ("" if f["operations"] else "nobody logged in")
        if not why and f["trips_most"] > play["table"]:
            why = "more round trips than the table has"
        wrong |= bool(why)
        print(FORM.format(path, trips(f), play["table"], f"{f['cpu_us']:.1f} us", why or "nothing"))
        print(f"{'':36} by process: {by_process(f)}", flush=True)
    return figures, wrong
