"""A short seeded run of the fuzzer: nothing escapes the dissector, and every layer was reached."""

from __future__ import annotations

import random

import pytest

from benchmarks import fuzz

FRAMES = 20_000
GROWTH_KILOBYTES = 8 * 1024


def test_nothing_escapes() -> None:
    figures = fuzz.run(FRAMES, seed=20)
    assert figures["escaped"] == []
    outcomes = figures["outcomes"]
    assert sum(outcomes.values()) == FRAMES
    reached = {name.removeprefix("stopped in ") for name in outcomes}
    layers = {"mac", "mac_command", "beacon", "nwk", "nwk_command", "aux", "aps", "aps_command"}
    assert layers | {"interpan", "zcl", "zdp"} <= reached
    assert outcomes["decoded"] > FRAMES // 4
    assert figures["growth_kilobytes"] < GROWTH_KILOBYTES


def test_a_seed_makes_the_same_frames() -> None:
    one, two = fuzz.Maker(random.Random(3)), fuzz.Maker(random.Random(3))
    assert [one.frame() for _ in range(200)] == [two.frame() for _ in range(200)]


def test_what_escapes_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job itself can fail: a decoder that raises anything else is caught and shown."""
    monkeypatch.setattr("zigbee.dissect.parse_nwk_command", lambda payload: payload[999])
    figures = fuzz.run(500, seed=1)
    assert figures["exceptions"] > 0
    assert "IndexError" in figures["escaped"][0]
