"""Faults in who is answered: broadcasts, and frames without the link key."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class AnswersBroadcasts(Defect):
    """It answers what was said to all."""

    id = "M-P12"
    clause = "ZCL-2.4"
    description = "Sends a Default Response to broadcast commands"
    cases = ("ZCL-03",)

    def answers_broadcasts(self) -> bool:
        return True


class NeedsNoLinkKey(Defect):
    """The network key opens everything."""

    id = "M-L04"
    clause = "SE-5.4.6"
    description = "Serves energy clusters under the network key alone"
    cases = ("LKEY-01",)

    def demands_link_key(self, cluster: int, required: bool) -> bool:
        return False


DEFECTS = (AnswersBroadcasts, NeedsNoLinkKey)
