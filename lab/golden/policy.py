"""The decisions of a node, one method each: where clauses are kept, and where defects break them.

The layers ask their node's :class:`Policy` whenever a clause leaves no choice but a faulty device
could choose otherwise. The class as it stands keeps the clauses that it names. A defect
(``lab.virtual.defects``) is a subclass that overrides one method; a test that wants the golden
unit to misbehave may do the same. Nothing else in a node is meant to be overridden.
"""

from __future__ import annotations

import random

from zigbee.crypto import install_code
from zigbee.mac import Beacon

__all__ = ["Policy"]


class Policy:
    """What a conformant node decides. Clause numbers are of 075356 unless said (ZB: 053474)."""

    # -- joining (5.4.8, 5.5.5.1) -------------------------------------------------------------

    def link_key_of(self, code_and_crc: bytes) -> bytes:
        """The link key of an install code with its CRC, 16 octets (5.4.8.1).

        Raises ``zigbee.crypto.install_code.InstallCodeError`` when the CRC does not hold.
        """
        install_code.check(code_and_crc)
        return install_code.link_key(code_and_crc)

    def may_join(self, beacon: Beacon) -> bool:
        """Whether a beacon invites this node: a ZigBee PRO network that is open (ZB 3.6.1)."""
        return (
            beacon.association_permit
            and beacon.protocol_id == 0
            and beacon.stack_profile == 2
            and beacon.protocol_version == 2
            and beacon.extended_pan_id != 0
        )

    def next_scan_in(self, since_start: float, rng: random.Random) -> float:
        """Seconds to the next scan of a node that found no network (5.5.5.1).

        About once a minute for the first quarter of an hour, hourly after it, both with jitter.
        """
        if since_start < 900.0:
            return 60.0 + rng.uniform(-12.0, 12.0)
        return 3600.0 + rng.uniform(-1500.0, 1500.0)

    def accepts_transport_key(self, *, aps_secured: bool, broadcast: bool, joined: bool) -> bool:
        """Whether a network key may be taken from this frame (5.4.1, ZB 4.4.3).

        Unicast under the key-transport key of the link key; a joined node also takes the
        trust center's broadcast under the old network key.
        """
        return aps_secured or (broadcast and joined)

    def starts_key_establishment(self) -> bool:
        """Whether a node that just joined establishes its link key unasked (5.4.7.1)."""
        return True

    # -- network key (5.4.4, ZB 4.6.3.4) --------------------------------------------------------

    def switches_on_transport_key(self) -> bool:
        """Whether a new network key is used before Switch Key (ZB 4.6.3.4: no)."""
        return False

    def network_keys_kept(self) -> int:
        """How many network keys are held at once: the active and one alternate (ZB 4.3)."""
        return 2

    # -- frame counters and MICs (ZB 4.3, 4.4.1) ------------------------------------------------

    def nwk_counter_is_fresh(self, counter: int, expected: int) -> bool:
        """Whether an incoming NWK counter is taken; ``expected`` is the last one plus one."""
        return expected <= counter < 0xFFFFFFFF

    def aps_counter_is_fresh(self, counter: int, expected: int) -> bool:
        """Whether an incoming APS counter is taken; ``expected`` is the last one plus one."""
        return expected <= counter < 0xFFFFFFFF

    def checks_aps_mic(self) -> bool:
        """Whether an APS frame whose MIC does not verify is dropped (ZB 4.4.1)."""
        return True

    def takes_unsecured_nwk(self) -> bool:
        """Whether a joined node takes NWK data without NWK security (ZB 4.3: no)."""
        return False

    def takes_nwk_version(self, version: int) -> bool:
        """Whether a NWK frame of this protocol version is taken (ZB 3)."""
        return version == 2

    # -- ZCL (ZCL 2.4, 5.4.6) -------------------------------------------------------------------

    def answers_broadcasts(self) -> bool:
        """Whether a broadcast command gets a Default Response (ZCL 2.4: never)."""
        return False

    def demands_link_key(self, cluster: int, required: bool) -> bool:
        """Whether a frame on ``cluster`` without APS security is refused (5.4.6)."""
        return required

    # -- key establishment (Annex C) ------------------------------------------------------------

    def supports_suite(self, suite: int) -> bool:
        """Whether the suite field of an Initiate is one that this node runs (C.3.1.2.3.1)."""
        return suite == 0x0001

    def certificate_from(self, identity: bytes) -> bytes | None:
        """The 48-octet certificate in an Initiate, or ``None`` if it is not one (C.4.2.2.4)."""
        return identity if len(identity) == 48 else None

    def status_for_unknown_issuer(self) -> int:
        """Terminate status for a certificate of an unknown issuer (C.3.1.2.3.1.2)."""
        return 0x01

    def may_confirm(self, *, ephemeral_done: bool) -> bool:
        """Whether Confirm Key is answered in this state (C.3.1.2.3.3)."""
        return ephemeral_done

    def mac_matches(self, expected: bytes, received: bytes) -> bool:
        """Whether the partner's confirmation MAC is right (C.3.1.2.3.3)."""
        return expected == received

    def ephemeral_from(self, octets: bytes) -> bytes | None:
        """The 22-octet ephemeral public key in a message, or ``None`` (C.3.1.2.3.2)."""
        return octets if len(octets) == 22 else None

    # -- price (D.4) ----------------------------------------------------------------------------

    def price_span(self, start_time: int, minutes: int, now: int) -> tuple[int, int | None]:
        """From when to when a published price holds, UTC seconds (D.4.2.4.1).

        Start time 0 means now; a duration of 0xFFFF means until it is changed: no end.
        """
        start = start_time or now
        return start, None if minutes == 0xFFFF else start + 60 * minutes

    # -- discovery (ZB 2.4) ---------------------------------------------------------------------

    def clusters_listed(self, clusters: tuple[int, ...]) -> tuple[int, ...]:
        """The input clusters that the simple descriptor names."""
        return clusters

    # -- power (bench requirement) --------------------------------------------------------------

    def keeps_commissioning(self, seconds_off: float) -> bool:
        """Whether network and keys are still there after ``seconds_off`` without power."""
        return True
