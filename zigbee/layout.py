"""Fixed layouts: a run of integers with names, read and written by one `struct` call.

The fast path is the struct alone; names are looked at only when something does not fit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from zigbee.errors import CodecError
from zigbee.types import Eui64

_SIZES = {"B": 1, "H": 2, "I": 4, "Q": 8}


class Layout:
    """Named little-endian integers, one after the other.

    `fields` maps a name to its struct code: B, H, I, Q for 1, 2, 4, 8 octets, E for an EUI-64.
    """

    __slots__ = ("_codes", "_extended", "_struct", "layer", "names", "size")

    def __init__(self, layer: str, **fields: str) -> None:
        self.layer = layer
        self.names = tuple(fields)
        self._codes = tuple(code.replace("E", "Q") for code in fields.values())
        self._extended = tuple(i for i, code in enumerate(fields.values()) if code == "E")
        self._struct = struct.Struct("<" + "".join(self._codes))
        self.size = self._struct.size

    def unpack(self, octets: bytes, offset: int = 0) -> tuple[Any, ...]:
        """The values at `offset`; raises `CodecError` naming the first field that is cut off."""
        try:
            values = self._struct.unpack_from(octets, offset)
        except struct.error:
            raise self.cut(len(octets), offset) from None
        if not self._extended:
            return values
        mixed = list(values)
        for index in self._extended:
            mixed[index] = Eui64(mixed[index])
        return tuple(mixed)

    def cut(self, available: int, offset: int = 0) -> CodecError:
        """The error for octets that end inside this layout, `available` octets long in all."""
        for name, code in zip(self.names, self._codes, strict=True):
            size = _SIZES[code]
            if offset + size > available:
                left = max(available - offset, 0)
                reason = f"needs {size} octet{'' if size == 1 else 's'}, {left} left"
                return CodecError(self.layer, name, offset, reason)
            offset += size
        return CodecError(self.layer, "", offset, "too short")

    def pack(self, *values: Any) -> bytes:
        """The octets; raises `CodecError` naming the field whose value does not fit."""
        try:
            return self._struct.pack(*values)
        except struct.error:
            raise self._misfit(values) from None

    def _misfit(self, values: tuple[Any, ...]) -> CodecError:
        offset = 0
        for name, code, value in zip(self.names, self._codes, values, strict=True):
            size = _SIZES[code]
            if not isinstance(value, int):
                return CodecError(self.layer, name, offset, f"{value!r} is no integer")
            if not 0 <= value < 1 << 8 * size:
                reason = f"{int(value):#x} does not fit {size} octet{'' if size == 1 else 's'}"
                return CodecError(self.layer, name, offset, reason)
            offset += size
        return CodecError(self.layer, "", 0, "cannot be encoded")


@dataclass(slots=True)
class FixedCommand:
    """A command that is its identifier (one octet) and a fixed layout, then perhaps more.

    `trailing` keeps octets after the known fields: later revisions append, and a codec must show
    what it does not know. The names of `LAYOUT` are `id` and then the fields of the class in order.
    """

    ID: ClassVar[int]
    LAYOUT: ClassVar[Layout]

    trailing: bytes = field(default=b"", kw_only=True)

    def to_bytes(self) -> bytes:
        """The command with its identifier octet; raises `CodecError` for a misfit."""
        layout = self.LAYOUT
        values = [getattr(self, name) for name in layout.names[1:]]
        return layout.pack(self.ID, *values) + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """From the payload that begins with the identifier octet; raises `CodecError`."""
        layout = cls.LAYOUT
        return cls(*layout.unpack(payload)[1:], trailing=payload[layout.size :])
