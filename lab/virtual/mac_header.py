"""What a radio's receive filter looks at: the addresses at the head of an 802.15.4 frame.

Not the codec of `zigbee.mac`: a chip filters every frame on the air, hostile ones too, raises
nothing, and cares for five fields only.
"""

from __future__ import annotations

from dataclasses import dataclass

from zigbee.mac import MacType
from zigbee.types import Eui64

_ACK_REQUEST = 0x20
_COMPRESSION = 0x40
_DATA_REQUEST = b"\x04"
_ACKNOWLEDGED = (MacType.DATA, MacType.COMMAND)


@dataclass(slots=True)
class Header:
    """What a receive filter looks at; a header cut short ends in `malformed`."""

    frame_type: int = -1
    ack_request: bool = False
    dst_pan: int | None = None
    dst: int | None = None
    src_pan: int | None = None
    src: int | None = None
    malformed: bool = False
    data_request: bool = False

    @classmethod
    def parse(cls, octets: bytes) -> Header:
        if len(octets) < 3:
            return cls(malformed=True)
        control = octets[0] | octets[1] << 8
        frame_type = control & 7
        header = cls(frame_type, bool(control & _ACK_REQUEST) and frame_type in _ACKNOWLEDGED)
        offset = 3
        modes = control >> 10 & 3, control >> 14 & 3
        if 1 in modes or frame_type > MacType.COMMAND or control >> 12 & 3 > 1:
            header.malformed = True
            return header
        try:
            if modes[0]:
                header.dst_pan = _u16(octets, offset)
                header.dst, offset = _address(octets, offset + 2, modes[0])
            if modes[1]:
                if control & _COMPRESSION and modes[0]:
                    header.src_pan = header.dst_pan
                else:
                    header.src_pan = _u16(octets, offset)
                    offset += 2
                header.src, offset = _address(octets, offset, modes[1])
        except IndexError:
            header.malformed = True
            return header
        header.data_request = (
            frame_type == MacType.COMMAND and octets[offset : offset + 1] == _DATA_REQUEST
        )
        return header


def _u16(octets: bytes, offset: int) -> int:
    return octets[offset] | octets[offset + 1] << 8


def _address(octets: bytes, offset: int, mode: int) -> tuple[int, int]:
    if mode == 2:
        return _u16(octets, offset), offset + 2
    if offset + 8 > len(octets):
        raise IndexError
    return Eui64.from_bytes_le(octets[offset : offset + 8]), offset + 8
