"""Many campaigns, each in a process of its own: of several devices, seeds, or defects.

Every campaign writes the folder that any other writes; what ran and how it ended is one line of
`campaigns.jsonl` beside those folders.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["LIST", "Ended", "Job", "run"]

ROOT = Path(__file__).parents[2]
LIST = "campaigns.jsonl"
ALL_CASES = ("suites", "--ignore", "suites/crypto")
"""The cases about a device: published vectors compute the same whatever the device is."""
OUTPUT = "output.txt"
"""What pytest said, in the folder of the campaign."""


@dataclass(frozen=True, slots=True)
class Job:
    """One campaign that is to run. `name` is its folder; `tests` are pytest's node ids."""

    name: str
    dut: str
    revision: str = "1.1"
    seed: int | None = None
    defect: str = ""
    tests: tuple[str, ...] = ALL_CASES

    def command(self, folder: Path) -> list[str]:
        """Return the command that runs it into `folder`."""
        words = [sys.executable, "-m", "pytest", *self.tests, "-q", "-p", "no:cacheprovider"]
        words += ["--assume-facts", "--campaign", str(folder)]
        words += ["--dut", self.dut, "--revision", self.revision]
        words += ["--seed", str(self.seed)] if self.seed is not None else []
        return words + (["--defect", self.defect] if self.defect else [])


@dataclass(frozen=True, slots=True)
class Ended:
    """A campaign that has ended: exit code, and why it came to none."""

    job: Job
    code: int | None
    problem: str = ""


def run(jobs: Sequence[Job], folder: Path, *, at_once: int, limit: float) -> Iterator[Ended]:
    """Run campaigns into folders below `folder`, `at_once` of them at a time, as they end.

    `limit` is in real seconds: a campaign that takes longer is killed and has a problem. What has
    ended is on the disk before it is yielded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(at_once) as pool, (folder / LIST).open("w", encoding="utf-8") as file:
        for future in as_completed([pool.submit(_one, job, folder, limit) for job in jobs]):
            ended = future.result()
            row = asdict(ended.job) | {"code": ended.code, "problem": ended.problem}
            del row["tests"]
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
            yield ended


def _one(job: Job, folder: Path, limit: float) -> Ended:
    place = folder / job.name
    command = job.command(place)
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return Ended(job, None, f"killed after {limit:.0f} s")
    if place.is_dir():
        (place / OUTPUT).write_text(done.stdout + done.stderr, encoding="utf-8")
        return Ended(job, done.returncode)
    last = (done.stdout + done.stderr).strip().splitlines()[-1:] or ["it said nothing"]
    return Ended(job, done.returncode, f"no campaign: {last[0]}")
