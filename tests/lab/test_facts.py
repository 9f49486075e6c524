"""The facts register: what is in it, what is doubtful, and which cases rest on what."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import facts
from lab.cases import Recorder, recording
from lab.config import ConfigError
from lab.registry import resolve

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
    assert recorder.facts == ["join.scan_attempts"]
    assert facts.fact("join.scan_attempts") == 3  # outside of a case nobody rests on it


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


def test_cases_are_found_by_what_they_read(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        'LIMIT = fact("a.limit")\n'
        'def helper():\n    return fact("a.helper")\n'
        '@case("X-01", clauses=["C.2"], facts=["a.declared"])\n'
        'def test_a():\n    helper()\n    fact("a.read")\n'
        '@case("X-02", clauses=["C.2"])\ndef test_b():\n    wait(LIMIT)\n'
        "def test_no_case():\n    helper()\n"
    )
    assert facts.cases_by_fact(tmp_path) == {
        "a.declared": ["X-01"],
        "a.helper": ["X-01"],
        "a.read": ["X-01"],
        "a.limit": ["X-02"],
    }
