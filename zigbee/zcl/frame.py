"""The ZCL frame: header and payload (ZCL 075123, 2.3.1), and the status codes (2.5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from zigbee.errors import CodecError

LAYER = "zcl"

_MANUFACTURER = 0x04
_DIRECTION = 0x08
_DISABLE_DEFAULT_RESPONSE = 0x10


class Direction(IntEnum):
    """Bit 3 of the frame control: the side the command is sent to."""

    TO_SERVER = 0
    TO_CLIENT = 1


class Status(IntEnum):
    """ZCL status codes; those of the OTA cluster (0x95 to 0x99) included."""

    SUCCESS = 0x00
    FAILURE = 0x01
    NOT_AUTHORIZED = 0x7E
    RESERVED_FIELD_NOT_ZERO = 0x7F
    MALFORMED_COMMAND = 0x80
    UNSUP_CLUSTER_COMMAND = 0x81
    UNSUP_GENERAL_COMMAND = 0x82
    UNSUP_MANUF_CLUSTER_COMMAND = 0x83
    UNSUP_MANUF_GENERAL_COMMAND = 0x84
    INVALID_FIELD = 0x85
    UNSUPPORTED_ATTRIBUTE = 0x86
    INVALID_VALUE = 0x87
    READ_ONLY = 0x88
    INSUFFICIENT_SPACE = 0x89
    DUPLICATE_EXISTS = 0x8A
    NOT_FOUND = 0x8B
    UNREPORTABLE_ATTRIBUTE = 0x8C
    INVALID_DATA_TYPE = 0x8D
    INVALID_SELECTOR = 0x8E
    WRITE_ONLY = 0x8F
    INCONSISTENT_STARTUP_STATE = 0x90
    DEFINED_OUT_OF_BAND = 0x91
    INCONSISTENT = 0x92
    ACTION_DENIED = 0x93
    TIMEOUT = 0x94
    ABORT = 0x95
    INVALID_IMAGE = 0x96
    WAIT_FOR_DATA = 0x97
    NO_IMAGE_AVAILABLE = 0x98
    REQUIRE_MORE_IMAGE = 0x99
    HARDWARE_FAILURE = 0xC0
    SOFTWARE_FAILURE = 0xC1
    CALIBRATION_ERROR = 0xC2


@dataclass(slots=True)
class ZclFrame:
    """A ZCL frame. `payload` follows the command identifier, undecoded.

    `cluster_specific` is frame type 1 (general commands are type 0; types 2 and 3 are reserved and
    raise on parsing). `manufacturer` is the 16-bit code or None. `reserved` holds bits 5 to 7 of
    the frame control (0 to 7), so that every frame that parses is rebuilt octet for octet.
    """

    cluster_specific: bool
    direction: Direction
    sequence: int
    command: int
    payload: bytes = b""
    manufacturer: int | None = None
    disable_default_response: bool = False
    reserved: int = 0

    def to_bytes(self) -> bytes:
        """The frame's octets; raises `CodecError` when a header field does not fit."""
        control = (1 if self.cluster_specific else 0) | self.reserved << 5
        if self.direction:
            control |= _DIRECTION
        if self.disable_default_response:
            control |= _DISABLE_DEFAULT_RESPONSE
        try:
            if self.manufacturer is None:
                header = bytes((control, self.sequence, self.command))
            else:
                code = self.manufacturer.to_bytes(2, "little")
                header = bytes((control | _MANUFACTURER, *code, self.sequence, self.command))
        except (ValueError, OverflowError):
            raise self._misfit() from None
        return header + self.payload

    def _misfit(self) -> CodecError:
        limits = {"reserved": 7, "manufacturer": 0xFFFF, "sequence": 0xFF, "command": 0xFF}
        for name, limit in limits.items():
            value = getattr(self, name)
            if value is not None and not 0 <= value <= limit:
                return CodecError(LAYER, name, 0, f"{value:#x} is not in 0 to {limit:#x}")
        return CodecError(LAYER, "header", 0, "a field does not fit its octets")

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        """Parse a whole ZCL frame; raises `CodecError` when cut or of a reserved frame type."""
        size = len(octets)
        if size < 3:
            raise CodecError(LAYER, "header", size, f"cut after {size} of 3 octets")
        control = octets[0]
        if control & 0x02:
            raise CodecError(LAYER, "frame_type", 0, f"frame type {control & 3} is reserved")
        manufacturer = None
        start = 1
        if control & _MANUFACTURER:
            if size < 5:
                raise CodecError(LAYER, "header", size, f"cut after {size} of 5 octets")
            manufacturer = octets[1] | octets[2] << 8
            start = 3
        return cls(
            cluster_specific=control & 0x01 != 0,
            direction=Direction.TO_CLIENT if control & _DIRECTION else Direction.TO_SERVER,
            sequence=octets[start],
            command=octets[start + 1],
            payload=octets[start + 2 :],
            manufacturer=manufacturer,
            disable_default_response=control & _DISABLE_DEFAULT_RESPONSE != 0,
            reserved=control >> 5,
        )
