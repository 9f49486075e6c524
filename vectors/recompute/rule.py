"""What the rules of recomputation are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .. import Case, VectorFile

Values = Iterator[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Rule:
    """How the cases of one group type are recomputed.

    ``given`` names the properties that are taken as they are (``name.*``: all of an object);
    ``compute`` yields the others, and statements; a value that it yields may be absent from a case
    when ``optional`` names it.
    """

    given: frozenset[str]
    compute: Callable[[VectorFile, Case], Values]
    optional: frozenset[str] = frozenset()

    def takes(self, name: str) -> bool:
        """Whether a property is given: by its name, or as part of an object that is given."""
        return name in self.given or name.split(".")[0] + ".*" in self.given


def rule(given: str, compute: Callable[[VectorFile, Case], Values], optional: str = "") -> Rule:
    """A rule with its names in one string, separated by spaces."""
    return Rule(frozenset(given.split()), compute, frozenset(optional.split()))


def flipped_bits(a: bytes, b: bytes) -> int:
    """How many bits differ between two octet strings; many when their lengths differ."""
    if len(a) != len(b):
        return 8 * max(len(a), len(b))
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def same_but(case: Case, base: Case, changed: str, names: str) -> bool:
    """Whether a case has its base's value for each of ``names`` except ``changed``."""
    return all(case.get(name) == base.get(name) for name in names.split() if name != changed)
