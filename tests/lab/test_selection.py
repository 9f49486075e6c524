"""What `-k` and `--clause` select of the real suites, beside what the traceability matrix says."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import scipy.stats  # noqa: F401  (cannot be loaded twice in a process, and each run starts anew)

from reports import traceability
from reports.campaign import read_header, read_summary

pytest_plugins = ["pytester"]
SUITES = Path(__file__).parents[2] / "suites"
Matrix = dict[str, dict[str, bool]]
"""Clause id -> case id -> whether the case was selected."""
CLAUSES = ["5.4.8.1", "C.3.1.2.3", "5.4.2.2.3"]


class NothingRuns:
    """Ends a campaign when its selection is written down."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> bool:
        return True


@pytest.fixture
def matrix(pytester: pytest.Pytester) -> Callable[..., Matrix]:
    """The matrix of a campaign that selects by these arguments, as its CSV file gives it."""

    def select(*arguments: str) -> Matrix:
        folder = pytester.path / "out"
        options = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
        pytester.inline_run(
            str(SUITES), *options, "--campaign", str(folder), *arguments, plugins=[NothingRuns()]
        )
        traceability.write(folder, read_header(folder), read_summary(folder))
        found: Matrix = {}
        with (folder / traceability.CSV).open(encoding="utf-8", newline="") as lines:
            for line in csv.DictReader(lines):
                cells = found.setdefault(line["clause"], {})
                if line["case"]:
                    cells[line["case"]] = line["verdict"] != traceability.NOT_SELECTED
        return found

    return select


def _selected(matrix: Matrix) -> set[str]:
    return {case for cells in matrix.values() for case, chosen in cells.items() if chosen}


@pytest.mark.parametrize("clause", CLAUSES)
def test_clause_selects_the_cases_of_a_clause_and_of_those_below_it(
    matrix: Callable[..., Matrix], clause: str
) -> None:
    found = matrix("--clause", clause)
    root = f"SE-{clause}"
    below = [one for one in found if one == root or one.startswith(f"{root}.")]
    assert _selected(found) == {case for one in below for case in found[one]} != set()


@pytest.mark.parametrize("words", CLAUSES)
def test_keywords_select_the_cases_with_a_clause_that_contains_them(
    matrix: Callable[..., Matrix], words: str
) -> None:
    found = matrix("-k", words)
    named = [one for one in found if words in one]
    assert _selected(found) == {case for one in named for case in found[one]} != set()
