"""Recompute the vectors: every value of every case that follows from others.

This is a second implementation, written from the formulas with ``textbook`` and sharing nothing
with the one under test.  Each group type has a rule: which properties are given, and a generator
that yields the others as computed.  A property that is neither is reported too, so no derived value
can stay unchecked; statements about a case are yielded as a sentence in parentheses and a truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import Case, VectorFile
from . import curves, frames, serial, signatures, symmetric
from .rule import Rule

RULES: dict[str, Rule] = {
    name: rule
    for module in (symmetric, curves, signatures, frames, serial)
    for name, rule in module.RULES.items()
}

_NOT_VALUES = {"type", "tcId", "comment", "flags", "result", "base"}


def recompute(file: VectorFile) -> Iterator[str]:
    """Yield one line for each value of ``file`` that does not follow, or that no rule covers."""
    for statement, value in curves.check_parameters(file.raw.get("curves", {})):
        if value is not True:
            yield f"{file.algorithm}: it is not so that {statement[1:-1]}"
    parameters = {key for group in file.groups for key in group} - {"tests"}
    for case in file.tests:
        where = f"{file.algorithm} case {case.id}"
        rule = RULES.get(case["type"])
        if rule is None:
            yield f"{where}: no rule recomputes group type {case['type']}"
            continue
        try:
            problems = list(_recompute_case(file, case, rule, parameters))
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            problems = [f"cannot be computed: {error!r}"]
        yield from (f"{where}: {problem}" for problem in problems)


def _recompute_case(
    file: VectorFile, case: Case, rule: Rule, parameters: set[str]
) -> Iterator[str]:
    given = dict(_leaves(case))
    covered = {name for name in given if rule.takes(name)} | parameters | _NOT_VALUES
    for name, value in rule.compute(file, case):
        covered.add(name)
        if name.startswith("("):
            if value is not True:
                yield f"it is not so that {name[1:-1]}"
        elif name in given and given[name] != _plain(value):
            yield f"{name} is {given[name]}, computed {_plain(value)}"
        elif name not in given and name not in rule.optional:
            yield f"{name} is missing, computed {_plain(value)}"
    for name in given:
        if name not in covered:
            yield f"nothing recomputes {name}"


def _leaves(case: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in case.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


__all__ = ["RULES", "Case", "recompute"]
