"""Which cases a defect meets, and which campaigns a table of devices needs."""

from __future__ import annotations

import pytest

from lab.cases import CaseMeta
from lab.commands import devices, qualify
from lab.commands.catalogue import CaseSource, cases
from lab.config import ConfigError
from lab.virtual.defects import CATALOGUE, Defect


class Faulty(Defect):
    id = "X-1"
    clause = "SE-5.4.1"
    description = "for this test"
    cases = ("A",)


def source(name: str, *clauses: str) -> CaseSource:
    return CaseSource(CaseMeta(name, clauses), f"suites/test_x.py::{name}", clauses)


KNOWN = {
    one.id: one
    for one in (source("A", "SE-5.2"), source("B", "SE-5.4.1.2"), source("C", "SE-5.4.10"))
}


def test_a_defect_meets_the_cases_that_it_names() -> None:
    (job,) = qualify.jobs([Faulty], KNOWN, "named")
    assert job.tests == ("suites/test_x.py::A",)
    assert (job.dut, job.revision, job.defect) == ("ipd", "1.1", "X-1")


def test_a_defect_meets_the_cases_of_its_clause_and_below() -> None:
    (job,) = qualify.jobs([Faulty], KNOWN, "clause")
    assert job.tests == ("suites/test_x.py::A", "suites/test_x.py::B")


def test_the_conformant_device_runs_all_that_its_defects_meet() -> None:
    jobs = [*qualify.jobs([Faulty], KNOWN, "named"), *qualify.jobs([Faulty], KNOWN, "clause")]
    (sound,) = qualify.baselines(jobs)
    assert (sound.name, sound.defect) == ("conformant-ipd-1.1", "")
    assert sound.tests == ("suites/test_x.py::A", "suites/test_x.py::B")


def test_a_defect_that_names_no_case_of_the_suites_is_refused() -> None:
    with pytest.raises(ConfigError, match="cases that do not exist: A"):
        qualify.jobs([Faulty], {}, "named")


def test_every_registered_defect_names_cases_that_exist_and_a_device() -> None:
    known, duts = cases(), devices.simulated()
    qualify.jobs(CATALOGUE.values(), known, "named")
    assert {one.dut for one in CATALOGUE.values()} <= set(duts)


def test_seeds_are_spread_over_devices_and_revisions() -> None:
    jobs = devices.jobs(["ipd", "esi"], ["1.1"], 5)
    assert [(one.dut, one.seed) for one in jobs] == [
        ("ipd", 1),
        ("esi", 2),
        ("ipd", 3),
        ("esi", 4),
        ("ipd", 5),
    ]
    assert len({one.name for one in jobs}) == 5


def test_without_seeds_each_device_runs_once_at_each_revision() -> None:
    jobs = devices.jobs([], [], 0)
    assert len(jobs) == 2 * len(devices.simulated()) == len({one.name for one in jobs})
