"""Faults of the networks that a trust center forms, and of the keys that it draws for them."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class FormsWhereOthersAre(Defect):
    """It takes the PAN id that it is given, whoever has it."""

    id = "M-TCP-09"
    dut = "esi"
    clause = "SE-5.5.1"
    description = "Forms a network under a PAN id that answers on the channel already"
    cases = ("TCP-09",)

    def may_take_pan(self, pan: int, heard: set[int]) -> bool:
        return True


DEFECTS = (FormsWhereOthersAre,)
