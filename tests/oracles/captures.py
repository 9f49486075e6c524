"""All captures of a campaign, read by a tshark without any configuration: is every frame whole, and
does every secured one open?

    python tests/oracles/captures.py DIR

A frame that is malformed, has a wrong FCS or stays closed is explained only when somebody other
than the device sent it (the EUI64 of its sender is known from the capture and is not that of the
device), in a case that is not of kind "positive": such cases send broken frames on purpose. The
device's own frames, under the same keys, have no excuse, save that tshark 4.0 calls a ZDP response
malformed which ends with a status other than success; these are counted apart.
The last line has the counts. Exit code: 0, 1 when anything is unexplained or nothing was there to
read, 2 without tshark. Nothing of the harness is used: only tshark, and the campaign's own files.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OK, UNEXPLAINED, NO_TSHARK = 0, 1, 2
SYNTHETIC = "synthetic"
TSHARK_LIMIT = "refusal that tshark cannot read"
_TRUE = ("1", "True")
_SEPARATOR, _AGGREGATOR = "\t", "\x1f"
_FIELDS = {
    "number": "frame.packet_id",
    "interface": "frame.interface_name",
    "comment": "frame.comment",
    "fcs_ok": "wpan.fcs_ok",
    "source_pan": "wpan.src_pan",
    "target_pan": "wpan.dst_pan",
    "short": "wpan.src16",
    "long": "wpan.src64",
    "nwk_secured": "zbee_nwk.security",
    "secured_by": "zbee.sec.src64",
    "status": "zbee_zdp.status",
    "closed": "zbee_sec.encrypted_payload",
    "malformed": "_ws.malformed",
    "said": "_ws.col.Info",
}
Row = dict[str, list[str]]


class NoTshark(Exception):
    """There is no tshark on this machine."""


@dataclass(slots=True)
class Finding:
    """A frame that tshark could not read: its number in the case, and what is wrong with it."""

    case: str
    number: str
    wrong: str
    sender: str
    step: str
    explained: bool

    def __str__(self) -> str:
        who = self.sender or "an unknown sender"
        return f"{self.case} frame {self.number}: {self.wrong}, from {who}, in {self.step!r}"


@dataclass(slots=True)
class Report:
    """What was counted; `opened` are the frames with a secured layer that tshark could read."""

    captures: int = 0
    frames: int = 0
    opened: int = 0
    findings: list[Finding] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Cases that ran on the bench and have no capture."""

    @property
    def unexplained(self) -> list[Finding]:
        """What must not be there."""
        return [one for one in self.findings if not one.explained]

    @property
    def sound(self) -> bool:
        """Whether all is explained, and there was something to read."""
        return self.opened > 0 and not self.unexplained and not self.missing

    def summary(self) -> str:
        """The closing line."""
        counts = {
            wrong: sum(one.wrong == wrong for one in self.findings)
            for wrong in ("malformed", "wrong FCS", "not opened")
        }
        told = ", ".join(f"{count} {wrong}" for wrong, count in counts.items())
        limits = sum(one.wrong == TSHARK_LIMIT for one in self.findings)
        broken = len(self.findings) - len(self.unexplained) - limits
        return (
            f"{self.captures} captures, {self.frames} frames, {self.opened} secured and opened; "
            f"{told}; of these {broken} sent broken by the harness on purpose, "
            f"{len(self.unexplained)} unexplained; {limits} refusals that tshark cannot read; "
            f"{len(self.missing)} captures missing"
        )


def rows(capture: Path) -> list[Row]:
    """What an unconfigured tshark says of each frame. Raises NoTshark."""
    program = shutil.which("tshark")
    if program is None:
        raise NoTshark("tshark is not installed")
    command = [program, "-n", "-r", str(capture), "-T", "fields"]
    command += ["-E", f"separator={_SEPARATOR}", "-E", f"aggregator={_AGGREGATOR}"]
    for name in _FIELDS.values():
        command += ["-e", name]
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            command,
            env={**os.environ, "WIRESHARK_CONFIG_DIR": empty, "HOME": empty},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"tshark: {capture}: {done.stderr.strip()}")
    found = []
    for line in done.stdout.splitlines():
        cells = line.split(_SEPARATOR)
        pairs = zip(_FIELDS, cells, strict=True)
        found.append({name: cell.split(_AGGREGATOR) if cell else [] for name, cell in pairs})
    return found


def check_capture(capture: Path, record: dict[str, Any], report: Report) -> None:
    """Count the frames of one case into `report`."""
    report.captures += 1
    found = rows(capture)
    owners = _owners(found)
    device = str(record["dut"].get("eui64", ""))
    step = "before the first step"
    for row in found:
        for comment in row["comment"]:
            if comment.startswith("step: "):
                step = comment.removeprefix("step: ").split("; expected: ")[0]
        wrong = _wrong(row)
        synthetic = bool(row["interface"]) and row["interface"][0].startswith(SYNTHETIC)
        if not synthetic:
            report.frames += 1
            report.opened += bool(row["secured_by"]) and not wrong
        if wrong is None:
            continue
        sender = _sender(row, owners)
        purpose = sender not in ("", device) and record["kind"] != "positive"
        explained = wrong == TSHARK_LIMIT or (purpose and not synthetic)
        number = row["number"][0] if row["number"] else "(synthetic)"
        report.findings.append(Finding(record["id"], number, wrong, sender, step, explained))


def check(campaign: Path) -> Report:
    """Check every case of a campaign that ran on the bench. Raises NoTshark, OSError."""
    report = Report()
    lines = (campaign / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    for record in map(json.loads, lines):
        capture = campaign / record["evidence"] / "capture.pcapng"
        if capture.exists():
            check_capture(capture, record, report)
        elif record["protocol_s"]:
            report.missing.append(record["id"])
    return report


def _wrong(row: Row) -> str | None:
    if row["malformed"]:
        return TSHARK_LIMIT if _refusal(row) else "malformed"
    if row["fcs_ok"] and row["fcs_ok"][0] not in _TRUE:
        return "wrong FCS"
    return "not opened" if row["closed"] else None


def _refusal(row: Row) -> bool:
    """Whether it is a ZDP response with a status other than success.

    tshark 4.0 wants the fields behind the status even then.
    """
    return bool(row["status"]) and int(row["status"][0], 0) != 0


def _pan(row: Row) -> str:
    return (row["source_pan"] or row["target_pan"] or [""])[0]


def _hop(row: Row) -> str:
    """The EUI64 in the NWK auxiliary header: who secured a frame is who sent it over this hop."""
    if row["secured_by"] and row["nwk_secured"] and row["nwk_secured"][0] in _TRUE:
        return _eui64(row["secured_by"][0])
    return ""


def _owners(found: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Whose the short addresses are, by (PAN, address), from secured frames of their owners.

    A short address with several owners in one capture is nobody's.
    """
    owners: dict[tuple[str, str], str] = {}
    for row in found:
        if row["short"] and (owner := _hop(row)):
            place = (_pan(row), row["short"][0])
            owners[place] = owner if owners.get(place, owner) == owner else ""
    return owners


def _sender(row: Row, owners: dict[tuple[str, str], str]) -> str:
    """The EUI64 of who sent a frame over this hop, as 16 digits; empty when it is not known."""
    if row["long"]:
        return _eui64(row["long"][0])
    if not row["short"]:
        return ""
    return _hop(row) or owners.get((_pan(row), row["short"][0]), "")


def _eui64(text: str) -> str:
    return text.replace(":", "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the campaign that is named; see the head of this file."""
    parser = argparse.ArgumentParser(description="Check all captures of a campaign with tshark.")
    parser.add_argument("campaign", type=Path, metavar="DIR")
    folder = parser.parse_args(arguments).campaign
    try:
        report = check(folder)
    except NoTshark as error:
        print(error, file=sys.stderr)
        return NO_TSHARK
    except FileNotFoundError as error:
        parser.error(f"{folder}: no campaign: {error}")
    for finding in report.unexplained:
        print(finding)
    for case in report.missing:
        print(f"{case}: it has no capture")
    print(report.summary())
    return OK if report.sound else UNEXPLAINED


if __name__ == "__main__":
    sys.exit(main())
