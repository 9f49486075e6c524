"""Allure results agree with the verdicts, whoever wrote them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.verdicts import CaseRecord, StepRecord, Verdict
from reports import allure
from reports.campaign import Campaign, CaseInfo

ROOT = Path(__file__).resolve().parents[2]

SUITE = """
import pytest
from lab.verdicts import Inconclusive, Violation

def test_a(): pass
def test_b(): raise Violation("Terminate", "\\x1b[31mnothing")
def test_c(): raise Inconclusive("no answer")
def test_d(): pytest.skip("by PICS")
"""

CONFTEST = """
import pytest
from pathlib import Path
from lab.verdicts import CaseRecord, StepRecord, Verdict
from reports import allure

VERDICTS = {"a": "pass", "b": "fail", "c": "inconclusive", "d": "not applicable"}

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        case = item.name.removeprefix("test_")
        outcome = {"pass": "done", "not applicable": "not run"}.get(VERDICTS[case], "failed")
        step = StepRecord("send it", "Terminate", "\\x1b[31mnothing", outcome, 1.0, 2.5)
        allure.annotate(CaseRecord(
            case, "title", ["SE-5.4.8.1", "SE-5.3.3"], Verdict(VERDICTS[case]), steps=[step],
            bench="b1", dut={"eui64": "0001"}, evidence=f"evidence/{case}", rerun="pytest -k x"))
        folder = Path(item.config.rootpath) / "evidence" / case
        folder.mkdir(parents=True)
        (folder / "console.log").write_text("ok")
        (folder / "capture.pcapng").write_bytes(b"1234")
        (folder / "trace.csv").write_bytes(b"x" * (allure.LARGEST_ATTACHMENT + 1))
        allure.attach_folder(folder)
    return report
"""


def results(folder: Path) -> dict[str, dict[str, Any]]:
    """Results by case id; two results of one case are an error."""
    found: dict[str, dict[str, Any]] = {}
    for path in folder.glob("*-result.json"):
        data = json.loads(path.read_text())
        (case,) = values(data, "case")
        assert case not in found
        found[case] = data
    return found


def values(result: dict[str, Any], label: str) -> list[str]:
    return [one["value"] for one in result["labels"] if one["name"] == label]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The results of a small suite, run by pytest with allure-pytest in a process of its own."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_suite.py").write_text(SUITE)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--alluredir=results",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return results(folder / "results")


def test_verdicts_have_their_status(ran: dict[str, dict[str, Any]]) -> None:
    assert {case: data["status"] for case, data in ran.items()} == {
        "a": "passed",
        "b": "failed",
        "c": "broken",
        "d": "skipped",
    }


def test_clauses_are_labels_and_described(ran: dict[str, dict[str, Any]]) -> None:
    assert values(ran["a"], "clause") == ["SE-5.4.8.1", "SE-5.3.3"]
    assert values(ran["a"], "dut") == ["0001"]
    assert ran["a"]["name"] == "a title"
    assert values(ran["a"], "bench") == ["b1"]
    text = ran["a"]["description"]
    assert "**SE-5.3.3** Security parameters" in text and "number: unverified" in text
    assert "pytest -k x" in text and "evidence/a" in text


def test_steps_say_what_was_expected_and_observed(ran: dict[str, dict[str, Any]]) -> None:
    steps = {case: data["steps"] for case, data in ran.items()}
    assert {case: one[0]["status"] for case, one in steps.items()} == {
        "a": "passed",
        "b": "failed",
        "c": "broken",
        "d": "skipped",
    }
    (step,) = steps["b"]
    assert step["name"] == "send it"
    shown = {one["name"]: one["value"] for one in step["parameters"]}
    assert "Terminate" in shown["expected"] and "\\x1b[31mnothing" in shown["observed"]
    assert "1.000000 s to 2.500000 s" in shown["bench time"]


def test_evidence_is_attached_but_not_the_largest(ran: dict[str, dict[str, Any]]) -> None:
    names = {one["name"] for one in ran["a"]["attachments"]}
    assert names == {"console.log", "capture.pcapng"}


def a_campaign(tmp_path: Path) -> Campaign:
    campaign = Campaign.open(
        tmp_path / "run",
        bench="b1",
        dut={"eui64": "0001", "text": "line\nbreak = \\ \x07"},
        versions={"harness": "1"},
        selected=[CaseInfo("A-01", "first", ["SE-5.1"]), CaseInfo("A-02", "second", ["SE-5.2"])],
    )
    record = CaseRecord(
        "A-01",
        "first",
        ["SE-5.1"],
        Verdict.FAIL,
        "the device said \x1b[31m",
        steps=[StepRecord("s", "e", "o", "failed")],
    )
    (campaign.case_folder("A-01") / "console.log").write_text("ok")
    campaign.record(record)
    return campaign


def test_cases_without_a_result_get_one(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path)
    for _ in range(2):  # it may be repeated
        allure.complete(campaign.directory)
    found = results(campaign.allure_results)
    assert {case: data["status"] for case, data in found.items()} == {
        "A-01": "failed",
        "A-02": "broken",
    }
    assert found["A-01"]["statusDetails"]["message"] == "fail: the device said \\x1b[31m"
    assert found["A-01"]["steps"][0]["status"] == "failed"
    (attached,) = found["A-01"]["attachments"]
    assert (campaign.allure_results / attached["source"]).read_text() == "ok"
    assert found["A-02"]["statusDetails"]["message"] == allure.NOT_RUN
    assert values(found["A-02"], "clause") == ["SE-5.2"]


def test_a_verdict_outweighs_what_allure_pytest_thought(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path)
    theirs = {
        "name": "test_x",
        "status": "passed",
        "start": 1,
        "labels": [{"name": "case", "value": "A-01"}],
        "steps": [{"name": "\x1b[0mown step"}],
    }
    (campaign.allure_results / "x-result.json").write_text(json.dumps(theirs))
    (campaign.allure_results / "torn-result.json").write_text('{"name": ')
    allure.complete(campaign.directory)
    (campaign.allure_results / "torn-result.json").unlink()
    result = results(campaign.allure_results)["A-01"]
    assert result["status"] == "failed"
    assert result["steps"][0]["name"] == "\\x1b[0mown step"
    assert "the device said" in result["statusDetails"]["message"]


def test_the_environment_is_one_line_each(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path)
    allure.complete(campaign.directory)
    lines = (campaign.allure_results / "environment.properties").read_text().splitlines()
    assert lines == [
        "bench = b1",
        "DUT.eui64 = 0001",
        "DUT.text = line break = \\\\ \\\\x07",
        "version.harness = 1",
    ]


@pytest.mark.parametrize(
    ("status", "message", "name"),
    [
        ("failed", "lab.verdicts.Violation: expected ...", "Device: against a clause"),
        ("broken", "drivers.errors.PortGone: rcp: unplugged", "Bench: equipment failed"),
        ("broken", "inconclusive: BenchFault psu", "Bench: equipment failed"),
        ("broken", "lab.verdicts.Inconclusive: the device\nnever joined", "Inconclusive: "),
        ("broken", allure.NOT_RUN, "Not run"),
        ("broken", "KeyError: 'x'", "Harness: "),
        ("skipped", "not applicable: PICS", "Not applicable"),
    ],
)
def test_device_faults_stand_apart(status: str, message: str, name: str) -> None:
    """The first category that fits, under the rules of both versions of Allure."""
    for matches in (re.fullmatch, re.search):
        fitting = [
            one["name"]
            for one in allure.CATEGORIES
            if status in one["matchedStatuses"]
            and matches(one.get("messageRegex", r"[\s\S]*"), message)
        ]
        assert fitting[0].startswith(name)
