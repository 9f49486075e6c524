"""Which tests are cases, what is wrong with how they are written, and how they are found."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lab.cases import CaseError, CaseMeta, title_of
from lab.registers import facts, reliance
from lab.registers.registry import resolve
from lab.runner import Run


def run_of(
    function: Callable[..., Any], module: Any, parameters: str | None, file: str
) -> Run | None:
    """Return the case that a test is, or None when it is none. Raises CaseError.

    `parameters` is pytest's id of a parametrized test. A module with constants ALGORITHM and
    CLAUSES holds tests of published vectors: each is a case without @case.
    """
    meta = getattr(function, "case_meta", None) or _vector_meta(function, module, parameters)
    if meta is None:
        return None
    read = reliance.named_in(Path(inspect.unwrap(function).__code__.co_filename))
    if faults := [*meta.faults(), *facts.faults(read, meta.facts)]:
        raise CaseError(f"case {meta.id}: {'; '.join(faults)}")
    several = parameters is not None and meta.kind != "vector"
    return Run(
        f"{meta.id}[{parameters}]" if several else meta.id,
        title_of(function),
        meta,
        function,
        f"{file}:{inspect.unwrap(function).__code__.co_firstlineno}",
    )


def _vector_meta(
    function: Callable[..., Any], module: Any, parameters: str | None
) -> CaseMeta | None:
    algorithm, clauses = getattr(module, "ALGORITHM", None), getattr(module, "CLAUSES", None)
    if algorithm is None or clauses is None:
        return None
    name = parameters or function.__name__.removeprefix("test_")
    return CaseMeta(f"VEC-{algorithm}-{name}", tuple(clauses), needs=(), kind="vector")


def keywords(run: Run) -> set[str]:
    """Return the words by which -k finds a case: clauses with and without document, id, slug."""
    words = {run.id, run.id.lower().replace("-", "_").replace("/", "_")}
    for clause in run.clauses:
        words |= {clause, resolve(clause).section}
    return words


def is_below(run: Run, roots: Iterable[str]) -> bool:
    """Return whether a case tests one of these clauses (full ids) or a sub-clause of one."""
    return any(
        clause == root or clause.startswith(f"{root}.") for clause in run.clauses for root in roots
    )
