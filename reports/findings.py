"""The findings report: how far this device is exposed to each weakness, and what that rests on.

`reports/exposure.py` has the rule. Here the cases that bear on a finding are gathered, those that
did not run and those that do not exist yet included, and shown: findings.html and findings.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lab.commands import catalogue
from lab.commands.catalogue import CaseSource
from lab.registers import registry
from lab.registers.registry import Finding
from lab.verdicts import CaseRecord, combine
from reports import findings_page
from reports.campaign import Header, Summary, write_json
from reports.exposure import Bearing, Exposure, bearing, exposure
from reports.text import visible_tree

HTML, JSON = "findings.html", "findings.json"
NO_CASE, NOT_RUN, NOT_SELECTED = "no case yet", "not run", "not selected"
BASIS = "recollection"
"""How sure ids and titles of NISTIR 7628 are: no copy was at hand to check them against."""


@dataclass(slots=True)
class CaseLine:
    """One case that bears on a finding. `verdict` is a verdict, NOT_RUN, NOT_SELECTED or NO_CASE;
    `said` is what it saw, or why it saw nothing; `evidence` a path in the campaign folder."""

    id: str
    title: str
    level: str
    verdict: str
    bearing: Bearing
    said: list[str] = field(default_factory=list)
    evidence: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "id": self.id,
            "title": self.title,
            "level": self.level,
            "verdict": self.verdict,
            "bearing": str(self.bearing),
            "said": list(self.said),
            "evidence": self.evidence,
        }


@dataclass(slots=True)
class Assessment:
    """A finding, the exposure of the device to it, and the cases behind that, weightiest first."""

    finding: Finding
    cases: list[CaseLine]

    @property
    def exposure(self) -> Exposure:
        """The exposure, by the rule."""
        measurable = self.finding.device_level_measurable
        return exposure(measurable, (case.bearing for case in self.cases))

    def of(self, *bearings: Bearing) -> list[CaseLine]:
        """Return the cases of these bearings."""
        return [case for case in self.cases if case.bearing in bearings]

    @property
    def to_come(self) -> list[str]:
        """The areas that will have cases for it, as people call them."""
        missing = [case.id for case in self.cases if case.verdict == NO_CASE]
        return list(dict.fromkeys(registry.areas()[one.partition("-")[0]] for one in missing))

    @property
    def why(self) -> str:
        """Say in a few words what the exposure rests on, or what it wants for."""
        if shown := self.of(Bearing.SHOWS):
            return f"shown by {', '.join(case.id for case in shown)}"
        parts = [_counted(self.of(Bearing.CLEARS), "does not show it", "do not show it")]
        left = [case for case in self.of(Bearing.OPEN) if case.verdict != NO_CASE]
        parts.append(f"left open by {', '.join(case.id for case in left)}" if left else "")
        if self.to_come:
            parts.append(f"no case yet in {', '.join(self.to_come)}")
        parts.append(_counted(self.of(Bearing.RECORDS), "only records", "only record"))
        apart = self.of(Bearing.NOT_CONCERNED)
        parts.append(_counted(apart, "does not concern this device", "do not concern this device"))
        return "; ".join(part for part in parts if part) or "no case names it"

    def to_json(self) -> dict[str, Any]:
        """Return the finding and its exposure as a JSON object."""
        one, titles = self.finding, registry.nistir_titles()
        return {
            "id": one.id,
            "title": one.title,
            "description": one.description,
            "origin": one.origin,
            "analysis_section": one.analysis_section,
            "exposure": str(self.exposure),
            "device_level_measurable": one.device_level_measurable,
            "why": self.why,
            "cases": [case.to_json() for case in self.cases],
            "areas_to_come": self.to_come,
            "nistir": [{"id": name, "title": titles[name]} for name in one.nistir],
            "clauses": list(one.clauses),
            "mitigation": one.mitigation,
        }


def write(directory: Path, header: Header, summary: Summary) -> list[Assessment]:
    """Write findings.html and findings.json into a campaign folder; return what they say."""
    found = assess(registry.findings().values(), _suites(), summary)
    document = {
        "bench": header.bench,
        "dut": header.dut,
        "started": header.started,
        "nistir_basis": BASIS,
        "counts": {str(one): count for one, count in counts(found).items()},
        "findings": [one.to_json() for one in found],
    }
    write_json(directory / JSON, visible_tree(document))
    text = findings_page.to_html(header, found, counts(found))
    (directory / HTML).write_text(text, encoding="utf-8")
    return found


def assess(
    findings: Iterable[Finding], known: Mapping[str, CaseSource], summary: Summary
) -> list[Assessment]:
    """Return the exposure to each finding. `known` has all cases that exist, whatever was run.

    A case bears on the findings that it names today, and on those that its record names.
    """
    records: dict[str, list[CaseRecord]] = {}
    for record in summary.records:
        records.setdefault(_plain(record.id), []).append(record)
    not_run = {_plain(one) for one in summary.not_run}
    weight = {one: place for place, one in enumerate(Bearing)}
    found = []
    for finding in findings:
        named = [one.id for one in known.values() if finding.id in one.meta.findings]
        named += [one for one, those in records.items() if finding.id in those[-1].findings]
        named += [one for one in finding.to_come if one not in known]
        cases = [
            _line(known.get(one), one, records.get(one, []), one in not_run)
            for one in dict.fromkeys(named)
        ]
        found.append(Assessment(finding, sorted(cases, key=lambda one: weight[one.bearing])))
    return found


def counts(found: Iterable[Assessment]) -> dict[Exposure, int]:
    """Return the number of findings for each exposure."""
    said = [one.exposure for one in found]
    return {one: said.count(one) for one in Exposure}


@cache
def _suites() -> Mapping[str, CaseSource]:
    return catalogue.cases()


def _line(
    source: CaseSource | None, case: str, records: list[CaseRecord], not_run: bool
) -> CaseLine:
    """Return what a case says. One that partly ran (several parameters) leaves the rest open."""
    title = records[-1].title if records else source.title if source else ""
    level = records[-1].level if records else source.meta.level if source else ""
    if not records:
        word = NOT_RUN if not_run else NOT_SELECTED if source else NO_CASE
        return CaseLine(case, title, level, word, Bearing.OPEN)
    line = CaseLine(
        case,
        title,
        level,
        str(combine(record.verdict for record in records)),
        bearing(records),
        [text for record in records for text in _said(record)],
        records[-1].evidence,
    )
    if not_run and line.bearing is not Bearing.SHOWS:
        line.bearing = Bearing.OPEN
        line.said.append("a part of it did not run")
    return line


def _said(record: CaseRecord) -> list[str]:
    """What a case saw of weaknesses, as its record has it; what only measured, its remarks."""
    said = [record.reason] if record.reason else []
    said += [f"recommendation missed: {text}" for text in record.missed]
    said += [f"found: {text}" for text in record.exposures]
    said += [f"could not be told: {text}" for text in record.unsettled]
    said += [f"not found: {text}" for text in record.cleared]
    noted = ("exposure: ", "exposure not shown: ", "recommendation missed: ")
    said += [text for text in record.remarks if not text.startswith(noted)]
    return list(dict.fromkeys(said))


def _counted(cases: list[CaseLine], one: str, several: str) -> str:
    """Say "1 case only records", "3 cases only record"; nothing of none."""
    if not cases:
        return ""
    return f"1 case {one}" if len(cases) == 1 else f"{len(cases)} cases {several}"


def _plain(case: str) -> str:
    """The id of a case without the parameters of one of its runs."""
    return case.partition("[")[0]
