"""What nobody has confirmed fails no device unless it is assumed; what is sure fails it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.repeat import Outcome, campaign
from reports.campaign import INCONCLUSIVE_EXIT

DOUBTED = [
    # defect, case, fact on which its failure rests
    ("M-P06", "JOIN-13", "join.auto_jitter"),
    ("M-L01", "JOIN-08", "security.key_transport_in_clear_allowed"),
    ("tests.campaign.slow:SlowResponder", "CBKE-02", "limits.reaction"),
]
SURE = [
    # defect, case whose failure rests on no fact in doubt
    ("M-P02", "CBKE-13"),
    ("M-P07", "JOIN-23"),
]


def run(folder: Path, defect: str, case: str, *, assume: bool) -> Outcome:
    return campaign(folder, case, "--defect", defect, assume_facts=assume)


@pytest.mark.parametrize(("defect", "case", "fact"), DOUBTED)
def test_a_failure_that_rests_on_a_doubtful_fact_is_inconclusive(
    tmp_path: Path, defect: str, case: str, fact: str
) -> None:
    outcome = run(tmp_path / "campaign", defect, case, assume=False)
    record = outcome.records[case]
    assert (record["verdict"], outcome.code) == ("inconclusive", INCONCLUSIVE_EXIT), outcome.text
    assert f"{fact} = " in record["reason"]
    assert "observed" in record["reason"]


@pytest.mark.parametrize(("defect", "case", "fact"), DOUBTED)
def test_an_assumed_fact_fails_the_device_and_is_named(
    tmp_path: Path, defect: str, case: str, fact: str
) -> None:
    outcome = run(tmp_path / "campaign", defect, case, assume=True)
    record = outcome.records[case]
    assert (record["verdict"], outcome.code) == ("fail", 1), outcome.text
    assert any(one.startswith(f"assumed: {fact} = ") for one in record["remarks"])
    told = next(line for line in outcome.text.splitlines() if line.startswith("  assumed:"))
    assert f"{fact} = " in told


@pytest.mark.parametrize(("defect", "case"), SURE)
def test_a_failure_that_rests_on_none_needs_no_assumption(
    tmp_path: Path, defect: str, case: str
) -> None:
    outcome = run(tmp_path / "campaign", defect, case, assume=False)
    assert (outcome.records[case]["verdict"], outcome.code) == ("fail", 1), outcome.text
