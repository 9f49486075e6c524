"""Key establishment with certificates (Annex C)."""

from __future__ import annotations

import random

__all__ = ["EstablishmentPolicy"]


class EstablishmentPolicy:
    """A conformant node's decisions of this chapter."""

    def supports_suite(self, suite: int) -> bool:
        """Whether the suite field of an Initiate is one that this node runs (C.3.1.2.3.1)."""
        return suite == 0x0001

    def certificate_from(self, identity: bytes) -> bytes | None:
        """The 48-octet certificate in an Initiate, or ``None`` if it is not one (C.4.2.2.4)."""
        return identity if len(identity) == 48 else None

    def status_for_unknown_issuer(self) -> int:
        """Terminate status for a certificate of an unknown issuer (C.3.1.2.3.1.2)."""
        return 0x01

    def suites_listed(self) -> int:
        """The suites in attribute 0x0000 of the cluster, a bit for each (C.3.1.2.2)."""
        return 0x0001

    def time_in_response(self, advertised: int) -> int:
        """A generate time of an Initiate Response, seconds: 0 to 254 (C.3.1.2.3.1.2)."""
        return advertised

    def may_confirm(self, *, ephemeral_done: bool) -> bool:
        """Whether Confirm Key is answered in this state (C.3.1.2.3.3)."""
        return ephemeral_done

    def mac_matches(self, expected: bytes, received: bytes) -> bool:
        """Whether the partner's confirmation MAC is right (C.3.1.2.3.3)."""
        return expected == received

    def ephemeral_from(self, octets: bytes) -> bytes | None:
        """The 22-octet ephemeral public key in a message, or ``None`` (C.3.1.2.3.2)."""
        return octets if len(octets) == 22 else None

    def ephemeral_octets(self, rng: random.Random, count: int) -> bytes:
        """Octets from which an ephemeral key is drawn: new ones each time (C.3.1.2.3.2)."""
        return rng.randbytes(count)

    def subject_is_partner(self, subject: bytes, partner: bytes) -> bool:
        """Whether a certificate of ``subject`` is taken from node ``partner`` (C.3.1.2.3.1.2).

        Both are EUI-64s of 8 octets, most significant first.
        """
        return subject == partner

    def takes_generate_times(self, times: bytes) -> bool:
        """Whether both generate times of an Initiate are values, 0 to 254 s (C.3.1.2.3.1)."""
        return 0xFF not in times

    def generation_time(self, seconds: float, advertised: int) -> float:
        """How long an answer takes that needs ``seconds``: ``advertised`` promises it (C.3.1.1)."""
        return seconds

    def partner_patience(self, advertised: int) -> float:
        """How long the partner's answer is waited for at least: its time plus 2 s (C.3.1.1)."""
        return advertised + 2.0

    def drops_idle_exchange(self) -> bool:
        """Whether an exchange ends of which the partner sends no more (C.3.1.1)."""
        return True

    def may_terminate(self, source: int, partner: int) -> bool:
        """Whether Terminate from ``source`` ends an exchange with ``partner`` (C.3.1.2.3.4)."""
        return source == partner

    def suites_in_terminate(self) -> int:
        """The suites that a Terminate names: those of the attribute (C.3.1.2.3.4)."""
        return 0x0001

    def wait_after_terminate(self, seconds: float) -> float:
        """How long no new exchange begins after a Terminate that asked for it (C.3.1.2.3.4)."""
        return seconds

    def takes_unasked_response(self) -> bool:
        """Whether a response without a request begins an exchange (C.3.1.3: no)."""
        return False

    def keeps_link_key(self, when: str) -> bool:
        """Whether the old link key stays while an exchange ``confirming`` or failed (C.2)."""
        return True

    def establishment_endpoints(self, found: tuple[int, ...]) -> tuple[int, ...]:
        """With which of the endpoints found on the trust center a key is established (5.4.7.3)."""
        return found[:1]

    def secret_in_kdf(self, secret: bytes) -> bytes:
        """The shared secret Z as the key derivation takes it: all 21 octets (C.4.2.2.3)."""
        return secret

    def established_key(self, octets: bytes) -> bytes:
        """The link key as it is used, of the 16 octets that an exchange gave (C.2)."""
        return octets

    def secures_establishment(self, *, established: bool) -> bool:
        """Whether the cluster's commands go under a link key that is ``established`` (5.4.6)."""
        return False

    def answers_high_security(self) -> bool:
        """Whether commands of symmetric-key establishment are answered (5.2: no)."""
        return False
