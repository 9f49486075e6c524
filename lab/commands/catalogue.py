"""The cases of the suites, for those who run them in processes of their own: what each says of
itself, and how pytest calls it.

Nothing imports suites by name; as pytest does, this loads their files.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.cases import CaseMeta, title_of
from lab.registers.registry import resolve

__all__ = ["CaseSource", "cases"]

ROOT = Path(__file__).parents[2]
SUITES = ROOT / "suites"


@dataclass(frozen=True, slots=True)
class CaseSource:
    """A function with @case. `clauses` are full ids of the registry; `test` is pytest's node id."""

    meta: CaseMeta
    test: str
    clauses: tuple[str, ...]
    source: str = ""
    """Its text, from the decorator to the end."""
    title: str = ""

    @property
    def id(self) -> str:
        """Its id."""
        return self.meta.id

    def names(self, clause: str) -> bool:
        """Whether it tests this clause (a full id) or a sub-clause of it."""
        return any(one == clause or one.startswith(f"{clause}.") for one in self.clauses)


def cases(folder: Path = SUITES) -> dict[str, CaseSource]:
    """Return the cases in the files of a folder, by id, in the order of files and lines."""
    paths = sorted(folder.glob("test_*.py"))
    return {one.id: one for path in paths for one in _of_file(path)}


def _of_file(path: Path) -> Iterator[CaseSource]:
    spec = importlib.util.spec_from_file_location(f"catalogue_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path}: cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    for name, found in vars(module).items():
        meta = getattr(found, "case_meta", None)
        if meta is not None:
            clauses = tuple(resolve(one).id for one in meta.clauses)
            test = f"{place.as_posix()}::{name}"
            yield CaseSource(meta, test, clauses, inspect.getsource(found), title_of(found))
