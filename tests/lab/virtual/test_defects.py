"""The catalogue of defects: each is one small change, and each case has one that it must catch."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.cases import CaseMeta
from lab.golden.policy import Policy
from lab.judge import why_not
from lab.registers.registry import resolve
from lab.setup import Setup
from lab.virtual.defects import CATALOGUE, Defect

SUITES = Path(__file__).parents[3] / "suites"


def cases() -> Iterator[CaseMeta]:
    """What each case of the device suites says of itself; vectors test the harness alone."""
    for path in sorted(SUITES.glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"suite_{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for found in vars(module).values():
            meta = getattr(found, "case_meta", None)
            if meta is not None and found.__module__ == module.__name__:
                yield meta


CASES = {meta.id: meta for meta in cases()}


def is_at_or_below(clause: str, parent: str) -> bool:
    """Whether a clause is another one or a part of it."""
    return clause == parent or clause.startswith(f"{parent}.")


def catches(defect: type[Defect], case: CaseMeta) -> bool:
    """Whether a case is said to catch a defect, by a clause that both name."""
    broken = resolve(defect.clause).id
    clauses = [resolve(one).id for one in case.clauses]
    return case.id in defect.cases and any(is_at_or_below(one, broken) for one in clauses)


def applies(defect: type[Defect], case: CaseMeta) -> bool:
    """Whether a case runs on the device that a defect is for."""
    setup = Setup.load("virtual", defect.dut)
    return why_not(case, setup.dut, setup.bench.capabilities, defect.revision) is None


def test_every_case_catches_a_defect_of_a_device_that_it_is_for() -> None:
    """A case that no defect can make fail is not yet a test."""
    pairs = [(defect, CASES[one]) for defect in CATALOGUE.values() for one in defect.cases]
    caught = {case.id for defect, case in pairs if applies(defect, case)}
    assert sorted(CASES.keys() - caught) == []


@pytest.mark.parametrize("defect", CATALOGUE.values(), ids=lambda one: one.id)
def test_a_defect_changes_one_decision_and_says_who_catches_it(defect: type[Defect]) -> None:
    decisions = {name for name in dir(Policy) if not name.startswith("_")}
    changed = {one for one in decisions if getattr(defect, one) is not getattr(Policy, one)}
    changes = sorted(changed) + sorted(defect.papers)
    assert len(changes) == 1, f"it changes {changes}"
    assert set(defect.cases) <= CASES.keys()
    assert any(catches(defect, CASES[one]) for one in defect.cases)
