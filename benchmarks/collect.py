"""What it takes to find the cases of a clause: pytest's collection, from its start to its end.

Both `-k` and `--clause` read all suites before they select, so that an id given twice or an unknown
clause is seen whatever is selected.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
SELECTIONS = ("-k 5.4.8.1", "-k C.3.1.2.3", "--clause 5.4.2.2.3")
_COLLECTED = re.compile(r"(\d+)/\d+ tests collected")


def collect(selection: str) -> tuple[int, float]:
    """Collect once in a process of its own: cases selected, seconds of CPU in user mode.

    CPU and not elapsed time, for the machine may do other work beside. Raises RuntimeError with
    pytest's words when nothing is selected.
    """
    command = [sys.executable, "-m", "pytest", "suites", "--collect-only", "-q", *selection.split()]
    before = os.times().children_user
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = os.times().children_user - before
    counted = _COLLECTED.search(done.stdout)
    if counted is None:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return int(counted[1]), seconds


def run(runs: int = 5) -> dict[str, Any]:
    """Collect each selection `runs` times; the least CPU time is nearest to the work itself."""
    table = Table(title="Collection of a selection, the least of the runs")
    for heading in ("selection", "cases", "CPU seconds"):
        table.add_column(heading, justify="left" if heading == "selection" else "right")
    figures: dict[str, Any] = {}
    for selection in SELECTIONS:
        results = [collect(selection) for _ in range(runs)]
        cases, seconds = results[0][0], min(seconds for _, seconds in results)
        table.add_row(selection, str(cases), f"{seconds:.2f}")
        figures[selection] = {"cases": cases, "cpu_s": round(seconds, 2)}
    Console().print(table)
    return figures
