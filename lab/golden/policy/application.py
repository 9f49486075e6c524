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

    def asks_for_price(self) -> bool:
        """Whether a client asks for the price in force when it starts (D.4.3, 5.5.5.2)."""
        return True

    def forgets_account(self) -> bool:
        """Whether a display that has left shows no more prices of that network (5.4.2.2.2)."""
        return True

    def trailing_digits(self, packed: int) -> int:
        """How many digits of a price are behind the point: the high nibble (D.4.2.4.1)."""
        return packed >> 4

    def supersedes(self, event: int, other: int) -> bool:
        """Whether a price of issuer event id ``event`` displaces ``other``: newer (D.4.2.4.1)."""
        return event > other

    def holds_next_price(self) -> bool:
        """Whether a price that starts later is kept beside the one in force (D.4.2.4.1)."""
        return True

    def can_show(self, digits: int) -> bool:
        """Whether a price with so many trailing digits can be shown: 0 to 15 (D.4.2.4.1)."""
        return True

    def acknowledges_price(self, control: int) -> bool:
        """Whether a price of this PriceControl is acknowledged: bit 0 asks for it (D.4.2.4.1)."""
        return bool(control & 0x01)

    # -- load control (D.2) ----------------------------------------------------------------------

    def load_shift(self, limit: int, rng: random.Random) -> int:
        """Seconds by which an event's start or end moves: drawn up to ``limit`` seconds (D.2.4)."""
        return rng.randint(0, limit)

    # -- discovery (5.5.5.2, ZB 2.4) -------------------------------------------------------------

    def services_looked_for(self, clusters: tuple[int, ...]) -> tuple[int, ...]:
        """Of the clusters that it is a client of, those whose servers it looks for (5.5.5.2)."""
        return clusters

    def binds_to_services(self) -> bool:
        """Whether it asks the servers that it found to bind to it (5.5.5.2)."""
        return True

    def rediscovery_in(self, rng: random.Random) -> float:
        """Seconds until services are looked for again, 3 h to 24 h (5.5.5.2)."""
        return rng.uniform(43_200.0, 43_800.0)

    def passes_customer_data(self) -> bool:
        """Whether octets of a customer's network go on into the profile's (5.1, 5.9: no)."""
        return False

    def bindings_held(self) -> int:
        """How many bindings the table has room for (5.5.5.5: several devices on each service)."""
        return 32

    def clusters_listed(self, clusters: tuple[int, ...]) -> tuple[int, ...]:
        """The input clusters that the simple descriptor names."""
        return clusters
