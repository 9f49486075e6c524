"""What on a console looks like a secret that nobody knows yet."""

from __future__ import annotations

import pytest

from drivers.dialogue import MASK
from lab.secrets import looks_secret

KEY = bytes(range(0x60, 0x70))


@pytest.mark.parametrize(
    "text", [KEY.hex(), KEY.hex().upper(), f"key: {KEY.hex(' ')} OK", KEY.hex(":"), f"key {MASK}"]
)
def test_a_key_in_any_writing(text: str) -> None:
    assert looks_secret(text)


@pytest.mark.parametrize(
    "text", ["", "Wrong command: no command found", f"link key: {KEY[:8].hex()} cbke", "OK " * 40]
)
def test_an_address_is_none(text: str) -> None:
    assert not looks_secret(text)
