"""What a case says of itself, its declared steps, and what a recorder keeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.cases import (
    CaseError,
    CaseMeta,
    Recorder,
    case,
    declared_steps,
    observe,
    recording,
    remark,
    should,
    step,
    title_of,
    weakness,
)
from lab.registers import pics
from lab.verdicts import Violation


@case("X-01", clauses=["5.4.8.1"], pics=["SEC-CBKER", "PRI-C"])
def two_steps(flag: bool) -> None:
    """A device does this
    and that.

    More words.
    """
    with step("first", expect="one"):
        pass
    if flag:
        with step("second", "two"):
            pass
    for _ in range(2):
        with step("third"):
            pass


def test_the_decorator_leaves_a_plain_function_with_words() -> None:
    meta = two_steps.case_meta  # type: ignore[attr-defined]
    assert (meta.id, meta.pics, meta.level) == ("X-01", "SEC-CBKER and PRI-C", "shall")
    assert title_of(two_steps) == "A device does this and that."


def test_steps_are_read_from_the_source_and_not_by_running() -> None:
    found = declared_steps(two_steps)
    assert [(one.text, one.expect, one.outcome) for one in found] == [
        ("first", "one", "not run"),
        ("second", "two", "not run"),
        ("third", "", "not run"),
    ]


def test_a_step_whose_text_is_computed_is_refused() -> None:
    def computed() -> None:
        name = "x"
        with step(f"step {name}"):
            pass

    with pytest.raises(CaseError, match=r"computed, line \d+: .* literal"):
        declared_steps(computed)


@pytest.mark.parametrize(
    ("meta", "says"),
    [
        (CaseMeta("X", ()), "names no clause"),
        (CaseMeta("X", ("5.4.8.9",)), "unknown clause '5.4.8.9'; nearest known"),
        (CaseMeta("X", ("5.4",), pics="PRI-Q"), "unknown PICS item 'PRI-Q'"),
        (CaseMeta("X", ("5.4",), pics="PRI-C and"), "item is missing"),
        (CaseMeta("X", ("5.4",), needs=("oven",)), "need 'oven' is none of radio"),
        (CaseMeta("X", ("5.4",), dut=("toaster",)), "role 'toaster'"),
        (CaseMeta("X", ("5.4",), level="must"), "level 'must'"),  # type: ignore[arg-type]
        (CaseMeta("X", ("5.4",), findings=("F-99",)), "unknown finding"),
    ],
)
def test_what_is_wrong_with_a_case(meta: CaseMeta, says: str) -> None:
    assert says in "; ".join(meta.faults())


def test_a_sound_case_has_no_faults() -> None:
    assert CaseMeta("X", ("C.3.1.2.3.3",), pics="PRI-C or not (MSG-C)").faults() == []


def run(function: Callable[[], None]) -> Recorder:
    now = iter(range(1000))
    recorder = Recorder(lambda: float(next(now)), steps=declared_steps(function))
    with recording(recorder):
        function()
    return recorder


def test_steps_take_their_declared_place_and_their_times() -> None:
    def helper() -> None:
        with step("of a helper"):
            observe("seen by the helper")

    def body() -> None:
        with step("first") as first:
            first.observed = "a"
            helper()
        with step("last"):
            pass

    recorder = run(body)
    assert [one.text for one in recorder.steps] == ["first", "of a helper", "last"]
    assert all(one.outcome == "done" for one in recorder.steps)
    assert recorder.steps[0].started == 0.0
    assert recorder.observations == 2
    assert recorder.not_run() == []


def test_a_declared_step_that_a_branch_skips_is_not_run() -> None:
    recorder = Recorder(lambda: 0.0, steps=declared_steps(two_steps))
    with recording(recorder):
        two_steps(False)
    assert [one.text for one in recorder.not_run()] == ["second"]
    assert [one.text for one in recorder.steps].count("third") == 2


def test_a_violation_marks_its_step() -> None:
    def body() -> None:
        with step("refused", expect="silence"):
            raise Violation("silence", "an answer")

    recorder = Recorder(lambda: 0.0, steps=declared_steps(body))
    with pytest.raises(Violation), recording(recorder):
        body()
    assert (recorder.steps[0].outcome, recorder.steps[0].observed) == ("failed", "an answer")
    assert recorder.observations == 0


def test_a_missed_recommendation_is_a_remark_and_an_observation() -> None:
    def body() -> None:
        with step("rate"):
            assert should(False, "at most 3", "5") is False
            assert should(True, "at most 3", "2") is True
            remark("slow")

    recorder = run(body)
    assert recorder.remarks == ["recommendation missed: expected at most 3; observed 5", "slow"]
    assert recorder.steps[0].remarks == recorder.remarks
    assert recorder.steps[0].observed == "5; 2"
    assert recorder.missed == ["expected at most 3; observed 5"]
    assert recorder.exposures == []


def test_a_weakness_is_recorded_and_is_an_observation_either_way() -> None:
    def body() -> None:
        with step("memory"):
            assert weakness(True, "secrets in memory", "2 keys") is True
        with step("console"):
            assert weakness(False, "secrets on the console", "none") is False

    recorder = run(body)
    assert recorder.exposures == ["secrets in memory: 2 keys"]
    assert recorder.cleared == ["secrets on the console: none"]
    assert recorder.remarks == ["exposure: secrets in memory: 2 keys"]
    assert [one.observed for one in recorder.steps] == ["2 keys", "none"]
    assert recorder.observations == 2
    assert recorder.missed == recorder.unsettled == []


def test_a_weakness_that_could_not_be_told_is_no_observation() -> None:
    def body() -> None:
        with step("memory"):
            assert weakness(None, "secrets in memory", "not looked") is False

    recorder = run(body)
    assert recorder.unsettled == ["secrets in memory: not looked"]
    assert recorder.exposures == recorder.cleared == []
    assert recorder.observations == 0


def test_a_step_outside_of_a_case_is_refused() -> None:
    with pytest.raises(RuntimeError, match="no case is running"), step("lonely"):
        pass


@pytest.mark.parametrize(
    ("text", "claims", "holds"),
    [
        ("", {}, True),
        ("PRI-C", {"PRI-C": True}, True),
        ("PRI-C", {"PRI-C": False}, False),
        ("PRI-C", {}, False),
        ("not PRI-C", {}, True),
        ("PRI-C and MSG-C or TIM-C", {"TIM-C": True}, True),
        ("PRI-C and (MSG-C or TIM-C)", {"TIM-C": True}, False),
        ("not PRI-C and TIM-C", {"TIM-C": True}, True),
    ],
)
def test_pics_expressions(text: str, claims: dict[str, bool], holds: bool) -> None:
    assert pics.parse(text).holds(claims) is holds


@pytest.mark.parametrize(
    "text", ["PRI-C and", "(PRI-C", "PRI-C MSG-C", "or PRI-C", "PRI-C & MSG-C"]
)
def test_pics_expressions_that_cannot_be_read(text: str) -> None:
    with pytest.raises(pics.PicsError):
        pics.parse(text)


def test_an_absent_item_and_a_denied_one_are_told_apart() -> None:
    expression = pics.parse("PRI-C and MSG-C and TIM-C")
    assert expression.reason({"PRI-C": False, "TIM-C": True}) == (
        "PICS: PRI-C is false, MSG-C is absent, TIM-C is true (needs PRI-C and MSG-C and TIM-C)"
    )
