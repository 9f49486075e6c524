"""Judgements in the words of a clause: what is demanded, what silence means, who was heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.cases import observe, remark
from lab.patterns import Pattern, zcl
from lab.registers.facts import fact
from lab.verdicts import Inconclusive, Violation

if TYPE_CHECKING:
    from lab.air import AirView
    from lab.units.golden_unit import GoldenNode, GoldenUnit

__all__ = [
    "absent",
    "answers_probe",
    "demand",
    "holds",
    "ignored",
    "in_service",
    "in_time",
    "silent_under",
    "unanswered",
]

#: How often a stimulus is given that the device's radio does not acknowledge: two radios may have
#: spoken at once, again and again.
STIMULUS_TRIES = 3
#: What answers a control read (Basic), and a key probe (Key Establishment).
CONTROLLED = (
    zcl("ReadAttributesResponse")
    .on(0x0000)
    .where(lambda p: p.command is not None and p.command.fields["records"][0].status == 0, "read")
)
PROBED = zcl("ReadAttributesResponse").on(0x0800)


def demand(met: object, expected: str, observed: str, *, clause: str | None = None) -> None:
    """Judge a requirement: raises Violation unless it is met, else keeps the observation."""
    if not met:
        raise Violation(expected, observed, clause=clause)
    observe(observed)


def holds(met: object, expected: str, seen: str) -> None:
    """Judge a requirement of which there is nothing to measure: ``seen`` says that it is met.

    A failure says that it was not so, instead of giving ``seen`` for an observation.
    """
    demand(met, expected, seen if met else f"not so: {seen}")


def absent(air: AirView, pattern: Pattern, *, since: int) -> None:
    """Demand that the device sent no such frame since ``since``, a place in the capture."""
    found = air.find(pattern, since=since)
    demand(not found, f"no {pattern.text}", str(found[0]) if found else f"no {pattern.text}")


def in_time(met: object, expected: str, observed: str) -> None:
    """Judge a time that the case sets where no clause gives one: missed, it rests on that fact.

    To be used for what did happen, but late. What never happened is a matter of :func:`demand`.
    """
    if met or fact("limits.reaction"):
        demand(met, expected, observed)
    else:
        remark(f"later than the case allows: expected {expected}; observed {observed}")
        observe(observed)


def answers_probe(unit: GoldenNode) -> None:
    """Demand that the device answers a key probe (KEYPROBE) of ``unit`` under their link key."""
    start = len(unit.air.frames)
    _answers(unit, unit.key_probe(), "the key probe", PROBED, start)


def silent_under(unit: GoldenNode, key: bytes | None) -> None:
    """Demand that the device does not answer a key probe (KEYPROBE) under ``key``.

    The silence counts only if the device's radio acknowledged the probe, and if a control read was
    answered before and after; otherwise, or without a key to ask under, it is inconclusive.
    """
    if not key:
        raise Inconclusive("there is no key to probe under")
    answered(unit, "before")
    found = unit.probed(key)
    if found == "not acknowledged":
        raise Inconclusive("the device's radio did not acknowledge the key probe")
    demand(found == "silence", "no answer to the key probe", found)
    answered(unit, "after")


def in_service(tc: GoldenUnit) -> None:
    """Demand that the device answers a control read (CTRL)."""
    start = len(tc.air.frames)
    _answers(tc, tc.control_read(), "the control read", CONTROLLED, start)


def _answers(unit: GoldenNode, met: bool, asked: str, answer: Pattern, start: int) -> None:
    """Demand an answer; a late one rests on the fact that the times of cases are limits."""
    late = None if met else unit.air.late(answer, within=0.0, since=start)
    demand(
        met or late,
        f"an answer to {asked}",
        f"{asked} was answered" if met or late else "no answer",
    )
    if late:
        in_time(False, f"an answer to {asked} in time", f"a late one, {late}")


def ignored(
    tc: GoldenUnit, stimulus: Callable[[], object], reaction: Pattern, *, during: float
) -> None:
    """SILENCE: the device has to let ``stimulus`` pass without ``reaction`` for ``during`` seconds.

    The silence counts only if a control read was answered before and after, and as `unanswered`
    says; otherwise it is inconclusive.
    """
    answered(tc, "before")
    unanswered(tc, stimulus, reaction, during=during)
    answered(tc, "after")


def unanswered(
    tc: GoldenUnit, stimulus: Callable[[], object], reaction: Pattern, *, during: float
) -> None:
    """The device has to let ``stimulus`` pass without ``reaction``; for cases that ask themselves
    whether it is there.

    The silence counts only if the device's radio acknowledged a unicast stimulus, which is given up
    to three times for that; otherwise it is inconclusive.
    """
    for _ in range(STIMULUS_TRIES):
        given_up = tc.air.given_up
        stimulus()
        mark = tc.air.since(None)[:1]
        tc.air.never(reaction, during=during, delivered=False)
        all_heard = tc.air.given_up == given_up
        if all_heard:
            break
    heard = tc.air.acknowledged(mark[0].number - 1 if mark else len(tc.air.frames))
    if heard is False or (heard is None and not all_heard):
        raise Inconclusive("the device's radio did not acknowledge the stimulus")


def answered(unit: GoldenNode, when: str) -> None:
    """Make sure that the device hears and answers, else the silence proves nothing."""
    if not unit.control_read():
        raise Inconclusive(f"the control read {when} the silence was not answered")
