"""Which clause is tested by which case, and with what verdict; clauses without a case included."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lab.registers import registry
from lab.registers.registry import Clause
from lab.verdicts import CaseRecord, Verdict, combine
from reports.campaign import CaseInfo, Header, Summary
from reports.page import chip, escape, page, table
from reports.text import visible

HTML, CSV = "traceability.html", "traceability.csv"
NOT_RUN, NOT_SELECTED = "not run", "not selected"
_REVISIONS = {"1.0": "1.0", "1.1": "1.1", "both": "1.0 and 1.1"}
COLUMNS = [
    "clause",
    "document",
    "section",
    "title",
    "revision",
    "status",
    "verified",
    "case",
    "case_title",
    "level",
    "verdict",
    "reason",
    "evidence",
    "no_case_reason",
]


@dataclass(slots=True)
class Cell:
    """One case under one clause. `verdict` is a verdict, NOT_RUN or NOT_SELECTED."""

    case: str
    title: str
    level: str
    verdict: str
    reason: str = ""
    evidence: str = ""


@dataclass(slots=True)
class Row:
    """One clause and the cases that test it."""

    clause: Clause
    cells: list[Cell] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict | None:
        """The verdicts of the cases that were selected, combined; None when there are none."""
        chosen = [cell.verdict for cell in self.cells if cell.verdict != NOT_SELECTED]
        if not chosen:
            return None
        return combine(Verdict.INCONCLUSIVE if one == NOT_RUN else Verdict(one) for one in chosen)


def matrix(clauses: Iterable[Clause], cases: Iterable[CaseInfo], summary: Summary) -> list[Row]:
    """Return a row for each clause in its order, then for those that only cases name."""
    rows = {clause.id: Row(clause) for clause in clauses}
    by_case: dict[str, list[CaseRecord]] = {}
    for record in summary.records:
        by_case.setdefault(record.id, []).append(record)
    infos = {case.id: case for case in cases}
    for record in summary.records:
        if record.id not in infos:
            infos[record.id] = CaseInfo(record.id, record.title, list(record.clauses), record.level)
    for info in infos.values():
        records = by_case.get(info.id, [])
        named = [*info.clauses, *(clause for one in records for clause in one.clauses)]
        for clause_id in dict.fromkeys(canonical(clause) for clause in named):
            row = rows.setdefault(clause_id, Row(_named_only_by_a_case(clause_id)))
            row.cells.append(_cell(info, records))
    return list(rows.values())


def write(directory: Path, header: Header, summary: Summary) -> list[Row]:
    """Write traceability.html and traceability.csv into a campaign folder; return the matrix."""
    rows = matrix(registry.clauses().values(), header.cases, summary)
    (directory / CSV).write_text(to_csv(rows), encoding="utf-8")
    (directory / HTML).write_text(to_html(rows), encoding="utf-8")
    return rows


def to_csv(rows: Iterable[Row]) -> str:
    """Return the matrix as CSV (RFC 4180), a line for each clause and case."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        clause = row.clause
        left = [clause.id, clause.document, clause.section, clause.title, clause.revision]
        left += [clause.status, clause.verified]
        for cell in row.cells:
            right = [cell.case, cell.title, cell.level, cell.verdict, cell.reason, cell.evidence]
            writer.writerow([_plain(one) for one in [*left, *right, ""]])
        if not row.cells:
            writer.writerow([_plain(one) for one in [*left, *[""] * 6, _why(clause)]])
    return out.getvalue()


def to_html(rows: list[Row]) -> str:
    """Return the matrix as a page."""
    bare = [row for row in rows if not row.cells]
    body = (
        "<h1>Traceability</h1>"
        f'<p class="lead">{len(rows)} clauses, {len(rows) - len(bare)} of them with a case; '
        f'<a href="#without-case">{len(bare)} without</a>. '
        "A mark beside a number tells how well the number is established.</p>"
        '<nav><a href="index.html">Campaign</a><a href="traceability.csv">As CSV</a></nav>'
        + table(["Clause", "Title", "Verdict", "Cases"], [_tr(row) for row in rows if row.cells])
        + '<h2 id="without-case">Clauses without a case</h2>'
        + table(["Clause", "Title", "Why"], [_bare_tr(row.clause) for row in bare])
    )
    return page("Traceability", body)


def _cell(info: CaseInfo, records: list[CaseRecord]) -> Cell:
    cell = Cell(info.id, info.title, info.level, NOT_RUN if info.selected else NOT_SELECTED)
    if records:
        cell.verdict = str(combine(record.verdict for record in records))
        cell.reason = records[-1].reason
        cell.evidence = records[-1].evidence
    return cell


def canonical(text: str) -> str:
    """Return the registered id that `text` names, or `text` where the registry has none."""
    try:
        return registry.resolve(text).id
    except registry.UnknownId:
        return text


def _named_only_by_a_case(clause_id: str) -> Clause:
    try:
        return registry.resolve(clause_id)
    except registry.UnknownId:
        return Clause(
            id=clause_id,
            document="",
            section=clause_id,
            title="(not in the registry)",
            summary="",
            applies_to=[],
            revision="both",
            status="heading",
            findings=[],
            verified="unverified",
        )


def _why(clause: Clause) -> str:
    return clause.no_test_reason or "no case yet"


def _plain(text: str) -> str:
    """Text for a CSV cell: a spreadsheet must not take what a device said for a formula."""
    shown = visible(text)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@", "\t") else shown


def _clause_cells(clause: Clause) -> str:
    mark = (
        "" if clause.mark == "analysis" else f'<br><span class="mark">{escape(clause.mark)}</span>'
    )
    where = f"{clause.document}, {_REVISIONS[clause.revision]}"
    about = f'<br><span class="soft">{escape(where)}</span>'
    return (
        f'<td class="id" title="{escape(clause.verified)}">{escape(clause.id)}{mark}</td>'
        f"<td>{escape(clause.title)}{about}</td>"
    )


def _tr(row: Row) -> str:
    cases = "<br>".join(_case(cell) for cell in row.cells)
    return (
        f'<tr id="{escape(row.clause.id)}">{_clause_cells(row.clause)}'
        f"<td>{chip(row.verdict or NOT_SELECTED)}</td><td>{cases}</td></tr>"
    )


def _case(cell: Cell) -> str:
    name = escape(cell.case)
    if cell.evidence:
        name = f'<a href="{escape(cell.evidence)}/">{name}</a>'
    level = "" if cell.level == "shall" else f' <span class="soft">({escape(cell.level)})</span>'
    return f"{chip(cell.verdict)} {name} {escape(cell.title)}{level}"


def _bare_tr(clause: Clause) -> str:
    cells = _clause_cells(clause)
    return f'<tr id="{escape(clause.id)}">{cells}<td>{escape(_why(clause))}</td></tr>'
