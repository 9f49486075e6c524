"""How far a device is exposed to a finding: what each case says of it, and how that combines.

The rule is on the safe side both ways. *Exposed* needs something that a decided case saw. *Not
exposed* needs more than that nothing was seen: at least one case that looked for the weakness and
did not find it, and no case that bears on the finding left open, be it inconclusive, not run, not
applicable for want of equipment, or not written yet. All else is *not shown*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from lab.judge import is_by_claim
from lab.verdicts import CaseRecord, Verdict


class Exposure(StrEnum):
    """What is said of a finding; the values are the words of the page and of findings.json."""

    EXPOSED = "exposed"
    NOT_EXPOSED = "not exposed"
    NOT_SHOWN = "not shown"
    NOT_MEASURABLE = "not measurable on a device"


class Bearing(StrEnum):
    """What a case says of a finding, the weightiest first."""

    SHOWS = "shows it"
    """It failed, or missed a recommendation, or found a weakness."""
    OPEN = "leaves it open"
    """Inconclusive, not run, not written yet; or the bench could not do it; or a weakness was
    looked for and could not be told."""
    CLEARS = "does not show it"
    """It passed, and what it demands or looked for bears on the finding."""
    RECORDS = "only records"
    """It passed, and can do nothing else: a case of level `report` that looked for no weakness."""
    NOT_CONCERNED = "does not concern this device"
    """Not applicable by what the device is and claims."""


def exposure(measurable: str, bearings: Iterable[Bearing]) -> Exposure:
    """Return the exposure to a finding from what all cases that bear on it say.

    `measurable` is "yes", "partly" or "no" (lab/data/findings.toml). "partly" changes nothing
    here: it is said beside the exposure, which then holds for what a device can show. `bearings`
    has to have one for every case, those that did not run or do not exist yet included.
    """
    said = set(bearings)
    if measurable == "no":
        return Exposure.NOT_MEASURABLE
    if Bearing.SHOWS in said:
        return Exposure.EXPOSED
    if Bearing.OPEN in said or Bearing.CLEARS not in said:
        return Exposure.NOT_SHOWN
    return Exposure.NOT_EXPOSED


def bearing(records: Sequence[CaseRecord]) -> Bearing:
    """Return what a case says by all its records; one without a record leaves the finding open."""
    said = {_bearing(record) for record in records} or {Bearing.OPEN}
    return next(one for one in Bearing if one in said)


def _bearing(record: CaseRecord) -> Bearing:
    if record.verdict is Verdict.FAIL:
        return Bearing.SHOWS
    if record.verdict is Verdict.INCONCLUSIVE:
        # what it saw before that does not count: the bench may have been to blame for it
        return Bearing.OPEN
    if record.verdict is Verdict.NOT_APPLICABLE:
        return Bearing.NOT_CONCERNED if is_by_claim(record.reason) else Bearing.OPEN
    if record.missed or record.exposures:
        return Bearing.SHOWS
    if record.unsettled:
        return Bearing.OPEN
    # files from before the level "report" was written have "may" in its place
    only_records = record.level in ("report", "may") and not record.cleared
    return Bearing.RECORDS if only_records else Bearing.CLEARS
