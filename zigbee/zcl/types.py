"""ZCL data types (ZCL 075123, 2.5): values to octets and back, little-endian.

What a type decodes to:

| types | Python value |
|---|---|
| data, bitmap, uint, int, enum, UTC, clusterId, attribId, bacOID | int |
| bool | bool for 0 and 1, else the octet as int (0xFF is invalid) |
| semi, single, double | float; a NaN that Python would alter is a `NotANumber` with its octets |
| octstr, octstr16 | bytes, or None for the invalid length (all ones) |
| string, string16 | str, octets that are no UTF-8 as surrogate escapes; None when invalid |
| array, set, bag | `Array(type, items)`; items None for the invalid count 0xFFFF |
| struct | `Structure(elements)`: (type, value) pairs; elements None for the count 0xFFFF |
| ToD, date | `TimeOfDay`, `Date` |
| EUI64 | `Eui64` |
| key128 | 16 octets |
| nodata, unk | None |

Values that stand for "invalid" or "not used" in numeric types stay numbers. Every value that
decodes is encoded to the same octets again. Hostile input is bounded: arrays nest at most
`MAX_DEPTH` deep, and each of their elements takes at least one octet.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Self, TypeAlias

from zigbee.errors import CodecError
from zigbee.types import Eui64, Reader

LAYER = "zcl"
MAX_DEPTH = 8
"""How deep arrays, structures, sets and bags may nest in what is decoded or encoded."""

Value: TypeAlias = Any
"""A decoded value; the table above says what to expect of each type."""
_INVALID_COUNT = 0xFFFF


class NotANumber(float):
    """A NaN whose octets Python's own packing would not give back; `octets` as on the wire."""

    octets: bytes

    def __new__(cls, octets: bytes) -> Self:
        number = super().__new__(cls, "nan")
        number.octets = octets
        return number


class TimeOfDay(NamedTuple):
    """ToD: four octets as they are; 0xFF in one of them means "not used"."""

    hours: int
    minutes: int
    seconds: int
    hundredths: int


class Date(NamedTuple):
    """date: `year` counts from 1900, `weekday` 1 is Monday; 0xFF in one means "not used"."""

    year: int
    month: int
    day: int
    weekday: int


@dataclass(slots=True)
class Array:
    """An array, set or bag: the elements' type identifier, and the elements (None: invalid)."""

    type: int
    items: list[Value] | None


@dataclass(slots=True)
class Structure:
    """A structure: (type identifier, value) of each element (None: invalid)."""

    elements: list[tuple[int, Value]] | None


@dataclass(frozen=True, slots=True)
class DataType:
    """One ZCL data type.

    `size` is its octets on the wire, None when they vary. `invalid` is the number that says "no
    value", None where there is none or it is no number. `analog` types have a reportable change.
    `form` names how it is read: uint, int, bool, float, eui64, key, tod, date, text, octets, array,
    struct, none.
    """

    id: int
    name: str
    form: str
    size: int | None
    analog: bool
    invalid: int | None
    prefix: int = 0


def _numbers(first: int, stem: str, form: str, sizes: range, *, analog: bool) -> list[DataType]:
    """The family of integer types of 1 to 8 octets whose identifiers follow one another."""
    family = []
    for size in sizes:
        invalid: int | None = None
        if form == "int":
            invalid = -(1 << 8 * size - 1)
        elif stem in ("uint", "enum"):
            invalid = (1 << 8 * size) - 1
        family.append(DataType(first + size - 1, f"{stem}{8 * size}", form, size, analog, invalid))
    return family


_ALL: tuple[DataType, ...] = (
    DataType(0x00, "nodata", "none", 0, False, None),
    *_numbers(0x08, "data", "uint", range(1, 9), analog=False),
    DataType(0x10, "bool", "bool", 1, False, 0xFF),
    *_numbers(0x18, "bitmap", "uint", range(1, 9), analog=False),
    *_numbers(0x20, "uint", "uint", range(1, 9), analog=True),
    *_numbers(0x28, "int", "int", range(1, 9), analog=True),
    *_numbers(0x30, "enum", "uint", range(1, 3), analog=False),
    DataType(0x38, "semi", "float", 2, True, None),
    DataType(0x39, "single", "float", 4, True, None),
    DataType(0x3A, "double", "float", 8, True, None),
    DataType(0x41, "octstr", "octets", None, False, None, prefix=1),
    DataType(0x42, "string", "text", None, False, None, prefix=1),
    DataType(0x43, "octstr16", "octets", None, False, None, prefix=2),
    DataType(0x44, "string16", "text", None, False, None, prefix=2),
    DataType(0x48, "array", "array", None, False, None, prefix=2),
    DataType(0x4C, "struct", "struct", None, False, None, prefix=2),
    DataType(0x50, "set", "array", None, False, None, prefix=2),
    DataType(0x51, "bag", "array", None, False, None, prefix=2),
    DataType(0xE0, "ToD", "tod", 4, True, None),
    DataType(0xE1, "date", "date", 4, True, None),
    DataType(0xE2, "UTC", "uint", 4, True, 0xFFFFFFFF),
    DataType(0xE8, "clusterId", "uint", 2, False, 0xFFFF),
    DataType(0xE9, "attribId", "uint", 2, False, 0xFFFF),
    DataType(0xEA, "bacOID", "uint", 4, False, 0xFFFFFFFF),
    DataType(0xF0, "EUI64", "eui64", 8, False, (1 << 64) - 1),
    DataType(0xF1, "key128", "key", 16, False, None),
    DataType(0xFF, "unk", "none", 0, False, None),
)
BY_ID: dict[int, DataType] = {entry.id: entry for entry in _ALL}
BY_NAME: dict[str, DataType] = {entry.name: entry for entry in _ALL}


def data_type(type_: int | str) -> DataType:
    """The data type with this identifier or name ("uint24"); raises `CodecError` for none."""
    found = BY_NAME.get(type_) if isinstance(type_, str) else BY_ID.get(type_)
    if found is None:
        shown = repr(type_) if isinstance(type_, str) else f"{type_:#04x}"
        raise CodecError(LAYER, "type", 0, f"{shown} is no ZCL data type")
    return found


def all_types() -> tuple[DataType, ...]:
    """Every data type, by identifier."""
    return _ALL


def encode(type_: int | str, value: Value, field: str = "value") -> bytes:
    """`value` as octets of the type (identifier or name).

    Raises `CodecError` naming `field` when the value is of the wrong kind or does not fit.
    """
    entry = data_type(type_)
    try:
        return ENCODERS[entry.id](value)
    except CodecError as error:
        raise CodecError(LAYER, field, 0, error.reason) from None
    except (OverflowError, struct.error, ValueError):
        raise CodecError(LAYER, field, 0, f"{value!r} does not fit {entry.name}") from None
    except (TypeError, AttributeError):
        kind = type(value).__name__
        raise CodecError(LAYER, field, 0, f"a {kind} is no value of type {entry.name}") from None


def decode(type_: int | str, reader: Reader, field: str = "value") -> Value:
    """Read one value of the type; raises `CodecError` naming `field` when octets are missing."""
    entry = BY_ID.get(type_) if isinstance(type_, int) else BY_NAME.get(type_)
    if entry is None:
        shown = repr(type_) if isinstance(type_, str) else f"{type_:#04x}"
        raise reader.error(field, f"{shown} is no ZCL data type")
    if entry.size is not None:
        octets = reader.take(entry.size, field)
        return FIXED_DECODERS[entry.id](octets)
    return _decode_varying(entry, reader, field, 0)


# Fixed-size types: one function from value to octets and one back, per type.


def _encode_int(size: int, signed: bool, value: Value) -> bytes:
    return int.to_bytes(value, size, "little", signed=signed)


def _decode_int(signed: bool, octets: bytes) -> int:
    return int.from_bytes(octets, "little", signed=signed)


def _decode_bool(octets: bytes) -> bool | int:
    return octets[0] if octets[0] > 1 else octets[0] == 1


def _encode_float(packer: struct.Struct, value: Value) -> bytes:
    if isinstance(value, NotANumber) and len(value.octets) == packer.size:
        return value.octets
    return packer.pack(value)


def _decode_float(packer: struct.Struct, octets: bytes) -> float:
    number: float = packer.unpack(octets)[0]
    if number != number and packer.pack(number) != octets:  # a NaN with other payload bits
        return NotANumber(octets)
    return number


def _encode_key(value: Value) -> bytes:
    if not isinstance(value, bytes | bytearray) or len(value) != 16:
        raise CodecError(LAYER, "value", 0, "a key128 is 16 octets")
    return bytes(value)


def _encode_quadruple(value: Value) -> bytes:
    octets = bytes(value) if isinstance(value, tuple | list) else b""
    if len(octets) != 4:
        raise CodecError(LAYER, "value", 0, "four octets are needed")
    return octets


def _encode_nothing(value: Value) -> bytes:
    if value is not None:
        raise CodecError(LAYER, "value", 0, "the type has no octets; the value must be None")
    return b""


def _fixed(
    entry: DataType,
) -> tuple[Callable[[Value], bytes], Callable[[bytes], Value]]:
    size = entry.size or 0
    match entry.form:
        case "uint" | "int":
            signed = entry.form == "int"
            return partial(_encode_int, size, signed), partial(_decode_int, signed)
        case "bool":
            return partial(_encode_int, 1, False), _decode_bool
        case "float":
            packer = struct.Struct({2: "<e", 4: "<f", 8: "<d"}[size])
            return partial(_encode_float, packer), partial(_decode_float, packer)
        case "eui64":
            return partial(_encode_int, 8, False), Eui64.from_bytes_le
        case "key":
            return _encode_key, bytes
        case "tod":
            return _encode_quadruple, lambda octets: TimeOfDay(*octets)
        case "date":
            return _encode_quadruple, lambda octets: Date(*octets)
    return _encode_nothing, lambda octets: None


# Types of varying size.


def _encode_octets(prefix: int, value: Value) -> bytes:
    if value is None:
        return b"\xff" * prefix
    if not isinstance(value, bytes | bytearray):
        raise CodecError(LAYER, "value", 0, f"a {type(value).__name__} is no octet string")
    limit = (1 << 8 * prefix) - 2
    if len(value) > limit:
        raise CodecError(LAYER, "value", 0, f"{len(value)} octets; at most {limit} fit")
    return len(value).to_bytes(prefix, "little") + value


def _encode_text(prefix: int, value: Value) -> bytes:
    if value is None or isinstance(value, bytes | bytearray):
        return _encode_octets(prefix, value)
    return _encode_octets(prefix, value.encode("utf-8", "surrogateescape"))


def _count(items: list[Value]) -> bytes:
    if len(items) >= _INVALID_COUNT:
        raise CodecError(LAYER, "value", 0, f"{len(items)} elements; at most 65534 fit")
    return len(items).to_bytes(2, "little")


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise CodecError(LAYER, "value", 0, f"nested more than {MAX_DEPTH} deep")


def _encode_element(type_: int, value: Value, depth: int) -> bytes:
    entry = data_type(type_)
    if entry.form == "array":
        return _encode_array(value, depth)
    if entry.form == "struct":
        return _encode_struct(value, depth)
    return encode(type_, value)


def _encode_array(value: Array, depth: int = 0) -> bytes:
    _check_depth(depth)
    head = bytes((data_type(value.type).id,))
    if value.items is None:
        return head + b"\xff\xff"
    elements = [_encode_element(value.type, item, depth + 1) for item in value.items]
    return head + _count(value.items) + b"".join(elements)


def _encode_struct(value: Structure, depth: int = 0) -> bytes:
    _check_depth(depth)
    if value.elements is None:
        return b"\xff\xff"
    parts = [_count(value.elements)]
    for type_, item in value.elements:
        parts += (bytes((data_type(type_).id,)), _encode_element(type_, item, depth + 1))
    return b"".join(parts)


def _decode_varying(entry: DataType, reader: Reader, field: str, depth: int) -> Value:
    if entry.form == "array" or entry.form == "struct":
        if depth >= MAX_DEPTH:
            raise reader.error(field, f"nested more than {MAX_DEPTH} deep")
        decoder = _decode_array if entry.form == "array" else _decode_struct
        return decoder(reader, field, depth)
    length = reader.u8(field) if entry.prefix == 1 else reader.u16(field)
    if length == (1 << 8 * entry.prefix) - 1:
        return None
    octets = reader.take(length, field)
    return octets.decode("utf-8", "surrogateescape") if entry.form == "text" else octets


def _decode_element(type_: int, reader: Reader, field: str, depth: int) -> Value:
    entry = BY_ID.get(type_)
    if entry is not None and entry.size is None:
        return _decode_varying(entry, reader, field, depth)
    return decode(type_, reader, field)


def _bounded_count(reader: Reader, field: str, count: int) -> None:
    if count > reader.remaining:
        raise reader.error(field, f"{count} elements announced, {reader.remaining} octets left")


def _decode_array(reader: Reader, field: str, depth: int) -> Array:
    type_ = reader.u8(field)
    if type_ not in BY_ID:
        raise reader.error(field, f"{type_:#04x} is no ZCL data type")
    count = reader.u16(field)
    if count == _INVALID_COUNT:
        return Array(type_, None)
    if count and BY_ID[type_].size == 0:  # else three octets could ask for 65,534 of them
        raise reader.error(field, f"elements of type {BY_ID[type_].name} have no octets")
    _bounded_count(reader, field, count)
    return Array(type_, [_decode_element(type_, reader, field, depth + 1) for _ in range(count)])


def _decode_struct(reader: Reader, field: str, depth: int) -> Structure:
    count = reader.u16(field)
    if count == _INVALID_COUNT:
        return Structure(None)
    _bounded_count(reader, field, count)
    elements = []
    for _ in range(count):
        type_ = reader.u8(field)
        elements.append((type_, _decode_element(type_, reader, field, depth + 1)))
    return Structure(elements)


def _varying(entry: DataType) -> Callable[[Value], bytes]:
    match entry.form:
        case "array":
            return _encode_array
        case "struct":
            return _encode_struct
        case "text":
            return partial(_encode_text, entry.prefix)
    return partial(_encode_octets, entry.prefix)


ENCODERS: dict[int, Callable[[Value], bytes]] = {
    entry.id: _varying(entry) if entry.size is None else _fixed(entry)[0] for entry in _ALL
}
"""By type identifier: value to octets. Raises whatever the conversion raises; see `encode`."""

FIXED_DECODERS: dict[int, Callable[[bytes], Value]] = {
    entry.id: _fixed(entry)[1] for entry in _ALL if entry.size is not None
}
"""By type identifier, for types of one size: exactly that many octets to the value."""
