"""Whether numbers that a device drew look drawn by chance: exact tests, and one limit for them all.

A case that judges randomness has to say how often it would accuse a good device. Here a group of
tests shares one probability, `FALSE_ALARM`, in equal parts (Bonferroni), and a device fails only
beyond its part. What is merely strange (`SUSPICIOUS`) is a remark: measure again, with more
samples. The distributions are scipy's.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = [
    "FALSE_ALARM",
    "Outcome",
    "Verdict",
    "bits_of",
    "duplicates",
    "each_bit",
    "judge",
    "load",
    "monobit",
    "runs",
    "uniform_bins",
]

#: Probability that a case fails a device whose numbers are drawn by chance.
FALSE_ALARM = 1e-6
#: As FALSE_ALARM, for a remark instead of a fail.
SUSPICIOUS = 1e-3


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test: what it looked at, and how probable it is that chance strays as far as this."""

    name: str
    p: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a group of tests comes to: `random` fails a device when it is false."""

    random: bool
    suspicious: bool
    text: str


def load() -> None:
    """Load scipy, which takes a second: before a bench opens whose loop must not be kept waiting.

    Who only collects cases does without.
    """
    importlib.import_module("scipy.stats")


def bits_of(octets: bytes, width: int) -> list[int]:
    """The lowest `width` bits of a number in big-endian octets, the lowest first."""
    number = int.from_bytes(octets, "big")
    return [number >> place & 1 for place in range(width)]


def duplicates(values: Iterable[bytes]) -> list[bytes]:
    """The values that came more than once."""
    return [value for value, times in Counter(values).items() if times > 1]


def _fair(name: str, ones: int, of: int) -> Outcome:
    """Exact two-sided binomial test of a fair coin."""
    from scipy import stats  # see load()

    return Outcome(name, float(stats.binomtest(ones, of, 0.5).pvalue))


def monobit(name: str, bits: Sequence[int]) -> Outcome:
    """Test that ones are as frequent as zeros."""
    return _fair(f"{name}: ones", sum(bits), len(bits))


def runs(name: str, bits: Sequence[int]) -> Outcome:
    """Test that neighbours differ as often as not: the number of runs, for fair bits."""
    changes = sum(one != after for one, after in pairwise(bits))
    return _fair(f"{name}: changes", changes, len(bits) - 1)


def each_bit(name: str, values: Sequence[bytes], width: int) -> list[Outcome]:
    """Test every bit of numbers of `width` bits: its bias, and its correlation at lag 1."""
    table = [bits_of(value, width) for value in values]
    outcomes = []
    for place in range(width):
        column = [row[place] for row in table]
        outcomes += [monobit(f"{name} bit {place}", column), runs(f"{name} bit {place}", column)]
    return outcomes


def uniform_bins(name: str, values: Sequence[float], low: float, high: float) -> Outcome:
    """Chi-square test that values are spread evenly over ten equal bins from `low` to `high`."""
    from scipy import stats

    width = (high - low) / 10
    counts = [0] * 10
    for value in values:
        counts[min(9, max(0, int((value - low) / width)))] += 1
    return Outcome(f"{name}: ten bins {counts}", float(stats.chisquare(counts).pvalue))


def judge(outcomes: Sequence[Outcome], samples: int) -> Verdict:
    """Judge a group of tests of `samples` samples against their shared limit."""
    part = 1 / len(outcomes)
    worst = min(outcomes, key=lambda one: one.p)
    text = (
        f"{samples} samples, {len(outcomes)} tests, false-alarm probability {FALSE_ALARM:g} in all "
        f"(p at least {FALSE_ALARM * part:.2g} each); smallest p {worst.p:.2g} ({worst.name})"
    )
    return Verdict(worst.p >= FALSE_ALARM * part, worst.p < SUSPICIOUS * part, text)
