"""Faults of a sleepy end device (075356 5.3.4; 802.15.4 7.5.6.3)."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class PollsTooOften(Defect):
    """It spends everybody's air time, and its own battery."""

    id = "M-POLL-01"
    dut = "sleepy_ipd"
    clause = "SE-5.3.4"
    description = "Polls its parent every 2 s when idle"
    cases = ("POLL-01",)

    def poll_period(self) -> float:
        return 2.0


class InsistsOnPromise(Defect):
    """It takes the frame that it was promised for one that was lost."""

    id = "M-MAC-03"
    dut = "sleepy_ipd"
    clause = "M15.4"
    description = "Polls twice a second until a frame comes that an acknowledgement promised"
    cases = ("MAC-03",)

    def insists_on_promise(self) -> bool:
        return True


DEFECTS = (PollsTooOften, InsistsOnPromise)
