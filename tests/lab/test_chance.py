"""The tests of randomness: what chance gives passes, and common faults of generators do not."""

from __future__ import annotations

import random

from lab import chance

WIDTH = 128


def judged(keys: list[bytes]) -> chance.Verdict:
    """The judgement of RAND-03 and RAND-04."""
    pooled = [bit for key in keys for bit in chance.bits_of(key, WIDTH)]
    whole = [chance.monobit("all", pooled), chance.runs("all", pooled)]
    return chance.judge([*whole, *chance.each_bit("key", keys, WIDTH)], len(keys))


def test_keys_drawn_by_chance_pass() -> None:
    rng = random.Random(4)
    assert all(judged([rng.randbytes(16) for _ in range(50)]).random for _ in range(20))


def test_a_constant_bit_is_seen_in_fifty_keys() -> None:
    rng = random.Random(5)
    keys = [bytes([rng.randrange(128)]) + rng.randbytes(15) for _ in range(50)]
    verdict = judged(keys)
    assert not verdict.random and "key bit 127: ones" in verdict.text


def test_keys_of_ascii_digits_are_seen() -> None:
    rng = random.Random(6)
    assert not judged([rng.randbytes(8).hex().encode() for _ in range(50)]).random


def test_the_text_says_how_many_samples_and_how_often_it_is_wrong() -> None:
    text = judged([random.Random(7).randbytes(16) for _ in range(50)]).text
    assert "50 samples" in text and "false-alarm probability 1e-06 in all" in text


def test_duplicates_are_named_once() -> None:
    assert chance.duplicates([b"a", b"b", b"a", b"a"]) == [b"a"]
