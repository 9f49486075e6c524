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

    def nwk_counter_is_fresh(self, counter: int, expected: int, *, broadcast: bool) -> bool:
        return super().nwk_counter_is_fresh(counter + 1, expected, broadcast=broadcast)


class TakesOldBroadcasts(Defect):
    """Its table of broadcasts keeps it from repeats, it thinks; the table forgets."""

    id = "M-FC-04"
    clause = "ZB-4.3"
    description = "Does not look at the frame counter of a broadcast"
    cases = ("FC-04",)

    def nwk_counter_is_fresh(self, counter: int, expected: int, *, broadcast: bool) -> bool:
        return broadcast or super().nwk_counter_is_fresh(counter, expected, broadcast=broadcast)


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
    cases = (
        "REJ-10",
        "TP/R21/BV-11",
    )

    def takes_unsecured_nwk(self) -> bool:
        return True


class CountersGoBack(Defect):
    """It writes its counters rarely, and trusts what it wrote."""

    id = "M-FC-03"
    clause = "ZB-4.3"
    description = "After a loss of power goes on from a counter 2000 below the one that it wrote"
    cases = ("FC-03", "FC-01", "FC-02")

    def counter_after_boot(self, value: int) -> int:
        return max(0, value - 2000)


class CounterWraps(Defect):
    """It takes 0 to follow the maximum."""

    id = "M-FC-07"
    clause = "ZB-4.3"
    description = "Accepts small NWK counters again once a neighbour's came near its maximum"
    cases = ("FC-07",)

    def nwk_counter_is_fresh(self, counter: int, expected: int, *, broadcast: bool) -> bool:
        wrapped = expected > 0xFFFFFF00 and counter < 0x100
        return wrapped or super().nwk_counter_is_fresh(counter, expected, broadcast=broadcast)


class CountsUnverified(Defect):
    """It notes the counter before it looks at the MIC."""

    id = "M-FC-08"
    clause = "ZB-4.3"
    description = "Stores the counter of a NWK frame whose MIC does not verify"
    cases = ("FC-08",)

    def counts_unverified_nwk(self) -> bool:
        return True


class AnyKeyFromAnybody(Defect):
    """It looks whose key it is, and not who sent the frame."""

    id = "M-LKEY-10"
    clause = "ZB-4.4.1"
    description = "Takes APS data under the key of one node from the address of another"
    cases = ("LKEY-10",)

    def source_matches(self, claimed: int, known: int | None) -> bool:
        return True


class ForgetsIncomingCounters(Defect):
    """What it heard before the power went it takes again."""

    id = "M-FC-05"
    clause = "ZB-4.3"
    description = "Takes incoming APS counters from 0 after a loss of power"
    cases = ("FC-05",)

    def keeps_incoming_counters(self) -> bool:
        return False


class AcknowledgesUnderOldCounter(Defect):
    """Its acknowledgements are made from the frame that it sent last."""

    id = "M-FC-10"
    clause = "ZB-4.4.1"
    description = "Secures an APS acknowledgement with the counter of the frame that it sent before"
    cases = ("FC-10",)

    def counts_acknowledgements(self) -> bool:
        return False


DEFECTS = (
    CountersGoBack,
    CounterWraps,
    CountsUnverified,
    AnyKeyFromAnybody,
    TakesEqualNwkCounter,
    TakesOldBroadcasts,
    IgnoresApsMic,
    IgnoresApsCounter,
    TakesUnsecuredNwk,
    ForgetsIncomingCounters,
    AcknowledgesUnderOldCounter,
)
