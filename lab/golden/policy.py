"""The decisions of a node, one method each: where clauses are kept, and where defects break them.

The layers ask their node's :class:`Policy` whenever a clause leaves no choice but a faulty device
could choose otherwise. The class as it stands keeps the clauses that it names. A defect
(``lab.virtual.defects``) is a subclass that overrides one method; a test that wants the golden
unit to misbehave may do the same. Nothing else in a node is meant to be overridden.
"""

from __future__ import annotations

import random

from zigbee.crypto import install_code
from zigbee.crypto.mmo import mmo_hash
from zigbee.mac import Beacon
from zigbee.security import KeyId

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

    def establishment_pause(self, attempt: int) -> float:
        """Seconds from a failed attempt at key establishment to the next (5.5.5.1).

        After ten in a row a quarter of an hour.
        """
        return 900.0 if attempt % 10 == 0 else 60.0

    # -- rejoining, leaving and recovery (5.4.2, 5.5.5.1, 5.5.5.4) --------------------------------

    def keeps_network_when_lost(self) -> bool:
        """Whether a node whose network is away rejoins it, rather than joining anew (5.5.5.4)."""
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

    # -- trust center (5.4, ZB 4.6.3) ---------------------------------------------------------

    def draws_network_key(self, rng: random.Random) -> bytes:
        """A network key of 16 octets for a new network or an update (5.5.1, ZB 4.5.4.1)."""
        return rng.randbytes(16)

    def next_key_sequence(self, current: int) -> int:
        """The sequence number of the next network key (ZB 4.6.3.4): one more, modulo 256."""
        return (current + 1) & 0xFF

    def switches_last(self) -> bool:
        """Whether Switch Key waits until the last new key was sent (ZB 4.6.3.4)."""
        return True

    def transport_key_id(self) -> KeyId:
        """The key, derived from a link key, under which a network key is sent (ZB 4.4.3)."""
        return KeyId.KEY_TRANSPORT

    def closes_joining(self) -> bool:
        """Whether the permit bit goes from the beacons when the ordered time has ended (5.4.1)."""
        return True

    def permit_duration(self, left: float) -> int:
        """Seconds in a Mgmt_Permit_Joining_req with ``left`` seconds to go (5.4.1: below 255)."""
        return min(round(left), 254)

    def key_for_stranger(self) -> bytes | None:
        """The link key under which an unregistered device gets the network key (5.4.1.1: none)."""
        return None

    def rejoin_key(self, current: bytes, code: bytes) -> bytes:
        """Of current link key and code key the one for a Trust Center rejoin (5.4.2.2)."""
        return current

    def rejoins_while_closed(self) -> bool:
        """Whether a registered device may rejoin while joining is closed (5.4.2.2)."""
        return True

    def takes_data_under(self, origin: str) -> bool:
        """Whether a trust center takes APS data under a link key of this origin (5.4.7.2, 5.4.5).

        Not under a code key, a hashed one after a swap-out, or one that is stale.
        """
        return origin in ("cbke", "brokered")

    def forgets_key_of_removed(self) -> bool:
        """Whether the link key goes with the registration of a removed device (5.4.2.2.2)."""
        return True

    def remembers_removals(self) -> bool:
        """Whether a de-registration is written to non-volatile memory (5.4.2.2.2)."""
        return True

    def secures_remove_device(self) -> bool:
        """Whether Remove Device goes under the receiver's link key (ZB 4.4.5)."""
        return True

    def reestablishes_on_order(self) -> bool:
        """Whether re-registration gets the device a new link key (5.4.2.2.1)."""
        return True

    def yields_exchange(self) -> bool:
        """Whether a second initiator throws the first out of a busy responder (C.3.1: no)."""
        return False

    def backed_up(self, key: bytes) -> bytes:
        """What a swap-out backup holds of a link key: its AES-MMO hash (5.4.2.2.3.6)."""
        return mmo_hash(key)

    def logical_type(self, own: int) -> int:
        """The logical type in the node descriptor (ZB 2.3.2.3): what the node is."""
        return own

    # -- network key (5.4.4, ZB 4.6.3.4) --------------------------------------------------------

    def switches_on_transport_key(self) -> bool:
        """Whether a new network key is used before Switch Key (ZB 4.6.3.4: no)."""
        return False

    def network_keys_kept(self) -> int:
        """How many network keys are held at once: the active and one alternate (ZB 4.3)."""
        return 2

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

    # -- partner link keys (5.4.7.4, 5.5.5.2) ---------------------------------------------------

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

    def gives_key_to_both(self) -> bool:
        """Whether the partner of who asked gets the key too (5.4.7.4)."""
        return True

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

    def counts_unverified_nwk(self) -> bool:
        """Whether the counter of a NWK frame counts before its MIC was verified (ZB 4.3: no)."""
        return False

    def source_matches(self, claimed: int, known: int | None) -> bool:
        """Whether APS data secured by ``claimed`` may come from the NWK address of ``known``.

        (ZB 4.4.1) ``known`` is ``None`` where that address was not seen yet.
        """
        return known is None or claimed == known

    def counter_after_boot(self, value: int) -> int:
        """The outgoing counter after a loss of power, by the one in memory (ZB 4.3)."""
        return value

    # -- MAC (M15.4, 064309) --------------------------------------------------------------------

    def mac_version(self) -> int:
        """The frame version of the node's MAC frames (M15.4: 0, without MAC security)."""
        return 0

    def reads_mac_secured(self) -> bool:
        """Whether a MAC frame with the security bit is taken (SPP-MAC: no)."""
        return False

    def obeys_realignment(self) -> bool:
        """Whether an unsecured Coordinator Realignment moves a joined node (ZB 3.6.1: no)."""
        return False

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

    def takes_foreign_profile(self, profile: int) -> bool:
        """Whether an endpoint takes frames of another profile than its own (5.9: no)."""
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

    def answers_high_security(self) -> bool:
        """Whether commands of symmetric-key establishment are answered (5.2: no)."""
        return False

    # -- price (D.4) ----------------------------------------------------------------------------

    def price_span(self, start_time: int, minutes: int, now: int) -> tuple[int, int | None]:
        """From when to when a published price holds, UTC seconds (D.4.2.4.1).

        Start time 0 means now; a duration of 0xFFFF means until it is changed: no end.
        """
        start = start_time or now
        return start, None if minutes == 0xFFFF else start + 60 * minutes

    # -- load control (D.2) -----------------------------------------------------------------------

    def load_shift(self, limit: int, rng: random.Random) -> int:
        """Seconds by which an event's start or end moves: drawn up to ``limit`` seconds (D.2.4)."""
        return rng.randint(0, limit)

    # -- routers and parents (ZB 3.6.1, 3.6.3, 4.4.4, 4.4.5, 4.6.3) -------------------------------

    def relays_broadcasts(self) -> bool:
        """Whether a router sends on what others sent to all (3.6.5)."""
        return True

    def records_route(self) -> bool:
        """Whether a concentrator that wants it is told the way before data goes (3.6.3.5.4)."""
        return True

    def next_relay_index(self, index: int) -> int:
        """The relay index with which a source-routed frame goes on from a relay (3.6.3.3.2)."""
        return index - 1

    def admits_child(self, permit: bool) -> bool:
        """Whether an association request is granted; ``permit``: joining is open (3.6.1.4)."""
        return permit

    def forgets_absent_children(self) -> bool:
        """Whether who never fetched its association response gives its place back (M15.4 7.5.6)."""
        return True

    def reports_child(self, status: int) -> bool:
        """Whether the trust center is told (Update Device) that a child came or left (4.4.4)."""
        return True

    def rejoin_status(self, secured: bool) -> int:
        """Status of the Update Device for a child that rejoined: 0 secured, 3 not (4.4.4)."""
        return 0x00 if secured else 0x03

    def secures_update_device(self) -> bool:
        """Whether Update Device is protected by the trust center's link key (4.4.4)."""
        return True

    def secures_tunnelled(self) -> bool:
        """Whether NWK security is put on a Tunnel's frame for a child without key (4.4.9.8)."""
        return False

    def obeys_remove_device(self, *, aps_secured: bool, broadcast: bool) -> bool:
        """Whether a Remove Device is carried out: unicast and under the link key only (4.4.5)."""
        return aps_secured and not broadcast

    def dismisses_child(self) -> bool:
        """Whether a child that is to be removed is told to leave (4.4.5, 4.6.3.6)."""
        return True

    def key_establishment_partner(self, parent: int) -> int:
        """With whom a node that just joined establishes its link key: the TC (5.4.7.1)."""
        return 0x0000

    # -- frequency agility (5.8) ------------------------------------------------------------------

    def energies_told(self, energies: list[int]) -> list[int]:
        """The energy values of a scan's notification, one for each channel (ZB 2.4.4.3.9)."""
        return energies

    def follows_channel_change(self) -> bool:
        """Whether the network is followed to another channel when its manager says so (5.8)."""
        return True

    # -- polling (5.3.4, 802.15.4 7.5.6.3) --------------------------------------------------------

    def poll_period(self) -> float:
        """Seconds between two polls of an idle sleepy end device: 7.5 at least (5.2, 5.3.4).

        Below the 7.68 s for which a parent holds a frame, so that none is missed.
        """
        return 7.6

    def listens_after_poll(self, wait: float, *, promised: bool) -> float:
        """Seconds to listen after a poll: ``wait`` where the parent promised a frame, else none."""
        return wait if promised else 0.0

    # -- discovery (ZB 2.4) ---------------------------------------------------------------------

    def clusters_listed(self, clusters: tuple[int, ...]) -> tuple[int, ...]:
        """The input clusters that the simple descriptor names."""
        return clusters

    # -- chance (ZB 4.5.4.1) ---------------------------------------------------------------------

    def chance_after_boot(self, rng: random.Random) -> random.Random:
        """The source of chance after a boot: the one of before, never one that begins anew."""
        return rng

    # -- key storage (bench requirement) ---------------------------------------------------------

    def tells_keys(self) -> bool:
        """Whether the console shows keys (no)."""
        return False

    def serves_keys(self) -> bool:
        """Whether attributes show keys (no)."""
        return False

    # -- power (bench requirement) --------------------------------------------------------------

    def keeps_commissioning(self, seconds_off: float) -> bool:
        """Whether network and keys are still there after ``seconds_off`` without power."""
        return True
