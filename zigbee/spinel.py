"""Spinel, the protocol of an OpenThread radio co-processor (RCP): numbers, headers and values.

A frame is `header (1) | command (packed integer) | payload`. Multi-octet integers are
little-endian; an EUI-64 is the opposite, most significant octet first. Numbers are those of
OpenThread's Spinel header, RCP API version 11. How frames lie on the line is in `zigbee.hdlc`, the
raw stream of 802.15.4 frames in `zigbee.spinel_stream`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import Any, NoReturn

from zigbee.errors import CodecError
from zigbee.types import Eui64

PACKED_MAX = 2097151
"""The largest packed integer: three octets of seven bits."""


class Command(IntEnum):
    NOOP = 0
    RESET = 1
    PROP_VALUE_GET = 2
    PROP_VALUE_SET = 3
    PROP_VALUE_INSERT = 4
    PROP_VALUE_REMOVE = 5
    PROP_VALUE_IS = 6
    PROP_VALUE_INSERTED = 7
    PROP_VALUE_REMOVED = 8


class Reset(IntEnum):
    """The optional octet of a RESET command."""

    PLATFORM = 1
    STACK = 2
    BOOTLOADER = 3


class Status(IntEnum):
    """Values of LAST_STATUS. From `NATIVE_BEGIN` on: the firmware's own error number is added."""

    OK = 0
    FAILURE = 1
    UNIMPLEMENTED = 2
    INVALID_ARGUMENT = 3
    INVALID_STATE = 4
    INVALID_COMMAND = 5
    INVALID_INTERFACE = 6
    INTERNAL_ERROR = 7
    SECURITY_ERROR = 8
    PARSE_ERROR = 9
    IN_PROGRESS = 10
    NOMEM = 11
    BUSY = 12
    PROP_NOT_FOUND = 13
    DROPPED = 14
    EMPTY = 15
    CMD_TOO_BIG = 16
    NO_ACK = 17
    CCA_FAILURE = 18
    ALREADY = 19
    ITEM_NOT_FOUND = 20
    INVALID_COMMAND_FOR_PROP = 21
    UNKNOWN_NEIGHBOR = 22
    NOT_CAPABLE = 23
    RESPONSE_TIMEOUT = 24
    SWITCHOVER_DONE = 25
    SWITCHOVER_FAILED = 26
    RESET_POWER_ON = 112
    RESET_EXTERNAL = 113
    RESET_SOFTWARE = 114
    RESET_FAULT = 115
    RESET_CRASH = 116
    RESET_ASSERT = 117
    RESET_OTHER = 118
    RESET_UNKNOWN = 119
    RESET_WATCHDOG = 120
    NATIVE_BEGIN = 16384


def is_reset(status: int) -> bool:
    """Whether a status says that the radio has restarted (112..127)."""
    return Status.RESET_POWER_ON <= status < 128


def status_text(status: int) -> str:
    """A status for people: name and number, or the firmware's own error number."""
    if status >= Status.NATIVE_BEGIN:
        return f"firmware error {status - Status.NATIVE_BEGIN} (status {status})"
    try:
        return f"{Status(status).name} ({status})"
    except ValueError:
        return f"status {status}"


class Property(IntEnum):
    """The properties that a ZigBee host has a use for; `FORMATS` has their types."""

    LAST_STATUS = 0x00
    PROTOCOL_VERSION = 0x01
    NCP_VERSION = 0x02
    INTERFACE_TYPE = 0x03
    VENDOR_ID = 0x04
    CAPS = 0x05
    INTERFACE_COUNT = 0x06
    HWADDR = 0x08
    PHY_ENABLED = 0x20
    PHY_CHAN = 0x21
    PHY_CHAN_SUPPORTED = 0x22
    PHY_FREQ = 0x23
    PHY_CCA_THRESHOLD = 0x24
    PHY_TX_POWER = 0x25
    PHY_RSSI = 0x26
    PHY_RX_SENSITIVITY = 0x27
    MAC_SCAN_STATE = 0x30
    MAC_SCAN_MASK = 0x31
    MAC_SCAN_PERIOD = 0x32
    MAC_15_4_LADDR = 0x34
    MAC_15_4_SADDR = 0x35
    MAC_15_4_PANID = 0x36
    MAC_RAW_STREAM_ENABLED = 0x37
    MAC_PROMISCUOUS_MODE = 0x38
    MAC_ENERGY_SCAN_RESULT = 0x39
    MAC_RX_ON_WHEN_IDLE_MODE = 0x3B
    MAC_15_4_ALT_SADDR = 0x3C
    STREAM_DEBUG = 0x70
    STREAM_RAW = 0x71
    STREAM_LOG = 0x74
    RCP_API_VERSION = 0xB0
    RCP_MIN_HOST_API_VERSION = 0xB1
    RCP_TIMESTAMP = 0x802
    RADIO_CAPS = 0x120B
    MAC_SRC_MATCH_ENABLED = 0x1303
    MAC_SRC_MATCH_SHORT_ADDRESSES = 0x1304
    MAC_SRC_MATCH_EXTENDED_ADDRESSES = 0x1305


FORMATS: dict[int, str] = {
    Property.LAST_STATUS: "i",
    Property.PROTOCOL_VERSION: "ii",
    Property.NCP_VERSION: "U",
    Property.INTERFACE_TYPE: "i",
    Property.VENDOR_ID: "i",
    Property.CAPS: "A(i)",
    Property.INTERFACE_COUNT: "C",
    Property.HWADDR: "E",
    Property.PHY_ENABLED: "b",
    Property.PHY_CHAN: "C",
    Property.PHY_CHAN_SUPPORTED: "A(C)",
    Property.PHY_FREQ: "L",
    Property.PHY_CCA_THRESHOLD: "c",
    Property.PHY_TX_POWER: "c",
    Property.PHY_RSSI: "c",
    Property.PHY_RX_SENSITIVITY: "c",
    Property.MAC_SCAN_STATE: "C",
    Property.MAC_SCAN_MASK: "A(C)",
    Property.MAC_SCAN_PERIOD: "S",
    Property.MAC_15_4_LADDR: "E",
    Property.MAC_15_4_SADDR: "S",
    Property.MAC_15_4_PANID: "S",
    Property.MAC_RAW_STREAM_ENABLED: "b",
    Property.MAC_PROMISCUOUS_MODE: "C",
    Property.MAC_ENERGY_SCAN_RESULT: "Cc",
    Property.MAC_RX_ON_WHEN_IDLE_MODE: "b",
    Property.MAC_15_4_ALT_SADDR: "S",
    Property.STREAM_RAW: "dD",
    Property.RCP_API_VERSION: "i",
    Property.RCP_MIN_HOST_API_VERSION: "i",
    Property.RCP_TIMESTAMP: "X",
    Property.RADIO_CAPS: "i",
    Property.MAC_SRC_MATCH_ENABLED: "b",
    Property.MAC_SRC_MATCH_SHORT_ADDRESSES: "A(S)",
    Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES: "A(E)",
}


class Capability(IntEnum):
    """Elements of CAPS that the harness asks for or reports."""

    COUNTERS = 5
    UNSOL_UPDATE_FILTER = 6
    OQPSK_2450MHZ = 24
    CONFIG_RADIO = 34
    RCP_API_VERSION = 64
    RCP_MIN_HOST_API_VERSION = 65
    MAC_RAW = 513


class RadioCapability(IntFlag):
    """Bits of RADIO_CAPS."""

    ACK_TIMEOUT = 0x0001
    ENERGY_SCAN = 0x0002
    TRANSMIT_RETRIES = 0x0004
    CSMA_BACKOFF = 0x0008
    SLEEP_TO_TX = 0x0010
    TRANSMIT_SEC = 0x0020
    TRANSMIT_TIMING = 0x0040
    RECEIVE_TIMING = 0x0080


# --- packed integers -------------------------------------------------------------------------


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


# --- frames ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Frame:
    """One Spinel frame. `tid` 0 marks notifications, `iid` is the interface (0 on one PAN)."""

    tid: int
    command: int
    payload: bytes = b""
    iid: int = 0

    def to_bytes(self) -> bytes:
        if not 0 <= self.tid <= 15 or not 0 <= self.iid <= 3:
            raise CodecError("spinel", "header", 0, f"no tid {self.tid} of interface {self.iid}")
        return bytes((0x80 | self.iid << 4 | self.tid,)) + pack_uint(self.command) + self.payload

    @classmethod
    def from_bytes(cls, octets: bytes) -> Frame:
        """Raises `CodecError` when it is not Spinel (top bits not `10`) or ends early."""
        if not octets or octets[0] & 0xC0 != 0x80:
            raise CodecError("spinel", "header", 0, "the top two bits are not 10")
        command, offset = unpack_uint(octets, 1)
        return cls(octets[0] & 0x0F, command, octets[offset:], octets[0] >> 4 & 0x03)

    def property(self) -> tuple[int, bytes]:
        """The property number at the head of the payload, and the value behind it."""
        number, offset = unpack_uint(self.payload)
        return number, self.payload[offset:]


def property_frame(tid: int, command: int, number: int, value: bytes = b"", iid: int = 0) -> bytes:
    """The octets of a frame that carries a property (GET, SET, IS, INSERT, ...)."""
    return Frame(tid, command, pack_uint(number) + value, iid).to_bytes()


# --- values ----------------------------------------------------------------------------------

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
