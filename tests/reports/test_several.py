"""Pages of several campaigns: case by device, and defect by case."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from lab.verdicts import CaseRecord, Verdict
from reports import __main__ as program
from reports import devices, qualification
from reports.campaign import FAIL_EXIT, INCONCLUSIVE_EXIT, PASS_EXIT, Campaign, CampaignError

UNSOUND = "the conformant device does not pass, or not as recommended"
EVIL = '"><script>alert(1)</script>\x1b[31m'


def a_record(case: str, verdict: str, **others: Any) -> CaseRecord:
    clauses = others.pop("clauses", ["SE-5.4.1"])
    return CaseRecord(case, f"Title of {case}", clauses, Verdict(verdict), **others)


def a_campaign(folder: Path, *records: CaseRecord) -> None:
    campaign = Campaign.open(folder, selected=[one.id for one in records])
    for one in records:
        campaign.record(one)


def several(folder: Path, **verdicts: dict[str, str]) -> devices.Grid:
    """Campaigns named as in ipd_1: the device, and its seed."""
    rows = []
    for name, found in verdicts.items():
        dut, seed = name.split("_")
        row = {"name": name, "dut": dut, "revision": "1.1", "seed": int(seed), "problem": ""}
        rows.append(json.dumps(row))
        a_campaign(folder / name, *(a_record(*one, reason=EVIL) for one in found.items()))
    (folder / devices.LIST).write_text("\n".join(rows) + "\n")
    return devices.build(folder)[0]


def test_all_exercised_somewhere_and_passed(tmp_path: Path) -> None:
    grid = several(
        tmp_path, ipd_1={"A": "pass", "B": "not applicable"}, esi_1={"A": "pass", "B": "pass"}
    )
    assert (grid.exit_code(), grid.never(), grid.flips()) == (PASS_EXIT, [], [])
    rows = list(csv.reader(io.StringIO((tmp_path / devices.CSV).read_text())))
    assert rows[0] == ["case", "title", "esi 1.1", "ipd 1.1"]
    assert rows[2] == ["B", "Title of B", "pass", "not applicable"]


def test_a_case_that_no_device_exercised_is_told(tmp_path: Path) -> None:
    grid = several(tmp_path, ipd_1={"A": "pass", "B": "not applicable"})
    assert (grid.exit_code(), grid.never()) == (INCONCLUSIVE_EXIT, ["B"])


def test_a_verdict_that_changes_with_the_seed_is_a_failure(tmp_path: Path) -> None:
    grid = several(tmp_path, ipd_1={"A": "pass"}, ipd_2={"A": "inconclusive"})
    assert (grid.exit_code(), grid.flips()) == (FAIL_EXIT, [("A", "ipd 1.1")])


def test_one_fail_fails_all(tmp_path: Path) -> None:
    assert several(tmp_path, ipd_1={"A": "pass", "B": "fail"}).exit_code() == FAIL_EXIT


def test_a_recommendation_that_a_conformant_device_misses_is_told(tmp_path: Path) -> None:
    row = {"name": "x", "dut": "ipd", "revision": "1.1", "seed": 3, "problem": ""}
    (tmp_path / devices.LIST).write_text(json.dumps(row) + "\n")
    a_campaign(tmp_path / "x", a_record("A", "pass", missed=["late"]))
    grid, lines = devices.build(tmp_path)
    assert grid.exit_code() == FAIL_EXIT
    assert "recommendation missed: A on ipd 1.1 (x, late)" in lines


def test_a_campaign_without_an_end_is_undecided(tmp_path: Path) -> None:
    row = {"name": "x", "dut": "ipd", "revision": "1.1", "seed": None, "problem": "killed"}
    (tmp_path / devices.LIST).write_text(json.dumps(row) + "\n")
    grid, lines = devices.build(tmp_path)
    assert grid.exit_code() == INCONCLUSIVE_EXIT
    assert "not decided: x: killed" in lines


def test_device_texts_are_inert_on_the_page(tmp_path: Path) -> None:
    several(tmp_path, ipd_1={"A": "fail", "B": "not applicable"})
    page = (tmp_path / devices.HTML).read_text()
    assert "<script>alert" not in page and "\x1b" not in page


def test_a_folder_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CampaignError, match="several campaigns"):
        devices.read(tmp_path)
    assert program.main(["qualification", str(tmp_path)]) == program.USAGE_EXIT
    assert "is this a qualification" in capsys.readouterr().err


def a_qualification(
    folder: Path, faulty: CaseRecord | None, conformant: CaseRecord, clause: str = "SE-5.4.1"
) -> qualification.Qualification:
    defect = {
        "id": "M-1",
        "clause": clause,
        "description": "does it wrong",
        "dut": "ipd",
        "revision": "1.1",
        "cases": ["A"],
        "campaign": "M-1",
        "conformant": "sound",
    }
    cases = {"A": {"clauses": ["SE-5.4.1"], "level": "shall"}}
    plan = {"against": "named", "complete": True, "defects": [defect], "cases": cases}
    (folder / qualification.PLAN).write_text(json.dumps(plan))
    a_campaign(folder / "sound", conformant)
    if faulty is not None:
        a_campaign(folder / "M-1", faulty)
    return qualification.build(folder)[0]


def test_a_fail_of_a_case_of_the_clause_catches(tmp_path: Path) -> None:
    found = a_qualification(tmp_path, a_record("A", "fail"), a_record("A", "pass"))
    assert (found.state("M-1"), found.idle(), found.exit_code()) == ("caught", [], PASS_EXIT)
    assert (
        "M-1,SE-5.4.1,ipd 1.1,A,shall,fail,fail,yes" in (tmp_path / qualification.CSV).read_text()
    )


def test_a_case_of_a_sub_clause_is_one_of_the_clause(tmp_path: Path) -> None:
    faulty = a_record("A", "fail", clauses=["SE-5.4.1.2"])
    assert a_qualification(tmp_path, faulty, a_record("A", "pass")).state("M-1") == "caught"


def test_a_fail_of_another_clause_is_the_wrong_clause(tmp_path: Path) -> None:
    found = a_qualification(tmp_path, a_record("A", "fail"), a_record("A", "pass"), "SE-5.4.10")
    assert (found.state("M-1"), found.exit_code()) == ("wrong clause", FAIL_EXIT)


@pytest.mark.parametrize("verdict", ["pass", "inconclusive", "not applicable"])
def test_what_did_not_fail_caught_nothing(tmp_path: Path, verdict: str) -> None:
    found = a_qualification(tmp_path, a_record("A", verdict), a_record("A", "pass"))
    assert (found.state("M-1"), found.idle(), found.exit_code()) == ("escaped", ["A"], FAIL_EXIT)


def test_a_defect_without_a_campaign_escaped(tmp_path: Path) -> None:
    assert a_qualification(tmp_path, None, a_record("A", "pass")).state("M-1") == "escaped"


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_what_the_conformant_device_does_not_pass_catches_nothing(
    tmp_path: Path, verdict: str
) -> None:
    found = a_qualification(tmp_path, a_record("A", "fail"), a_record("A", verdict))
    assert found.state("M-1") == "escaped"
    assert found.told()[0].startswith(f"{UNSOUND}: A in sound")


def test_a_conformant_device_that_misses_a_recommendation_is_told(tmp_path: Path) -> None:
    found = a_qualification(tmp_path, a_record("A", "fail"), a_record("A", "pass", missed=["late"]))
    assert (found.state("M-1"), found.exit_code()) == ("caught", FAIL_EXIT)
    assert found.told()[0] == f"{UNSOUND}: A in sound: pass, late"


def test_recommendations_and_weaknesses_catch_when_the_conformant_device_has_fewer() -> None:
    sound = a_record("A", "pass")
    missed, shown = a_record("A", "pass", missed=["m"]), a_record("A", "pass", exposures=["e"])
    assert qualification.sign_of(missed, sound) == "recommendation missed"
    assert qualification.sign_of(shown, sound) == "weakness shown"
    assert qualification.sign_of(shown, shown) == qualification.sign_of(missed, missed) == ""
