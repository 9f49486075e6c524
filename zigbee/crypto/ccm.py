"""AES-CCM*, the authenticated encryption of IEEE 802.15.4 and ZigBee.

Source: ZigBee specification 053474, Annex A; CCM itself: NIST SP 800-38C.  CCM* adds a MIC of
length 0, which the CCM of a library refuses: then the ciphertext is that of counter mode and
nothing is authenticated.  Nonces have 13 octets in ZigBee (so the length field has two).
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from .errors import CryptoError

_MIC_LENGTHS = (0, 4, 8, 16)  # by the low two bits of the security level (053474, table 4.38)


class MicFault(StrEnum):
    """Why sealed octets do not open."""

    SHORT = "fewer octets than the MIC alone"
    WRONG = "the MIC does not verify"


class MicError(CryptoError):
    """Sealed octets that do not open; no plaintext is released."""

    fault: MicFault


def mic_length(level: int) -> int:
    """Length in octets of the MIC of security level 1 to 7: 4, 8, 16, 0, 4, 8, 16."""
    _check_level(level)
    return _MIC_LENGTHS[level & 3]


def seal(key: bytes, nonce: bytes, payload: bytes, aad: bytes, mic_length: int = 4) -> bytes:
    """Return ciphertext || MIC.

    ``key`` has 16 octets, ``nonce`` 13 (7 to 13 in plain CCM), ``mic_length`` is 0, 4, 8 or 16
    (or another even length that SP 800-38C allows).  With 0 the ``aad`` has no effect.  Raises
    ValueError for lengths that do not fit.
    """
    if mic_length == 0:
        return _counter_mode(key, nonce, payload)
    return _cipher(key, mic_length).encrypt(nonce, payload, aad)


def open_(key: bytes, nonce: bytes, sealed: bytes, aad: bytes, mic_length: int = 4) -> bytes:
    """Return the plaintext of ``sealed`` = ciphertext || MIC, or raise MicError.

    Lengths as for ``seal``.
    """
    if mic_length == 0:
        return _counter_mode(key, nonce, sealed)
    if len(sealed) < mic_length:
        detail = f"{len(sealed)} octets cannot hold a MIC of {mic_length}"
        raise MicError(MicFault.SHORT, detail)
    try:
        return _cipher(key, mic_length).decrypt(nonce, sealed, aad)
    except InvalidTag:
        detail = f"the MIC of {mic_length} octets does not verify"
        raise MicError(MicFault.WRONG, detail) from None


def seal_level(key: bytes, nonce: bytes, header: bytes, payload: bytes, level: int) -> bytes:
    """Return what follows ``header`` in a frame secured at ``level`` 1 to 7.

    Levels 1 to 3 leave the payload readable and authenticate it with the header; level 4 encrypts
    without a MIC; levels 5 to 7 encrypt and authenticate.
    """
    length = mic_length(level)
    if level < 4:
        return payload + seal(key, nonce, b"", header + payload, length)
    return seal(key, nonce, payload, header, length)


def open_level(key: bytes, nonce: bytes, header: bytes, secured: bytes, level: int) -> bytes:
    """Return the payload of a frame secured at ``level`` 1 to 7, or raise MicError."""
    length = mic_length(level)
    if level < 4:
        payload, mic = secured[:-length], secured[-length:]
        open_(key, nonce, mic, header + payload, length)
        return payload
    return open_(key, nonce, secured, header, length)


def _check_level(level: int) -> None:
    if not 1 <= level <= 7:
        raise ValueError(f"a security level that secures is 1 to 7, not {level}")


@lru_cache(maxsize=1024)
def _cipher(key: bytes, mic_length: int) -> AESCCM:
    if len(key) != 16:
        raise ValueError(f"a key has 16 octets, not {len(key)}")
    return AESCCM(key, tag_length=mic_length)


def _counter_mode(key: bytes, nonce: bytes, octets: bytes) -> bytes:
    """CCM* without a MIC: the key stream begins with counter 1, as counter 0 is the MIC's."""
    if len(key) != 16 or not 7 <= len(nonce) <= 13:
        detail = f"not {len(key)} and {len(nonce)}"
        raise ValueError(f"a key has 16 octets and a nonce 7 to 13, {detail}")
    width = 15 - len(nonce)
    if len(octets) >= 1 << 8 * width:
        raise ValueError(f"{len(octets)} octets do not fit a length field of {width} octets")
    first = bytes((width - 1,)) + nonce + (1).to_bytes(width, "big")
    return Cipher(algorithms.AES(key), modes.CTR(first)).encryptor().update(octets)
