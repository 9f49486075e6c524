"""`python -m lab devices`: the campaign with every simulated device, on both revisions.

Conformant devices must get no `fail` and no `inconclusive`, whatever the seed, and every case must
be exercised on at least one of them. The pages are made by reports/devices.py.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from lab import dut
from lab.commands import campaigns
from lab.commands.campaigns import Job

__all__ = ["jobs", "run", "simulated"]

REVISIONS = ("1.1", "1.0")
LIMIT_S = 3600.0
"""Real seconds after which the campaign of one device counts as stuck."""


def simulated() -> list[str]:
    """Return the names of the DUT files of simulated devices."""
    files = {path.stem: dut.load(path) for path in sorted(dut.FOLDER.glob("*.toml"))}
    return [name for name, file in files.items() if file.virtual.simulated is not None]


def jobs(names: Sequence[str], revisions: Sequence[str], seeds: int) -> list[Job]:
    """Return the campaigns: each device at each revision, or the seeds 1 to `seeds` spread evenly
    over them. 0 seeds: one campaign each, with the seed of the bench file.
    """
    kinds = list(product(revisions or REVISIONS, names or simulated()))
    if not seeds:
        return [Job(f"{name}-{revision}", name, revision) for revision, name in kinds]
    found = []
    for seed in range(1, seeds + 1):
        revision, name = kinds[(seed - 1) % len(kinds)]
        found.append(Job(f"{name}-{revision}-seed{seed}", name, revision, seed))
    return found


def run(
    names: Sequence[str], revisions: Sequence[str], seeds: int, folder: Path, at_once: int
) -> int:
    """Run the campaigns and build their pages; returns the exit code of the pages' command."""
    chosen = jobs(names, revisions, seeds)
    ended = campaigns.run(chosen, folder, at_once=at_once, limit=LIMIT_S)
    for number, one in enumerate(ended, 1):
        told = one.problem or f"exit code {one.code}"
        print(f"{number}/{len(chosen)} {one.job.name}: {told}", flush=True)
    command = [sys.executable, "-m", "reports", "devices", str(folder)]
    return subprocess.run(command, cwd=campaigns.ROOT, check=False).returncode
