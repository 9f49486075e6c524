"""Partner link keys, asked of the trust center and brokered by it (075356 5.4.7.4; 053474 4.4).

A device asks with Request Key, under its own link key with the trust center; the trust center
draws a key and sends it to both in Transport Key under the key-load key of each. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zigbee import aps
from zigbee.security import KeyId
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.golden.aps_layer import Indication
    from lab.golden.node import Node, Timer

__all__ = ["Broker", "PartnerKeys"]

TRUST_CENTER = 0x0000
BROKERED = "brokered"
#: How long the trust center of a 1.0 network waits for the second of two that ask for each other.
BOTH_WITHIN = 5.0


class PartnerKeys:
    """A device's side; ``trust_center`` gives the EUI-64 of its trust center, if it has one."""

    def __init__(self, node: Node, trust_center: Callable[[], Eui64 | None]) -> None:
        self.node = node
        self.trust_center = trust_center
        #: called with the partner when a key with it was installed
        self.on_key: Callable[[Eui64], None] | None = None
        self._waiting: dict[Eui64, Timer] = {}
        node.aps.on_partner_key = self._command

    def request(self, partner: Eui64, attempt: int = 1) -> None:
        """Ask for a key with ``partner``, again and again until it comes."""
        own = self.node.aps.keys.get(self.trust_center())
        if own is None or not self.node.nwk.joined:
            return
        command = aps.RequestKey(aps.KeyType.APPLICATION_MASTER, partner)
        self.node.aps.send_command(command, TRUST_CENTER, link_key=own)
        self.cancel(partner)
        delay = self.node.policy.partner_key_retry_in(attempt)
        self._waiting[partner] = self.node.after(delay, lambda: self.request(partner, attempt + 1))

    def cancel(self, partner: Eui64) -> None:
        """Ask no more for a key with ``partner``."""
        timer = self._waiting.pop(partner, None)
        if timer is not None:
            timer.cancel()

    def forget(self) -> None:
        """Remove all partner keys."""
        for key in [one for one in self.node.aps.keys if one.origin == BROKERED]:
            self.node.aps.keys.remove(key.partner)

    def _command(self, command: Any, indication: Indication) -> None:
        if not isinstance(command, aps.TransportKey) or command.partner is None:
            return
        trust_center, partner = self.trust_center(), command.partner
        if trust_center is None or partner in (trust_center, self.node.eui64):
            return
        key = indication.link_key
        ordered = key is not None and key.partner == trust_center
        if not self.node.policy.accepts_partner_key(
            from_trust_center=ordered and indication.key_id == KeyId.KEY_LOAD,
            asked=partner in self._waiting,
        ):
            return
        self.cancel(partner)
        self.node.aps.keys.install(partner, command.key, BROKERED)
        if self.on_key is not None:
            self.on_key(partner)


class Broker:
    """The trust center's side: gives two authenticated devices a key when one of them asks."""

    def __init__(self, node: Node) -> None:
        self.node = node
        #: answer requests unasked; off: a test does it
        self.automatic = True
        #: as in 1.0: the key is given only when both have asked for each other
        self.both_ask = False
        #: called with (who asked, partner, key) before the key is sent
        self.on_key: Callable[[Eui64, Eui64, bytes], None] | None = None
        self._asked: dict[tuple[Eui64, Eui64], float] = {}
        node.aps.on_partner_key = self._command

    def _command(self, command: Any, indication: Indication) -> None:
        key = indication.link_key
        if not isinstance(command, aps.RequestKey) or not self.automatic:
            return
        if key is None or command.partner is None:
            return
        requester, partner = key.partner, command.partner
        allowed = self.node.policy.brokers_for(
            requester=self._authenticated(requester), partner=self._authenticated(partner)
        )
        waits = self.both_ask and self.node.policy.waits_for_both()
        if allowed and (not waits or self._both_asked(requester, partner)):
            self.give(requester, partner)

    def _authenticated(self, device: Eui64) -> bool:
        key = self.node.aps.keys.get(device)
        return key is not None and key.origin == "cbke"

    def _both_asked(self, requester: Eui64, partner: Eui64) -> bool:
        now = self.node.now
        self._asked[requester, partner] = now
        earlier = self._asked.pop((partner, requester), None)
        return earlier is not None and now <= earlier + BOTH_WITHIN

    def give(self, requester: Eui64, partner: Eui64, key: bytes | None = None) -> bytes:
        """Send ``key`` (by default a new one) to both; gives it. The requester is the initiator."""
        policy = self.node.policy
        drawn = policy.draws_partner_key(self.node.random) if key is None else key
        if self.on_key is not None:
            self.on_key(requester, partner, drawn)
        self.transport(drawn, requester, partner, initiator=1)
        if self.node.policy.gives_key_to_both():
            self.transport(drawn, partner, requester, initiator=0)
        return drawn

    def transport(self, key: bytes, device: Eui64, partner: Eui64, *, initiator: int) -> None:
        """Send ``device`` the key that it shares with ``partner`` (4.4.9.2.3.3)."""
        short, own = self.node.nwk.short_of(device), self.node.aps.keys.get(device)
        if short is None or own is None:
            return
        command = aps.TransportKey(
            aps.KeyType.APPLICATION_LINK, key, partner=partner, initiator=initiator
        )
        self.node.aps.send_command(command, short, link_key=own, key_id=KeyId.KEY_LOAD)
