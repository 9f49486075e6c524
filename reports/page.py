"""The frame of our HTML pages: one file each, no network, readable on paper."""

from __future__ import annotations

import html

from lab.verdicts import Verdict
from reports.text import visible

_STYLE = """
:root { color-scheme: light; --line: #d5d9de; --soft: #f4f6f8; --ink: #1c2733; --link: #0b57a4; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  color: var(--ink); background: #fff; margin: 0 auto; max-width: 84rem; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
a { color: var(--link); } p.lead { color: #4a5663; margin: 0 0 1rem; }
nav { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { white-space: nowrap; background: var(--soft); position: sticky; top: 0; }
td.id, code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .9em; }
td.id { white-space: nowrap; overflow-wrap: normal; }
tr:target { background: #fff7d6; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { color: #4a5663; } dd { margin: 0; overflow-wrap: anywhere; }
.chip { display: inline-block; padding: 0 .5em; border-radius: .6em; border: 1px solid;
  white-space: nowrap; font-size: .85em; }
.pass { color: #14532d; background: #e3f4e8; } .fail { color: #8a1212; background: #fde7e7; }
.inconclusive { color: #7a4b00; background: #fdf1d8; } .none { color: #4a5663; background: #fff; }
.not-applicable, .not-run, .not-selected { color: #4a5663; background: #eceff2; }
.exposed { color: #8a1212; background: #fde7e7; }
.not-exposed { color: #14532d; background: #e3f4e8; }
.not-shown { color: #7a4b00; background: #fdf1d8; }
.not-measurable-on-a-device, .no-case-yet { color: #4a5663; background: #eceff2; }
.finding { border-top: 1px solid var(--line); margin-top: 2rem; } .finding h2 { margin-top: 1rem; }
.finding dl { margin: .8rem 0; } .finding th:nth-child(1) { width: 9rem; }
.finding th:nth-child(2) { width: 8rem; } .finding th:nth-child(3) { width: 12rem; }
.finding:target h2 { background: #fff7d6; } .legend { margin: 1rem 0; font-size: .9em; }
ul.said { margin: .2rem 0 0; padding-left: 1.2rem; color: #4a5663; }
.warning { border-left: .4rem solid #b3261e; padding: .1rem 1rem; margin: 1rem 0; }
.warning h2 { margin: .4rem 0; }
.mark { color: #7a4b00; font-size: .85em; } .soft { color: #4a5663; }
.filters { display: flex; flex-wrap: wrap; gap: .5rem; margin: .5rem 0 1rem; }
.filters button, .filters input { font: inherit; padding: .2rem .7rem; border-radius: .4rem;
  border: 1px solid var(--line); background: #fff; color: inherit; }
.filters button { cursor: pointer; }
.filters button[aria-pressed=true] { background: var(--ink); color: #fff; }
details summary { cursor: pointer; } details pre { white-space: pre-wrap; margin: .3rem 0; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } .filters { display: none; }
  thead { display: table-header-group; } thead th { position: static; } tr { break-inside: avoid; }
  .chip { border-color: currentColor; background: none; } a { color: inherit; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def escape(text: object) -> str:
    """Return foreign text for HTML, in elements and in quoted attributes."""
    return html.escape(visible(str(text)), quote=True)


def chip(verdict: Verdict | str, text: str = "") -> str:
    """Return a verdict as a small coloured word (or `text`); without colour it still says it."""
    name = str(verdict)
    return f'<span class="chip {escape(name.replace(" ", "-"))}">{escape(text or name)}</span>'


def table(headings: list[str], rows: list[str]) -> str:
    """Return a table of `headings` (text) and `rows` (ready `<tr>` elements)."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in headings)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{chr(10).join(rows)}\n</tbody></table>"


def facts(pairs: list[tuple[str, str]]) -> str:
    """Return names and values (text) as a list."""
    items = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in pairs if v)
    return f"<dl>{items}</dl>"


def page(title: str, body: str, script: str = "") -> str:
    """Return a whole page. Its policy forbids the browser to load anything from anywhere."""
    code = f"<script>{script}</script>" if script else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{body}\n{code}</body></html>\n"
    )
