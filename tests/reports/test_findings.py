"""The findings report: the rule of exposure, the cases behind it, and what the pages say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.cases import CaseMeta, Level
from lab.commands import catalogue
from lab.commands.catalogue import CaseSource
from lab.registers import registry
from lab.registers.registry import Finding
from lab.verdicts import CaseRecord, Verdict
from reports import build, findings, findings_page
from reports.campaign import Campaign, Header, Summary
from reports.exposure import Bearing, Exposure, bearing, exposure

SHOWS, OPEN, CLEARS, RECORDS, APART = Bearing
BEARINGS = st.lists(st.sampled_from(list(Bearing)))
EVIL = '"><script>alert(1)</script>\x1b[31m'


@pytest.mark.parametrize(
    ("bearings", "expected"),
    [
        ([], Exposure.NOT_SHOWN),
        ([CLEARS], Exposure.NOT_EXPOSED),
        ([CLEARS, APART, RECORDS], Exposure.NOT_EXPOSED),
        ([APART, APART], Exposure.NOT_SHOWN),
        ([RECORDS, APART], Exposure.NOT_SHOWN),
        ([CLEARS, CLEARS, OPEN], Exposure.NOT_SHOWN),
        ([SHOWS, CLEARS, OPEN], Exposure.EXPOSED),
    ],
)
def test_the_rule_of_exposure(bearings: list[Bearing], expected: Exposure) -> None:
    assert exposure("yes", bearings) is expected
    assert exposure("partly", bearings) is expected
    assert exposure("no", bearings) is Exposure.NOT_MEASURABLE


@given(BEARINGS)
def test_not_exposed_needs_a_case_that_looked_and_none_left_open(bearings: list[Bearing]) -> None:
    clean = CLEARS in bearings and not {SHOWS, OPEN} & {*bearings}
    assert (exposure("yes", bearings) is Exposure.NOT_EXPOSED) == clean


@given(BEARINGS, st.sampled_from(list(Bearing)))
def test_one_more_case_never_hides_an_exposure(bearings: list[Bearing], more: Bearing) -> None:
    if exposure("yes", bearings) is Exposure.EXPOSED:
        assert exposure("yes", [*bearings, more]) is Exposure.EXPOSED
    if exposure("yes", bearings) is Exposure.NOT_SHOWN and OPEN in bearings and more is not SHOWS:
        assert exposure("yes", [*bearings, more]) is Exposure.NOT_SHOWN


def a_record(verdict: str, case: str = "X-01", **others: Any) -> CaseRecord:
    others.setdefault("findings", ["F-02"])
    return CaseRecord(case, f"Title of {case}", ["SE-5.4.5"], Verdict(verdict), **others)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (a_record("fail"), SHOWS),
        (a_record("pass"), CLEARS),
        (a_record("pass", missed=["at most 3"]), SHOWS),
        (a_record("pass", exposures=["a leak"], cleared=["another"]), SHOWS),
        (a_record("pass", cleared=["a leak"], unsettled=["another"]), OPEN),
        (a_record("pass", level="should"), CLEARS),
        (a_record("pass", level="report"), RECORDS),
        (a_record("pass", level="may"), RECORDS),
        (a_record("pass", level="report", cleared=["a leak"]), CLEARS),
        (a_record("inconclusive"), OPEN),
        (a_record("inconclusive", exposures=["a leak"], missed=["at most 3"]), OPEN),
        (a_record("not applicable", reason="role: the case is for tc, the device is ipd"), APART),
        (a_record("not applicable", reason="PICS: PRI-S is false"), APART),
        (a_record("not applicable", reason="PICS: PRI-S is absent"), OPEN),
        (a_record("not applicable", reason="needs: the bench has no supply"), OPEN),
        (a_record("not applicable", reason="DUT has no console action press"), OPEN),
    ],
)
def test_what_a_record_says(record: CaseRecord, expected: Bearing) -> None:
    assert bearing([record]) is expected


def test_of_several_records_the_weightiest_counts() -> None:
    assert bearing([]) is OPEN
    assert bearing([a_record("pass"), a_record("inconclusive")]) is OPEN
    assert bearing([a_record("fail"), a_record("pass")]) is SHOWS
    assert bearing([a_record("not applicable", reason="role: x"), a_record("pass")]) is CLEARS


def a_case(case: str, *named: str, level: Level = "shall") -> CaseSource:
    meta = CaseMeta(case, (), level=level, findings=named)
    return CaseSource(meta, f"suites/{case}", (), title=f"Title of {case}")


def assessed(
    summary: Summary, *known: CaseSource, to_come: tuple[str, ...] = ()
) -> findings.Assessment:
    finding = registry.finding("F-02").model_copy(update={"to_come": list(to_come)})
    (found,) = findings.assess([finding], {one.id: one for one in known}, summary)
    return found


def test_every_case_that_bears_on_a_finding_is_there() -> None:
    found = assessed(
        Summary([a_record("pass", "A-01"), a_record("pass", "Z-09")], ["A-02"], []),
        a_case("A-01", "F-02"),
        a_case("A-02", "F-02"),
        a_case("A-03", "F-02", "F-01"),
        a_case("A-04", "F-01"),
        to_come=("OTA-01", "A-03"),
    )
    assert {case.id: case.verdict for case in found.cases} == {
        "A-01": "pass",
        "A-02": "not run",
        "A-03": "not selected",
        "Z-09": "pass",
        "OTA-01": "no case yet",
    }
    assert found.exposure is Exposure.NOT_SHOWN
    assert found.to_come == ["over-the-air upgrade"]
    assert found.why == (
        "2 cases do not show it; left open by A-02, A-03; no case yet in over-the-air upgrade"
    )


def test_all_that_can_be_known_is_known() -> None:
    records = [a_record("pass", "A-01"), a_record("not applicable", "A-02", reason="role: x")]
    known = a_case("A-01", "F-02"), a_case("A-02", "F-02")
    found = assessed(Summary(records, [], []), *known)
    assert found.exposure is Exposure.NOT_EXPOSED
    assert found.why == "1 case does not show it; 1 case does not concern this device"
    records[0].exposures.append("a leak: 2 keys")
    found = assessed(Summary(records, [], []), *known)
    assert (found.exposure, found.why) == (Exposure.EXPOSED, "shown by A-01")
    assert found.cases[0].said == ["found: a leak: 2 keys"]


def test_a_missed_recommendation_is_told_once() -> None:
    missed = "recommendation missed: at most 3"
    record = a_record("pass", level="should", reason=missed, remarks=[missed, "slow"])
    record.missed = ["at most 3"]
    (case,) = assessed(Summary([record], [], [])).cases
    assert case.said == [missed, "slow"]


def test_a_finding_without_any_case_says_so() -> None:
    none = Summary([], [], [])
    assert assessed(none).why == "no case names it"
    assert assessed(none, to_come=("PPY-01", "PPY-02")).why == "no case yet in prepayment"
    assert assessed(none).exposure is Exposure.NOT_SHOWN


@pytest.mark.parametrize(("first", "expected"), [("pass", OPEN), ("fail", SHOWS)])
def test_a_case_of_which_a_parameter_did_not_run_leaves_the_rest_open(
    first: str, expected: Bearing
) -> None:
    summary = Summary([a_record(first, "A-01[48]")], ["A-01[64]"], [])
    (case,) = assessed(summary, a_case("A-01", "F-02")).cases
    assert (case.id, case.bearing) == ("A-01", expected)


def test_json_and_page_of_a_campaign(tmp_path: Path) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=["LKEY-09"], dut={"name": EVIL})
    record = a_record("pass", "LKEY-09", exposures=[EVIL], remarks=[EVIL], reason=EVIL)
    record.title = EVIL
    campaign.record(record)
    build.build(campaign.directory, allure_html=False)
    document = json.loads((campaign.directory / findings.JSON).read_text())
    assert set(document) == {"bench", "dut", "started", "nistir_basis", "counts", "findings"}
    assert document["nistir_basis"] == "recollection"
    assert sum(document["counts"].values()) == len(document["findings"]) == 40
    one = {row["id"]: row for row in document["findings"]}["F-02"]
    assert (one["exposure"], one["why"]) == ("exposed", "shown by LKEY-09")
    assert one["nistir"][0] == {
        "id": "SG.SC-11",
        "title": "Cryptographic Key Establishment and Management",
    }
    case = one["cases"][0]
    assert set(case) == {"id", "title", "level", "verdict", "bearing", "said", "evidence"}
    assert case["evidence"] == "evidence/LKEY-09" and "\x1b" not in str(document)
    text = (campaign.directory / findings.HTML).read_text()
    assert "alert(1)" in text and "<script>alert" not in text and "\x1b" not in text
    assert '<a href="evidence/LKEY-09/">LKEY-09</a>' in text
    assert f'<a href="{findings.HTML}">' in (campaign.directory / "index.html").read_text()


def test_suites_that_do_not_load_cost_the_report_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=["A"])
    campaign.record(a_record("pass", "A"))
    build.build(campaign.directory, allure_html=False)

    def broken() -> dict[str, CaseSource]:
        raise SyntaxError("suites/test_x.py")

    monkeypatch.setattr(findings, "_suites", broken)
    built = build.build(campaign.directory, allure_html=False)
    assert built.problems == ["findings report: SyntaxError: suites/test_x.py"]
    assert not (campaign.directory / findings.HTML).exists()
    assert findings.HTML not in (campaign.directory / "index.html").read_text()


@pytest.fixture(scope="module")
def known() -> dict[str, CaseSource]:
    return catalogue.cases()


@pytest.mark.parametrize("finding", registry.findings().values(), ids=lambda one: one.id)
def test_what_a_finding_names_is_known(finding: Finding, known: dict[str, CaseSource]) -> None:
    assert set(finding.nistir) <= set(registry.nistir_titles())
    assert {one.partition("-")[0] for one in finding.to_come} <= set(registry.areas())
    come = sorted(set(finding.to_come) & set(known))
    assert not come, f"{come} have come: take them out of to_come in lab/data/findings.toml"
    named = [one.id for one in known.values() if finding.id in one.meta.findings]
    assert named or finding.to_come, "no case will ever measure it"


def test_the_page_says_what_is_measurable_in_part() -> None:
    finding = registry.finding("F-08")
    found = findings.assess([finding], {}, Summary([], [], []))
    text = findings_page.to_html(Header(), found, findings.counts(found))
    assert "measurable in part" in text and "A device can show only a part of it" in text
    assert "No case names it." in text and "recollection" in text
