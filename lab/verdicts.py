"""Verdicts: what a case may conclude, how conclusions combine, and the record that is kept of each.

The words are those of ISO/IEC 9646. A `fail` says that the *device* did what a clause forbids, or
not what it demands, and that the harness saw it. Whatever else goes wrong is `inconclusive`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

STEP_OUTCOMES = ("done", "failed", "not run")


class Verdict(StrEnum):
    """The four conclusions of a case; the values are the strings written to every file."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"


class Violation(AssertionError):
    """The device did what a clause forbids, or not what it demands.

    It is an AssertionError, so that pytest and Allure show a failed (not a broken) case.
    """

    def __init__(
        self, expected: str, observed: str, *, clause: str | None = None, evidence: str = ""
    ) -> None:
        self.expected = expected
        self.observed = observed
        self.clause = clause
        self.evidence = evidence
        parts = [f"clause {clause}"] if clause else []
        parts += [f"expected: {expected}", f"observed: {observed}"]
        if evidence:
            parts.append(f"evidence: {evidence}")
        super().__init__("; ".join(parts))


class Inconclusive(Exception):
    """No verdict about the device was reached: `cause` says why, `remedy` what to do about it."""

    def __init__(self, cause: str, remedy: str = "") -> None:
        self.cause = cause
        self.remedy = remedy
        super().__init__(f"{cause} ({remedy})" if remedy else cause)


class NotApplicable(Exception):
    """The case does not apply to this device (its PICS) or to this bench; `reason` says which."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the one verdict for several: those of steps, of attempts, of the cases of a clause.

    `fail` outweighs `inconclusive`, which outweighs `pass`. What is not applicable adds nothing, so
    the result is `not applicable` only when all are. Nothing at all is `inconclusive`: a pass needs
    a positive observation. The operation is commutative, associative and idempotent.
    """
    seen = set(verdicts)
    if Verdict.FAIL in seen:
        return Verdict.FAIL
    if Verdict.INCONCLUSIVE in seen or not seen:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if Verdict.PASS in seen else Verdict.NOT_APPLICABLE


@dataclass(slots=True)
class StepRecord:
    """One step of a case. Times are protocol seconds since the start of the campaign."""

    text: str
    expect: str = ""
    observed: str = ""
    outcome: str = "not run"
    """One of STEP_OUTCOMES."""
    started: float | None = None
    ended: float | None = None
    remarks: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the step as a JSON object; `expected` is the name that files use for `expect`."""
        return {
            "text": self.text,
            "expected": self.expect,
            "observed": self.observed,
            "outcome": self.outcome,
            "started": self.started,
            "ended": self.ended,
            "remarks": list(self.remarks),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StepRecord:
        """Read what `to_json` wrote. Raises ValueError that names the key at fault."""
        values = dict(data)
        if "expected" in values:
            values["expect"] = values.pop("expected")
        _check_keys("step", cls, values, required=("text",))
        step = cls(**values)
        if step.outcome not in STEP_OUTCOMES:
            raise ValueError(f"step: outcome {step.outcome!r} is not one of {STEP_OUTCOMES}")
        return step


@dataclass(slots=True)
class AttemptRecord:
    """An attempt at a case that a later attempt of the same run replaced."""

    number: int
    verdict: Verdict
    reason: str = ""
    started: str = ""
    duration_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the attempt as a JSON object."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AttemptRecord:
        """Read what `to_json` wrote. Raises ValueError that names the key at fault."""
        values = dict(data)
        _check_keys("attempt", cls, values, required=("number", "verdict"))
        values["verdict"] = Verdict(values["verdict"])
        return cls(**values)


@dataclass(slots=True)
class CaseRecord:
    """What is kept of one case: one line of verdicts.jsonl.

    `duration_s` is wall time, `protocol_s` time on the bench clock, both in seconds; `started` is
    UTC in ISO 8601. `attempts` counts the attempts, `earlier` holds all but the last. `evidence` is
    a path relative to the campaign folder; `rerun` the exact command that repeats this case.
    """

    id: str
    title: str
    clauses: list[str]
    verdict: Verdict
    reason: str = ""
    revision: str = ""
    """Revision of the profile against which the case ran: "1.0" or "1.1"."""
    steps: list[StepRecord] = field(default_factory=list)
    attempts: int = 1
    earlier: list[AttemptRecord] = field(default_factory=list)
    started: str = ""
    duration_s: float = 0.0
    protocol_s: float = 0.0
    dut: dict[str, Any] = field(default_factory=dict)
    """Identity of the device as it was read from the device."""
    bench: str = ""
    evidence: str = ""
    rerun: str = ""
    level: str = "shall"
    """Requirement level: "shall", "should", "may", or "report" where a case only records."""
    kind: str = ""
    version: int = 1
    """Version of the case: raised when its steps or limits change."""
    findings: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    """Recommendations that the device missed; empty in records older than this key."""
    exposures: list[str] = field(default_factory=list)
    """Weaknesses, forbidden by no clause, that the device showed; empty likewise."""
    cleared: list[str] = field(default_factory=list)
    """Weaknesses that were looked for and not shown; empty likewise."""
    unsettled: list[str] = field(default_factory=list)
    """Weaknesses that were looked for and could not be told; empty likewise."""

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON object of plain types, in the order people read it in."""
        data = {item.name: getattr(self, item.name) for item in fields(self)}
        data["verdict"] = str(self.verdict)
        data["steps"] = [step.to_json() for step in self.steps]
        data["earlier"] = [attempt.to_json() for attempt in self.earlier]
        return data

    def to_line(self) -> str:
        """Return the record as one line of JSON without its line end."""
        return json.dumps(self.to_json(), ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CaseRecord:
        """Read what `to_json` wrote. Raises ValueError that names the case and the key at fault."""
        values = dict(data)
        what = f"case {values.get('id', '(without id)')}"
        _check_keys(what, cls, values, required=("id", "title", "clauses", "verdict"))
        try:
            values["verdict"] = Verdict(values["verdict"])
            values["steps"] = [StepRecord.from_json(step) for step in values.get("steps", [])]
            values["earlier"] = [AttemptRecord.from_json(one) for one in values.get("earlier", [])]
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from error
        return cls(**values)


def _check_keys(what: str, kind: type, data: Mapping[str, Any], required: Iterable[str]) -> None:
    """Raise ValueError when a required key is missing or one is unknown to the dataclass `kind`."""
    known = {item.name for item in fields(kind)}
    for key in required:
        if key not in data:
            raise ValueError(f"{what}: the key {key!r} is missing")
    for key in data:
        if key not in known:
            raise ValueError(f"{what}: unknown key {key!r}")
