"""Installation codes and the link key preconfigured from them.

Source: 075356, 5.4.8.1.  A code has 6, 8, 12 or 16 octets and is followed by its CRC-16/X-25, low
octet first; the link key is the AES-MMO hash of both together.
"""

from __future__ import annotations

from enum import StrEnum

from ..fcs import crc_x25
from .errors import CryptoError
from .mmo import mmo_hash

CODE_LENGTHS = (6, 8, 12, 16)
"""Allowed lengths of a code in octets, without the CRC."""


class InstallCodeFault(StrEnum):
    """Why an installation code is refused."""

    LENGTH = "wrong length"
    CRC = "the CRC does not match the code"


class InstallCodeError(CryptoError):
    """An installation code that a trust center must not accept."""

    fault: InstallCodeFault


def crc(code: bytes) -> bytes:
    """Return the two octets of the CRC of ``code``, low octet first."""
    return crc_x25(code).to_bytes(2, "little")


def with_crc(code: bytes) -> bytes:
    """Return ``code`` followed by its CRC; InstallCodeError for a length that is not allowed."""
    if len(code) not in CODE_LENGTHS:
        raise _length_error(len(code), "without")
    return code + crc(code)


def check(code_and_crc: bytes) -> bytes:
    """Return the code without its CRC; InstallCodeError for a wrong length or CRC."""
    code, received = code_and_crc[:-2], code_and_crc[-2:]
    if len(code) not in CODE_LENGTHS:
        raise _length_error(len(code_and_crc), "with")
    expected = crc(code)
    if received != expected:
        swapped = " (its octets are exchanged)" if received == expected[::-1] else ""
        detail = f"the code ends with {received.hex()}, its CRC is {expected.hex()}{swapped}"
        raise InstallCodeError(InstallCodeFault.CRC, detail)
    return code


def link_key(code_and_crc: bytes) -> bytes:
    """Return the 16-octet link key of a code with its CRC; InstallCodeError as ``check``."""
    check(code_and_crc)
    return mmo_hash(code_and_crc)


def _length_error(length: int, how: str) -> InstallCodeError:
    extra = 2 if how == "with" else 0
    allowed = ", ".join(str(size + extra) for size in CODE_LENGTHS)
    detail = f"an installation code {how} its CRC has {allowed} octets, not {length}"
    return InstallCodeError(InstallCodeFault.LENGTH, detail)
