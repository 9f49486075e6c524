"""The network key and the link keys of partners."""

from __future__ import annotations

import random

__all__ = ["KeyPolicy"]


class KeyPolicy:
    """A conformant node's decisions of this chapter."""

    # -- network key (5.4.4, ZB 4.6.3.4) ---------------------------------------------------------

    def switches_on_transport_key(self) -> bool:
        """Whether a new network key is used before Switch Key (ZB 4.6.3.4: no)."""
        return False

    def takes_key_sequence(self, sequence: int, current: int) -> bool:
        """Whether a network key of this number is the next one: any, for it wraps (ZB 4.6.3.4)."""
        return True

    def restarts_incoming(self, *, held: bool) -> bool:
        """Whether incoming counters begin anew with a key that came: not if ``held`` (ZB 4.3)."""
        return not held

    def switches_to_unknown(self) -> bool:
        """Whether an order to switch to a key that never came has an effect (ZB 4.4.7: no)."""
        return False

    def network_keys_kept(self) -> int:
        """How many network keys are held at once: the active and one alternate (ZB 4.3)."""
        return 2

    def keeps_former_key(self) -> bool:
        """Whether the network key of before stays beside the one switched to (ZB 4.3)."""
        return True

    def obeys_switch_key(self, *, from_trust_center: bool, protected: bool) -> bool:
        """Whether Switch Key is obeyed: from the trust center, broadcast or under its link key.

        (ZB 4.4.7)
        """
        return from_trust_center and protected

    def is_trust_center(self, holder: int, trust_center: int | None) -> bool:
        """Whether orders under the link key of ``holder`` are the trust center's (ZB 4.4.3)."""
        return holder == trust_center

    def network_rank(self, failures: int, lqi: int) -> tuple[int, int]:
        """Of several open networks the least is tried first: those that failed last (5.5.5.1)."""
        return failures, -lqi

    def survives_unreadable_key(self) -> bool:
        """Whether a Transport Key that cannot be opened changes nothing (ZB 4.4.3)."""
        return True

    # -- partner link keys (5.4.7.4, 5.5.5.2) ----------------------------------------------------

    def looks_for_other_servers(self) -> bool:
        """Whether servers on other nodes than the trust center are looked for (5.5.5.2)."""
        return True

    def goes_on_after_refusal(self) -> bool:
        """Whether a node without the service leaves the others to be asked (5.5.5.2)."""
        return True

    def discovery_delay(self, rng: random.Random) -> float:
        """Seconds from a node's announcement to the first question to it (5.5.5.2)."""
        return rng.uniform(70.0, 590.0)

    def needs_partner_key(self) -> bool:
        """Whether a server on another node is used under a partner link key only (5.4.7.4)."""
        return True

    def partner_key_retry_in(self, attempt: int) -> float:
        """Seconds from an unanswered Request Key to the next one; ``attempt`` counts from 1."""
        return float(min(30 * 2**attempt, 900))

    def accepts_partner_key(self, *, from_trust_center: bool, asked: bool) -> bool:
        """Whether a partner link key is installed: under the trust center's key (5.4.7.4)."""
        return from_trust_center

    def keeps_partner_keys(self) -> bool:
        """Whether partner link keys are there after a loss of power (5.4.7.4)."""
        return True

    def holder_of_key(self, subject: int, trust_center: int | None) -> int:
        """With whom an established key is shared: the certificate's subject (C.3.1.2.3.1.2)."""
        return subject

    def brokers_for(self, *, requester: bool, partner: bool) -> bool:
        """Whether a trust center gives a partner key: when both are authenticated (5.4.7.4)."""
        return requester and partner

    def waits_for_both(self) -> bool:
        """Whether a 1.0 trust center gives a key only when both have asked (5.4.7.4 of 1.0)."""
        return True

    def draws_partner_key(self, rng: random.Random) -> bytes:
        """A partner link key of 16 octets, drawn by the trust center (5.4.7.4, ZB 4.5.4.1)."""
        return rng.randbytes(16)

    def gives_key_to_both(self) -> bool:
        """Whether the partner of who asked gets the key too (5.4.7.4)."""
        return True
