"""The algebra of verdicts and the records that are kept of cases."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.verdicts import (
    AttemptRecord,
    CaseRecord,
    Inconclusive,
    StepRecord,
    Verdict,
    Violation,
    combine,
)

VERDICTS = st.sampled_from(list(Verdict))


def test_strings_are_those_of_the_files() -> None:
    assert [str(v) for v in Verdict] == ["pass", "fail", "inconclusive", "not applicable"]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ([], "inconclusive"),
        (["pass"], "pass"),
        (["pass", "fail"], "fail"),
        (["inconclusive", "fail"], "fail"),
        (["pass", "inconclusive"], "inconclusive"),
        (["not applicable", "inconclusive"], "inconclusive"),
        (["not applicable", "pass"], "pass"),
        (["not applicable", "fail"], "fail"),
        (["not applicable", "not applicable"], "not applicable"),
    ],
)
def test_combine_table(given_: list[str], expected: str) -> None:
    assert combine(Verdict(v) for v in given_) == expected


@given(st.lists(VERDICTS, min_size=1), st.randoms())
def test_combine_ignores_order_and_repetition(verdicts: list[Verdict], random: object) -> None:
    shuffled = verdicts + verdicts[:1]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert combine(shuffled) is combine(verdicts)


@given(st.lists(VERDICTS, min_size=1), st.lists(VERDICTS, min_size=1))
def test_combine_is_associative(left: list[Verdict], right: list[Verdict]) -> None:
    assert combine([combine(left), combine(right)]) is combine(left + right)


@given(st.lists(VERDICTS))
def test_pass_needs_a_positive_observation(verdicts: list[Verdict]) -> None:
    if combine(verdicts) is Verdict.PASS:
        assert Verdict.PASS in verdicts
        assert set(verdicts) <= {Verdict.PASS, Verdict.NOT_APPLICABLE}


def test_violation_says_clause_expected_and_observed() -> None:
    text = str(Violation("Terminate", "nothing", clause="SE-C.3.1", evidence="frame 12"))
    for part in ("SE-C.3.1", "Terminate", "nothing", "frame 12"):
        assert part in text
    assert isinstance(Violation("a", "b"), AssertionError)
    assert not isinstance(Inconclusive("a"), AssertionError)


def a_record() -> CaseRecord:
    return CaseRecord(
        id="CBKE-07",
        title="A wrong MAC is refused",
        clauses=["SE-C.3.1.2.3"],
        verdict=Verdict.FAIL,
        reason="key installed",
        steps=[StepRecord("send", "Terminate", "silence \x1b[31m", "failed", 1.0, 6.0, ["slow"])],
        attempts=2,
        earlier=[AttemptRecord(1, Verdict.INCONCLUSIVE, "no answer from the radio")],
        dut={"eui64": "000d6f0001020304"},
        missed=["expected at most 3; observed 5"],
        exposures=["secrets in memory: 2 keys"],
    )


def test_a_record_survives_its_line() -> None:
    record = a_record()
    line = record.to_line()
    assert "\n" not in line and line.isascii()
    data = json.loads(line)
    assert data["steps"][0]["expected"] == "Terminate"
    assert data["verdict"] == "fail"
    assert CaseRecord.from_json(data) == record


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "passed"}, "case CBKE-07.*passed"),
        ({"colour": "red"}, "case CBKE-07: unknown key 'colour'"),
        ({"steps": [{"text": "x", "outcome": "well"}]}, "case CBKE-07: step: outcome 'well'"),
        ({"steps": [{"expected": "x"}]}, "case CBKE-07: step: the key 'text' is missing"),
    ],
)
def test_a_damaged_record_names_case_and_key(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CaseRecord.from_json({**a_record().to_json(), **change})


def test_a_record_from_before_exposures_is_read() -> None:
    data = a_record().to_json()
    for key in ("missed", "exposures", "cleared", "unsettled"):
        del data[key]
    record = CaseRecord.from_json(data)
    assert record.missed == record.exposures == record.cleared == record.unsettled == []


def test_a_record_without_id_is_refused() -> None:
    data = a_record().to_json()
    del data["id"]
    with pytest.raises(ValueError, match="'id' is missing"):
        CaseRecord.from_json(data)
