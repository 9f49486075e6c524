"""Faults of discovery."""

from __future__ import annotations

import random

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]

DRLC, TUNNELING = 0x0701, 0x0704


class ListsWhatIsNotThere(Defect):
    """Its simple descriptor promises more than it has."""

    id = "M-P32"
    clause = "ZB-2.4"
    description = "Lists a server cluster in its simple descriptor that no endpoint answers"
    cases = ("SD-06",)

    def clusters_listed(self, clusters: tuple[int, ...]) -> tuple[int, ...]:
        return (*clusters, DRLC)


class LooksForTimeOnly(Defect):
    """Its user has to tell it where the prices are."""

    id = "M-SD-01"
    clause = "SE-5.5.5.2"
    description = "Looks for the ESI's Time server, and for no other"
    cases = ("SD-01",)

    def services_looked_for(self, clusters: tuple[int, ...]) -> tuple[int, ...]:
        return clusters[:1]


class LooksEveryHour(Defect):
    """It is never sure."""

    id = "M-SD-03"
    clause = "SE-5.5.5.2"
    description = "Looks for services again every hour"
    cases = ("SD-03",)

    def rediscovery_in(self, rng: random.Random) -> float:
        return 3600.0


class AsksAtOnce(Defect):
    """It gives a new node no time."""

    id = "M-SD-04"
    clause = "SE-5.5.5.2"
    description = "Asks a node that announces itself within two seconds"
    cases = ("SD-04",)

    def discovery_delay(self, rng: random.Random) -> float:
        return rng.uniform(0.5, 2.0)


class HoldsFewBindings(Defect):
    """Its table is that of a small device."""

    id = "M-SD-07"
    dut = "esi"
    clause = "SE-5.5.5.5"
    description = "Has room for six bindings, and refuses the next"
    cases = ("SD-07",)

    def bindings_held(self) -> int:
        return 6


class HasWhatIsNotClaimed(Defect):
    """It has grown a server of which its PICS knows nothing."""

    id = "M-PICS-01"
    clause = "LAB-PICS"
    description = "Lists a Tunneling server that its PICS denies"
    cases = ("PICS-01",)

    def clusters_listed(self, clusters: tuple[int, ...]) -> tuple[int, ...]:
        return (*clusters, TUNNELING)


class AsksForNoBinding(Defect):
    """It takes what comes by itself, and comes back for the rest."""

    id = "M-SD-08"
    clause = "SE-5.5.5.2"
    description = "Finds the ESI's servers and reads them, and asks for no binding"
    cases = ("SD-08",)

    def binds_to_services(self) -> bool:
        return False


DEFECTS = (
    ListsWhatIsNotThere,
    LooksForTimeOnly,
    LooksEveryHour,
    AsksAtOnce,
    HoldsFewBindings,
    HasWhatIsNotClaimed,
    AsksForNoBinding,
)
