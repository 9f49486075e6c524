"""Faults of what is drawn by chance (053474 4.5.4.1; 075356 D.2.4)."""

from __future__ import annotations

import random

from lab.virtual.defects.base import Defect
from zigbee.crypto import cbke

__all__ = ["DEFECTS"]

SEED_BITS = 10


class SeedsWithTenBits(Defect):
    """Its generator is good, and is seeded anew with what little an analogue input gives."""

    id = "M-RAND-01"
    clause = "ZB-4.5.4.1"
    description = "Draws each ephemeral key from a generator seeded with ten bits"
    cases = ("RAND-01",)

    def ephemeral_octets(self, rng: random.Random, count: int) -> bytes:
        return random.Random(rng.getrandbits(SEED_BITS)).randbytes(count)


class KeepsOneSign(Defect):
    """It saves itself the sign of the point."""

    id = "M-RAND-07"
    clause = "SE-C.3.1.2.3.2"
    description = "Keeps only those ephemeral keys whose compressed point begins with 0x02"
    cases = ("RAND-01",)

    def ephemeral_octets(self, rng: random.Random, count: int) -> bytes:
        curve = cbke.SUITE1.curve
        while True:
            drawn = super().ephemeral_octets(rng, count)
            scalar = int.from_bytes(drawn, "big") & (1 << curve.order.bit_length()) - 1
            point = curve.multiply_generator(scalar) if 0 < scalar < curve.order else None
            if point is not None and curve.compress(point)[0] == 0x02:
                return drawn


class SameChanceAfterBoot(Defect):
    """Its generator has no seed but the one in the firmware."""

    id = "M-RAND-02"
    clause = "ZB-4.5.4.1"
    description = "Begins the same sequence of random numbers after each boot"
    cases = ("RAND-02", "RAND-05")

    def chance_after_boot(self, rng: random.Random) -> random.Random:
        return random.Random("firmware")


class NeverShiftsStart(Defect):
    """It begins every event at once."""

    id = "M-RAND-06"
    clause = "SE-D.2.4"
    description = "Begins load control events without the random shift that they ask for"
    cases = ("RAND-06",)
    dut = "load_control"

    def load_shift(self, limit: int, rng: random.Random) -> int:
        return 0


DEFECTS = (SeedsWithTenBits, KeepsOneSign, SameChanceAfterBoot, NeverShiftsStart)
