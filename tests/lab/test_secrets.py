"""What on a console looks like a secret that nobody knows yet."""

from __future__ import annotations

import pytest

from drivers.dialogue import MASK
from lab.secrets import looks_secret, times_shown

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


def test_a_key_that_is_echoed_and_then_shown_is_counted_twice() -> None:
    key = bytes.fromhex("83fed3407a939723")
    console = b"DUT> option install-code {83 FE D3 40 7A 93 97 23}\r\nOK\r\ncode 2397937a40d3fe83"
    assert times_shown(key, console) == 2
    assert times_shown(key, console[:40]) == 0
