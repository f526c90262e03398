"""How our pages look: one self-contained page for light and dark, without anything fetched from elsewhere."""

from __future__ import annotations

from html import escape

STYLE = """
:root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--ink:#1b1f24;--dim:#65707c;--line:#e3e5e8;--up:#0f766e;
--down:#b45309;--bad:#b91c1c;--accent:#2563eb}
@media(prefers-color-scheme:dark){:root{--bg:#14171b;--card:#1c2026;--ink:#e6e9ec;--dim:#98a2ad;--line:#2e343c;--up:
#2dd4bf;--down:#fbbf24;--bad:#f87171;--accent:#7ab0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:17px;margin:0 0 12px}
.dim{color:var(--dim)}svg .dim{fill:var(--dim)}svg text{fill:var(--ink);font-size:13px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin-top:18px;
overflow-x:auto}
.grid{display:grid;gap:18px;grid-template-columns:minmax(250px,2fr) 5fr}.grid .card{margin-top:18px}
@media(max-width:760px){.grid{grid-template-columns:1fr;gap:0}}
table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:600;color:var(--dim);font-size:13px}
th,td{padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}tr:last-child td{border-bottom:0}
.n{text-align:right;font-variant-numeric:tabular-nums}.up{color:var(--up)}.down{color:var(--down)}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
.bad{border-color:var(--bad)}.bad strong{color:var(--bad)}
code,.v{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-size:13px}
code{background:var(--bg);border:1px solid var(--line);border-radius:6px;padding:2px 6px}
dl{display:grid;grid-template-columns:130px 1fr;gap:6px 14px;margin:0}dt{font-weight:600}dd{margin:0}
input{width:100%;padding:9px 12px;border:1px solid var(--line);border-radius:8px;background:var(--bg);
color:inherit;font:inherit}
.flow{width:100%;max-width:720px;height:auto}
"""


def html_page(title: str, body: str, *, script: str = "", style: str = "") -> str:
    """A whole page. `body` is ready HTML, `title` text; `style` adds to `STYLE`."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n{f'<script>{script}</script>' if script else ''}\n</body>\n</html>\n"
    )
