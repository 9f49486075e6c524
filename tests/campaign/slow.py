"""A device that does all that it should, and takes its time."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

LATE_S = 25.0
"""Longer than the 20 s that the cases of key establishment wait for an answer."""


class SlowResponder(Defect):
    """In time for the key establishment with which it joins, and late in each one after that."""

    id = "slow-responder"
    clause = "SE-C.3.1.1"
    description = "Makes an ephemeral key and a MAC in 25 s"
    _made = 0

    def generation_time(self, seconds: float, advertised: int) -> float:
        """Two messages of its own end its first exchange."""
        self._made += 1
        return seconds if self._made <= 2 else LATE_S
