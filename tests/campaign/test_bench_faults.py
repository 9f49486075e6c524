"""Whatever breaks on the bench, no device passes or fails by it.

Each test is a campaign in a process of its own. The plugin beside this file breaks the simulated
equipment; suites and harness are as they always are.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.repeat import Outcome, campaign
from reports.campaign import INCONCLUSIVE_EXIT

BROKEN, NEXT = "PRICE-03", "PRICE-08"
AFTER_S = "30"
SILENCE = "NKEY-03"
"""A case that passes when the device does nothing: a deaf sniffer must not make it pass."""

GONE = [
    ("radio-cut", r"\(radio\): went away while in use"),
    ("sniffer-cut", r"\(sniffer\): went away while in use"),
    ("console-cut", r"\(console\): went away while in use"),
    ("radio-locked-up", r"bench: radio: .*within 5 s"),
    ("supply-gone", r"bench: supply: .* cannot be reached"),
    ("supply-tripped", r"bench: supply: ocp has tripped"),
    ("current-limit", r"bench: supply: it is in current limit"),
    ("unpowered", r"bench: supply: the device draws 0\.000000 A"),
]
"""Faults that stay, and what the reason must say of the cause."""


def broken_campaign(tmp_path: Path, fault: str, *cases: str, after: str = AFTER_S) -> Outcome:
    plugin = ["-p", "tests.campaign.faults", "--fault", fault, "--fault-after", after]
    where = ["--fault-case", cases[0]]
    return campaign(tmp_path / "campaign", " or ".join(cases), *plugin, *where)


@pytest.mark.parametrize(("fault", "cause"), GONE)
def test_a_fault_that_stays_decides_nothing(tmp_path: Path, fault: str, cause: str) -> None:
    outcome = broken_campaign(tmp_path, fault, BROKEN, NEXT)
    assert outcome.code == INCONCLUSIVE_EXIT, outcome.text
    verdicts = {case: record["verdict"] for case, record in outcome.records.items()}
    assert verdicts == {BROKEN: "inconclusive", NEXT: "inconclusive"}
    assert re.search(cause, outcome.records[BROKEN]["reason"])
    assert re.search(cause, outcome.text)
    not_run = outcome.records[NEXT]
    assert "not run: bench 'virtual' gone: " in not_run["reason"]
    assert not_run["protocol_s"] == 0
    assert "2 inconclusive" in outcome.text and "failed" not in outcome.text


@pytest.mark.parametrize("radio", ["radio", "sniffer"])
def test_after_a_restart_of_a_dongle_the_other_cases_go_on(tmp_path: Path, radio: str) -> None:
    outcome = broken_campaign(tmp_path, f"{radio}-restart", BROKEN, NEXT)
    assert outcome.code == INCONCLUSIVE_EXIT, outcome.text
    verdicts = {case: record["verdict"] for case, record in outcome.records.items()}
    assert verdicts == {BROKEN: "inconclusive", NEXT: "pass"}
    reason = outcome.records[BROKEN]["reason"]
    assert f"bench: {radio}: restarted by itself" in reason


@pytest.mark.parametrize("fault", ["sniffer-cut", "sniffer-locked-up", "sniffer-restart"])
def test_silence_in_front_of_a_deaf_sniffer_is_no_pass(tmp_path: Path, fault: str) -> None:
    outcome = broken_campaign(tmp_path, fault, SILENCE, after="5")
    assert outcome.code == INCONCLUSIVE_EXIT, outcome.text
    assert outcome.records[SILENCE]["verdict"] == "inconclusive"
    assert "sniffer" in outcome.records[SILENCE]["reason"]


def test_without_a_fault_these_cases_pass(tmp_path: Path) -> None:
    outcome = campaign(tmp_path / "campaign", " or ".join((BROKEN, NEXT, SILENCE)))
    assert outcome.code == 0, outcome.text
    assert {record["verdict"] for record in outcome.records.values()} == {"pass"}
