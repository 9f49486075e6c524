"""One campaign twice is the same campaign: verdicts, and each frame with its time, to the digit.

What ought to differ does: with another seed the same comparison finds other frames.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import repeat

CASES = "JOIN-04 or CBKE-02 or PRICE-08 or FC-05"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> repeat.Outcome:
    outcome = repeat.campaign(tmp_path_factory.mktemp("first") / "campaign", CASES)
    assert outcome.code == 0, outcome.text
    return outcome


def test_the_campaign_is_worth_comparing(first: repeat.Outcome) -> None:
    assert {record["verdict"] for record in first.records.values()} == {"pass"}
    assert sorted(first.records) == sorted(CASES.split(" or "))
    frames = first.frames()
    assert all(len(found) > 20 for found in frames.values())
    assert all(record["protocol_s"] > 1 for record in first.records.values())


def test_it_is_the_same_while_other_programs_keep_all_cores_busy(
    first: repeat.Outcome, tmp_path: Path
) -> None:
    with repeat.busy_cores():
        second = repeat.campaign(tmp_path / "campaign", CASES)
    assert (second.code, list(second.records)) == (first.code, list(first.records))
    assert second.repeatable() == first.repeatable()
    for case, frames in first.frames().items():
        other = second.frames()[case]
        told = next((pair for pair in zip(frames, other, strict=False) if pair[0] != pair[1]), None)
        assert told is None, f"{case}: first difference: {told}"
        assert len(frames) == len(other), case


def test_another_seed_gives_other_frames(first: repeat.Outcome, tmp_path: Path) -> None:
    other = repeat.campaign(tmp_path / "campaign", "JOIN-04", "--seed", "12")
    assert other.code == 0, other.text
    frames = {"JOIN-04": first.frames()["JOIN-04"]}
    assert repeat.differences(frames, other.frames()) == ["JOIN-04"]
