"""The captures of a campaign in a tshark that knows nothing: no frame malformed, none closed.

How it is counted is at the head of captures.py beside this file: frames that the device sent have
no excuse; the harness may have sent broken ones, but only in cases that are not positive. Here such
cases are chosen on purpose, and each broken frame must stand under a step that announces it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
from pathlib import Path

import pytest

from benchmarks.repeat import Outcome, campaign
from tests.oracles import captures

POSITIVE = ("JOIN-04", "CBKE-02")
BROKEN = {
    "LKEY-06": ("not opened", r"one bit flipped in MIC"),
    "CBKE-08": ("malformed", r"Initiate with .*certificates? of"),
}
"""Cases that send broken frames: what tshark must say of these, and under which step only."""

_BLOCK = struct.Struct("<II")
_PACKET = 6


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    if shutil.which("tshark") is None:
        if os.environ.get("CI"):
            pytest.fail("tshark is not installed; it is required in CI")
        pytest.skip("tshark is not installed")
    folder = tmp_path_factory.mktemp("captured") / "campaign"
    outcome = campaign(folder, " or ".join((*POSITIVE, *BROKEN)))
    assert outcome.code == 0, outcome.text
    return outcome


@pytest.fixture(scope="module")
def report(run: Outcome) -> captures.Report:
    return captures.check(run.folder)


def test_every_frame_is_whole_and_opens_but_those_sent_broken(report: captures.Report) -> None:
    assert [str(one) for one in report.unexplained] == []
    assert report.sound
    assert report.captures == len(POSITIVE) + len(BROKEN)
    assert report.opened > 100


def test_broken_frames_are_exactly_those_that_a_step_announces(report: captures.Report) -> None:
    assert {one.case for one in report.findings} == set(BROKEN)
    for finding in report.findings:
        wrong, announced = BROKEN[finding.case]
        assert finding.wrong == wrong, str(finding)
        assert re.search(announced, finding.step), str(finding)


def test_positive_cases_have_no_excuse(run: Outcome) -> None:
    report = captures.Report()
    for case in BROKEN:
        record = {**run.records[case], "kind": "positive"}
        captures.check_capture(run.folder / record["evidence"] / "capture.pcapng", record, report)
    assert {one.case for one in report.unexplained} == set(BROKEN)
    assert not report.sound


def test_the_device_has_no_excuse(run: Outcome) -> None:
    """The same broken frames, were they the device's."""
    (sender,) = {one.sender for one in captures.check(run.folder).findings}
    report = captures.Report()
    for case in BROKEN:
        record = {**run.records[case], "dut": {"eui64": sender}}
        captures.check_capture(run.folder / record["evidence"] / "capture.pcapng", record, report)
    assert len(report.unexplained) == len(report.findings) > 0


def without_first_interface(octets: bytes) -> bytes:
    """A capture without the frames of its first interface, on which keys are announced."""
    kept, place = b"", 0
    while place < len(octets):
        kind, length = _BLOCK.unpack_from(octets, place)
        block = octets[place : place + length]
        if not (kind == _PACKET and block[8:12] == bytes(4)):
            kept += block
        place += length
    return kept


def test_a_capture_without_its_keys_is_noticed(
    run: Outcome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = run.records["JOIN-04"]
    folder = tmp_path / record["evidence"]
    folder.mkdir(parents=True)
    whole = (run.folder / record["evidence"] / "capture.pcapng").read_bytes()
    assert b"synthetic" in whole
    (folder / "capture.pcapng").write_bytes(without_first_interface(whole))
    (tmp_path / "verdicts.jsonl").write_text(json.dumps(record) + "\n")
    assert captures.main([str(tmp_path)]) == captures.UNEXPLAINED
    told = capsys.readouterr().out.splitlines()
    assert "JOIN-04 frame" in told[0] and "not opened" in told[0]
    (folder / "capture.pcapng").unlink()
    assert captures.main([str(tmp_path)]) == captures.UNEXPLAINED
    assert "1 captures missing" in capsys.readouterr().out.splitlines()[-1]


def test_the_command_closes_with_the_counts(
    run: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    assert captures.main([str(run.folder)]) == captures.OK
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("4 captures, ") and "0 unexplained" in last
