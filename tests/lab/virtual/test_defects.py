"""The catalogue of defects: each is one small change, and each case has one that it must catch."""

from __future__ import annotations

import pytest

from lab.commands.catalogue import CaseSource, cases
from lab.golden.policy import Policy
from lab.judge import why_not
from lab.registers.registry import resolve
from lab.setup import Setup
from lab.virtual.defects import CATALOGUE, Defect

CASES = cases()


def catches(defect: type[Defect], case: CaseSource) -> bool:
    """Whether a case is said to catch a defect, by a clause that both name."""
    return case.id in defect.cases and case.names(resolve(defect.clause).id)


def applies(defect: type[Defect], case: CaseSource) -> bool:
    """Whether a case runs on the device that a defect is for."""
    setup = Setup.load("virtual", defect.dut)
    return why_not(case.meta, setup.dut, setup.bench.capabilities, defect.revision) is None


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
