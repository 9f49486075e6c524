"""Faults of the networks that a trust center forms, and of the keys that it draws for them."""

from __future__ import annotations

import random

from lab.virtual.defects.base import Defect
from zigbee.crypto.mmo import mmo_hash

__all__ = ["DEFECTS"]


class FormsWhereOthersAre(Defect):
    """It takes the PAN id that it is given, whoever has it."""

    id = "M-TCP-09"
    dut = "esi"
    clause = "SE-5.5.1"
    description = "Forms a network under a PAN id that answers on the channel already"
    cases = ("TCP-09",)

    def chooses_pan(self, rng: random.Random, asked: int | None, heard: set[int]) -> int:
        return asked if asked is not None else super().chooses_pan(rng, None, heard)


class HasOnePanId(Defect):
    """It avoids others when it is told which PAN id to take, and has one of its own otherwise."""

    id = "M-TCP-09P"
    dut = "esi"
    clause = "SE-5.5.1"
    description = "Forms each network under one PAN id unless it is given another"
    cases = ("TCP-09",)

    def chooses_pan(self, rng: random.Random, asked: int | None, heard: set[int]) -> int:
        return 0x2011 if asked is None else super().chooses_pan(rng, asked, heard)


class KeepsKeysShort(Defect):
    """It draws a key as text, and so its octets from a few."""

    id = "M-RAND-03"
    dut = "esi"
    clause = "ZB-4.5.4.1"
    description = "Draws network keys of sixteen ASCII hexadecimal digits"
    cases = ("RAND-03",)

    def draws_network_key(self, rng: random.Random) -> bytes:
        return rng.randbytes(8).hex().encode("ascii")


class ChainsPartnerKeys(Defect):
    """It draws one key by chance, and each later one is the hash of the one before."""

    id = "M-RAND-04"
    dut = "esi"
    clause = "ZB-4.5.4.1"
    description = "Makes each partner link key from the one that it gave before"
    cases = ("RAND-04",)
    last = b""

    def draws_partner_key(self, rng: random.Random) -> bytes:
        self.last = mmo_hash(self.last or rng.randbytes(16))
        return self.last


class OneKeyForAllNetworks(Defect):
    """It draws a network key once, and uses it for every network that it forms until it boots."""

    id = "M-SCOPE-01"
    dut = "two_network_esi"
    clause = "SE-5.5.3"
    description = "Gives the key of the home network to its other network too"
    cases = ("SCOPE-01",)
    key = b""

    def draws_network_key(self, rng: random.Random) -> bytes:
        self.key = self.key or rng.randbytes(16)
        return self.key


class BridgesItsNetworks(Defect):
    """To it they are one network on two radios."""

    id = "M-SCOPE-01B"
    dut = "two_network_esi"
    clause = "SE-5.5.3"
    description = "Sends the broadcasts of the home network on in its other network"
    cases = ("SCOPE-01",)

    def bridges_networks(self) -> bool:
        return True


DEFECTS = (
    FormsWhereOthersAre,
    HasOnePanId,
    KeepsKeysShort,
    ChainsPartnerKeys,
    OneKeyForAllNetworks,
    BridgesItsNetworks,
)
