"""Faults of what link keys protect, and of the security level (075356 5.4.5, 5.4.6; 053474 4.3)."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class AnswersUnderLinkKey(Defect):
    """It protects more than it was asked to."""

    id = "M-LKEY-02"
    clause = "SE-5.4.6"
    description = "Answers every command under the link key, that of a general cluster as well"
    cases = ("LKEY-02",)

    def secures_answer(self, asked: bool) -> bool:
        return True


class AsksInTheClear(Defect):
    """It protects its answers, and not its questions."""

    id = "M-LKEY-03"
    clause = "SE-5.4.6"
    description = "Sends its own commands on energy clusters under the network key alone"
    cases = ("LKEY-03",)

    def secures_request(self, required: bool) -> bool:
        return False


class AnswersInTheClear(Defect):
    """What it was asked in confidence it tells everybody."""

    id = "M-LKEY-04"
    clause = "SE-5.4.6"
    description = "Answers a command that came under the link key under the network key alone"
    cases = ("LKEY-04",)

    def secures_answer(self, asked: bool) -> bool:
        return False


class SendsItsLevel(Defect):
    """It leaves in the header what is for the nonce only."""

    id = "M-LKEY-07"
    clause = "ZB-A"
    description = "Sends the security level 5 in its security headers, where 0 belongs"
    cases = ("LKEY-07",)

    def level_on_air(self) -> int:
        return 5


class BelievesTheHeader(Defect):
    """The sender says how well a frame is protected."""

    id = "M-LKEY-08"
    clause = "ZB-4.3"
    description = "Opens a NWK frame at the security level that its header names"
    cases = ("LKEY-08",)

    def level_of(self, on_air: int) -> int:
        return on_air or super().level_of(on_air)


class StoresThreeKeys(Defect):
    """Its key store is written from front to back, and never cleared."""

    id = "M-LKEY-09"
    clause = "SE-5.4.5"
    description = "Has room for three renewals of a link key: those after them are not stored"
    cases = ("LKEY-09",)

    def __init__(self) -> None:
        self._stored = 0

    def replaces_link_key(self) -> bool:
        self._stored += 1
        return self._stored <= 3


class SecuresRenewals(Defect):
    """It protects all that it can."""

    id = "M-CBKE-05"
    clause = "SE-5.4.6"
    description = "Sends key establishment under the old link key once it has established one"
    cases = ("CBKE-05",)

    def secures_establishment(self, *, established: bool) -> bool:
        return established


DEFECTS = (
    AnswersUnderLinkKey,
    AsksInTheClear,
    AnswersInTheClear,
    SendsItsLevel,
    BelievesTheHeader,
    StoresThreeKeys,
    SecuresRenewals,
)
