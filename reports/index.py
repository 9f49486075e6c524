"""The first page of a campaign: what it came to, each case with its verdict, and where to look."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from lab.verdicts import CaseRecord, Verdict
from reports.campaign import VERDICTS, Header, Summary
from reports.findings import HTML as FINDINGS
from reports.page import chip, escape, facts, page, table
from reports.traceability import CSV, HTML, canonical

INDEX = "index.html"
ALLURE_REPORT = "allure-report/index.html"

_SCRIPT = """
"use strict";
const rows = Array.from(document.querySelectorAll("#cases tbody tr"));
const buttons = Array.from(document.querySelectorAll(".filters button"));
const search = document.querySelector(".filters input");
let wanted = "";
function show() {
  const words = search.value.toLowerCase();
  for (const row of rows) {
    const fits = !wanted || row.dataset.verdict === wanted;
    row.hidden = !(fits && row.textContent.toLowerCase().includes(words));
  }
  for (const one of buttons) {
    one.setAttribute("aria-pressed", String(one.dataset.verdict === wanted));
  }
}
for (const one of buttons) {
  one.addEventListener("click", () => { wanted = one.dataset.verdict; show(); });
}
search.addEventListener("input", show);
show();
"""


def write(directory: Path, header: Header, summary: Summary) -> None:
    """Write index.html into a campaign folder."""
    optional = [name for name in (ALLURE_REPORT, FINDINGS) if (directory / name).is_file()]
    (directory / INDEX).write_text(to_html(header, summary, optional), encoding="utf-8")


def to_html(header: Header, summary: Summary, optional: Collection[str] = ()) -> str:
    """Return the page. `optional` has the paths of those pages that may be there, and are."""
    rows = [_row(record) for record in summary.records]
    titles = {case.id: case.title for case in header.cases}
    rows += [_unrun(case, titles.get(case, "")) for case in summary.not_run]
    body = (
        "<h1>Campaign</h1>"
        f'<p class="lead">{escape(headline(summary))}</p>'
        + _warnings("Alarms", header.alarms)
        + _links(optional)
        + facts(_facts(header))
        + _topology(header)
        + _warnings("Could not be read", summary.damaged)
        + "<h2>Cases</h2>"
        + _filters(summary)
        + '<div id="cases">'
        + table(["Case", "Verdict", "Reason", "Clauses", "Evidence"], rows)
        + "</div>"
    )
    return page("Campaign", body, _SCRIPT)


def headline(summary: Summary) -> str:
    """Return the result of a campaign in one sentence."""
    counts = summary.counts
    parts = [f"{counts[verdict]} {verdict}" for verdict in Verdict]
    if summary.not_run:
        parts.append(f"{len(summary.not_run)} not run")
    return f"{len(summary.by_case) + len(summary.not_run)} cases: {', '.join(parts)}."


def _links(optional: Collection[str]) -> str:
    some = [(ALLURE_REPORT, "Allure report"), (FINDINGS, "Findings")]
    found = [(url, text) for url, text in some if url in optional]
    found += [(HTML, "Traceability"), (CSV, "Traceability as CSV")]
    found += [(VERDICTS, "Verdicts as JSON"), ("evidence/", "Evidence")]
    return "<nav>" + "".join(f'<a href="{url}">{text}</a>' for url, text in found) + "</nav>"


def _facts(header: Header) -> list[tuple[str, str]]:
    found = [("Bench", header.bench)]
    found += [(f"Device: {key}", _text(value)) for key, value in header.dut.items()]
    found += [("Started", header.started), ("Ended", header.ended), ("Command", header.command)]
    return found + [(f"Version: {name}", text) for name, text in header.versions.items()]


def _topology(header: Header) -> str:
    """Return who was in the network, and who played them; nothing without a topology."""
    given = header.topology
    if not given:
        return ""
    columns = ("actor", "role", "owner", "network", "played by")
    rows = [
        "<tr>" + "".join(f"<td>{escape(actor[name])}</td>" for name in columns) + "</tr>"
        for actor in given["actors"]
    ]
    name = f"{given['title']} ({given['figure']})" if given["figure"] else given["title"]
    return (
        f'<h2>Topology: {escape(name)}</h2><p class="lead">{escape(given["description"])}</p>'
        + facts(list(given["networks"].items()))
        + table([one.capitalize() for one in columns], rows)
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _warnings(title: str, lines: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<section class="warning"><h2>{title}</h2><ul>{items}</ul></section>' if items else ""


def _filters(summary: Summary) -> str:
    names = [str(verdict) for verdict in Verdict if summary.counts[verdict]]
    if summary.not_run:
        names.append("not run")
    buttons = '<button type="button" data-verdict="">all</button>' + "".join(
        f'<button type="button" data-verdict="{name}">{name}</button>' for name in names
    )
    search = '<input type="search" placeholder="id, title, clause" aria-label="Search the cases">'
    return f'<div class="filters">{buttons}{search}</div>'


def _row(record: CaseRecord) -> str:
    clauses = ", ".join(
        f'<a href="{HTML}#{escape(canonical(clause))}">{escape(clause)}</a>'
        for clause in record.clauses
    )
    evidence = f'<a href="{escape(record.evidence)}/">folder</a>' if record.evidence else ""
    return (
        f'<tr data-verdict="{record.verdict}"><td class="id">{escape(record.id)}</td>'
        f"<td>{chip(record.verdict)}{_attempts(record)}</td>"
        f"<td>{escape(record.title)}{_reason(record)}</td><td>{clauses}</td><td>{evidence}</td></tr>"
    )


def _attempts(record: CaseRecord) -> str:
    if record.attempts <= 1:
        return ""
    return f'<br><span class="soft">attempt {record.attempts}</span>'


def _reason(record: CaseRecord) -> str:
    parts = [f"<br><strong>{escape(record.reason)}</strong>"] if record.reason else []
    parts += [f'<br><span class="mark">{escape(remark)}</span>' for remark in record.remarks]
    shown = "\n".join(
        f"{step.outcome}: {step.text}\n  expected: {step.expect}\n  observed: {step.observed}"
        for step in record.steps
    )
    if shown:
        parts.append(f"<details><summary>steps</summary><pre>{escape(shown)}</pre></details>")
    if record.rerun:
        parts.append(
            f"<details><summary>repeat</summary><code>{escape(record.rerun)}</code></details>"
        )
    return "".join(parts)


def _unrun(case: str, title: str) -> str:
    return (
        f'<tr data-verdict="not run"><td class="id">{escape(case)}</td><td>{chip("not run")}</td>'
        f"<td>{escape(title)}</td><td></td><td></td></tr>"
    )
