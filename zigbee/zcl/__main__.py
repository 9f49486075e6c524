"""`python -m zigbee.zcl lint` checks the definition data; `schema` writes their schema anew."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from zigbee.errors import CodecError
from zigbee.zcl import loader, types
from zigbee.zcl.conditions import condition, subject
from zigbee.zcl.definitions import ClusterDefinition, CommandDefinition
from zigbee.zcl.model import FieldDefinition

USAGE = "usage: python -m zigbee.zcl lint | schema"


def schema_text() -> str:
    """The JSON Schema of a definition file, from the models."""
    schema = ClusterDefinition.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "A ZigBee cluster definition"
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def findings(clusters: Iterable[ClusterDefinition] | None = None) -> list[str]:
    """What is wrong with the definitions beyond their schema, one line each."""
    found: list[str] = []
    for cluster in loader.clusters() if clusters is None else clusters:
        found += [f"{cluster.short}: {finding}" for finding in _cluster_findings(cluster)]
    return found


def _cluster_findings(cluster: ClusterDefinition) -> list[str]:
    attributes = cluster.attribute_list
    commands = cluster.command_list
    found = _twice("attribute id", [f"{a.side} {a.id:#06x}" for a in attributes])
    found += _twice("attribute", [f"{a.side} {a.name}" for a in attributes])
    ids = [f"{c.direction.name} {c.id:#04x}" for c in commands]
    ids += [f"{later.direction.name} {later.id:#04x}" for later in cluster.later_commands]
    found += _twice("command id", ids)
    found += _twice("command", [f"{c.direction.name} {c.name}" for c in commands])
    for name, values in cluster.enums.items():
        found += _twice(f"value of {name}", [str(entry.value) for entry in values])
    for attribute in attributes:
        found += _names_known(cluster, attribute.name, attribute.enum, attribute.bitmap)
        for key in ("min", "max"):
            found += _holds(attribute.name, attribute.type, key, getattr(attribute, key))
    for command in commands:
        found += _field_findings(cluster, command.name, command.fields)
        found += _length_findings(command)
    return found


def _twice(what: str, names: Sequence[str]) -> list[str]:
    return [f"{what} {name} is there twice" for name, count in Counter(names).items() if count > 1]


def _names_known(
    cluster: ClusterDefinition, owner: str, enum: str | None, bitmap: str | None
) -> list[str]:
    found = []
    if enum is not None and enum not in cluster.enums:
        found.append(f"{owner}: no enumeration {enum!r}")
    if bitmap is not None and bitmap not in cluster.bitmaps:
        found.append(f"{owner}: no bitmap {bitmap!r}")
    return found


def _holds(owner: str, type_: str, key: str, value: int | None) -> list[str]:
    if value is None or type_ not in types.BY_NAME:
        return []
    try:
        types.encode(type_, value)
    except CodecError as error:
        return [f"{owner}: {key}: {error.reason}"]
    return []


def _field_findings(
    cluster: ClusterDefinition, owner: str, fields: Sequence[FieldDefinition]
) -> list[str]:
    found = _twice(f"{owner}: field", [field.name for field in fields])
    before: set[str] = set()
    optional = ""
    for field in fields:
        place = f"{owner}.{field.name}"
        found += _names_known(cluster, place, field.enum, field.bitmap)
        for key in ("min", "max", "not_used"):
            found += _holds(place, field.type, key, getattr(field, key))
        if field.min is not None and field.max is not None and field.min > field.max:
            found.append(f"{place}: min {field.min} is more than max {field.max}")
        found += _references(place, field, before)
        if field.may_be_missing:
            optional = field.name
        elif optional:
            found.append(f"{place}: comes after an optional field, {optional}")
        if field.layout is not None and field.layout not in cluster.layouts:
            found.append(f"{place}: no layout {field.layout!r}")
        found += _field_findings(cluster, place, field.fields)
        before.add(field.name)
    return found


def _references(place: str, field: FieldDefinition, before: set[str]) -> list[str]:
    """A field may hang only on fields before it."""
    found = []
    names = [name for name in (field.count, field.length) if isinstance(name, str)]
    for text in (field.present_if, field.trailing_optional):
        if isinstance(text, str):
            try:
                condition(text)
            except ValueError as error:
                found.append(f"{place}: {error}")
            names.append(subject(text))
    found += [
        f"{place}: no field {name!r} before it"
        for name in names
        if name != "rest" and name not in before
    ]
    return found


def _length_findings(command: CommandDefinition) -> list[str]:
    sizes = [_size(field) for field in command.fields if not field.may_be_missing]
    if command.payload_length is None or None in sizes:
        return []
    total = sum(size for size in sizes if size is not None)
    if total == command.payload_length:
        return []
    return [f"{command.name}: {total} octets, but payload_length is {command.payload_length}"]


def _size(field: FieldDefinition) -> int | None:
    if field.present_if is not None:
        return None
    if field.type == "octets":
        return field.length if isinstance(field.length, int) else None
    return types.BY_NAME[field.type].size if field.type in types.BY_NAME else None


def main(arguments: Sequence[str]) -> int:
    """Run one of the two; 0 when all is well."""
    if list(arguments) == ["lint"]:
        found = findings()
        print("\n".join(found) or f"{len(loader.clusters())} clusters: nothing found")
        return 1 if found else 0
    if list(arguments) == ["schema"]:
        Path(str(loader.data())).joinpath("schema.json").write_text(schema_text())
        return 0
    print(USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
