"""A campaign run again and again, beside idle and busy cores: the same verdicts, the same frames.

What is compared are the records of the cases (without the time of day and the seconds of the
machine) and the frames of their captures, octet for octet with their bench times.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
CASES = "JOIN-04 or CBKE-02 or PRICE-03 or FC-01"
LIMIT_S = 600.0
"""Real seconds after which a campaign, or the programs beside it, are ended."""
BURN = "import sys, time\nend = time.monotonic() + float(sys.argv[1])"
BURN += "\nwhile time.monotonic() < end: pass"
_REAL = ("started", "duration_s")
_VERDICTS = "verdict_differences"
_ENHANCED_PACKET = 6
_BLOCK_HEAD = struct.Struct("<II")
_PACKET_HEAD = struct.Struct("<IIIII")


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a capture: bench time in microseconds, and its octets with radio header and FCS.

    `interface` counts from 0 in the order of the file.
    """

    interface: int
    time_us: int
    octets: bytes


@dataclass(slots=True)
class Outcome:
    """What a campaign left in its folder: exit code, what it said, and its records by case id."""

    folder: Path
    code: int
    text: str
    records: dict[str, dict[str, Any]]
    wall_s: float

    def repeatable(self) -> dict[str, dict[str, Any]]:
        """The records without what the machine's own clocks put in."""
        return {
            case: {key: value for key, value in record.items() if key not in _REAL}
            for case, record in self.records.items()
        }

    def frames(self) -> dict[str, list[Frame]]:
        """The frames of each case's capture; none where the case came to no capture."""
        paths = {
            case: self.folder / record["evidence"] / "capture.pcapng"
            for case, record in self.records.items()
        }
        return {
            case: read_frames(path.read_bytes()) if path.exists() else []
            for case, path in paths.items()
        }

    @property
    def passes(self) -> int:
        """How many cases passed: what never ran is easily the same twice."""
        return sum(record["verdict"] == "pass" for record in self.records.values())

    @property
    def ratio(self) -> float:
        """Seconds of protocol in a second of the machine, pytest and evidence not counted."""
        sums = [sum(one[key] for one in self.records.values()) for key in ("protocol_s", _REAL[1])]
        return float(sums[0] / sums[1]) if sums[1] else 0.0


def read_frames(octets: bytes) -> list[Frame]:
    """The enhanced packet blocks of a little-endian pcapng file whose times are microseconds.

    Format: draft-ietf-opsawg-pcapng, sections 3.1 and 4.3. Raises ValueError for another format.
    """
    if octets[:4] != b"\x0a\x0d\x0d\x0a" or octets[8:12] != b"\x4d\x3c\x2b\x1a":
        raise ValueError("no little-endian pcapng file")
    frames, place = [], 0
    while place < len(octets):
        kind, length = _BLOCK_HEAD.unpack_from(octets, place)
        if length < 12 or length % 4 or place + length > len(octets):
            raise ValueError(f"a block of {length} octets at octet {place}")
        if kind == _ENHANCED_PACKET:
            interface, high, low, captured, _ = _PACKET_HEAD.unpack_from(octets, place + 8)
            start = place + 28
            frames.append(Frame(interface, high << 32 | low, octets[start : start + captured]))
        place += length
    return frames


def campaign(
    folder: Path,
    cases: str,
    *options: str,
    environment: dict[str, str] | None = None,
    assume_facts: bool = True,
) -> Outcome:
    """Run the chosen cases on the virtual bench as a campaign of its own process."""
    chosen = ["-k", cases, "--campaign", str(folder)]
    chosen += ["--assume-facts"] if assume_facts else []
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "suites", "-p", "no:cacheprovider", *chosen, *options],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    wall = time.monotonic() - began
    ledger = folder / "verdicts.jsonl"
    lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else []
    records = {one["id"]: one for one in map(json.loads, lines)}
    return Outcome(folder, done.returncode, done.stdout, records, wall)


@contextlib.contextmanager
def busy_cores() -> Iterator[None]:
    """Keep every core busy with a program of its own, which ends by itself after LIMIT_S."""
    command = [sys.executable, "-c", BURN, str(LIMIT_S)]
    burning = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


def differences(first: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The cases for which two campaigns differ, those that only one of them has among them."""
    names = [*first, *(name for name in other if name not in first)]
    return [name for name in names if first.get(name) != other.get(name)]


def run(runs: int = 10, cases: str = "") -> dict[str, Any]:
    """Run `cases` (an expression for -k) `runs` times, every second time beside busy cores."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        first: Outcome | None = None
        for number in range(runs):
            busy = number % 2 == 1
            with busy_cores() if busy else contextlib.nullcontext():
                outcome = campaign(Path(place) / str(number), cases or CASES)
            first = first or outcome
            rows.append(_row(busy, first, outcome))
    _show(rows)
    return {
        "runs": runs,
        "cases": rows[0]["cases"] if rows else 0,
        "passes": rows[0]["passes"] if rows else 0,
        "frames": rows[0]["frames"] if rows else 0,
        "verdict_differences": sum(row["verdict_differences"] for row in rows),
        "frame_differences": sum(row["frame_differences"] for row in rows),
        "protocol_to_wall": [round(row["ratio"], 1) for row in rows],
        "seconds": [round(row["seconds"], 1) for row in rows],
    }


def _row(busy: bool, first: Outcome, outcome: Outcome) -> dict[str, Any]:
    frames = outcome.frames()
    return {
        "cores": "busy" if busy else "idle",
        "cases": len(outcome.records),
        "passes": outcome.passes,
        "frames": sum(map(len, frames.values())),
        "verdict_differences": len(differences(first.repeatable(), outcome.repeatable())),
        "frame_differences": len(differences(first.frames(), frames)),
        "ratio": outcome.ratio,
        "seconds": outcome.wall_s,
    }


def _show(rows: Sequence[dict[str, Any]]) -> None:
    table = Table(
        title="One campaign again and again; differences are cases, against the first run"
    )
    for heading in (
        "run",
        "cores",
        "cases",
        "passes",
        "frames",
        "verdict differences",
        "frame differences",
        "protocol/wall",
        "seconds",
    ):
        table.add_column(heading, justify="left" if heading == "cores" else "right")
    for number, row in enumerate(rows, 1):
        numbers = [str(row[key]) for key in ("cases", "passes", "frames", _VERDICTS)]
        numbers += [str(row["frame_differences"]), f"{row['ratio']:.0f}", f"{row['seconds']:.1f}"]
        table.add_row(str(number), row["cores"], *numbers)
    Console().print(table)
