"""Evidence folders: complete, and safe to look at."""

import json
from pathlib import Path

from lab.verdicts import CaseRecord, StepRecord, Verdict
from reports.evidence import write_evidence
from reports.pcapng import Capture


def test_evidence_is_written_whole_and_escaped(tmp_path: Path) -> None:
    record = CaseRecord(
        "A/1",
        "t",
        ["SE-5.1"],
        Verdict.FAIL,
        reason="said \x1b[2J",
        steps=[StepRecord("send", "answer", "\x00\x07", "failed", 1.0, 2.0)],
    )
    written = write_evidence(
        tmp_path / "case",
        record,
        capture=Capture(),
        journals={"console": "1.0 rx \x1b[31mOK\r\n", "../supply": "MEAS:CURR?"},
        files={"trace.csv": b"\x00\x01"},
    )
    assert {path.name for path in written} == {
        "verdict.json",
        "steps.json",
        "capture.pcapng",
        "console.log",
        "supply.log",
        "trace.csv",
    }
    assert all(path.parent == tmp_path / "case" for path in written)
    verdict = json.loads((tmp_path / "case/verdict.json").read_text())
    assert verdict["verdict"] == "fail" and verdict["reason"] == "said \\x1b[2J"
    (step,) = json.loads((tmp_path / "case/steps.json").read_text())
    assert (step["expected"], step["observed"]) == ("answer", "\\x00\\x07")
    assert (tmp_path / "case/console.log").read_text() == "1.0 rx \\x1b[31mOK\\x0d\n"
    assert (tmp_path / "case/trace.csv").read_bytes() == b"\x00\x01"
