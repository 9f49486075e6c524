"""Energy clusters and service discovery."""

from __future__ import annotations

import random

__all__ = ["ApplicationPolicy"]


class ApplicationPolicy:
    """A conformant node's decisions of this chapter."""

    # -- price (D.4) -----------------------------------------------------------------------------

    def price_span(self, start_time: int, minutes: int, now: int) -> tuple[int, int | None]:
        """From when to when a published price holds, UTC seconds (D.4.2.4.1).

        Start time 0 means now; a duration of 0xFFFF means until it is changed: no end.
        """
        start = start_time or now
        return start, None if minutes == 0xFFFF else start + 60 * minutes

    # -- load control (D.2) ----------------------------------------------------------------------

    def load_shift(self, limit: int, rng: random.Random) -> int:
        """Seconds by which an event's start or end moves: drawn up to ``limit`` seconds (D.2.4)."""
        return rng.randint(0, limit)

    # -- discovery (ZB 2.4) ----------------------------------------------------------------------

    def clusters_listed(self, clusters: tuple[int, ...]) -> tuple[int, ...]:
        """The input clusters that the simple descriptor names."""
        return clusters
