"""AES-MMO against the textbook code of the vectors, round every border of its padding."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vectors.recompute import textbook
from zigbee.crypto import mmo


@pytest.mark.parametrize("length", [*range(35), 8190, 8191, 8192, 8193])
def test_lengths(length: int) -> None:
    message = bytes(index % 251 for index in range(length))
    assert mmo.mmo_hash(message) == textbook.mmo(message)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 32, 33])
def test_hmac_keys(length: int) -> None:
    key = bytes(range(length))
    assert mmo.hmac_mmo(key, b"message") == textbook.hmac(key, b"message")


def test_the_padding_ends() -> None:
    assert len(mmo._padding((1 << 29) - 1)) % 16 == 1
    with pytest.raises(ValueError, match="2\\^29"):
        mmo._padding(1 << 29)


@pytest.mark.parametrize(
    "derive", [mmo.key_transport_key, mmo.key_load_key, mmo.verify_key, mmo.swap_out_key]
)
def test_a_link_key_has_sixteen_octets(derive: Callable[[bytes], bytes]) -> None:
    assert len(derive(bytes(16))) == 16
    with pytest.raises(ValueError, match="16 octets"):
        derive(bytes(15))


def test_the_swap_out_key_is_the_hash_of_the_key() -> None:
    """Value published for the hash of these octets (053474, Annex C.5.2)."""
    link_key = bytes.fromhex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
    assert mmo.swap_out_key(link_key).hex() == "a7977e88bc0b61e8210827109a228f2d"
