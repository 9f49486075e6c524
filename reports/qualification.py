"""Which case catches which defect: the pages of a qualification that lab/commands/qualify.py ran.

A case catches a defect when the conformant device passes it and the faulty one does not: it fails,
or misses a recommendation that the conformant one met, or shows a weakness that the other has not.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.verdicts import CaseRecord, Verdict
from reports.campaign import FAIL_EXIT, PASS_EXIT, CampaignError, read_summary
from reports.page import chip, escape, page, table

__all__ = ["CSV", "HTML", "Meeting", "Qualification", "build", "read", "sign_of"]

PLAN = "qualification.json"
HTML, CSV = "qualification.html", "qualification.csv"
UNSOUND = "the conformant device does not pass, or not as recommended"
COLUMNS = ["defect", "clause", "device", "case", "level", "verdict", "caught", "of its clause"]


@dataclass(frozen=True, slots=True)
class Meeting:
    """One case in front of one defect. `caught` says by what sign; "" when it was not."""

    defect: str
    case: str
    level: str
    verdict: str
    reason: str
    caught: str
    of_clause: bool
    """Whether the case names the clause that the defect breaks, or a sub-clause of it."""


@dataclass(slots=True)
class Qualification:
    """All meetings, and the plan: the defects in their order and the cases of the suites."""

    plan: dict[str, Any]
    meetings: list[Meeting]
    unsound: list[str]
    """Cases that the conformant device does not pass, or in which it misses a recommendation:
    they catch nothing, or less."""

    def of(self, defect: str) -> list[Meeting]:
        """Return what a defect met."""
        return [one for one in self.meetings if one.defect == defect]

    def state(self, defect: str) -> str:
        """Return "caught", "wrong clause" (only by cases of other clauses), or "escaped"."""
        caught = [one for one in self.of(defect) if one.caught]
        if any(one.of_clause for one in caught):
            return "caught"
        return "wrong clause" if caught else "escaped"

    def idle(self) -> list[str]:
        """Return the cases that caught no defect; those of a complete qualification only."""
        if not self.plan["complete"]:
            return []
        useful = {one.case.split("[")[0] for one in self.meetings if one.caught}
        return [case for case in self.plan["cases"] if case not in useful]

    def told(self) -> list[str]:
        """Return the result in lines for people, the worst first."""
        states = {one["id"]: self.state(one["id"]) for one in self.plan["defects"]}
        lines = [f"{UNSOUND}: {one}" for one in self.unsound]
        for defect, state in states.items():
            if state != "caught":
                met = ", ".join(f"{one.case} {one.verdict}" for one in self.of(defect))
                lines.append(f"{state}: {defect} ({met or 'no case ran'})")
        lines += [f"catches no defect: {case}" for case in self.idle()]
        caught = sum(state == "caught" for state in states.values())
        useful = len({one.case for one in self.meetings if one.caught})
        return [
            *lines,
            f"{len(states)} defects, {caught} caught by a case of their clause; "
            f"{useful} of {len(self.plan['cases'])} cases caught at least one",
        ]

    def exit_code(self) -> int:
        """Return PASS_EXIT when every defect was caught by a case of its clause, every case of a
        complete qualification caught one, and the conformant devices passed; else FAIL_EXIT.
        """
        return FAIL_EXIT if len(self.told()) > 1 else PASS_EXIT


def sign_of(faulty: CaseRecord, conformant: CaseRecord | None) -> str:
    """Return by what sign a case tells a faulty device from the conformant one; "" for none."""
    if conformant is None or conformant.verdict is not Verdict.PASS:
        return ""
    if faulty.verdict is Verdict.FAIL:
        return "fail"
    if faulty.verdict is not Verdict.PASS:
        return ""  # what is undecided catches nothing
    if len(faulty.missed) > len(conformant.missed):
        return "recommendation missed"
    return "weakness shown" if len(faulty.exposures) > len(conformant.exposures) else ""


def read(folder: Path) -> Qualification:
    """Read a folder that lab/commands/qualify.py wrote. Raises CampaignError."""
    try:
        plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CampaignError(f"{folder / PLAN}: {error}; is this a qualification?") from error
    names = dict.fromkeys(one["conformant"] for one in plan["defects"])
    sound = {name: _records(folder / name) for name in names}
    unsound = [
        f"{record.id} in {name}: {record.verdict}, {'; '.join(record.missed) or record.reason}"
        for name, found in sound.items()
        for record in found.values()
        if record.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) or record.missed
    ]
    meetings = [
        meeting
        for defect in plan["defects"]
        for meeting in _meetings(defect, plan["cases"], folder, sound[defect["conformant"]])
    ]
    return Qualification(plan, meetings, unsound)


def _meetings(
    defect: dict[str, Any],
    cases: dict[str, Any],
    folder: Path,
    conformant: dict[str, CaseRecord],
) -> Iterator[Meeting]:
    for record in _records(folder / defect["campaign"]).values():
        if record.verdict is Verdict.NOT_APPLICABLE:
            continue
        clause = defect["clause"]
        below = any(one == clause or one.startswith(f"{clause}.") for one in record.clauses)
        level = cases.get(record.id.split("[")[0], {}).get("level", record.level)
        yield Meeting(
            defect["id"],
            record.id,
            level,
            str(record.verdict),
            record.reason,
            sign_of(record, conformant.get(record.id)),
            below,
        )


def _records(campaign: Path) -> dict[str, CaseRecord]:
    if not campaign.is_dir():
        return {}
    return {one.id: one for one in read_summary(campaign).records}


def build(folder: Path) -> tuple[Qualification, list[str]]:
    """Write qualification.html and qualification.csv; return what to tell people of it."""
    found = read(folder)
    (folder / CSV).write_text(to_csv(found), encoding="utf-8")
    (folder / HTML).write_text(to_html(found), encoding="utf-8")
    return found, [*found.told(), *(str(folder / name) for name in (HTML, CSV))]


def to_csv(found: Qualification) -> str:
    """Return a line for each meeting of a case with a defect."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for defect in found.plan["defects"]:
        for one in found.of(defect["id"]):
            left = [one.defect, defect["clause"], f"{defect['dut']} {defect['revision']}"]
            right = [one.case, one.level, one.verdict, one.caught or "no"]
            writer.writerow([*left, *right, "yes" if one.of_clause else "no"])
    return out.getvalue()


def to_html(found: Qualification) -> str:
    """Return the qualification as a page: by defect, then by case."""
    *troubles, headline = found.told()
    body = (
        "<h1>Qualification</h1>"
        f'<p class="lead">{escape(headline)}. Each defect met {_WHICH[found.plan["against"]]}.</p>'
        + "".join(f'<p class="warning">{escape(line)}</p>' for line in troubles)
        + "<h2>Defects</h2>"
        + table(
            ["Defect", "Result", "Clause", "What it does", "Device", "Cases that met it"],
            [_defect_row(found, one) for one in found.plan["defects"]],
        )
        + "<h2>Cases</h2>"
        + table(["Case", "Level", "Defects that it caught"], _case_rows(found))
    )
    return page("Qualification", body)


_WHICH = {
    "named": "the cases that it should touch",
    "clause": "the cases of its clause, and those that it should touch",
    "all": "all cases",
}


def _defect_row(found: Qualification, defect: dict[str, Any]) -> str:
    state = found.state(defect["id"])
    met = "<br>".join(
        f"{escape(one.case)} {chip(one.verdict)} {escape(one.caught)}"
        + ("" if one.of_clause or not one.caught else " (of another clause)")
        for one in sorted(found.of(defect["id"]), key=lambda one: not one.caught)
    )
    return (
        f'<tr id="{escape(defect["id"])}"><td class="id">{escape(defect["id"])}</td>'
        f"<td>{chip('pass' if state == 'caught' else 'fail', state)}</td>"
        f"<td>{escape(defect['clause'])}</td><td>{escape(defect['description'])}</td>"
        f"<td>{escape(defect['dut'])} {escape(defect['revision'])}</td><td>{met}</td></tr>"
    )


def _case_rows(found: Qualification) -> list[str]:
    by_case: dict[str, list[str]] = {}
    for one in found.meetings:
        if one.caught:
            by_case.setdefault(one.case.split("[")[0], []).append(one.defect)
    return [
        f'<tr><td class="id">{escape(case)}</td><td>{escape(words["level"])}</td><td>'
        + (", ".join(f'<a href="#{escape(one)}">{escape(one)}</a>' for one in by_case[case]))
        + "</td></tr>"
        if case in by_case
        else f'<tr><td class="id">{escape(case)}</td><td>{escape(words["level"])}</td>'
        f"<td>{chip('none', 'none')}</td></tr>"
        for case, words in found.plan["cases"].items()
    ]
