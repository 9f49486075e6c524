"""Judgements in the words of a clause: what is demanded, what silence means, who was heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.cases import observe
from lab.patterns import Pattern
from lab.verdicts import Inconclusive, Violation
from zigbee.mac import MacType

if TYPE_CHECKING:
    from lab.air import AirView
    from lab.golden_unit import GoldenNode, GoldenUnit

__all__ = ["absent", "answers_probe", "demand", "holds", "ignored", "in_service"]


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


def answers_probe(unit: GoldenNode) -> None:
    """Demand that the device answers a key probe (KEYPROBE) of ``unit`` under their link key."""
    works = unit.key_probe()
    demand(works, "an answer to the key probe", "answered" if works else "no answer")


def in_service(tc: GoldenUnit) -> None:
    """Demand that the device answers a control read (CTRL)."""
    met = tc.control_read()
    demand(
        met,
        "a Read Attributes Response with status 0 to a control read, one retry",
        "the control read was answered" if met else "no answer",
    )


def ignored(
    tc: GoldenUnit, stimulus: Callable[[], object], reaction: Pattern, *, during: float
) -> None:
    """SILENCE: the device has to let ``stimulus`` pass without ``reaction`` for ``during`` seconds.

    The silence counts only if the device's radio acknowledged a unicast stimulus, and if a
    control read was answered before and after; otherwise it is inconclusive.
    """
    answered(tc, "before")
    stimulus()
    mark = tc.air.since(None)[:1]
    tc.air.never(reaction, during=during)
    if not acknowledged(tc, mark[0].number - 1 if mark else len(tc.air.frames)):
        raise Inconclusive("the device's radio did not acknowledge the stimulus")
    answered(tc, "after")


def answered(tc: GoldenUnit, when: str) -> None:
    """Make sure that the device hears and answers, else the silence proves nothing."""
    if not tc.control_read():
        raise Inconclusive(f"the control read {when} the silence was not answered")


def acknowledged(tc: GoldenUnit, since: int) -> bool:
    """Whether a MAC acknowledgement followed a unicast frame to the device from here on."""
    awaited: int | None = None
    unicast = False
    for heard in tc.air.since(since):
        mac = heard.packet.mac
        if mac is None:
            continue
        if mac.frame_type == MacType.ACK:
            if mac.sequence == awaited:
                return True
        elif mac.dst is not None and mac.dst == tc.air.dut_short and mac.ack_request:
            awaited, unicast = mac.sequence, True
    return not unicast
