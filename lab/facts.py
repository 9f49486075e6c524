"""The facts register: values on which verdicts rest, and how sure each of them is.

The data is in lab/data/facts.toml, whose head explains the marks and how a lab settles a fact. A
case that reads a fact rests on it: what is doubtful cannot fail a device unless it was assumed.
"""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, model_validator

from lab.cases import current_recorder
from lab.config import Section, load_toml

FILE = Path(__file__).parent / "data" / "facts.toml"
SUITES = Path(__file__).parent.parent / "suites"
Value = bool | int | float | str | list[int]
Mark = Literal[
    "recollection",
    "unverified",
    "unresolved",
    "later-revision",
    "implementation",
    "public-document",
    "computed",
]
DOUBTFUL = ("recollection", "unverified", "unresolved", "later-revision")


class Fact(Section):
    """One fact. `clause` may be empty where the number of its place is not known."""

    id: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")
    text: str
    value: Value
    unit: str = ""
    clause: str = ""
    mark: Mark
    source: str = ""
    doubt: str = ""
    note: str = ""
    confirmed_by: str = ""
    confirmed_on: date | None = None

    @model_validator(mode="after")
    def _confirmation(self) -> Fact:
        if bool(self.confirmed_by) != (self.confirmed_on is not None):
            raise ValueError(f"{self.id}: confirmed_by and confirmed_on go together")
        return self

    @property
    def doubtful(self) -> bool:
        """Whether nobody has confirmed it and no public source settles it."""
        return self.mark in DOUBTFUL and not self.confirmed_by

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.id} = {self.value}{unit} ({self.mark})"


class _Register(Section):
    fact: list[Fact]

    @model_validator(mode="after")
    def _unique(self) -> _Register:
        seen: set[str] = set()
        for one in self.fact:
            if one.id in seen:
                raise ValueError(f"{one.id}: given twice")
            seen.add(one.id)
        return self


class UnknownFact(ValueError):
    """No fact goes by this name; the text names the nearest."""


@cache
def register(file: Path = FILE) -> Mapping[str, Fact]:
    """Return all facts by id. Raises ConfigError."""
    return MappingProxyType({one.id: one for one in load_toml(file, _Register).fact})


def lookup(fact_id: str) -> Fact:
    """Return a fact without resting on it. Raises UnknownFact."""
    known = register()
    if fact_id not in known:
        near = difflib.get_close_matches(fact_id, known, n=3, cutoff=0.4)
        hint = f"; nearest known: {', '.join(near)}" if near else ""
        raise UnknownFact(f"unknown fact {fact_id!r}{hint}")
    return known[fact_id]


def fact(fact_id: str) -> Any:
    """Return the value of a fact; the case that runs rests on it from now on."""
    found = lookup(fact_id)
    recorder = current_recorder()
    if recorder is not None and fact_id not in recorder.facts:
        recorder.facts.append(fact_id)
    return found.value


def faults(fact_ids: Iterable[str]) -> list[str]:
    """Return what is wrong with some names of facts."""
    found = []
    for name in fact_ids:
        try:
            lookup(name)
        except UnknownFact as error:
            found.append(str(error))
    return found


def doubtful(fact_ids: Iterable[str]) -> list[Fact]:
    """Return those of some facts that nobody has confirmed."""
    return [found for found in map(lookup, dict.fromkeys(fact_ids)) if found.doubtful]


def cases_by_fact(suites: Path = SUITES) -> dict[str, list[str]]:
    """Return the ids of the cases that rest on each fact, from the source of the suites.

    A case rests on what its function reads by `fact("...")`, on what functions and constants of its
    own module that it names read, and on what it declares.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(suites.rglob("test_*.py")):
        for case_id, names in _module(ast.parse(path.read_text(encoding="utf-8"))).items():
            for name in names:
                found.setdefault(name, []).append(case_id)
    return found


def _module(tree: ast.Module) -> dict[str, list[str]]:
    """Return the facts of each case of a module."""
    parts: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            parts[node.name] = node
        elif isinstance(node, ast.Assign):
            parts |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
    cases: dict[str, list[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and (case_id := _case_id(node)) is not None:
            cases[case_id] = list(dict.fromkeys(_facts_of(node, parts, set())))
    return cases


def _facts_of(node: ast.stmt, parts: Mapping[str, ast.stmt], seen: set[str]) -> list[str]:
    names: list[str] = []
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and _called(inner) == "fact":
            names += [arg.value for arg in inner.args if _is_text(arg)]  # type: ignore[attr-defined]
        elif isinstance(inner, ast.keyword) and inner.arg == "facts":
            names += [one.value for one in ast.walk(inner.value) if _is_text(one)]  # type: ignore[attr-defined]
        elif isinstance(inner, ast.Name) and inner.id in parts and inner.id not in seen:
            seen.add(inner.id)
            names += _facts_of(parts[inner.id], parts, seen)
    return names


def _case_id(function: ast.FunctionDef) -> str | None:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and _called(decorator) == "case" and decorator.args:
            first = decorator.args[0]
            return first.value if _is_text(first) else None  # type: ignore[attr-defined]
    return None


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def show(*, as_json: bool = False) -> int:
    """Print the register: for people, or one JSON object a line."""
    used = cases_by_fact()
    if as_json:
        for one in register().values():
            row = one.model_dump(mode="json") | {"doubtful": one.doubtful}
            print(json.dumps(row | {"cases": used.get(one.id, [])}))
        return 0
    for one in register().values():
        print("\n".join(_lines(one, used.get(one.id, []))))
    return 0


def _lines(one: Fact, cases: list[str]) -> list[str]:
    """Return a fact as people read it."""
    if one.confirmed_by:
        state = f"confirmed by {one.confirmed_by} on {one.confirmed_on}"
    else:
        state = "DOUBTFUL: nobody has confirmed it" if one.doubtful else "settled by its source"
    rows = [
        ("what", one.text),
        ("clause", one.clause or "number not known"),
        ("source", one.source or "none"),
        ("doubt", one.doubt),
        ("note", one.note),
        ("cases", ", ".join(cases) or "none"),
    ]
    return [f"{one}: {state}", *(f"    {name}: {text}" for name, text in rows if text)]
