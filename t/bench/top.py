#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""t/bench/top.py FILE.svg: the picture of `sm top` in the README: a terminal (tmux) in which it watches a server that works, while
clients log in, talk, mistype their passwords and leave; its cells become an SVG."""
import os
import re
import subprocess
import sys
import threading
import time
from xml.sax.saxutils import escape
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import Client, Refused
from server import Server, eventually

COLUMNS, ROWS = 80, 26
CELL, LINE, MARGIN = 8.4, 18, 14
COLOURS = ("#30363d", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#e6edf3")


def tmux(server, *words):
    return subprocess.run(["tmux", "-S", os.path.join(server.folder, "tmux"), "-f", "/dev/null", *words],
                          capture_output=True, text=True, check=True).stdout


def talk(server, pair, over):
    one, other = (Client(server, direct=True).login(name, f"{name}-{pair}", mechanism="PLAIN") for name in ("alice", "bob"))
    while not over.is_set():
        for number in range(5):
            one.message(other.jid, f"{number}")
        other.bodies(5)
    one.close()
    other.close()


def come_and_go(server, over):
    while not over.wait(0.1):
        Client(server, direct=True).login("carol", "guest").close()
        try:
            Client(server, direct=True).login("carol", "guest", password="mistyped")
        except Refused:
            pass


def runs(line):
    """The line as (style, text) pairs; the styles are those of SGR that a page can have."""
    style = ""
    for part in re.split(r"(\x1b\[[\d;]*m)", line):
        code = re.fullmatch(r"\x1b\[([\d;]*)m", part)
        if not code:
            yield style, part
            continue
        for number in (int(n or 0) for n in code.group(1).split(";")):
            if number in (0, 22, 39):
                style = ""
            elif number == 1:
                style += "font-weight:bold;"
            elif 30 <= number <= 37:
                style += f"fill:{COLOURS[number - 30]};"


def svg(page):
    lines = page.rstrip("\n").split("\n")
    width, height = round(COLUMNS * CELL + 2 * MARGIN), len(lines) * LINE + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
           f'<rect width="{width}" height="{height}" rx="6" fill="#0d1117"/>',
           '<g font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="14" fill="#e6edf3" xml:space="preserve">']
    for row, line in enumerate(lines):
        at = 0
        for style, text in runs(line):
            # word by word, each at its column, whatever width the reader's font has
            for word in re.finditer(r"\S+(?: \S+)*", text):
                kind = f' style="{style}"' if style else ""
                x, size = MARGIN + (at + word.start()) * CELL, len(word.group()) * CELL
                out.append(f'<text x="{x:.1f}" y="{MARGIN + row * LINE + 14}" textLength="{size:.1f}"{kind}>{escape(word.group())}</text>')
            at += len(text)
    return "\n".join(out + ["</g>", "</svg>"]) + "\n"


def main(path):
    server = Server('log-level = "warn"', workers=2)
    over = threading.Event()
    busy = [threading.Thread(target=talk, args=(server, pair, over)) for pair in range(8)]
    busy.append(threading.Thread(target=come_and_go, args=(server, over)))
    for thread in busy:
        thread.start()
    try:
        tmux(server, "new-session", "-d", "-s", "top", "-x", str(COLUMNS), "-y", str(ROWS),
             f"{server.program('sm')} top --config {server.conf}")
        look = lambda: tmux(server, "capture-pane", "-p", "-e", "-t", "top")
        eventually(lambda: re.search(r"up .*0[1-9]:\d\d|up .*00:1\d", look()), "ten seconds of work", 60)
        page = look()
        tmux(server, "send-keys", "-t", "top", "q")
    finally:
        over.set()
        for thread in busy:
            thread.join()
        server.stop()
    with open(path, "w") as f:
        f.write(svg(page))


main(sys.argv[1])
