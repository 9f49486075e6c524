"""A router as a parent: who may join through it, and what it does for its children (053474).

It grants associations while joining is open (3.6.1.4), tells the trust center who came, came back
and left (Update Device, 4.4.4), passes on what the trust center tunnels to a child that has no
network key yet (4.4.9.8), and sends a child away when the trust center orders it (4.4.5). The
table is bounded: who never fetched its response gives its place back. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zigbee import aps, nwk
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.golden.aps_layer import Indication
    from lab.golden.node import Node, Timer

__all__ = ["Child", "Parent"]

TRUST_CENTER = 0x0000
#: Children held at once.
CAPACITY = 16
#: apsSecurityTimeOutPeriod: how long a child may take to get the network key, seconds.
AUTHENTICATION_TIMEOUT = 15.0
#: How long a child that was told to leave may take to say that it does, seconds.
LEAVE_WAIT = 2.0
#: Association status (802.15.4 7.3.2.3).
GRANTED, AT_CAPACITY, DENIED = 0x00, 0x01, 0x02
NO_ADDRESS = 0xFFFF
#: Update Device status (4.4.9.3).
UNSECURED_JOIN, LEFT = 0x01, 0x02
#: Bits of the MAC capability field (3.2.2.26): it is a router, it listens when idle.
ROUTER_BIT, LISTENS_BIT = 0x02, 0x08


@dataclass(slots=True)
class Child:
    """A device that joined through this parent. ``listens``: its receiver is on when idle."""

    eui64: Eui64
    short: int
    router: bool
    listens: bool
    #: whether it has shown that it holds the network key
    authenticated: bool = False
    timer: Timer | None = None

    def settle(self) -> None:
        """Nothing is awaited of it any more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Parent:
    """What makes a router a parent; make it after what else takes commands: it passes them on.

    ``trust_center`` gives the trust center's EUI-64 once it is known.
    """

    def __init__(self, node: Node, trust_center: Callable[[], Eui64 | None]) -> None:
        self.node = node
        self.trust_center = trust_center
        self.children: dict[Eui64, Child] = {}
        #: called when the trust center orders this node itself to leave
        self.on_removed: Callable[[], None] | None = None
        self._permit_timer: Timer | None = None
        self._aps_command, node.aps.on_command = node.aps.on_command, self._command
        self._nwk_command, node.nwk.on_command = node.nwk.on_command, self._network_command
        node.mac.on_association = self._association
        node.nwk.on_heard = self._heard
        node.nwk.has_room = lambda: not self.full
        node.zdo.on_permit = self.permit

    def restart(self) -> None:
        """Forget the children and close joining: the network was left."""
        for child in self.children.values():
            child.settle()
        self.children.clear()
        self.node.nwk.children.clear()
        self.permit(0)

    def permit(self, seconds: int) -> None:
        """Let devices join for ``seconds``: 0 closes, 255 opens for good (2.4.3.3.7)."""
        if self._permit_timer is not None:
            self._permit_timer.cancel()
            self._permit_timer = None
        self.node.mac.permit = seconds > 0
        if 0 < seconds < 0xFF:
            self._permit_timer = self.node.after(seconds, lambda: self.permit(0))

    @property
    def full(self) -> bool:
        """Whether there is no place for another child."""
        return len(self.children) >= CAPACITY

    # -- association (3.6.1.4) --------------------------------------------------------------

    def _association(self, device: Eui64, capability: int) -> None:
        if not self.node.nwk.joined:
            return
        respond = self.node.mac.respond_association
        if not self.node.policy.admits_child(self.node.mac.permit):
            respond(device, NO_ADDRESS, DENIED)
        elif self.full and device not in self.children:
            respond(device, NO_ADDRESS, AT_CAPACITY)
        else:
            child = self.take(device, capability)
            respond(device, child.short, GRANTED, lambda status, _: self._fetched(child, status))

    def take(self, device: Eui64, capability: int, short: int | None = None) -> Child:
        """Hold ``device`` as a child without key; it keeps its address or gets a free one."""
        held = self.children.get(device)
        if held is not None:
            held.settle()
            short = held.short if short is None else short
            self.node.nwk.children.pop(held.short, None)
        child = Child(
            device,
            self._free_address(device) if short is None else short,
            bool(capability & ROUTER_BIT),
            bool(capability & LISTENS_BIT),
        )
        self.children[device] = child
        self.node.nwk.children[child.short] = child.listens
        self.node.nwk.learn(child.short, device)
        return child

    def _free_address(self, device: Eui64) -> int:
        """A random address that nobody is known to have (3.6.1.7)."""
        taken = {0x0000, self.node.mac.short, *self.node.nwk.addresses}
        short = 0x0000
        while short in taken:
            short = self.node.random.randrange(0x0001, 0xFFF8)
        return short

    def _fetched(self, child: Child, status: str) -> None:
        """The association response went out, or the child never asked for it."""
        if self.children.get(child.eui64) is not child:
            return
        if status != "acked":
            if self.node.policy.forgets_absent_children():
                self._forget(child)
            return
        child.timer = self.node.after(AUTHENTICATION_TIMEOUT, lambda: self._late(child))
        self.report(child, UNSECURED_JOIN)

    def _late(self, child: Child) -> None:
        if not child.authenticated:
            self._forget(child)

    def _heard(self, short: int) -> None:
        """A neighbour showed that it has the network key."""
        device = self.node.nwk.eui_of(short)
        child = self.children.get(device) if device is not None else None
        if child is not None and child.short == short and not child.authenticated:
            child.authenticated = True
            child.settle()

    def _forget(self, child: Child) -> None:
        child.settle()
        if self.children.get(child.eui64) is child:
            del self.children[child.eui64]
            self.node.nwk.children.pop(child.short, None)
            self.node.nwk.neighbors.pop(child.short, None)

    # -- the trust center -------------------------------------------------------------------

    def report(self, child: Child, status: int) -> None:
        """Update Device to the trust center, under its link key (4.4.4)."""
        policy = self.node.policy
        if not policy.reports_child(status):
            return
        key = self.node.aps.keys.get(self.trust_center())
        command = aps.UpdateDevice(child.eui64, child.short, status)
        secured = key if policy.secures_update_device(status) else None
        self.node.aps.send_command(command, TRUST_CENTER, link_key=secured)

    def _command(self, command: Any, indication: Indication) -> None:
        if isinstance(command, aps.Tunnel):
            self._tunnel(command, indication)
        elif isinstance(command, aps.RemoveDevice):
            self._remove(command.device, indication)
        elif self._aps_command is not None:
            self._aps_command(command, indication)

    def _remove(self, device: Eui64, indication: Indication) -> None:
        """Send a child away, or leave, if the order comes from the trust center (4.4.5)."""
        key = indication.link_key
        by_trust_center = key is not None and key.partner == self.trust_center()
        if indication.nwk.src != TRUST_CENTER or not self.node.policy.obeys_remove_device(
            aps_secured=by_trust_center, broadcast=indication.broadcast
        ):
            return
        if device in self.children:
            self._dismiss(self.children[device])
        elif device == self.node.eui64 and self.on_removed is not None:
            self.on_removed()

    def _tunnel(self, command: aps.Tunnel, indication: Indication) -> None:
        """The inner frame goes to the child as it is, without NWK security (4.4.9.8)."""
        child = self.children.get(command.destination)
        if child is None or child.authenticated or indication.nwk.src != TRUST_CENTER:
            return
        secure = self.node.policy.secures_tunnelled()
        self.node.nwk.send(command.frame, child.short, secure=secure)

    def _dismiss(self, child: Child) -> None:
        if not self.node.policy.dismisses_child():
            return
        self.node.nwk.send_command(
            nwk.Leave(request=True),
            child.short,
            dst_eui=child.eui64,
            src_eui=self.node.eui64,
        )
        child.settle()
        child.timer = self.node.after(LEAVE_WAIT, lambda: self._gone(child))

    def _gone(self, child: Child) -> None:
        if self.children.get(child.eui64) is child:
            self._forget(child)
            self.report(child, LEFT)

    # -- NWK commands of children -----------------------------------------------------------

    def _network_command(self, command: Any, frame: nwk.NwkFrame) -> None:
        if isinstance(command, nwk.RejoinRequest):
            self._rejoin(command, frame)
            return
        if isinstance(command, nwk.Leave) and not command.request and frame.security:
            device = self.node.nwk.eui_of(frame.src)
            child = self.children.get(device) if device is not None else None
            if child is not None and not command.rejoin:
                self._gone(child)
        if self._nwk_command is not None:
            self._nwk_command(command, frame)

    def _rejoin(self, command: nwk.RejoinRequest, frame: nwk.NwkFrame) -> None:
        """Take a device back; the trust center hears how it came (3.6.1.4.2, 4.6.3.3)."""
        device = frame.src_eui or self.node.nwk.eui_of(frame.src)
        if device is None or not self.node.nwk.joined:
            return
        if not (self.node.mac.permit or self.node.policy.rejoins_while_closed()):
            return
        if self.full and device not in self.children:
            return
        child = self.take(device, command.capability, frame.src)
        child.authenticated = frame.security
        self.node.nwk.send_command(
            nwk.RejoinResponse(child.short, GRANTED),
            frame.src,
            secure=frame.security,
            dst_eui=device,
            src_eui=self.node.eui64,
        )
        if not child.authenticated:
            child.timer = self.node.after(AUTHENTICATION_TIMEOUT, lambda: self._late(child))
        self.report(child, self.node.policy.rejoin_status(frame.security))
