"""Qualification: every registered defect in turn, against the cases that have to see it.

A harness is worth what it catches. Each defect is put into the simulated device that it is for, and
its cases are run as a campaign of their own; it is caught when at least one of them fails. A case
of another level than ``shall`` cannot fail a device: there a missed recommendation or a recorded
weakness catches, shown as ``remark``.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.virtual.defects import CATALOGUE, Defect, find

__all__ = ["Outcome", "run"]

ROOT = Path(__file__).parent.parent
#: Real seconds after which a campaign of one defect counts as stuck.
LIMIT = 900.0


@dataclass(slots=True, frozen=True)
class Outcome:
    """What became of one case in front of one defect."""

    defect: str
    clause: str
    case: str
    verdict: str
    names_clause: bool


def run(names: Sequence[str], folder: Path, *, jobs: int = 2) -> int:
    """Qualify against the defects named (all when none is); 0 when each was caught.

    Writes ``qualification.csv`` into ``folder``, beside one campaign folder for each defect.
    """
    defects = [find(name) for name in names] or list(CATALOGUE.values())
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(lambda defect: list(_outcomes(defect, folder)), defects))
    _write(folder / "qualification.csv", [one for several in found for one in several])
    escaped = []
    for defect, outcomes in zip(defects, found, strict=True):
        caught = [one for one in outcomes if one.verdict in ("fail", "remark")]
        told = ", ".join(f"{one.case} {one.verdict}" for one in outcomes) or "no case ran"
        print(f"{'caught ' if caught else 'ESCAPED'} {defect.id:12} {defect.clause:18} {told}")
        if not caught:
            escaped.append(defect.id)
    print(f"{len(defects)} defects, {len(defects) - len(escaped)} caught; {folder}")
    return 1 if escaped else 0


def _outcomes(defect: type[Defect], folder: Path) -> Iterator[Outcome]:
    """Run the cases of one defect in a process of their own."""
    campaign = folder / defect.id
    command = [sys.executable, "-m", "pytest", "suites", "--ignore", "suites/crypto", "-q"]
    command += ["--assume-facts", "--campaign", str(campaign), "--defect", defect.id]
    command += ["--dut", defect.dut, "--revision", defect.revision, "-k", " or ".join(defect.cases)]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=LIMIT, check=False)
    verdicts = campaign / "verdicts.jsonl"
    if not verdicts.is_file():
        return
    for line in verdicts.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        clauses = record["clauses"]
        names = defect.clause in clauses or any(
            one.startswith(f"{defect.clause}.") for one in clauses
        )
        yield Outcome(defect.id, defect.clause, record["id"], _verdict(record), names)


def _verdict(record: dict[str, Any]) -> str:
    """The verdict of a record, or ``remark`` where the case cannot fail a device and yet saw it."""
    seen = record["missed"] or record["exposures"]
    return "remark" if record["level"] != "shall" and seen else str(record["verdict"])


def _write(path: Path, outcomes: Sequence[Outcome]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["defect", "clause", "case", "verdict", "case names the clause"])
        for one in outcomes:
            row = [one.defect, one.clause, one.case, one.verdict]
            writer.writerow([*row, "yes" if one.names_clause else "no"])
