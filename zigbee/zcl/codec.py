"""Field lists compiled to decoders and encoders.

A `Layout` is compiled once from field definitions. Neighbouring fields of fixed size become one
`struct` call; a tail of optional fixed-size fields becomes one call for each length it may have;
the rest is read field by field. Octets are little-endian.

`Layout.decode` gives the fields found, in order; fields that are missing from the end, or whose
condition does not hold, are missing in the result. A field that is cut short is an error, but for
optional fields of revisions after `LAST_REVISION`: to a device of that revision they are no fields
but octets it ignores, so that what is less than the whole field is left over.

`Layout.encode` writes the fields it is given and no others, in the order of the definition: what
was decoded is encoded to the same octets, and a field taken out on purpose is simply not sent. A
`Raw` value is written as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from zigbee.errors import CodecError
from zigbee.zcl import types
from zigbee.zcl.conditions import Condition, condition
from zigbee.zcl.model import FieldDefinition
from zigbee.zcl.values import (
    CutError,
    FieldCodec,
    Fields,
    Fixed,
    List,
    Octets,
    Structure,
    fixed_octets,
    scalar,
)

LAST_REVISION = "1.1b"
"""The last profile revision whose optional fields every frame is expected to keep to."""

Step = Callable[[bytes, int, Fields], int]
"""Decodes at an offset into the fields, and returns the offset after."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Octets to send in place of a field's value, whatever the field's type."""

    octets: bytes


def _codec(definition: FieldDefinition, owner: str, layer: str) -> FieldCodec:
    if definition.type == "octets":
        if isinstance(definition.length, int):
            return fixed_octets(definition.length)
        return Octets(definition)
    if definition.type == "list":
        if definition.item == "struct":
            inner = Layout(f"{owner}.{definition.name}", definition.fields, layer)
            return List(definition, Structure(definition, inner))
        return List(definition, scalar(types.BY_NAME[str(definition.item)]))
    if definition.type == "struct":
        inner = Layout(f"{owner}.{definition.name}", definition.fields, layer)
        return Structure(definition, inner)
    return scalar(types.BY_NAME[definition.type])


@dataclass(slots=True)
class _Entry:
    """A compiled field."""

    name: str
    codec: FieldCodec
    present: Condition | None
    optional: bool
    optional_if: Condition | None
    later: bool

    @property
    def always_there(self) -> bool:
        return self.present is None and not self.optional and self.optional_if is None


class _Run:
    """Neighbouring fixed-size fields: one struct call."""

    __slots__ = ("converters", "names", "packers", "size", "struct")

    def __init__(self, entries: Sequence[_Entry]) -> None:
        codecs = [entry.codec for entry in entries if isinstance(entry.codec, Fixed)]
        self.struct = struct.Struct("<" + "".join(codec.code for codec in codecs))
        self.size = self.struct.size
        self.names = tuple(entry.name for entry in entries)
        odd = [(n, c) for n, c in zip(self.names, codecs, strict=True) if not c.plain]
        self.converters = [(name, codec.from_octets) for name, codec in odd]
        self.packers = {name: codec.to_octets for name, codec in odd}

    def decode(self, octets: bytes, offset: int, fields: Fields) -> int:
        """The caller has seen to it that enough octets are there."""
        fields.update(zip(self.names, self.struct.unpack_from(octets, offset), strict=True))
        for name, convert in self.converters:
            fields[name] = convert(fields[name])
        return offset + self.size

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Raises whatever the conversions raise; the caller then looks for the field at fault."""
        if not self.packers:
            return self.struct.pack(*[fields[name] for name in self.names])
        packers = self.packers
        return self.struct.pack(
            *[
                packers[name](fields[name]) if name in packers else fields[name]
                for name in self.names
            ]
        )


class _Segment(Protocol):
    """Some neighbouring fields."""

    entries: Sequence[_Entry]

    def decode(self, octets: bytes, offset: int, fields: Fields) -> int: ...

    def encode(self, fields: Mapping[str, Any]) -> bytes: ...


class _FixedSegment:
    """Fields that are always there and of fixed size."""

    __slots__ = ("_run", "encode", "entries")

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self.entries = entries
        self._run = _Run(entries)
        self.encode = self._run.encode

    def decode(self, octets: bytes, offset: int, fields: Fields) -> int:
        if offset + self._run.size > len(octets):
            return _one_by_one(self.entries, octets, offset, fields)
        return self._run.decode(octets, offset, fields)


class _TailSegment:
    """Optional fields of fixed size at the end: any number of the first of them may be there."""

    __slots__ = ("_by_size", "_full", "_runs", "entries")

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self.entries = entries
        self._runs = [_Run(entries[:count]) for count in range(len(entries) + 1)]
        self._full = self._runs[-1]
        self._by_size = {run.size: run for run in self._runs}

    def decode(self, octets: bytes, offset: int, fields: Fields) -> int:
        left = len(octets) - offset
        run = self._full if left >= self._full.size else self._by_size.get(left)
        if run is None:
            return _one_by_one(self.entries, octets, offset, fields)
        return run.decode(octets, offset, fields)

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        count = sum(entry.name in fields for entry in self.entries)
        return self._runs[count].encode(fields)


class _SingleSegment:
    """One field that varies in size, is optional, or hangs on a condition."""

    __slots__ = ("_codec", "_name", "_plain", "entries")

    def __init__(self, entry: _Entry) -> None:
        self.entries: Sequence[_Entry] = (entry,)
        self._codec = entry.codec
        self._name = entry.name
        self._plain = entry.always_there

    def decode(self, octets: bytes, offset: int, fields: Fields) -> int:
        if self._plain:
            try:
                fields[self._name], offset = self._codec.decode(octets, offset, fields)
                return offset
            except (CutError, CodecError, KeyError):
                pass  # read it again, slowly, for the error's place and reason
        return _one_by_one(self.entries, octets, offset, fields)

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        if self._name not in fields:
            return b""
        return self._codec.encode(fields[self._name])


class _Stop(Exception):
    """The fields end here, and what is left is no field."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class _FieldFault(Exception):
    """Which field of the layout could not be decoded, where, and why."""

    def __init__(self, name: str, offset: int, reason: str) -> None:
        super().__init__(name, offset, reason)
        self.name = name
        self.offset = offset
        self.reason = reason


def _one_by_one(entries: Sequence[_Entry], octets: bytes, offset: int, fields: Fields) -> int:
    for entry in entries:
        if entry.present is not None and not entry.present(fields):
            continue
        missing_allowed = entry.optional or (entry.optional_if and entry.optional_if(fields))
        if missing_allowed and offset >= len(octets):
            continue
        try:
            fields[entry.name], offset = entry.codec.decode(octets, offset, fields)
        except CutError as cut:
            if entry.later:
                raise _Stop(offset) from None
            left = len(octets) - cut.offset
            reason = f"needs {cut.needed} octet{'' if cut.needed == 1 else 's'}, {left} left"
            raise _FieldFault(entry.name, cut.offset, reason) from None
        except CodecError as error:
            inner = error.field.partition(f"{entry.name}.")[2]
            name = f"{entry.name}.{inner}" if inner else entry.name
            raise _FieldFault(name, error.offset, error.reason) from None
        except KeyError as absent:
            raise _FieldFault(entry.name, offset, f"{absent.args[0]} is missing") from None
    return offset


def _segments(entries: Sequence[_Entry]) -> list[_Segment]:
    """The entries grouped so that as few calls as possible decode them."""
    tail = len(entries)
    while tail and _is_tail(entries[tail - 1]):
        tail -= 1
    segments: list[_Segment] = []
    run: list[_Entry] = []
    for entry in entries[:tail]:
        if isinstance(entry.codec, Fixed) and entry.always_there:
            run.append(entry)
            continue
        if run:
            segments.append(_FixedSegment(run))
            run = []
        segments.append(_SingleSegment(entry))
    if run:
        segments.append(_FixedSegment(run))
    if tail < len(entries):
        segments.append(_TailSegment(entries[tail:]))
    return segments


def _is_tail(entry: _Entry) -> bool:
    return isinstance(entry.codec, Fixed) and entry.optional and entry.present is None


class Layout:
    """The compiled fields of one command (or of one structure in it).

    `name` and `layer` go into errors: `CodecError(layer, "PublishPrice.Price", offset, reason)`.
    """

    __slots__ = ("_decoders", "_entries", "_segments", "layer", "name", "names")

    def __init__(self, name: str, fields: Sequence[FieldDefinition], layer: str) -> None:
        self.name = name
        self.layer = layer
        self._entries = [
            _Entry(
                definition.name,
                _codec(definition, name, layer),
                condition(definition.present_if) if definition.present_if else None,
                definition.trailing_optional is True or definition.optional_use,
                condition(definition.trailing_optional)
                if isinstance(definition.trailing_optional, str)
                else None,
                definition.trailing_optional is True and definition.since > LAST_REVISION,
            )
            for definition in fields
        ]
        self.names = frozenset(entry.name for entry in self._entries)
        self._segments = _segments(self._entries)
        self._decoders = [segment.decode for segment in self._segments]

    def decode(self, octets: bytes, offset: int = 0) -> tuple[Fields, int]:
        """The fields found from `offset` on, and the offset after the last of them.

        Raises `CodecError` when octets are missing or a value cannot be read.
        """
        fields: Fields = {}
        try:
            for step in self._decoders:
                offset = step(octets, offset, fields)
        except _Stop as stop:
            offset = stop.offset
        except _FieldFault as fault:
            raise CodecError(
                self.layer, f"{self.name}.{fault.name}", fault.offset, fault.reason
            ) from None
        return fields, offset

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """The given fields in the order of the layout; fields not given are not sent.

        Raises `CodecError` for a name the layout does not have and for a value that does not fit.
        """
        if not fields.keys() <= self.names:
            self._refuse(fields)
        try:
            return b"".join([segment.encode(fields) for segment in self._segments])
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error):
            return self._encode_one_by_one(fields)

    def _refuse(self, fields: Mapping[str, Any]) -> None:
        known = ", ".join(entry.name for entry in self._entries) or "none"
        unknown = next(name for name in fields if name not in self.names)
        reason = f"no such field; the fields are: {known}"
        raise CodecError(self.layer, f"{self.name}.{unknown}", 0, reason)

    def _encode_one_by_one(self, fields: Mapping[str, Any]) -> bytes:
        octets = b""
        for entry in self._entries:
            if entry.name in fields:
                octets += self._encode_field(entry, fields[entry.name], len(octets))
        return octets

    def _encode_field(self, entry: _Entry, value: Any, offset: int) -> bytes:
        if isinstance(value, Raw):
            return value.octets
        place = f"{self.name}.{entry.name}"
        try:
            return entry.codec.encode(value)
        except CodecError as error:
            if error.field.startswith(place):
                raise
            raise CodecError(self.layer, place, offset, error.reason) from None
        except (OverflowError, struct.error, ValueError):
            raise CodecError(self.layer, place, offset, f"{value!r} does not fit") from None
        except (TypeError, AttributeError):
            reason = f"a {type(value).__name__} cannot be its value"
            raise CodecError(self.layer, place, offset, reason) from None
