"""Why a case was selected, or not: each condition with what the case asks and what is there."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator

from lab.dut import DutFile
from lab.judge import why_not
from lab.registers import facts, pics
from lab.runner import Run
from lab.topology import Topology
from lab.verdicts import Inconclusive

__all__ = ["explain", "open_items", "runs_named"]


def runs_named(name: str, catalogue: Iterable[Run]) -> list[Run]:
    """Return the cases of this id, with all parameters. LookupError lists the nearest."""
    known = {run.id: run for run in catalogue}
    found = [run for run in known.values() if name in (run.id, run.meta.id)]
    if not found:
        near = difflib.get_close_matches(name, known, n=5, cutoff=0.4)
        raise LookupError(f"no case {name!r}; nearest: {', '.join(near) or '(none)'}")
    return found


def explain(
    run: Run,
    dut: DutFile,
    capabilities: Collection[str],
    revision: str,
    topology: Topology | None = None,
) -> Iterator[str]:
    """Yield lines for people: every condition of a case, and what follows from them."""
    meta = run.meta
    yield f"{run.id}: {run.title}"
    if not run.needs_bench:
        yield "  a published vector: it needs no device, and always runs"
        return
    yield _line("revision", meta.revision, revision, meta.revision in ("both", revision))
    yield _line("role", ", ".join(meta.dut), ", ".join(dut.roles), bool({*meta.dut} & {*dut.roles}))
    yield from _claims(pics.parse(meta.pics), dut.pics)
    there = ", ".join(sorted(capabilities))
    yield _line("needs", ", ".join(meta.needs), there, {*meta.needs} <= {*capabilities})
    if meta.facts:
        none = facts.no_duty(meta.facts)
        register = (
            f"{none.id} = false in the facts register" if none else "all in the facts register"
        )
        yield _line("duties", ", ".join(meta.facts), register, none is None)
    outside = topology.reason_outside(run.id) if topology is not None else None
    if topology is not None:
        areas = f"{topology.id} for {', '.join(topology.areas) or 'all areas'}"
        yield _line("topology", f"area {run.id.partition('-')[0]}", areas, outside is None)
    try:
        reason = why_not(meta, dut, capabilities, revision) or outside
    except Inconclusive as refusal:
        yield f"  => refused: {refusal}"
    else:
        yield f"  => not applicable: {reason}" if reason else "  => selected"


def _claims(expression: pics.Expression, claims: pics.Claims | None) -> Iterator[str]:
    """Yield what the PICS says of the items of an expression: true, false or absent; or no PICS."""
    if claims is None:
        yield _line("PICS", expression.text, "no [pics] table", False)
        return
    states = [f"{item} is {pics.state(claims, item)}" for item in expression.items]
    yield _line("PICS", expression.text, "; ".join(states), expression.holds(claims))
    for item in expression.open_items(claims):
        yield f"            the DUT file does not say whether {item}, and it decides"


def _line(word: str, asked: str, there: str, met: bool) -> str:
    verdict = "yes" if met else "NO"
    return f"  {word + ':':<10} {verdict:<4} asks for {asked or 'nothing'}; there is {there or '-'}"


def open_items(runs: Iterable[Run], dut: DutFile, revision: str) -> dict[str, list[str]]:
    """Return, by item that the PICS does not state, the cases that are for this device otherwise
    and do not apply because of it.
    """
    found: dict[str, list[str]] = {}
    for run in runs:
        if run.meta.revision in ("both", revision) and {*run.meta.dut} & {*dut.roles}:
            for item in pics.parse(run.meta.pics).open_items(dut.pics or {}):
                found.setdefault(item, []).append(run.id)
    return found
