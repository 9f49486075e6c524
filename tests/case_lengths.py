"""`python -m tests.case_lengths` writes into docs/test-author.md how long cases are, with examples.

A case is measured from its decorator to its end, docstring included. The published vectors are not
among them: they are data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean, median

from lab.commands.catalogue import CaseSource, cases

__all__ = [
    "BEGIN",
    "END",
    "LIMIT",
    "LONGEST",
    "SHORTEST",
    "TARGET",
    "length",
    "section",
    "shown",
    "stated_mean",
    "written",
]

TARGET = Path(__file__).parents[1] / "docs" / "test-author.md"
BEGIN = "<!-- written by `python -m tests.case_lengths`: from here -->\n"
END = "<!-- to here -->\n"
SHORTEST, LONGEST = 5, 3
LIMIT = 40
"""Lines that a case has on average, at most."""
_SHOWN = re.compile(r"^### (\S+), \d+ lines.*?^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MEAN = re.compile(r"on average ([\d.]+) lines")


def length(case: CaseSource) -> int:
    """Lines of a case."""
    return len(case.source.splitlines())


def section(known: Iterable[CaseSource]) -> str:
    """The section: the numbers, and the shortest and the longest cases with their source."""
    ordered = sorted(known, key=length)  # of the same length: in the order of the files
    lengths = [length(one) for one in ordered]
    return "".join(
        [
            f"There are {len(ordered)} cases beside the published vectors. One has on average "
            f"{mean(lengths):.1f} lines from its\ndecorator to its end, docstring included; half "
            f"have {median(lengths):.0f} or fewer. The {SHORTEST} shortest and the {LONGEST}\n"
            "longest are these.\n",
            *map(_example, [*ordered[:SHORTEST], *ordered[-LONGEST:]]),
        ]
    )


def _example(case: CaseSource) -> str:
    file = case.test.partition("::")[0]
    return f"\n### {case.id}, {length(case)} lines (`{file}`)\n\n```python\n{case.source}```\n"


def written(page: str) -> str:
    """The section that a page has. Raises ValueError where its marks are missing."""
    return page[page.index(BEGIN) + len(BEGIN) : page.index(END)]


def shown(page: str) -> Iterator[tuple[str, str]]:
    """The cases that a page shows: id and source."""
    for found in _SHOWN.finditer(written(page)):
        yield found[1], found[2]


def stated_mean(page: str) -> float:
    """The average number of lines that a page states. Raises ValueError where it states none."""
    found = _MEAN.search(written(page))
    if found is None:
        raise ValueError("the page states no average")
    return float(found[1])


def main() -> None:
    """Write the section anew."""
    page = TARGET.read_text(encoding="utf-8")
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    new = page[:start] + section(cases().values()) + page[end:]
    TARGET.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
