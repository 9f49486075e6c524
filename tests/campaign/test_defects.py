"""Defects of the catalogue, found by campaigns, and what people are told of them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.repeat import ROOT, campaign, read_frames

FOUND = [
    # defect, the case that has to find it, clause, step, expected, observed
    ("M-L01", "JOIN-08", "SE-5.4.1", "Transport Key without APS security", "for 30 s", "Device_a"),
    ("M-P02", "CBKE-13", "SE-C.3.1.2.3.1", "0x0003", "Terminate", "Initiate"),
    ("M-P12", "ZCL-03", "ZCL-2.4", "Broadcast", "no ", "DefaultResponse"),
]
TOLD = re.compile(r"^  (case|clause|step|expected|observed|evidence|code|repeat): +(.*)$", re.M)


@pytest.mark.parametrize(("defect", "case", "clause", "step", "expected", "observed"), FOUND)
def test_a_defect_is_found_and_told(
    tmp_path: Path, defect: str, case: str, clause: str, step: str, expected: str, observed: str
) -> None:
    outcome = campaign(tmp_path / "campaign", case, "--defect", defect)
    assert outcome.code == 1, outcome.text
    assert outcome.records[case]["verdict"] == "fail"
    told = dict(TOLD.findall(outcome.text))
    assert told["case"].startswith(f"{case} (version ")
    assert clause in told["clause"].split(", ")
    assert step in told["step"]
    assert expected in told["expected"]
    assert observed in told["observed"]
    assert told["code"].startswith("suites/test_")
    capture, _, place = told["evidence"].partition(", ")
    assert Path(capture) == outcome.folder / outcome.records[case]["evidence"] / "capture.pcapng"
    own = read_frames(Path(capture).read_bytes())
    for number in map(int, re.findall(r"frames? (\d+)", place)):
        assert 0 < number <= len(own)
    assert told["repeat"] == outcome.records[case]["rerun"]


def test_the_command_that_it_names_repeats_the_failure(tmp_path: Path) -> None:
    defect, case, *_ = FOUND[0]
    outcome = campaign(tmp_path / "campaign", case, "--defect", defect, "--seed", "5")
    told = dict(TOLD.findall(outcome.text))
    program, *words = shlex.split(told["repeat"])
    assert (program, words[0]) == ("pytest", "suites")
    assert words[words.index("--defect") + 1] == defect
    again = tmp_path / "again"
    done = subprocess.run(
        [sys.executable, "-m", program, *words, "-p", "no:cacheprovider", "--campaign", again],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    repeated = dict(TOLD.findall(done.stdout))
    for row in ("case", "clause", "step", "expected", "observed", "code", "repeat"):
        assert repeated[row] == told[row]
