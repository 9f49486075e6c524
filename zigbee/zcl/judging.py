"""What is wrong with the values of a command that parses: ranges, enumerations, reserved bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zigbee.zcl.conditions import condition
from zigbee.zcl.model import BitField, EnumValue, FieldDefinition

Enums = Mapping[str, Sequence[EnumValue]]
Bitmaps = Mapping[str, Sequence[BitField]]

_FIRST, _LAST = "_first", "_last"


@dataclass(frozen=True, slots=True)
class Fault:
    """One field whose value a right command would not have; `field` is "" for the whole command."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


def faults(
    definitions: Sequence[FieldDefinition],
    fields: Mapping[str, Any],
    trailing: bytes,
    *,
    revision: str,
    enums: Enums,
    bitmaps: Bitmaps,
) -> list[Fault]:
    """Every fault found, in the order of the fields; none for a command without."""
    found: list[Fault] = []
    for definition in definitions:
        if definition.name in fields:
            value = fields[definition.name]
            if definition.since > revision:
                found.append(Fault(definition.name, f"exists from {definition.since} on"))
            reason = _value_fault(definition, value, revision, enums, bitmaps)
            if reason:
                found.append(Fault(definition.name, reason))
        elif _is_due(definition, fields):
            found.append(Fault(definition.name, "is missing"))
    if trailing:
        found.append(Fault("", f"{len(trailing)} octets after the last field: {trailing.hex()}"))
    return found


def _is_due(definition: FieldDefinition, fields: Mapping[str, Any]) -> bool:
    if definition.trailing_optional is True:
        return False
    return definition.present_if is None or condition(definition.present_if)(fields)


def _value_fault(
    definition: FieldDefinition, value: Any, revision: str, enums: Enums, bitmaps: Bitmaps
) -> str:
    if isinstance(value, str | bytes):
        return _length_fault(definition, value)
    if not isinstance(value, int) or value == definition.not_used:
        return ""
    if definition.min is not None and value < definition.min:
        return f"{value} is less than {definition.min}"
    if definition.max is not None and value > definition.max:
        return f"{value} is more than {definition.max}"
    if definition.enum and not _is_named(enums[definition.enum], value, revision):
        return f"{value:#04x} is no value of {definition.enum}"
    if definition.bitmap:
        known = 0
        for entry in bitmaps[definition.bitmap]:
            known |= entry.bits if entry.since <= revision else 0
        if value & ~known:
            return f"{value:#x} has reserved bits set ({value & ~known:#x})"
    return ""


def _length_fault(definition: FieldDefinition, value: str | bytes) -> str:
    size = len(value.encode("utf-8", "surrogateescape")) if isinstance(value, str) else len(value)
    if definition.max_length is not None and size > definition.max_length:
        return f"{size} octets; at most {definition.max_length} are allowed"
    return ""


def _is_named(values: Sequence[EnumValue], value: int, revision: str) -> bool:
    """Whether the value, or the range it is in (`..._first` to `..._last`), has a name."""
    known = [entry for entry in values if entry.since <= revision]
    if any(entry.value == value for entry in known):
        return True
    lasts = {entry.name.removesuffix(_LAST): entry.value for entry in known}
    return any(
        entry.name.endswith(_FIRST)
        and entry.value <= value <= lasts.get(entry.name.removesuffix(_FIRST), -1)
        for entry in known
    )
