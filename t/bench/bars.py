# SPDX-License-Identifier: GPL-2.0-or-later
"""Bars as SVG, without dependencies: a group for each row, each group with a linear scale of its own, so that bars compare
within their group; the text says how much."""
from html import escape

WIDTH, LABEL, AMOUNT = 860, 110, 110
BAR, GAP, GROUP = 15, 3, 30
COLOURS = ("#0b6e4f", "#c0752a", "#7c6fae", "#8a8f98", "#a8a35a")
STYLE = ("text{font:12px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:13px}.s{fill:#59636e;font-size:11px}"
         ".b{fill:#fff}.l{stroke:#d1d9e0}"
         "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}.b{fill:#0d1117}.l{stroke:#3d444d}}")


def group(row, names, top):
    most = max((v for v in row["values"] if v), default=0)
    room = WIDTH - LABEL - AMOUNT - 20
    ratio = f" - {1 / row['ratio']:.1f} x less than the best of the others" if row["ratio"] and row["ratio"] < 0.95 else ""
    out = [f'<text class="t" x="10" y="{top}">{escape(row["title"])}<tspan class="s" font-weight="400">{ratio}</tspan></text>']
    y = top + 8
    for i, name in enumerate(names):
        value = row["values"][i]
        length = max(room * value / most, 1) if value else 0
        out.append(f'<text x="{LABEL - 6}" y="{y + BAR - 3}" text-anchor="end">{escape(name)}</text>')
        out.append(f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2" fill="{COLOURS[i % len(COLOURS)]}"/>')
        out.append(f'<text x="{LABEL + length + 6:.1f}" y="{y + BAR - 3}">{escape(row["texts"][i])}</text>')
        y += BAR + GAP
    return out, y + GROUP


def draw(rows, names, notes):
    body = ['<text class="t" x="10" y="24">CPU time of all server processes per operation; memory per connection. Shorter is better.</text>',
            f'<line class="l" x1="10" y1="34" x2="{WIDTH - 10}" y2="34"/>']
    y = 60
    for row in rows:
        part, y = group(row, names, y)
        body += part
    for note in notes + (["* some logins were refused, or messages were lost"] if any("*" in t for r in rows for t in r["texts"]) else []):
        body.append(f'<text class="s" x="10" y="{y}">{escape(note)}</text>')
        y += 15
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 5}" width="{WIDTH}" height="{y + 5}" role="img" '
            f'aria-label="gatehouse beside other servers: CPU time per operation">\n<style>{STYLE}</style>\n'
            f'<rect class="b" width="{WIDTH}" height="{y + 5}" rx="6"/>\n' + "\n".join(body) + "\n</svg>\n")
