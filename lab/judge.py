"""How a case comes to its verdict: does it apply, and what does its end say about the device.

The rules: only a Violation in the case's own call fails a device, and only when a `shall` is at
stake, the bench vouches for itself afterwards, and no unconfirmed fact carries the case. Whatever
else goes wrong is inconclusive and names its cause. A pass needs every declared step, a positive
observation, and a bench that vouches for itself afterwards: silence in front of a deaf radio is no
observation. And where a case decided nothing, the bench is asked whether it is to blame.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from drivers.errors import BenchFault
from lab.cases import CaseMeta, Recorder
from lab.dut import DutFile
from lab.registers import facts, pics
from lab.verdicts import Inconclusive, NotApplicable, Verdict, Violation


@dataclass(slots=True)
class Conclusion:
    """A verdict and its reason; `bench_fault` tells that the equipment has to be looked after."""

    verdict: Verdict
    reason: str = ""
    bench_fault: bool = False
    violation: Violation | None = None
    remarks: list[str] = field(default_factory=list)


def why_not(
    meta: CaseMeta, dut: DutFile, capabilities: Collection[str], revision: str
) -> str | None:
    """Return why a case does not apply to this device on this bench; None when it applies.

    Raises Inconclusive when the device's PICS is not known.
    """
    if meta.revision not in ("both", revision):
        return f"revision: the case is for {meta.revision}, the campaign for {revision}"
    if none := facts.no_duty(meta.facts):
        return f"facts register: {none.id} is false, so nothing of this is demanded"
    if dut.pics is None:
        raise Inconclusive(
            f"DUT file {dut.name!r} has no [pics] table: what the device claims is not known",
            "add [pics]; an empty one claims nothing",
        )
    roles = dut.roles
    if not set(meta.dut) & set(roles):
        return f"role: the case is for {', '.join(meta.dut)}, the device is {', '.join(roles)}"
    expression = pics.parse(meta.pics)
    if not expression.holds(dut.pics):
        return expression.reason(dut.pics)
    missing = [need for need in meta.needs if need not in capabilities]
    if missing:
        return f"needs: the bench has no {', '.join(missing)}"
    return None


def is_by_claim(reason: str) -> bool:
    """Whether a reason of `why_not` is what the device is and claims, and not what the bench lacks.

    Where the PICS says nothing of an item, nothing is claimed and nothing is known either.
    """
    return reason.startswith(("revision: ", "role: ", "PICS: ")) and " is absent" not in reason


def judge_end(meta: CaseMeta, recorder: Recorder, vouch: Callable[[], None]) -> Conclusion:
    """Conclude a case that ran to its end without an exception.

    `vouch` raises Inconclusive when the bench is not sound.
    """
    if meta.kind == "vector":
        return Conclusion(Verdict.PASS)
    if missing := recorder.not_run():
        names = "; ".join(f"{step.text!r}" for step in missing)
        return Conclusion(Verdict.INCONCLUSIVE, f"declared steps did not run: {names}")
    if not recorder.observations:
        return Conclusion(
            Verdict.INCONCLUSIVE, "nothing was observed: a pass needs a positive observation"
        )
    if doubt := _doubt(vouch):
        reason = f"{doubt}; what was seen does not count, and nothing in it was wrong"
        return Conclusion(Verdict.INCONCLUSIVE, reason, bench_fault=True)
    return Conclusion(Verdict.PASS)


def _doubt(vouch: Callable[[], None]) -> Inconclusive | None:
    """Return why the bench is not sound; None when it is."""
    try:
        vouch()
    except Inconclusive as doubt:
        return doubt
    return None


def judge_error(
    meta: CaseMeta,
    recorder: Recorder,
    error: BaseException,
    *,
    phase: str,
    vouch: Callable[[], None],
    doubtful: Collection[str] = (),
) -> Conclusion:
    """Conclude a case that ended with `error` in `phase` ("setup", "call" or "teardown").

    `vouch` raises Inconclusive when the bench is not sound; `doubtful` names facts on which the
    case rests and which are neither confirmed nor assumed.
    """
    if isinstance(error, NotApplicable) and phase != "teardown":
        return Conclusion(Verdict.NOT_APPLICABLE, error.reason)
    if isinstance(error, Violation):
        if phase == "call":
            return _judge_violation(meta, recorder, error, vouch, doubtful)
        said = f"expected {error.expected}; observed {error.observed}"
        before = "precondition not reached" if phase == "setup" else "after the case"
        return _undecided(f"{before}: {said}", vouch)
    where = {"setup": "before the case: ", "teardown": "after the case: "}.get(phase, "")
    fault = bench_fault(error)
    if fault is not None:
        return Conclusion(Verdict.INCONCLUSIVE, f"{where}{_cause(fault, vouch)}", bench_fault=True)
    if isinstance(error, Inconclusive):
        return _undecided(f"{where}{error}", vouch)
    return _undecided(f"{where}{harness_error(error)}", vouch)


def _cause(fault: BenchFault, vouch: Callable[[], None]) -> str:
    """Describe a fault; what else is found wrong comes first: no power, and so a silent console."""
    doubt = _doubt(vouch)
    if doubt is None or fault.cause in str(doubt):
        return f"bench: {fault}"
    return f"{doubt}; bench: {fault}"


def _undecided(reason: str, vouch: Callable[[], None]) -> Conclusion:
    """Conclude a case that decided nothing; a fault of the equipment may be why."""
    if doubt := _doubt(vouch):
        return Conclusion(Verdict.INCONCLUSIVE, f"{doubt}; {reason}", bench_fault=True)
    return Conclusion(Verdict.INCONCLUSIVE, reason)


def _judge_violation(
    meta: CaseMeta,
    recorder: Recorder,
    violation: Violation,
    vouch: Callable[[], None],
    doubtful: Collection[str],
) -> Conclusion:
    said = f"expected {violation.expected}; observed {violation.observed}"
    if doubt := _doubt(vouch):
        return Conclusion(
            Verdict.INCONCLUSIVE, f"{doubt}; what was seen does not count: {said}", bench_fault=True
        )
    if meta.level != "shall":
        return _judge_what_cannot_fail(meta, recorder, said)
    if doubtful:
        names = ", ".join(sorted(doubtful))
        return Conclusion(
            Verdict.INCONCLUSIVE,
            f"rests on facts that nobody has confirmed ({names}): {said}; confirm them in the "
            "facts register, or assume them with --assume-facts",
        )
    return Conclusion(Verdict.FAIL, said, violation=violation)


def _judge_what_cannot_fail(meta: CaseMeta, recorder: Recorder, said: str) -> Conclusion:
    """Conclude a case of another level than `shall` that something unexpected ended."""
    if meta.level == "should":
        recorder.miss(said)
        what = "recommendation missed"
    else:  # it measures, and what it was to measure did not come
        recorder.weakness(None, said)
        what = "not as expected"
    if missing := recorder.not_run():
        reason = f"a missed {meta.level!r} ended the case with {len(missing)} steps to go"
        return Conclusion(Verdict.INCONCLUSIVE, f"{reason}: {said}")
    return Conclusion(Verdict.PASS, f"{what}: {said}")


def bench_fault(error: BaseException | None) -> BenchFault | None:
    """Return the fault of the equipment that is, or lies behind, an exception."""
    while error is not None:
        if isinstance(error, BenchFault):
            return error
        error = error.__cause__ or error.__context__
    return None


def harness_error(error: BaseException) -> str:
    """Describe an exception nobody foresaw: what it was, and the line of ours that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return f"error of the harness{place}: {text}"
