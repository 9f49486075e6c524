"""Faults of frame counters and of integrity checks."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class TakesEqualNwkCounter(Defect):
    """It is off by one."""

    id = "M-P11"
    clause = "ZB-4.3"
    description = "Accepts a network frame whose counter equals the last one seen"
    cases = ("FC-04",)

    def nwk_counter_is_fresh(self, counter: int, expected: int) -> bool:
        return super().nwk_counter_is_fresh(counter + 1, expected)


class IgnoresApsMic(Defect):
    """It decrypts and never checks."""

    id = "M-P26"
    clause = "ZB-4.4.1"
    description = "Checks the MIC of NWK frames but not that of APS frames"
    cases = ("LKEY-06",)

    def checks_aps_mic(self) -> bool:
        return False


class IgnoresApsCounter(Defect):
    """It keeps no incoming APS counter."""

    id = "M-P27"
    clause = "ZB-4.4.1"
    description = "Stores no incoming APS counter at all: a repeated one is accepted"
    cases = ("FC-09", "FC-06")

    def aps_counter_is_fresh(self, counter: int, expected: int) -> bool:
        return True


class TakesUnsecuredNwk(Defect):
    """It takes frames without NWK security."""

    id = "M-L03"
    clause = "ZB-4.3"
    description = "A joined device takes NWK frames without NWK security"
    cases = ("REJ-10", "TP/R21/BV-11",)

    def takes_unsecured_nwk(self) -> bool:
        return True


DEFECTS = (TakesEqualNwkCounter, IgnoresApsMic, IgnoresApsCounter, TakesUnsecuredNwk)
