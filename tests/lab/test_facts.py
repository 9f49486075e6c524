"""The facts register: what is in it, what is doubtful, and which cases rest on what."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cases import Recorder, recording, step
from lab.config import ConfigError
from lab.registers import facts
from lab.registers.registry import resolve
from lab.verdicts import Violation

ONE = '[[fact]]\nid = "a.b"\ntext = "t"\nvalue = 3\nmark = "recollection"\n'


def read(tmp_path: Path, text: str) -> facts.Fact:
    path = tmp_path / "facts.toml"
    path.write_text(text)
    return facts.register(path)["a.b"]


def test_a_fact_that_is_read_is_what_the_case_rests_on() -> None:
    recorder = Recorder(lambda: 0.0)
    with recording(recorder):
        assert facts.fact("join.scan_attempts") == 3
        assert facts.fact("join.scan_attempts") == 3
    assert recorder.at_stake() == ["join.scan_attempts"]
    assert facts.fact("join.scan_attempts") == 3  # outside of a case nobody rests on it


def at_stake(*, outside: str = "", before: str = "", inside: str = "") -> list[str]:
    """What is at stake when the second of two steps fails, each having read a fact."""
    recorder = Recorder(lambda: 0.0)
    with recording(recorder), pytest.raises(Violation):
        if outside:
            facts.fact(outside)
        with step("first"):
            if before:
                facts.fact(before)
        with step("second"):
            if inside:
                with step("within it"):
                    facts.fact(inside)
            raise Violation("a", "b")
    return recorder.at_stake()


def test_what_fails_rests_on_what_its_own_step_read() -> None:
    assert at_stake(before="join.scan_attempts") == []
    assert at_stake(inside="join.scan_attempts") == ["join.scan_attempts"]


def test_what_is_read_outside_of_steps_the_whole_case_rests_on() -> None:
    assert at_stake(outside="channels.preferred") == ["channels.preferred"]


def test_duties_are_declared_and_values_are_read() -> None:
    assert facts.faults(["join.scan_attempts"], ["limits.reaction"]) == []
    assert "is a value" in facts.faults([], ["join.scan_attempts"])[0]
    assert "unknown fact" in facts.faults(["join.scan_attempt"], [])[0]
    assert facts.no_duty(["limits.reaction"]) is None
    none = facts.no_duty(["limits.reaction", "startup.use_insecure_join"])
    assert none is not None and none.id == "startup.use_insecure_join"


def test_an_unknown_fact_names_its_neighbours() -> None:
    with pytest.raises(facts.UnknownFact, match=r"nearest known: .*join\.scan_attempts"):
        facts.fact("join.scan_attempt")


def test_a_fact_is_doubtful_until_somebody_confirms_it(tmp_path: Path) -> None:
    assert read(tmp_path, ONE).doubtful


def test_a_confirmed_fact_is_settled(tmp_path: Path) -> None:
    settled = ONE + 'confirmed_by = "A. Tester, Lab"\nconfirmed_on = 2026-11-30\n'
    assert not read(tmp_path, settled).doubtful


def test_a_source_can_settle_a_fact(tmp_path: Path) -> None:
    assert not read(tmp_path, ONE.replace("recollection", "public-document")).doubtful


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ONE + 'confirmed_by = "A. Tester"\n', "go together"),
        (ONE + ONE, "given twice"),
        (ONE.replace("recollection", "hearsay"), "hearsay"),
        (ONE + "certain = true\n", "unknown key"),
    ],
)
def test_a_register_that_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read(tmp_path, text)


def test_the_register_names_clauses_that_exist() -> None:
    for one in facts.register().values():
        if one.clause:
            resolve(one.clause)
