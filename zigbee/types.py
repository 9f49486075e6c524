"""Addresses, and the bounded cursor that all parsers of this package read with."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from zigbee.errors import CodecError

_EUI64_MAX = (1 << 64) - 1
_U16 = struct.Struct("<H").unpack_from
_U32 = struct.Struct("<I").unpack_from
_U64 = struct.Struct("<Q").unpack_from


class Eui64(int):
    """A 64-bit IEEE address; the most significant octet of its value is the first of the OUI.

    `str()` gives 16 lower-case hexadecimal digits, most significant first.
    """

    __slots__ = ()

    def __new__(cls, value: int) -> Self:
        if not 0 <= value <= _EUI64_MAX:
            raise CodecError("types", "eui64", 0, f"{value:#x} does not fit 64 bits")
        return super().__new__(cls, value)

    @classmethod
    def from_bytes_le(cls, octets: bytes) -> Self:
        """From 8 octets, least significant first (the order of ZigBee frames)."""
        return cls(int.from_bytes(_eight(octets), "little"))

    @classmethod
    def from_bytes_be(cls, octets: bytes) -> Self:
        """From 8 octets, most significant first (the order of certificates and of Spinel)."""
        return cls(int.from_bytes(_eight(octets), "big"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """From 16 hexadecimal digits, most significant first; colons, dashes, 0x ignored."""
        digits = text.strip().lower().removeprefix("0x").replace(":", "").replace("-", "")
        digits = digits.replace(" ", "")
        if len(digits) != 16 or any(digit not in "0123456789abcdef" for digit in digits):
            reason = f"{text!r} is not 16 hexadecimal digits"
            raise CodecError("types", "eui64", 0, reason)
        return cls(int(digits, 16))

    def to_le(self) -> bytes:
        """8 octets, least significant first."""
        return int(self).to_bytes(8, "little")

    def to_be(self) -> bytes:
        """8 octets, most significant first."""
        return int(self).to_bytes(8, "big")

    def __str__(self) -> str:
        return f"{int(self):016x}"

    def __repr__(self) -> str:
        return f"Eui64('{self}')"


Address = int | Eui64
"""A short (16-bit) address is a plain int; `isinstance(address, Eui64)` tells an extended one."""


def _eight(octets: bytes) -> bytes:
    if len(octets) != 8:
        raise CodecError("types", "eui64", 0, f"{len(octets)} octets, not 8")
    return octets


class Reader:
    """A cursor over `octets` that never reads past their end.

    Integers are little-endian. `base` is added to offsets in errors, for octets that are a part of
    something longer. Every method takes the name of the field it reads, for the error message, and
    raises `CodecError(layer, field, offset, reason)` when too few octets are left.
    """

    __slots__ = ("_end", "_octets", "base", "layer", "offset")

    def __init__(self, octets: bytes, layer: str, base: int = 0) -> None:
        self._octets = octets
        self._end = len(octets)
        self.layer = layer
        self.base = base
        self.offset = 0

    @property
    def remaining(self) -> int:
        """Octets not read yet."""
        return self._end - self.offset

    def _advance(self, count: int, field: str) -> int:
        start = self.offset
        if count < 0 or start + count > self._end:
            left = self._end - start
            reason = f"needs {count} octet{'' if count == 1 else 's'}, {left} left"
            raise CodecError(self.layer, field, self.base + start, reason)
        self.offset = start + count
        return start

    def u8(self, field: str = "") -> int:
        return self._octets[self._advance(1, field)]

    def u16(self, field: str = "") -> int:
        value: int = _U16(self._octets, self._advance(2, field))[0]
        return value

    def u24(self, field: str = "") -> int:
        return self.uint(3, field)

    def u32(self, field: str = "") -> int:
        value: int = _U32(self._octets, self._advance(4, field))[0]
        return value

    def u64(self, field: str = "") -> int:
        value: int = _U64(self._octets, self._advance(8, field))[0]
        return value

    def uint(self, count: int, field: str = "") -> int:
        """An unsigned integer of `count` octets, little-endian."""
        start = self._advance(count, field)
        return int.from_bytes(self._octets[start : start + count], "little")

    def eui64(self, field: str = "") -> Eui64:
        """8 octets, least significant first."""
        return Eui64(_U64(self._octets, self._advance(8, field))[0])

    def take(self, count: int, field: str = "") -> bytes:
        """The next `count` octets."""
        start = self._advance(count, field)
        return self._octets[start : start + count]

    def rest(self) -> bytes:
        """All octets not read yet (perhaps none)."""
        start, self.offset = self.offset, self._end
        return self._octets[start:]

    def error(self, field: str, reason: str, offset: int | None = None) -> CodecError:
        """A `CodecError` of this layer, by default at the cursor; the caller raises it."""
        at = self.offset if offset is None else offset
        return CodecError(self.layer, field, self.base + at, reason)


@dataclass(slots=True)
class RawCommand:
    """A command without a layout here: its identifier (one octet) and the `payload` behind it."""

    id: int
    payload: bytes = b""

    def to_bytes(self) -> bytes:
        return uint(self.id, 1, "command", "id") + self.payload


def uint(value: int, octets: int, layer: str, field: str) -> bytes:
    """`value` in `octets` little-endian octets; raises `CodecError` naming the field."""
    try:
        return value.to_bytes(octets, "little")
    except OverflowError:
        reason = f"{value:#x} does not fit {octets} octet{'' if octets == 1 else 's'}"
        raise CodecError(layer, field, 0, reason) from None
    except AttributeError:
        raise CodecError(layer, field, 0, f"{value!r} is no integer") from None


def bits(value: int, width: int, shift: int, layer: str, field: str) -> int:
    """`value` in its place in a bit field; raises `CodecError` if it exceeds `width` bits."""
    if not 0 <= value < 1 << width:
        raise CodecError(layer, field, 0, f"{int(value):#x} does not fit {width} bits")
    return value << shift


def corrupt(octets: bytes, bit: int) -> bytes:
    """`octets` with one bit flipped; `bit` counts from the first octet's least significant bit.

    A negative `bit` counts from the last octet's most significant bit (-1). Raises `CodecError`
    when there is no such bit.
    """
    total = 8 * len(octets)
    if not -total <= bit < total:
        raise CodecError("types", "bit", 0, f"bit {bit} of {total}")
    index, place = divmod(bit % total, 8)
    return octets[:index] + bytes([octets[index] ^ 1 << place]) + octets[index + 1 :]
