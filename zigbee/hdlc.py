"""HDLC-lite: how Spinel frames, and nothing else here, are laid out on a serial line.

A frame is `7E`, escaped octets, `7E`. The octets between the flags are the content and a two-octet
FCS (CRC-16/X-25 over the content before escaping), low octet first. Source: RFC 1662 for the FCS
and the escapes; OpenThread's HDLC-lite for what is left out (no address, no control field).
"""

from __future__ import annotations

from zigbee.errors import CodecError
from zigbee.fcs import crc_x25

FLAG = 0x7E
ESCAPE = 0x7D
ESCAPED = frozenset({FLAG, ESCAPE, 0x11, 0x13, 0xF8})
"""What a sender escapes: flag, escape, XON, XOFF and an octet some radios' vendors reserve."""

_MASK = 0x20
_FLAG_OCTET = bytes([FLAG])
_ESCAPE_OCTET = bytes([ESCAPE])
# The escape itself comes first, so that the escapes put in by the others stay as they are.
_REPLACEMENTS = tuple(
    (bytes([octet]), bytes([ESCAPE, octet ^ _MASK])) for octet in (ESCAPE, FLAG, 0x11, 0x13, 0xF8)
)
_RESERVED = bytes(sorted(ESCAPED))
_MIN_OCTETS = 4
MAX_CONTENT = 1300
"""The longest content in octets that either end sends."""
_MAX_PENDING = 2 * (MAX_CONTENT + 2)


def encode(content: bytes) -> bytes:
    """The octets to put on the line for `content`, with a flag at both ends."""
    octets = content + crc_x25(content).to_bytes(2, "little")
    if len(octets.translate(None, _RESERVED)) != len(octets):
        for plain, escaped in _REPLACEMENTS:
            octets = octets.replace(plain, escaped)
    return _FLAG_OCTET + octets + _FLAG_OCTET


def decode(octets: bytes) -> bytes:
    """The content of the octets between two flags.

    Raises `CodecError` (layer "hdlc") for fewer than four octets, a wrong FCS, or an escape right
    before the flag.
    """
    plain = _unescape(octets) if ESCAPE in octets else octets
    if len(plain) < _MIN_OCTETS:
        raise CodecError("hdlc", "content", 0, f"{len(plain)} octets, fewer than {_MIN_OCTETS}")
    content = plain[:-2]
    expected = crc_x25(content)
    found = int.from_bytes(plain[-2:], "little")
    if found != expected:
        reason = f"is {found:#06x}, must be {expected:#06x}"
        raise CodecError("hdlc", "fcs", len(plain) - 2, reason)
    return content


def _unescape(octets: bytes) -> bytes:
    if octets[-1] == ESCAPE:
        raise CodecError("hdlc", "content", len(octets) - 1, "an escape before the flag")
    first, *others = octets.split(_ESCAPE_OCTET)
    # Two escapes in a row leave an empty part: the second is the escaped octet of the first.
    plain = bytearray(first)
    parts = iter(others)
    for part in parts:
        if part:
            plain.append(part[0] ^ _MASK)
            plain += part[1:]
        else:
            plain.append(ESCAPE ^ _MASK)
            plain += next(parts, b"")
    return bytes(plain)


class Decoder:
    """Takes octets in any split and gives the contents of the good frames, in order.

    Bad ones are dropped without an answer (the sender finds out by time-out) and counted in
    `dropped`. One flag may end a frame and begin the next; runs of flags are idle fill. What is
    kept between calls is bounded, whatever comes.
    """

    __slots__ = ("_discarding", "_pending", "dropped")

    def __init__(self) -> None:
        self._pending = bytearray()
        self._discarding = False
        self.dropped = 0

    def feed(self, octets: bytes) -> list[bytes]:
        """The contents of the frames that `octets` complete."""
        contents: list[bytes] = []
        if not self._pending and not self._discarding and octets.startswith(_FLAG_OCTET):
            octets = octets[1:]  # the flag that begins a frame ends nothing
        head, *ended = octets.split(_FLAG_OCTET)
        self._keep(head)
        for part in ended:
            self._end(contents)
            if part:
                self._keep(part)
        return contents

    def _keep(self, part: bytes) -> None:
        self._pending += part
        if len(self._pending) > _MAX_PENDING:
            self._pending.clear()
            self._discarding = True

    def _end(self, contents: list[bytes]) -> None:
        octets = bytes(self._pending)
        self._pending.clear()
        if self._discarding:
            self._discarding = False
            self.dropped += 1
        elif octets:
            try:
                contents.append(decode(octets))
            except CodecError:
                self.dropped += 1
