"""Faults that show when the power goes and comes back."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class ForgetsAfterShortCut(Defect):
    """A short interruption corrupts its memory."""

    id = "M-P33"
    clause = "LAB-PWR"
    description = "Loses its network state when power is away for less than 0.2 s"
    cases = ("PWR-01",)

    def keeps_commissioning(self, seconds_off: float) -> bool:
        return seconds_off >= 0.2


class HangsOnBrownOut(Defect):
    """Its brown-out detector is switched off to save current."""

    id = "M-PWR-02"
    clause = "LAB-PWR"
    description = "Hangs when the supply sags below what its processor needs, until it is cut"
    cases = ("PWR-02",)

    def resets_on_brown_out(self) -> bool:
        return False


class ForgetsExtendedPan(Defect):
    """It writes the PAN id and not the extended one."""

    id = "M-PRO-32"
    clause = "ZB-3.6.1"
    description = "Loses the extended PAN id with the power: its beacons show zero after it"
    cases = ("TP/PRO/BV-32",)

    def keeps_extended_pan(self) -> bool:
        return False


DEFECTS = (ForgetsAfterShortCut, HangsOnBrownOut, ForgetsExtendedPan)
