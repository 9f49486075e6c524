"""What several campaigns of conformant devices came to: case by device, and which verdicts changed.

Reads the campaign folders below a folder, and `campaigns.jsonl` in it (lab/commands/campaigns.py).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lab.verdicts import CaseRecord, Verdict
from reports.campaign import FAIL_EXIT, INCONCLUSIVE_EXIT, PASS_EXIT, CampaignError, read_summary
from reports.page import chip, escape, page, table

__all__ = ["CSV", "HTML", "Grid", "build", "read"]

LIST = "campaigns.jsonl"
HTML, CSV = "devices.html", "devices.csv"
DECIDED = (Verdict.PASS, Verdict.FAIL)
_SHORT = {"inconclusive": "inc.", "not applicable": "n/a"}


@dataclass(slots=True)
class Grid:
    """Case by device. `cells` has the verdicts of a case on a device, one for each campaign."""

    campaigns: int = 0
    devices: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    cells: dict[tuple[str, str], list[Verdict]] = field(default_factory=dict)
    undecided: list[str] = field(default_factory=list)
    """Campaign, case and reason of each fail and inconclusive, and what kept a campaign from
    its end."""
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)
    missed: dict[tuple[str, str], str] = field(default_factory=dict)
    """Recommendations that a device did not meet: no failure of a device, and yet a simulated one
    that conforms should meet them."""

    def add(self, device: str, campaign: str, records: Iterable[CaseRecord]) -> None:
        """Take the records of one campaign."""
        self.campaigns += 1
        if device not in self.devices:
            self.devices.append(device)
        for one in records:
            self.titles.setdefault(one.id, one.title)
            self.cells.setdefault((one.id, device), []).append(one.verdict)
            if one.missed:
                self.missed.setdefault((one.id, device), f"{campaign}, {'; '.join(one.missed)}")
            if one.verdict == Verdict.NOT_APPLICABLE:
                self.reasons[one.id, device] = one.reason
            elif one.verdict != Verdict.PASS:
                self.undecided.append(f"{campaign}: {one.id} {one.verdict}: {one.reason}")

    def flips(self) -> list[tuple[str, str]]:
        """Return case and device wherever two campaigns of a device gave a case two verdicts."""
        return [place for place, found in self.cells.items() if len(set(found)) > 1]

    def never(self) -> list[str]:
        """Return the cases that no device exercised."""
        exercised = {case for (case, _), found in self.cells.items() if {*found} & {*DECIDED}}
        return [case for case in self.titles if case not in exercised]

    def exit_code(self) -> int:
        """Return FAIL_EXIT where a case failed, changed its verdict, or saw a recommendation
        missed; else whether all is told.
        """
        failed = any(Verdict.FAIL in found for found in self.cells.values())
        if failed or self.flips() or self.missed:
            return FAIL_EXIT
        return INCONCLUSIVE_EXIT if self.undecided or self.never() or not self.cells else PASS_EXIT


def read(folder: Path) -> Grid:
    """Return the grid of the campaigns in a folder. Raises CampaignError."""
    path = folder / LIST
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise CampaignError(f"{path}: {error}; is this a folder of several campaigns?") from error
    grid = Grid()
    for row in sorted(rows, key=lambda one: (one["dut"], one["revision"], one["seed"] or 0)):
        if row["problem"]:
            grid.undecided.append(f"{row['name']}: {row['problem']}")
            continue
        summary = read_summary(folder / row["name"])
        grid.add(f"{row['dut']} {row['revision']}", row["name"], summary.records)
        grid.undecided += [f"{row['name']}: {case} not run" for case in summary.not_run]
        grid.undecided += [f"{row['name']}: {line}" for line in summary.damaged]
    return grid


def build(folder: Path) -> tuple[Grid, list[str]]:
    """Write devices.html and devices.csv; return the grid, and what to tell people of it."""
    grid = read(folder)
    (folder / CSV).write_text(to_csv(grid), encoding="utf-8")
    (folder / HTML).write_text(to_html(grid), encoding="utf-8")
    return grid, [*told(grid), *(str(folder / name) for name in (HTML, CSV))]


def told(grid: Grid) -> list[str]:
    """Return the result in lines for people."""
    verdicts = [one for found in grid.cells.values() for one in found]
    counts = ", ".join(f"{verdicts.count(one)} {one}" for one in Verdict)
    lines = [f"not decided: {one}" for one in grid.undecided]
    lines += [f"never exercised: {case} ({grid.titles[case]})" for case in grid.never()]
    lines += [f"verdict changed: {case} on {device}" for case, device in grid.flips()]
    lines += [
        f"recommendation missed: {case} on {device} ({words})"
        for (case, device), words in grid.missed.items()
    ]
    return [
        *lines,
        f"{grid.campaigns} campaigns of {len(grid.devices)} devices (with revision): {counts}",
        f"{len(grid.titles)} cases, {len(grid.never())} never exercised, "
        f"{len(grid.flips())} verdicts changed, {len(grid.missed)} recommendations missed",
    ]


def _cell(grid: Grid, case: str, device: str) -> str:
    found = grid.cells.get((case, device), [])
    return "/".join(dict.fromkeys(str(one) for one in found))


def to_csv(grid: Grid) -> str:
    """Return a line for each case, a column for each device."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["case", "title", *grid.devices])
    for case in sorted(grid.titles):
        cells = [_cell(grid, case, device) for device in grid.devices]
        writer.writerow([case, grid.titles[case], *cells])
    return out.getvalue()


def to_html(grid: Grid) -> str:
    """Return the grid as a page; what does not apply says why when pointed at."""
    troubles = [*told(grid)[:-2]]
    rows = []
    for case in sorted(grid.titles):
        cells = "".join(_td(grid, case, device) for device in grid.devices)
        title = escape(grid.titles[case])
        rows.append(f'<tr><td class="id">{escape(case)}</td><td>{title}</td>{cells}</tr>')
    body = (
        "<h1>Cases by device</h1>"
        f'<p class="lead">{escape(". ".join(told(grid)[-2:]))}.</p>'
        + "".join(f'<p class="warning">{escape(line)}</p>' for line in troubles)
        + table(["Case", "Title", *grid.devices], rows)
    )
    return page("Cases by device", body)


def _td(grid: Grid, case: str, device: str) -> str:
    text = _cell(grid, case, device)
    why = escape(grid.reasons.get((case, device), ""))
    return f'<td title="{why}">{chip(text, _SHORT.get(text, "")) if text else "-"}</td>'
