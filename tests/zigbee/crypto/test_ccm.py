"""CCM* against the textbook code of the vectors, at all levels; lengths and refusals."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectors.recompute import textbook
from zigbee.crypto import ccm
from zigbee.crypto.ccm import MicError, MicFault

KEY, NONCE = bytes(range(16)), bytes(range(13))
levels = pytest.mark.parametrize("level", range(1, 8))
octets = st.binary(max_size=80)


@levels
@given(payload=octets, header=octets)
@settings(max_examples=25, deadline=None)
def test_levels(level: int, payload: bytes, header: bytes) -> None:
    length = ccm.mic_length(level)
    if level < 4:
        _, mic = textbook.ccm(KEY, NONCE, b"", header + payload, length)
        expected = payload + mic
    else:
        ciphertext, mic = textbook.ccm(KEY, NONCE, payload, header, length)
        expected = ciphertext + mic
    assert ccm.seal_level(KEY, NONCE, header, payload, level) == expected
    assert ccm.open_level(KEY, NONCE, header, expected, level) == payload


@pytest.mark.parametrize("level", [1, 2, 3, 5, 6, 7])
def test_every_bit_of_what_is_authenticated_counts(level: int) -> None:
    secured = ccm.seal_level(KEY, NONCE, b"header", b"payload", level)
    for place in range(8 * len(secured)):
        altered = bytearray(secured)
        altered[place // 8] ^= 1 << place % 8
        with pytest.raises(MicError) as refusal:
            ccm.open_level(KEY, NONCE, b"header", bytes(altered), level)
        assert refusal.value.fault == MicFault.WRONG


@levels
def test_fewer_octets_than_the_mic(level: int) -> None:
    length = ccm.mic_length(level)
    if length:
        with pytest.raises(MicError) as refusal:
            ccm.open_level(KEY, NONCE, b"header", bytes(length - 1), level)
        assert refusal.value.fault == MicFault.SHORT


@pytest.mark.parametrize("level", [-1, 0, 8])
def test_levels_that_do_not_secure(level: int) -> None:
    with pytest.raises(ValueError, match="level"):
        ccm.seal_level(KEY, NONCE, b"", b"", level)


@pytest.mark.parametrize(
    ("key", "nonce", "length"),
    [
        (bytes(15), NONCE, 4),
        (bytes(32), NONCE, 4),
        (KEY, bytes(14), 4),
        (KEY, NONCE, 3),
        (bytes(32), NONCE, 0),
        (KEY, bytes(14), 0),
        (KEY, bytes(6), 0),
    ],
)
def test_wrong_lengths(key: bytes, nonce: bytes, length: int) -> None:
    with pytest.raises(ValueError):
        ccm.seal(key, nonce, b"payload", b"", length)


def test_more_than_the_length_field_can_say() -> None:
    with pytest.raises(ValueError, match="length field"):
        ccm.seal(KEY, NONCE, bytes(1 << 16), b"", 0)
