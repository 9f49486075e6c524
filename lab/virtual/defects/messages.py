"""Faults of the cluster library, of link-key protection and of the price client."""

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


class StartTimeZeroIsTheEpoch(Defect):
    """It takes 0 for a time long ago."""

    id = "M-P19"
    clause = "SE-D.4.2.4.1"
    description = "Treats start time 0 as the epoch and drops the price as expired"
    cases = ("PRICE-03",)

    def price_span(self, start_time: int, minutes: int, now: int) -> tuple[int, int | None]:
        return start_time, start_time + 60 * minutes


class NeedsNoLinkKey(Defect):
    """The network key opens everything."""

    id = "M-L04"
    clause = "SE-5.4.6"
    description = "Serves energy clusters under the network key alone"
    cases = ("LKEY-01",)

    def demands_link_key(self, cluster: int, required: bool) -> bool:
        return False


DEFECTS = (AnswersBroadcasts, StartTimeZeroIsTheEpoch, NeedsNoLinkKey)
