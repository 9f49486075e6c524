"""What a trust center lets in, hands out and forgets."""

from __future__ import annotations

import random

from zigbee.crypto.mmo import mmo_hash
from zigbee.security import KeyId

__all__ = ["TrustCenterPolicy"]


class TrustCenterPolicy:
    """A conformant node's decisions of this chapter."""

    def chooses_pan(self, rng: random.Random, asked: int | None, heard: set[int]) -> int:
        """The PAN id of a new network: as asked, else by chance; none of those heard (5.5.1)."""
        pan = asked
        while pan is None or pan in heard:
            pan = rng.randrange(0x0001, 0xFFF0)
        return pan

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

    def open_after_boot(self) -> float:
        """Seconds for which joining is open after a boot: until it is ordered, none (5.4.1)."""
        return 0.0

    def authentication_grace(self) -> float:
        """Seconds that a joined device has to establish its link key (5.5.5.5: 20 min or more)."""
        return 3600.0

    def notes_departure(self) -> bool:
        """Whether a device that left is listed as one that left (5.4.1.1)."""
        return True

    def keeps_key_of_left(self) -> bool:
        """Whether the key of a device that left is kept, should it come back (5.4.3)."""
        return True

    def unicasts_network_key(self) -> bool:
        """Whether an update by unicast is one: each copy under its device's link key (5.4.4)."""
        return True

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
