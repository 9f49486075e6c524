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


DEFECTS = (ForgetsAfterShortCut,)
