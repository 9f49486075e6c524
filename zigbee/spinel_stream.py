"""The value of Spinel's STREAM_RAW: 802.15.4 frames on their way to and from the air.

PSDUs here include their two FCS octets, as Spinel has them: the radio computes them on sending,
and on receiving some chips put RSSI and correlation in their place, so `RawFrame.good` and not the
octets tells whether a frame came whole. Fields as in OpenThread's RCP firmware, API version 11;
older firmware ends the metadata earlier, newer may go on.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag

from zigbee.errors import CodecError
from zigbee.spinel_values import pack, pack_uint, unpack, unpack_uint

MAX_PSDU = 127
"""Octets of the longest 802.15.4 frame, with its FCS."""


class RawFlags(IntFlag):
    """Flags of a received frame."""

    TX = 0x0001
    BAD_FCS = 0x0004
    DUPLICATE = 0x0008
    ACKED_FRAME_PENDING = 0x0010
    ACKED_SECURED = 0x0020


# rssi, noise floor, flags | length 10: channel, lqi, timestamp | length 1 (the usual case)
_RX_HEAD = struct.Struct("<bbHHBBQH")
_RX_PHY_LENGTH = 10
_MAC_NONE = b"\x05\x00\x00\x00\x00\x00\x00"
_TX_META = struct.Struct("<BBB????IIB")


@dataclass(slots=True)
class RawFrame:
    """A received frame: `psdu` with FCS octets, `rssi` in dBm, `timestamp` in microseconds.

    `lqi` 255 means that the radio gives none. `error` is the radio's own number; a frame with an
    error has no PSDU.
    """

    psdu: bytes
    rssi: int = 0
    noise_floor: int = -128
    flags: int = 0
    channel: int = 0
    lqi: int = 255
    timestamp: int = 0
    error: int = 0

    @property
    def good(self) -> bool:
        """Whether the radio found the FCS right."""
        return not self.error and not self.flags & RawFlags.BAD_FCS

    def to_bytes(self) -> bytes:
        error = pack_uint(self.error)
        return b"".join(
            (
                len(self.psdu).to_bytes(2, "little"),
                self.psdu,
                _RX_HEAD.pack(
                    self.rssi,
                    self.noise_floor,
                    self.flags,
                    _RX_PHY_LENGTH,
                    self.channel,
                    self.lqi,
                    self.timestamp,
                    len(error),
                ),
                error,
                _MAC_NONE,
            )
        )

    @classmethod
    def from_bytes(cls, octets: bytes) -> RawFrame:
        """Raises `CodecError` when the PSDU is cut; metadata may end early."""
        if len(octets) < 2:
            raise CodecError("spinel", "STREAM_RAW", 0, "has no length")
        end = 2 + (octets[0] | octets[1] << 8)
        if end > len(octets):
            raise CodecError("spinel", "STREAM_RAW", 2, f"{end - 2} octets said, fewer sent")
        psdu = octets[2:end]
        if len(octets) > end + _RX_HEAD.size:
            rssi, noise, flags, length, channel, lqi, stamp, more = _RX_HEAD.unpack_from(
                octets, end
            )
            error = octets[end + _RX_HEAD.size]
            if length == _RX_PHY_LENGTH and more == 1 and error < 0x80:
                return cls(psdu, rssi, noise, flags, channel, lqi, stamp, error)
        return cls._from_unusual(psdu, octets[end:])

    @classmethod
    def _from_unusual(cls, psdu: bytes, metadata: bytes) -> RawFrame:
        values = unpack("ccSt(CCX)t(i)", metadata, partial=True)
        frame = cls(psdu)
        for name, value in zip(("rssi", "noise_floor", "flags"), values, strict=False):
            setattr(frame, name, value)
        phy = values[3] if len(values) > 3 else ()
        for name, value in zip(("channel", "lqi", "timestamp"), phy, strict=False):
            setattr(frame, name, value)
        if len(values) > 4 and values[4]:
            frame.error = values[4][0]
        return frame


@dataclass(slots=True)
class TransmitRequest:
    """A frame to send. Defaults are what the radio assumes for fields that are left out.

    `psdu` has two octets for the FCS at its end, whose content is not used. `delay` (microseconds)
    counts from `delay_base` on the radio's clock. `power` in dBm or None for PHY_TX_POWER.
    """

    psdu: bytes
    channel: int
    backoffs: int = 4
    retries: int = 15
    csma: bool = True
    header_updated: bool = False
    retransmission: bool = False
    security_processed: bool = False
    delay: int = 0
    delay_base: int = 0
    channel_after: int | None = None
    power: int | None = None

    def to_bytes(self) -> bytes:
        if len(self.psdu) > MAX_PSDU:
            reason = f"{len(self.psdu)} octets, a radio sends {MAX_PSDU} at most"
            raise CodecError("spinel", "STREAM_RAW", 2, reason)
        after = self.channel if self.channel_after is None else self.channel_after
        power = b"" if self.power is None else pack("c", self.power)
        try:
            metadata = _TX_META.pack(
                self.channel,
                self.backoffs,
                self.retries,
                self.csma,
                self.header_updated,
                self.retransmission,
                self.security_processed,
                self.delay,
                self.delay_base,
                after,
            )
        except struct.error as error:
            raise CodecError("spinel", "STREAM_RAW", 0, f"{self!r}: {error}") from None
        return len(self.psdu).to_bytes(2, "little") + self.psdu + metadata + power

    @classmethod
    def from_bytes(cls, octets: bytes) -> TransmitRequest:
        """Raises `CodecError` without a channel, or when the PSDU has no room for an FCS."""
        end = 2 + int.from_bytes(octets[:2], "little")
        if len(octets) == end + _TX_META.size and 4 <= end <= 2 + MAX_PSDU:  # the usual case
            return cls(octets[2:end], *_TX_META.unpack_from(octets, end))
        values = unpack("dCCCbbbbLLCc", octets, partial=True)
        if len(values) < 2:
            raise CodecError("spinel", "STREAM_RAW", len(octets), "names no channel")
        if not 2 <= len(values[0]) <= MAX_PSDU:
            raise CodecError("spinel", "STREAM_RAW", 2, f"a PSDU of {len(values[0])} octets")
        return cls(*values)


@dataclass(slots=True)
class TransmitDone:
    """How a transmission ended: the value of LAST_STATUS that answers a SET of STREAM_RAW.

    `acknowledgement` is there with status 0 only, its PSDU empty when none was asked for. A refusal
    ends after the status.
    """

    status: int
    pending: bool = False
    header_updated: bool = True
    acknowledgement: RawFrame | None = None

    def to_bytes(self) -> bytes:
        head = pack_uint(self.status) + bytes((self.pending, self.header_updated))
        return head + (self.acknowledgement.to_bytes() if self.acknowledgement else b"")

    @classmethod
    def from_bytes(cls, octets: bytes) -> TransmitDone:
        status, offset = unpack_uint(octets)
        done = cls(status)
        if len(octets) >= offset + 2:
            done.pending = bool(octets[offset])
            done.header_updated = bool(octets[offset + 1])
        if len(octets) > offset + 2:
            done.acknowledgement = RawFrame.from_bytes(octets[offset + 2 :])
        return done
