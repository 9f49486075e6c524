"""Faults of discovery."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]

DRLC = 0x0701


class ListsWhatIsNotThere(Defect):
    """Its simple descriptor promises more than it has."""

    id = "M-P32"
    clause = "ZB-2.4"
    description = "Lists a server cluster in its simple descriptor that no endpoint answers"
    cases = ("SD-06",)

    def clusters_listed(self, clusters: tuple[int, ...]) -> tuple[int, ...]:
        return (*clusters, DRLC)


DEFECTS = (ListsWhatIsNotThere,)
