"""`python -m lab qualify`: every registered defect in turn, against the cases that have to see it.

A harness is worth what it catches. Each defect is put into the simulated device that it is for, and
its cases are run as a campaign of their own; the conformant device runs the same cases, for what
fails there too catches nothing. The pages are made by reports/qualification.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from lab.commands import campaigns
from lab.commands.campaigns import ALL_CASES, Job
from lab.commands.catalogue import CaseSource, cases
from lab.config import ConfigError
from lab.registers.registry import resolve
from lab.virtual.defects import CATALOGUE, Defect, UnknownDefect, find

__all__ = ["AGAINST", "Against", "baselines", "jobs", "run"]

Against = Literal["named", "clause", "all"]
"""Which cases a defect meets: those that it names, those of its clause too, or all of them."""
AGAINST: tuple[Against, ...] = get_args(Against)
PLAN = "qualification.json"
LIMIT_S = 3600.0
"""Real seconds after which a campaign counts as stuck."""


def run(names: Sequence[str], folder: Path, *, against: Against, at_once: int) -> int:
    """Qualify against the defects named (all when none is); returns the exit code of the pages'
    command. Raises ConfigError for a defect that does not exist or names no case that does.
    """
    try:
        defects = [find(name) for name in names] or list(CATALOGUE.values())
    except UnknownDefect as error:
        raise ConfigError(str(error), "qualify") from None
    known = cases()
    chosen = jobs(defects, known, against)
    sound = baselines(chosen)
    folder.mkdir(parents=True, exist_ok=True)
    plan = _plan(defects, known, against, complete=not names)
    (folder / PLAN).write_text(json.dumps(plan, indent=1) + "\n", encoding="utf-8")
    total = len(sound) + len(chosen)
    ended = campaigns.run([*sound, *chosen], folder, at_once=at_once, limit=LIMIT_S)
    for number, one in enumerate(ended, 1):
        told = one.problem or f"exit code {one.code}"
        print(f"{number}/{total} {one.job.name}: {told}", flush=True)
    command = [sys.executable, "-m", "reports", "qualification", str(folder)]
    return subprocess.run(command, cwd=campaigns.ROOT, check=False).returncode


def jobs(
    defects: Iterable[type[Defect]], known: Mapping[str, CaseSource], against: Against
) -> list[Job]:
    """Return the campaign of each defect."""
    return [
        Job(one.id, one.dut, one.revision, defect=one.id, tests=_tests(one, known, against))
        for one in defects
    ]


def _tests(
    defect: type[Defect], known: Mapping[str, CaseSource], against: Against
) -> tuple[str, ...]:
    """Return the tests that a defect meets, as pytest's node ids."""
    if against == "all":
        return ALL_CASES
    unknown = [name for name in defect.cases if name not in known]
    if unknown:
        raise ConfigError(f"names cases that do not exist: {', '.join(unknown)}", defect.id)
    met = dict.fromkeys(defect.cases)
    if against == "clause":
        clause = resolve(defect.clause).id
        met |= dict.fromkeys(one.id for one in known.values() if one.names(clause))
    return tuple(known[name].test for name in met)


def baselines(chosen: Iterable[Job]) -> list[Job]:
    """Return the campaigns of the conformant devices: all that any defect of theirs meets."""
    met: dict[tuple[str, str], dict[str, None]] = {}
    for job in chosen:
        met.setdefault((job.dut, job.revision), {}).update(dict.fromkeys(job.tests))
    return [
        Job(f"conformant-{dut}-{revision}", dut, revision, tests=tuple(tests))
        for (dut, revision), tests in met.items()
    ]


def _plan(
    defects: Iterable[type[Defect]],
    known: Mapping[str, CaseSource],
    against: Against,
    *,
    complete: bool,
) -> dict[str, Any]:
    """Return what the pages need to know beside the campaigns."""
    return {
        "against": against,
        "complete": complete,
        "defects": [
            {
                "id": one.id,
                "clause": resolve(one.clause).id,
                "description": one.description,
                "dut": one.dut,
                "revision": one.revision,
                "cases": list(one.cases),
                "campaign": one.id,
                "conformant": f"conformant-{one.dut}-{one.revision}",
            }
            for one in defects
        ],
        "cases": {
            one.id: {"clauses": list(one.clauses), "level": one.meta.level}
            for one in known.values()
        },
    }
