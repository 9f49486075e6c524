"""What docs/test-author.md says of the length of cases, and shows of them, is so."""

from __future__ import annotations

from statistics import mean

import pytest

from lab.cases import CaseMeta
from lab.commands.catalogue import CaseSource, cases
from tests import case_lengths

RENEW = "run: python -m tests.case_lengths"


@pytest.fixture(scope="module")
def page() -> str:
    return case_lengths.TARGET.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def known() -> dict[str, CaseSource]:
    return cases()


def test_a_case_is_short_on_average(page: str, known: dict[str, CaseSource]) -> None:
    now = mean(map(case_lengths.length, known.values()))
    assert now < case_lengths.LIMIT
    assert case_lengths.stated_mean(page) == pytest.approx(now, abs=1.0), RENEW


def test_the_page_shows_cases_as_they_are(page: str, known: dict[str, CaseSource]) -> None:
    shown = dict(case_lengths.shown(page))
    assert len(shown) == case_lengths.SHORTEST + case_lengths.LONGEST
    assert {one: known[one].source for one in shown if one in known} == shown, RENEW


def test_the_section_can_be_made_from_any_cases(page: str) -> None:
    def case(number: int) -> CaseSource:
        source = "def test_it():\n" + "    pass\n" * number
        meta = CaseMeta(f"X-{number:02}", ())
        return CaseSource(meta, "suites/test_it.py::test_it", (), source)

    section = case_lengths.section(map(case, range(1, 21)))
    begin, end = case_lengths.BEGIN, case_lengths.END
    made = f"before\n{begin}{section}{end}after\n"
    shown = dict(case_lengths.shown(made))
    assert list(shown) == [f"X-{number:02}" for number in (1, 2, 3, 4, 5, 18, 19, 20)]
    assert shown["X-02"] == case(2).source
    assert case_lengths.stated_mean(made) == 11.5
