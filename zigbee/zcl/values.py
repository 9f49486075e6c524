"""Codecs of single fields: one object per field, made when a layout is compiled.

Octets are little-endian. `decode` takes the octets, an offset and the fields decoded before, and
returns the value and the offset after it; it raises `CutError` when octets are missing. `encode`
raises whatever the conversion raises; the layout names the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from zigbee.errors import CodecError
from zigbee.types import Reader
from zigbee.zcl import types
from zigbee.zcl.model import FieldDefinition

Fields = dict[str, Any]


class FieldCodec(Protocol):
    """Reads and writes the value of one field."""

    def decode(self, octets: bytes, offset: int, fields: Fields) -> tuple[Any, int]: ...

    def encode(self, value: Any) -> bytes: ...


class CutError(Exception):
    """Octets are missing: how many were needed at the offset. Becomes a `CodecError`."""

    def __init__(self, offset: int, needed: int) -> None:
        super().__init__(offset, needed)
        self.offset = offset
        self.needed = needed


def _take(octets: bytes, offset: int, count: int) -> tuple[bytes, int]:
    end = offset + count
    if end > len(octets):
        raise CutError(offset, count)
    return octets[offset:end], end


class Fixed:
    """A value of `size` octets; plain when the value of its struct code is the value."""

    __slots__ = ("code", "from_octets", "plain", "size", "to_octets")

    def __init__(
        self,
        size: int,
        code: str,
        from_octets: Callable[[bytes], Any],
        to_octets: Callable[[Any], bytes],
    ) -> None:
        self.size = size
        self.plain = code != ""
        self.code = code or f"{size}s"
        self.from_octets = from_octets
        self.to_octets = to_octets

    def decode(self, octets: bytes, offset: int, fields: Fields) -> tuple[Any, int]:
        taken, end = _take(octets, offset, self.size)
        return self.from_octets(taken), end

    def encode(self, value: Any) -> bytes:
        return self.to_octets(value)


class _Text:
    """octstr and string: a length octet, 0xFF for the invalid string."""

    __slots__ = ("text", "type")

    def __init__(self, type_: types.DataType) -> None:
        self.type = type_
        self.text = type_.form == "text"

    def decode(self, octets: bytes, offset: int, fields: Fields) -> tuple[Any, int]:
        if offset >= len(octets):
            raise CutError(offset, 1)
        length = octets[offset]
        if length == 0xFF:
            return None, offset + 1
        taken, end = _take(octets, offset + 1, length)
        return (taken.decode("utf-8", "surrogateescape") if self.text else taken), end

    def encode(self, value: Any) -> bytes:
        return types.ENCODERS[self.type.id](value)


class _Varying:
    """Any other type whose values vary in size."""

    __slots__ = ("type",)

    def __init__(self, type_: types.DataType) -> None:
        self.type = type_

    def decode(self, octets: bytes, offset: int, fields: Fields) -> tuple[Any, int]:
        reader = Reader(octets[offset:], types.LAYER, offset)
        value = types.decode(self.type.id, reader)
        return value, offset + reader.offset

    def encode(self, value: Any) -> bytes:
        return types.ENCODERS[self.type.id](value)


class Octets:
    """Octets without a length of their own: counted by a field, by a prefix, or up to the end."""

    __slots__ = ("length", "prefix")

    def __init__(self, definition: FieldDefinition) -> None:
        self.length = definition.length
        self.prefix = definition.prefix is not None

    def decode(self, octets: bytes, offset: int, fields: Fields) -> tuple[Any, int]:
        if self.length == "rest":
            return octets[offset:], len(octets)
        if self.prefix:
            counted, offset = _take(octets, offset, 1)
            return _take(octets, offset, counted[0])
        return _take(octets, offset, fields[str(self.length)])

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, bytes | bytearray):
            raise TypeError
        return bytes((len(value),)) + value if self.prefix else bytes(value)


class _Layout(Protocol):
    """The fields of a structure, compiled."""

    def decode(self, octets: bytes, offset: int) -> tuple[Fields, int]: ...

    def encode(self, fields: Mapping[str, Any]) -> bytes: ...


class Structure:
    """Fields inside a field: a dict. With a length prefix, octets that do not parse stay bytes."""

    __slots__ = ("layout", "prefix")

    def __init__(self, definition: FieldDefinition, layout: _Layout) -> None:
        self.layout = layout
        self.prefix = definition.prefix is not None and definition.type == "struct"

    def decode(self, octets: bytes, offset: int, fields: Fields) -> tuple[Any, int]:
        if not self.prefix:
            return self.layout.decode(octets, offset)
        counted, offset = _take(octets, offset, 1)
        taken, end = _take(octets, offset, counted[0])
        try:
            value, used = self.layout.decode(taken, 0)
        except CodecError:
            return taken, end
        return (value if used == len(taken) and taken else taken), end

    def encode(self, value: Any) -> bytes:
        octets = bytes(value) if isinstance(value, bytes) else self.layout.encode(value)
        return bytes((len(octets),)) + octets if self.prefix else octets


class List:
    """A run of items counted by a field, by a prefix octet, or up to the end."""

    __slots__ = ("count", "item", "prefix")

    def __init__(self, definition: FieldDefinition, item: FieldCodec) -> None:
        self.item = item
        self.count = definition.count
        self.prefix = definition.prefix is not None

    def decode(self, octets: bytes, offset: int, fields: Fields) -> tuple[Any, int]:
        items: list[Any] = []
        if self.count == "rest":
            while offset < len(octets):
                value, offset = self.item.decode(octets, offset, fields)
                items.append(value)
            return items, offset
        if self.prefix:
            counted, offset = _take(octets, offset, 1)
            count = counted[0]
        else:
            count = fields[str(self.count)]
        for _ in range(count):
            value, offset = self.item.decode(octets, offset, fields)
            items.append(value)
        return items, offset

    def encode(self, value: Any) -> bytes:
        octets = b"".join([self.item.encode(item) for item in value])
        return bytes((len(value),)) + octets if self.prefix else octets


_STRUCT_CODES = {
    "uint": {1: "B", 2: "H", 4: "I", 8: "Q"},
    "int": {1: "b", 2: "h", 4: "i", 8: "q"},
}


def scalar(type_: types.DataType) -> FieldCodec:
    """The codec of a ZCL data type."""
    if type_.size is not None:
        code = _STRUCT_CODES.get(type_.form, {}).get(type_.size, "")
        decoder = types.FIXED_DECODERS[type_.id]
        return Fixed(type_.size, code, decoder, types.ENCODERS[type_.id])
    if type_.prefix == 1:
        return _Text(type_)
    return _Varying(type_)


def fixed_octets(size: int) -> Fixed:
    """The codec of this many octets, neither more nor less."""

    def to_octets(value: Any) -> bytes:
        if not isinstance(value, bytes | bytearray):
            raise TypeError
        if len(value) != size:
            raise CodecError(types.LAYER, "", 0, f"{len(value)} octets, not {size}")
        return bytes(value)

    return Fixed(size, "", bytes, to_octets)
