"""The two 16-bit checks of the lab: the FCS of IEEE 802.15.4 and the CRC of installation codes.

Both use the polynomial 0x1021 with the bits of each octet reflected. The standard library has the
unreflected polynomial in C (`binascii.crc_hqx`), so octets and result are mirrored around it: the
same remainder, some thirty times faster than a table in Python.
"""

from __future__ import annotations

from binascii import crc_hqx

_MIRROR = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))


def crc_kermit(data: bytes) -> int:
    """The FCS of `data` (IEEE 802.15.4-2006, 7.2.1.9): initial value 0, no final xor.

    On the wire the low octet comes first: `crc_kermit(psdu).to_bytes(2, "little")`.
    """
    return _reflected(data, 0x0000)


def crc_x25(data: bytes) -> int:
    """CRC-16/X-25 of `data`: initial value 0xFFFF, final xor 0xFFFF.

    Used by installation codes (075356, 5.4.8.1; low octet first) and by HDLC (RFC 1662).
    """
    return _reflected(data, 0xFFFF) ^ 0xFFFF


def _reflected(data: bytes, initial: int) -> int:
    remainder = crc_hqx(bytes(data).translate(_MIRROR), initial)
    return _MIRROR[remainder >> 8] | _MIRROR[remainder & 0xFF] << 8
