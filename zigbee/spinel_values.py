"""Values as Spinel writes them: packed integers, and fields by the letters of their types.

Multi-octet integers are little-endian; an EUI-64 is the opposite, most significant octet first.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, NoReturn

from zigbee.errors import CodecError
from zigbee.types import Eui64

PACKED_MAX = 2097151
"""The largest packed integer: three octets of seven bits."""


def pack_uint(value: int) -> bytes:
    """A packed integer: seven bits an octet, low group first, top bit set on all but the last."""
    if 0 <= value < 0x80:
        return bytes((value,))
    if 0 <= value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    if 0 <= value <= PACKED_MAX:
        return bytes((value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14))
    raise CodecError("spinel", "packed integer", 0, f"{value} does not fit three octets")


def unpack_uint(octets: bytes, offset: int = 0) -> tuple[int, int]:
    """The packed integer at `offset` and the offset behind it; `CodecError` if there is none."""
    value = 0
    for index in range(3):
        if offset + index >= len(octets):
            raise CodecError("spinel", "packed integer", offset, "ends early")
        octet = octets[offset + index]
        value |= (octet & 0x7F) << 7 * index
        if octet < 0x80:
            return value, offset + index + 1
    raise CodecError("spinel", "packed integer", offset, "is longer than three octets")


_FIXED = {
    "b": struct.Struct("<?"),
    "C": struct.Struct("<B"),
    "c": struct.Struct("<b"),
    "S": struct.Struct("<H"),
    "s": struct.Struct("<h"),
    "L": struct.Struct("<I"),
    "l": struct.Struct("<i"),
    "X": struct.Struct("<Q"),
    "x": struct.Struct("<q"),
}
_RAW = {"6": 16, "e": 6}

_Field = tuple[str, "tuple[_Field, ...]"]


@lru_cache(maxsize=256)
def _parse_format(text: str) -> tuple[_Field, ...]:
    fields: list[_Field] = []
    index = 0
    while index < len(text):
        letter = text[index]
        index += 1
        inner: tuple[_Field, ...] = ()
        if letter in "tA":
            end = _closing(text, index)
            inner = _parse_format(text[index + 1 : end])
            index = end + 1
        elif letter not in _FIXED and letter not in _RAW and letter not in "iEDdU.":
            raise CodecError("spinel", "format", index - 1, f"{text!r} has no type {letter!r}")
        fields.append((letter, inner))
    return tuple(fields)


def _closing(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            if index == start:
                break
            return index
    raise CodecError("spinel", "format", start, f"{text!r} lacks a pair of parentheses")


def pack(fmt: str, *values: Any) -> bytes:
    """`values` as octets. Types: `b C c S s L l X x i E e 6 U d D t(...) A(...)`, Spinel's letters.

    A structure takes a tuple of its fields; an array an iterable of elements, each a tuple only if
    it has several fields. `D` has no length and comes last. Raises `CodecError` for a value that
    does not fit its type.
    """
    fields = [field for field in _parse_format(fmt) if field[0] != "."]
    if len(fields) != len(values):
        reason = f"{fmt!r} takes {len(fields)} values, not {len(values)}"
        raise CodecError("spinel", "format", 0, reason)
    try:
        return b"".join(_pack_one(f, value) for f, value in zip(fields, values, strict=True))
    except (struct.error, TypeError, AttributeError) as error:
        raise CodecError("spinel", "value", 0, f"{values!r} as {fmt!r}: {error}") from None


def _pack_one(field: _Field, value: Any) -> bytes:
    letter, inner = field
    if letter in _FIXED:
        return _FIXED[letter].pack(value)
    if letter == "i":
        return pack_uint(value)
    if letter == "E":
        return Eui64(value).to_be()
    if letter == "U":
        return bytes(value.encode()) + b"\x00"
    if letter == "t":
        data = b"".join(_pack_one(f, item) for f, item in zip(inner, value, strict=True))
        return len(data).to_bytes(2, "little") + data
    if letter == "A":
        items = value if len(inner) > 1 else ((item,) for item in value)
        return b"".join(
            _pack_one(f, part) for item in items for f, part in zip(inner, item, strict=True)
        )
    data = bytes(value)
    if letter in _RAW and len(data) != _RAW[letter]:
        raise CodecError("spinel", "value", 0, f"{len(data)} octets, not {_RAW[letter]}")
    return len(data).to_bytes(2, "little") + data if letter == "d" else data


def unpack(fmt: str, octets: bytes, *, partial: bool = False) -> tuple[Any, ...]:
    """The values of `octets`, one for each field of `fmt`; octets behind the last are skipped.

    Structures come as tuples, arrays as lists. With `partial` the fields may end early and the
    tuple is then shorter (a structure may end early anyway, as newer or older firmware has more or
    fewer fields). Raises `CodecError` otherwise.
    """
    return _unpack_all(_parse_format(fmt), octets, partial)[0]


def _unpack_all(
    fields: tuple[_Field, ...], octets: bytes, partial: bool
) -> tuple[tuple[Any, ...], int]:
    values: list[Any] = []
    offset = 0
    for field in fields:
        if partial and offset >= len(octets):
            break
        value, offset = _unpack_one(field, octets, offset)
        if field[0] != ".":
            values.append(value)
    return tuple(values), offset


def _unpack_one(field: _Field, octets: bytes, offset: int) -> tuple[Any, int]:
    letter, inner = field
    if letter in _FIXED:
        codec = _FIXED[letter]
        _require(octets, offset, codec.size)
        return codec.unpack_from(octets, offset)[0], offset + codec.size
    if letter == "i":
        return unpack_uint(octets, offset)
    if letter == "E":
        _require(octets, offset, 8)
        return Eui64.from_bytes_be(octets[offset : offset + 8]), offset + 8
    if letter == "U":
        end = octets.find(0, offset)
        if end < 0:
            _ends_early(octets, offset)
        return octets[offset:end].decode("utf-8", "replace"), end + 1
    if letter in "td":
        _require(octets, offset, 2)
        start = offset + 2
        end = start + int.from_bytes(octets[offset:start], "little")
        _require(octets, start, end - start)
        data = octets[start:end]
        return (_unpack_all(inner, data, True)[0] if letter == "t" else data), end
    if letter == "A":
        return _unpack_array(inner, octets, offset)
    size = _RAW.get(letter, 0 if letter == "." else len(octets) - offset)
    _require(octets, offset, size)
    return octets[offset : offset + size], offset + size


def _unpack_array(inner: tuple[_Field, ...], octets: bytes, offset: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while offset < len(octets):
        values, used = _unpack_all(inner, octets[offset:], False)
        if not used:
            raise CodecError("spinel", "value", offset, "array of nothing")
        items.append(values[0] if len(values) == 1 else values)
        offset += used
    return items, offset


def _require(octets: bytes, offset: int, size: int) -> None:
    if offset + size > len(octets):
        _ends_early(octets, offset)


def _ends_early(octets: bytes, offset: int) -> NoReturn:
    raise CodecError("spinel", "value", offset, f"ends early ({len(octets)} octets)")
