"""Conditions in field definitions: "Status == SUCCESS", "PayloadType >= 2", "Control bit 0"."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from zigbee.zcl.frame import Status

Condition = Callable[[Mapping[str, Any]], bool]

_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}


@cache
def condition(text: str) -> Condition:
    """Compile a condition on one earlier field; a field that is missing makes it false.

    The form is `<field> <operator> <number or status name>` or `<field> bit <number>`. Raises
    `ValueError` for any other.
    """
    parts = text.split()
    if len(parts) != 3 or (parts[1] not in _OPERATORS and parts[1] != "bit"):
        raise ValueError(f"{text!r} is no condition: <field> <== != >= <= bit> <value>")
    name, relation, literal = parts
    value = int(Status[literal]) if literal in Status.__members__ else int(literal, 0)
    if relation == "bit":
        return _bit(name, 1 << value)
    compare = _OPERATORS[relation]

    def holds(fields: Mapping[str, Any]) -> bool:
        found = fields.get(name)
        return isinstance(found, int) and compare(found, value)

    return holds


def _bit(name: str, mask: int) -> Condition:
    def holds(fields: Mapping[str, Any]) -> bool:
        found = fields.get(name)
        return isinstance(found, int) and found & mask != 0

    return holds


def subject(text: str) -> str:
    """The field that a condition speaks of."""
    return text.split()[0]
