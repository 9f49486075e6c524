"""Published test vectors, and how to read them.

    for case in vectors.load("aes_ccm").tests:
        assert seal(case.octets("key"), ...) == case.octets("ct")

There is one JSON file per algorithm in ``data``, described by ``schema.json``; ``README.md`` says
where each comes from.  ``python -m vectors lint`` checks and recomputes them.  This package
imports nothing else of the project, so it can be taken out and used elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["Case", "UnknownVectors", "VectorFile", "load", "names"]


class UnknownVectors(KeyError):
    """No file has the name that was asked for."""

    def __str__(self) -> str:
        return str(self.args[0])


class Case(dict[str, Any]):
    """One case: its own properties and the parameters of its group, as in the file.

    Names with a dot reach into a nested object: ``case.octets("initiator.certificate")``.
    """

    @property
    def id(self) -> int:
        """Number of the case, unique in its file and never used again for another."""
        return int(self["tcId"])

    @property
    def valid(self) -> bool:
        """Whether the case must compute; otherwise it must be refused."""
        return bool(self["result"] == "valid")

    @property
    def flags(self) -> list[str]:
        return list(self["flags"])

    def value(self, name: str) -> Any:
        """A property by name; KeyError names the case when it has none."""
        found: Any = self
        for part in name.split("."):
            if part not in found:
                raise KeyError(f"case {self.id} has no {name}")
            found = found[part]
        return found

    def octets(self, name: str) -> bytes:
        """A property in hex, as octets."""
        return bytes.fromhex(self.value(name))

    def integer(self, name: str) -> int:
        """A property in hex, as a big-endian integer."""
        return int.from_bytes(self.octets(name), "big")


@dataclass(frozen=True, slots=True)
class VectorFile:
    """One file: what it is about, its flags with their meanings, its groups and its cases.

    ``flags`` maps a flag to {"kind": "origin" | "property" | "fault", "description": ...}.
    """

    algorithm: str
    title: str
    source: list[dict[str, str]]
    formula: list[str]
    flags: dict[str, dict[str, str]]
    notes: list[str]
    groups: list[dict[str, Any]]
    tests: list[Case]
    raw: dict[str, Any]

    def case(self, number: int) -> Case:
        """The case with this ``tcId``."""
        for case in self.tests:
            if case.id == number:
                return case
        raise KeyError(f"{self.algorithm} has no case {number}")

    def fault(self, case: Case) -> str:
        """The reason for which an invalid case must be refused."""
        return next(flag for flag in case.flags if self.flags[flag]["kind"] == "fault")


def names() -> list[str]:
    """Names of all files, in alphabetical order."""
    data = files(__name__).joinpath("data")
    return sorted(item.name[:-5] for item in data.iterdir() if item.name.endswith(".json"))


@cache
def load(name: str) -> VectorFile:
    """Read the file of one algorithm; UnknownVectors names those there are.

    The result is shared between callers: do not change it.
    """
    if name not in names():
        raise UnknownVectors(f"no vectors named {name!r}; there are {', '.join(names())}")
    text = files(__name__).joinpath("data", f"{name}.json").read_text(encoding="utf-8")
    return from_json(json.loads(text))


def from_json(raw: dict[str, Any]) -> VectorFile:
    """Make a VectorFile of a parsed file that satisfies the schema."""
    groups = raw["testGroups"]
    return VectorFile(
        algorithm=raw["algorithm"],
        title=raw["title"],
        source=raw["source"],
        formula=raw["formula"],
        flags=raw["flags"],
        notes=raw["notes"],
        groups=groups,
        tests=[_case(group, test) for group in groups for test in group["tests"]],
        raw=raw,
    )


def _case(group: dict[str, Any], test: dict[str, Any]) -> Case:
    parameters = {key: value for key, value in group.items() if key not in ("tests", "note")}
    case = Case(parameters | test)
    for name in ("msg", "aad"):  # long messages are given by a rule: octet i = i mod 256
        if f"{name}Counting" in case:
            length = case.pop(f"{name}Counting")
            case[name] = bytes(index % 256 for index in range(length)).hex()
    return case
