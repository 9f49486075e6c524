"""Completes the fields of a command to be sent, and refuses what a right one cannot have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zigbee.errors import CodecError
from zigbee.zcl.codec import Raw
from zigbee.zcl.conditions import condition
from zigbee.zcl.model import FieldDefinition
from zigbee.zcl.values import Fields


def unknown_field(
    layer: str, owner: str, name: str, definitions: Sequence[FieldDefinition]
) -> CodecError:
    """The error for a field name that `owner` does not have; it lists those it has."""
    known = ", ".join(definition.name for definition in definitions) or "none"
    return CodecError(layer, f"{owner}.{name}", 0, f"no such field; the fields are: {known}")


def fill(
    layer: str,
    owner: str,
    definitions: Sequence[FieldDefinition],
    given: Mapping[str, Any],
    revision: str,
) -> Fields:
    """All the fields to send, in order.

    A field not given gets the count it stands for, its not-used value or its default. Optional
    fields after the last one given are added as long as `revision` knows them and they can be
    filled. Structures are completed in the same way. Raises `CodecError` for a field that does not
    exist, one that is missing, and one whose condition does not hold.
    """
    names = {definition.name for definition in definitions}
    for name in given:
        if name not in names:
            raise unknown_field(layer, owner, name, definitions)
    last = max((i for i, d in enumerate(definitions) if d.name in given), default=-1)
    fields: Fields = {}
    for index, definition in enumerate(definitions):
        place = f"{owner}.{definition.name}"
        if not _is_sent(layer, place, definition, given, fields):
            continue
        if definition.name in given:
            value = given[definition.name]
            fields[definition.name] = _inner(layer, place, definition, value, revision)
            continue
        filler = _filler(definition, definitions, given)
        if index > last and definition.trailing_optional is True:
            if filler is None or definition.since > revision:
                break
        elif filler is None:
            reason = "is needed: it has neither a not-used value nor a default"
            raise CodecError(layer, place, 0, reason)
        fields[definition.name] = filler
    return fields


def _is_sent(
    layer: str, place: str, definition: FieldDefinition, given: Mapping[str, Any], fields: Fields
) -> bool:
    if definition.present_if is None or condition(definition.present_if)(fields):
        return True
    if definition.name in given:
        raise CodecError(layer, place, 0, f"is only sent when {definition.present_if}")
    return False


def _filler(
    definition: FieldDefinition, all_: Sequence[FieldDefinition], given: Mapping[str, Any]
) -> Any:
    for other in all_:
        counts = definition.name in (other.count, other.length)
        if counts and other.name in given and not isinstance(given[other.name], Raw):
            return len(given[other.name])
    return definition.default if definition.not_used is None else definition.not_used


def _inner(layer: str, place: str, definition: FieldDefinition, value: Any, revision: str) -> Any:
    """A structure's own fields completed; any other value as it is."""
    if not definition.fields:
        return value
    if isinstance(value, Mapping):
        return fill(layer, place, definition.fields, value, revision)
    if isinstance(value, list | tuple):
        return [_inner(layer, place, definition, item, revision) for item in value]
    return value
