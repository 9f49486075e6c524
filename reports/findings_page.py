"""The page of the findings report: a table of all findings, then each with what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from lab.registers import registry
from reports.campaign import Header
from reports.exposure import Exposure
from reports.page import chip, escape, facts, page, table
from reports.traceability import HTML as TRACEABILITY
from reports.traceability import canonical

if TYPE_CHECKING:
    from reports.findings import Assessment, CaseLine

AT_ONCE = 6
"""So many lines of what a case saw are shown unasked."""

_MEANING = {
    Exposure.EXPOSED: "a case failed, missed a recommendation, or found the weakness",
    Exposure.NOT_EXPOSED: "cases looked for it and did not find it, and none is left open",
    Exposure.NOT_SHOWN: "something that bears on it is undecided, was not run, or has no case yet",
    Exposure.NOT_MEASURABLE: "it lies outside of the device; what the cases recorded is shown",
}
_MEASURABLE = {
    "partly": "A device can show only a part of it: the rest lies in how networks are run.",
    "no": "It does not lie in the device.",
}
_SCRIPT = """
"use strict";
const rows = Array.from(document.querySelectorAll("#findings tbody tr"));
const buttons = Array.from(document.querySelectorAll(".filters button"));
let wanted = "";
function show() {
  for (const row of rows) { row.hidden = Boolean(wanted) && row.dataset.exposure !== wanted; }
  for (const one of buttons) {
    one.setAttribute("aria-pressed", String(one.dataset.exposure === wanted));
  }
}
for (const one of buttons) {
  one.addEventListener("click", () => { wanted = one.dataset.exposure; show(); });
}
show();
"""


def to_html(header: Header, found: Sequence[Assessment], counts: Mapping[Exposure, int]) -> str:
    """Return the page."""
    told = ", ".join(f"{counts[one]} {one}" for one in Exposure)
    body = (
        "<h1>Findings</h1>"
        f'<p class="lead">{len(found)} weaknesses and open questions of Smart Energy networks: '
        f"{escape(told)}.</p>"
        '<nav><a href="index.html">Campaign</a>'
        f'<a href="{TRACEABILITY}">Traceability</a><a href="findings.json">As JSON</a></nav>'
        + facts([(f"Device: {key}", str(value)) for key, value in header.dut.items()])
        + _legend()
        + _filters(counts)
        + '<div id="findings">'
        + table(["Finding", "Title", "Exposure", "Why"], [_row(one) for one in found])
        + "</div>"
        + "".join(_section(one) for one in found)
        + '<p class="soft">Ids and titles of NISTIR 7628 requirements are from recollection of '
        "volume 1 (2010), and were not checked against a copy.</p>"
    )
    return page("Findings", body, _SCRIPT)


def _legend() -> str:
    items = "".join(f"<dt>{chip(one)}</dt><dd>{text}</dd>" for one, text in _MEANING.items())
    return f'<dl class="legend">{items}</dl>'


def _filters(counts: Mapping[Exposure, int]) -> str:
    buttons = "".join(
        f'<button type="button" data-exposure="{one}">{one}</button>'
        for one, count in counts.items()
        if count
    )
    everything = '<button type="button" data-exposure="">all</button>'
    return f'<div class="filters">{everything}{buttons}</div>'


def _row(one: Assessment) -> str:
    name = escape(one.finding.id)
    return (
        f'<tr data-exposure="{one.exposure}"><td class="id"><a href="#{name}">{name}</a></td>'
        f"<td>{escape(one.finding.title)}</td><td>{_exposure(one)}</td>"
        f"<td>{escape(one.why)}</td></tr>"
    )


def _exposure(one: Assessment) -> str:
    partly = one.finding.device_level_measurable == "partly"
    beside = '<br><span class="mark">measurable in part</span>' if partly else ""
    return chip(one.exposure) + beside


def _section(one: Assessment) -> str:
    finding = one.finding
    note = _MEASURABLE.get(finding.device_level_measurable, "")
    return (
        f'<section class="finding" id="{escape(finding.id)}">'
        f"<h2>{escape(finding.id)} {escape(finding.title)} {chip(one.exposure)}</h2>"
        f"<p>{escape(finding.description)}"
        + (f' <span class="mark">{escape(note)}</span>' if note else "")
        + f"</p><p><strong>Mitigation:</strong> {escape(finding.mitigation)}</p>"
        + _cases(one)
        + f'<dl class="soft"><dt>Clauses</dt><dd>{_clauses(finding.clauses)}</dd>'
        f"<dt>NISTIR 7628</dt><dd>{_requirements(finding.nistir)} "
        '<span class="mark">recollection</span></dd>'
        f"<dt>Raised by</dt><dd>{escape(_origin(one))}</dd></dl></section>"
    )


def _cases(one: Assessment) -> str:
    """Return the cases as a table; those to come in one line."""
    rows = [_case(case) for case in one.cases if case.level]
    text = table(["Case", "Verdict", "Bearing", "What was seen"], rows) if rows else ""
    if missing := [case.id for case in one.cases if not case.level]:
        where = ", ".join(one.to_come)
        text += f"<p>No case yet, to come in {escape(where)}: {escape(', '.join(missing))}.</p>"
    return text or "<p>No case names it.</p>"


def _case(case: CaseLine) -> str:
    name = escape(case.id)
    if case.evidence:
        name = f'<a href="{escape(case.evidence)}/">{name}</a>'
    level = "" if case.level == "shall" else f' <span class="soft">({escape(case.level)})</span>'
    return (
        f'<tr><td class="id">{name}</td><td>{chip(case.verdict)}</td>'
        f"<td>{escape(case.bearing)}</td><td>{escape(case.title)}{level}{_said(case.said)}</td></tr>"
    )


def _said(texts: Sequence[str]) -> str:
    """Return what a case saw as a list, what is long folded away."""
    first, more = _list(texts[:AT_ONCE]), _list(texts[AT_ONCE:])
    count = len(texts) - AT_ONCE
    return first + (f"<details><summary>{count} more</summary>{more}</details>" if more else "")


def _list(texts: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul class="said">{items}</ul>' if items else ""


def _clauses(clauses: Iterable[str]) -> str:
    return ", ".join(
        f'<a href="{TRACEABILITY}#{escape(canonical(one))}">{escape(one)}</a>' for one in clauses
    )


def _requirements(names: Iterable[str]) -> str:
    titles = registry.nistir_titles()
    return ", ".join(f"{escape(one)} {escape(titles[one])}" for one in names)


def _origin(one: Assessment) -> str:
    if one.finding.origin == "literature":
        return "literature published since the analysis"
    return f"the analysis, section {one.finding.analysis_section}"
