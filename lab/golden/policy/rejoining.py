"""Rejoining, leaving, and what a lost network leads to."""

from __future__ import annotations

import random

from zigbee.crypto.mmo import mmo_hash

__all__ = ["RejoiningPolicy"]


class RejoiningPolicy:
    """A conformant node's decisions of this chapter."""

    def keeps_network_when_lost(self) -> bool:
        """Whether a node whose network is away rejoins it, rather than joining anew (5.5.5.4)."""
        return True

    def misses_borne(self) -> int:
        """Unacknowledged frames in a row after which a parent is taken for gone (5.3.2)."""
        return 3

    def searches_other_channels(self) -> bool:
        """Whether a network that is not on its channel is looked for on all others (5.5.5.4)."""
        return True

    def is_home(self, extended_pan: int, home: int) -> bool:
        """Whether a network is an instance of the one that was lost (5.4.2.2.3.1)."""
        return extended_pan == home

    def rejoins_secured_first(self) -> bool:
        """Whether a secured rejoin comes before a trust center rejoin (5.4.2.1)."""
        return True

    def rejoins_unsecured(self) -> bool:
        """Whether a trust center rejoin is tried at all (5.4.2.1)."""
        return True

    def tries_other_instances(self) -> bool:
        """Whether a network of the same EPID and another PAN id is tried (5.4.2.2.3.5)."""
        return True

    def keys_for_rejoin(self, link_key: bytes, code_key: bytes) -> list[bytes]:
        """The keys under which a rejoin may bring the network key (5.4.2.1, 5.4.2.2.3.5).

        The link key in force, and its hash for a trust center that was swapped in.
        """
        return [link_key, mmo_hash(link_key)]

    def next_recovery_in(self, failed_rounds: int, rng: random.Random) -> float:
        """Seconds to the next round of recovery (5.5.5.4): hourly, with jitter, after four."""
        if failed_rounds < 4:
            return 60.0 + rng.uniform(-12.0, 12.0)
        return 3600.0 + rng.uniform(-1500.0, 1500.0)

    def keep_alive_period(self, rng: random.Random) -> float:
        """Seconds to the next exchange with the trust center: 5 to 20 minutes (5.5.5.3)."""
        return rng.uniform(330.0, 600.0)

    def keep_alive_failures(self) -> int:
        """Failures in a row after which the trust center is taken for lost (5.4.2.2.3.4)."""
        return 3

    def uses_hashed_key(self) -> bool:
        """Whether the hashed key that let a new TC in also protects data (5.4.2.2.3.5)."""
        return False

    def stores_trial(self) -> bool:
        """Whether another TC's network replaces the own before it is proved (5.4.2.2.3.5)."""
        return False

    def restores_after_failed_trial(self) -> bool:
        """Whether a swap that fails leads back to the state of before (5.4.2.2.3.5)."""
        return True

    def keeps_keys_of_other_networks(self) -> bool:
        """Whether frames under the network keys of a network left behind are taken (ZB 4.3)."""
        return False

    def obeys_nwk_leave(self, *, authenticated: bool, from_parent: bool, router: bool) -> bool:
        """Whether NWK Leave is carried out (5.5.5.1, ZB 3.4.4).

        Once authenticated a router obeys none, and an end device that of its parent.
        """
        return from_parent and not (authenticated and router)

    def obeys_management_leave(self, *, secured: bool) -> bool:
        """Whether Mgmt_Leave_req is carried out: ``secured`` under the TC's key (5.5.5.1)."""
        return secured

    def wipes_on_factory_reset(self) -> bool:
        """Whether a factory reset forgets network and link keys (5.5.5.1)."""
        return True

    def replaces_link_key(self) -> bool:
        """Whether the key of a second key establishment takes the first one's place (5.4.2.2.1)."""
        return True

    def keeps_counter_over_reset(self) -> bool:
        """Whether the outgoing NWK frame counter survives a factory reset (ZB 4.3)."""
        return True

    def restarts_counter(self, value: int) -> bool:
        """Whether the outgoing NWK frame counter starts again with a new network key (ZB 4.3)."""
        return value > 0x80000000

    def user_starts_fast_scans(self) -> bool:
        """Whether a user's order to join begins a new quarter of an hour of scans (5.5.5.1)."""
        return True
