"""Captures as pcapng files with IEEE 802.15.4 TAP frames: signal values kept, steps as comments.

Format: draft-ietf-opsawg-pcapng (section header, interface description and enhanced packet blocks),
link type 283 as described by the 802.15.4 TAP specification. All integers little-endian.

Times are seconds since the start of the campaign on the bench clock, at a resolution of one
microsecond; a viewer that shows dates shows 1 January 1970.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from reports.text import visible
from zigbee.fcs import crc_kermit

LINKTYPE_TAP = 283
SYNTHETIC = "synthetic (never on air)"
"""Name of the interface of frames that the harness wrote and nobody sent."""

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_OPT_COMMENT, _SHB_USERAPPL, _IF_NAME, _IF_TSRESOL, _EPB_PACKETID = 1, 4, 2, 9, 5
_TLV_FCS_TYPE, _TLV_RSS, _TLV_CHANNEL, _TLV_LQI = 0, 1, 3, 10
_FCS_CRC16 = 1


class Received(Protocol):
    """A frame as a radio hands it up; drivers.radio.RxFrame is one."""

    time: float
    octets: bytes
    rssi: int
    lqi: int
    channel: int
    fcs_ok: bool


def block(kind: int, body: bytes) -> bytes:
    """Return one pcapng block: type, length, body padded to four octets, length again."""
    padded = body + bytes(-len(body) % 4)
    length = struct.pack("<I", 12 + len(padded))
    return struct.pack("<I", kind) + length + padded + length


def options(pairs: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the options of a block with their end mark; nothing when there are none.

    Values longer than the 65,535 octets that an option can hold are cut.
    """
    out = b"".join(
        struct.pack("<HH", code, len(value[:0xFFFF]))
        + value[:0xFFFF]
        + bytes(-len(value[:0xFFFF]) % 4)
        for code, value in pairs
    )
    return out + bytes(4) if out else b""


def tap(psdu: bytes, *, rssi: int | None, lqi: int | None, channel: int, fcs_ok: bool) -> bytes:
    """Return a TAP header with `psdu` (without FCS) and an FCS of two octets, low octet first.

    `rssi` is in dBm. A radio tells only *that* an FCS was wrong, not what it was: such a frame gets
    the complement of the right one, so that readers see a wrong FCS.
    """
    fcs = crc_kermit(psdu) ^ (0 if fcs_ok else 0xFFFF)
    tlvs = struct.pack("<HHB3x", _TLV_FCS_TYPE, 1, _FCS_CRC16)
    if rssi is not None:
        tlvs += struct.pack("<HHf", _TLV_RSS, 4, float(rssi))
    tlvs += struct.pack("<HHHBx", _TLV_CHANNEL, 3, channel, 0)
    if lqi is not None:
        tlvs += struct.pack("<HHB3x", _TLV_LQI, 1, lqi)
    return struct.pack("<BBH", 0, 0, 4 + len(tlvs)) + tlvs + psdu + struct.pack("<H", fcs)


@dataclass(slots=True)
class CapturedFrame:
    """One frame of a capture: `octets` without FCS, `time` in seconds since the campaign began."""

    time: float
    octets: bytes
    rssi: int | None
    lqi: int | None
    channel: int
    fcs_ok: bool
    interface: str
    comments: list[str] = field(default_factory=list)


class Capture:
    """The frames of one case, with the steps of the case as comments on them.

    It is kept in memory and written when the case ends: keys that became known late can so be
    announced at the head of the file (see reports.keys). The head shifts the numbers that a reader
    of the file sees, so each frame has its own number, counted from 1 without the head, as its
    packet id (`frame.packet_id` in tshark).
    """

    def __init__(self, notes: Iterable[str] = ()) -> None:
        self.head: list[CapturedFrame] = []
        """Synthetic frames that stand before all others, at the time of the first."""
        self.frames: list[CapturedFrame] = []
        self.notes = list(notes)
        self._waiting: list[str] = []

    def add(
        self,
        time: float,
        octets: bytes,
        *,
        channel: int,
        rssi: int | None = None,
        lqi: int | None = None,
        fcs_ok: bool = True,
        interface: str = "sniffer",
    ) -> int:
        """Append a frame (PSDU without FCS) and return its index in `frames`."""
        frame = CapturedFrame(time, octets, rssi, lqi, channel, fcs_ok, interface, self._waiting)
        self._waiting = []
        self.frames.append(frame)
        return len(self.frames) - 1

    def add_received(self, frame: Received, interface: str = "sniffer") -> int:
        """Append a frame as a radio received it."""
        return self.add(
            frame.time,
            frame.octets,
            channel=frame.channel,
            rssi=frame.rssi,
            lqi=frame.lqi,
            fcs_ok=frame.fcs_ok,
            interface=interface,
        )

    def mark(self, text: str) -> None:
        """Put a comment (a step begins, a verdict falls) on the next frame that is captured."""
        self._waiting.append(visible(text))

    def comment(self, index: int, text: str) -> None:
        """Put a comment on the frame at `index` of `frames`."""
        self.frames[index].comments.append(visible(text))

    def number_of(self, index: int) -> int:
        """Return the number, from 1, that a reader of the file sees for `frames[index]`.

        It holds once the head is complete.
        """
        return len(self.head) + index + 1

    def to_bytes(self) -> bytes:
        """Return the capture as a pcapng file of one section."""
        written = [*self.head, *self.frames]
        notes = list(self.notes)
        if self.head:
            notes.append(
                f"frame N of a verdict has packet id N (frame.packet_id == N) and is number "
                f"N + {len(self.head)} of this file: key announcements come first"
            )
        trailing = [f"after this frame: {text}" for text in self._waiting]
        if not written:
            notes += self._waiting
        names = list(dict.fromkeys(frame.interface for frame in written)) or ["sniffer"]
        parts = [_section(notes)]
        parts += [_interface(name) for name in names]
        numbers = {name: number for number, name in enumerate(names)}
        for position, frame in enumerate(written, start=1):
            extra = trailing if position == len(written) else []
            identity = max(0, position - len(self.head))
            parts.append(_packet(frame, numbers[frame.interface], identity, extra))
        return b"".join(parts)

    def write(self, path: Path) -> None:
        """Write the capture to a file."""
        path.write_bytes(self.to_bytes())


def _section(notes: Iterable[str]) -> bytes:
    pairs = [(_OPT_COMMENT, visible(note).encode()) for note in notes]
    pairs.append((_SHB_USERAPPL, b"ZigBee Smart Energy conformance harness"))
    body = struct.pack("<IHHq", _BYTE_ORDER_MAGIC, 1, 0, -1)  # version 1.0, length not given
    return block(_SECTION, body + options(pairs))


def _interface(name: str) -> bytes:
    pairs = [(_IF_NAME, name.encode()), (_IF_TSRESOL, b"\x06")]
    return block(_INTERFACE, struct.pack("<HHI", LINKTYPE_TAP, 0, 0) + options(pairs))


def _packet(frame: CapturedFrame, interface: int, identity: int, extra: list[str]) -> bytes:
    data = tap(
        frame.octets,
        rssi=frame.rssi,
        lqi=frame.lqi,
        channel=frame.channel,
        fcs_ok=frame.fcs_ok,
    )
    micros = max(0, round(frame.time * 1_000_000))
    size = len(data)
    body = struct.pack("<IIIII", interface, micros >> 32, micros & 0xFFFFFFFF, size, size)
    body += data + bytes(-size % 4)
    pairs = [(_OPT_COMMENT, text.encode()) for text in [*frame.comments, *extra]]
    if identity:
        pairs.append((_EPB_PACKETID, struct.pack("<Q", identity)))
    return block(_PACKET, body + options(pairs))
