"""The facts register: values on which verdicts rest, and how sure each of them is.

The data is in lab/data/facts.toml, whose head explains the marks and how a lab settles a fact. A
step that reads a fact rests on it: what is doubtful cannot fail a device unless it was assumed.
Which cases rest on which facts is told by lab.registers.reliance.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, model_validator

from lab.cases import current_recorder
from lab.config import Section, load_toml

FILE = Path(__file__).parents[1] / "data" / "facts.toml"
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
        value = str(self.value).lower() if isinstance(self.value, bool) else self.value
        return f"{self.id} = {value}{unit} ({self.mark})"


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
    """Return the value of a fact; the step of the case that runs rests on it from now on."""
    found = lookup(fact_id)
    if recorder := current_recorder():
        recorder.rest_on(fact_id)
    return found.value


def faults(read: Iterable[str], declared: Iterable[str]) -> list[str]:
    """Return what is wrong with the facts that a case reads, and with those that it declares."""
    found = []
    declared = list(declared)
    for name in dict.fromkeys([*declared, *read]):
        try:
            one = lookup(name)
        except UnknownFact as error:
            found.append(str(error))
            continue
        if name in declared and not isinstance(one.value, bool):
            found.append(f"facts: {name} is a value; declare duties (true or false), read values")
    return found


def no_duty(fact_ids: Iterable[str]) -> Fact | None:
    """Return the first of some duties that the register says is none."""
    return next((one for one in map(lookup, fact_ids) if one.value is False), None)


def doubtful(fact_ids: Iterable[str]) -> list[Fact]:
    """Return those of some facts that nobody has confirmed."""
    return [found for found in map(lookup, dict.fromkeys(fact_ids)) if found.doubtful]
