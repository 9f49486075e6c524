"""What routers and parents do for others, and sleepy devices with their parents."""

from __future__ import annotations

__all__ = ["RoutingPolicy"]


class RoutingPolicy:
    """A conformant node's decisions of this chapter."""

    # -- routers and parents (ZB 3.6.1, 3.6.3, 4.4.4, 4.4.5, 4.6.3) ------------------------------

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

    def secures_update_device(self, status: int) -> bool:
        """Whether an Update Device of this status is under the trust center's link key (4.4.4)."""
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

    def bridges_networks(self) -> bool:
        """Whether what is sent to all in one network of a device goes on in another (5.5.3: no)."""
        return False

    # -- frequency agility (5.8) -----------------------------------------------------------------

    def energies_told(self, energies: list[int]) -> list[int]:
        """The energy values of a scan's notification, one for each channel (ZB 2.4.4.3.9)."""
        return energies

    def moves_network(self) -> bool:
        """Whether a channel manager acts on reports of a bad channel (5.8)."""
        return True

    def follows_channel_change(self) -> bool:
        """Whether the network is followed to another channel when its manager says so (5.8)."""
        return True

    # -- polling (5.3.4, 802.15.4 7.5.6.3) -------------------------------------------------------

    def poll_period(self) -> float:
        """Seconds between two polls of an idle sleepy end device: 7.5 at least (5.2, 5.3.4).

        Below the 7.68 s for which a parent holds a frame, so that none is missed.
        """
        return 7.6

    def listens_after_poll(self, wait: float, *, promised: bool) -> float:
        """Seconds to listen after a poll: ``wait`` where the parent promised a frame, else none."""
        return wait if promised else 0.0

    def insists_on_promise(self) -> bool:
        """Whether a promised frame that never came is polled for until one comes (M15.4: no)."""
        return False
