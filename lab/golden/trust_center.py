"""The trust center and coordinator: forming, registering, handing out keys (053474 4.6, SE 5.4).

Commands that tests want to send wrong are methods of their own; everything else follows from
what joins. Keys are 16 octets; times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lab.golden.nwk_layer import NetworkKey
from lab.golden.partner_keys import Broker
from zigbee import aps, mac, nwk
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.golden.aps_layer import Indication
    from lab.golden.link_keys import LinkKey
    from lab.golden.node import Node, Timer

__all__ = ["Registered", "Status", "TrustCenter"]

ALL_DEVICES = Eui64(0)
#: What an association response says when joining is refused (802.15.4 7.3.2.3).
PAN_ACCESS_DENIED = 0x02
#: Update Device status (053474 4.4.9.3): left, and those that come without the network key.
CHILD_LEFT = 0x02
CHILDREN_WITHOUT_KEY = (0x01, 0x03)
#: Bits of the MAC capability field (3.2.2.26): it is a router, it listens when idle.
ROUTER_BIT, LISTENS_BIT = 0x02, 0x08


class Status(StrEnum):
    """Where a registered device stands (5.4.8.2.1)."""

    PROVISIONED = "provisioned"
    JOINED = "joined"
    AUTHENTICATED = "authenticated"
    LEFT = "left"


@dataclass(slots=True)
class Registered:
    """A device that may join: its EUI-64 and the link key of its install code."""

    eui64: Eui64
    link_key: bytes
    short: int | None = None
    #: short address of the router behind which it lives; None: the trust center itself
    parent: int | None = None
    status: Status = Status.PROVISIONED


class TrustCenter:
    """What makes a node the coordinator of a Smart Energy network."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.devices: dict[Eui64, Registered] = {}
        #: answer associations and send keys unasked; off: a test does it
        self.automatic = True
        #: called with (device, short address) when a device announced itself
        self.on_announce: Callable[[Eui64, int], None] | None = None
        #: called with (device) when an association response was given
        self.on_associated: Callable[[Eui64, int], None] | None = None
        self._permit_timer: Timer | None = None
        node.mac.on_association = self._association
        node.aps.on_command = self._command
        #: gives partner link keys
        self.broker = Broker(node)
        node.nwk.on_command = self._nwk_command

    # -- network ----------------------------------------------------------------------------

    def form(self, *, channel: int, pan: int, extended_pan: Eui64, key: NetworkKey) -> None:
        """Become the coordinator of a new network; all that was known of devices is forgotten."""
        node = self.node
        node.mac.restart()
        node.nwk.restart()
        node.aps.restart()
        node.zdo.forget_bindings()
        self.devices.clear()
        node.nwk.extended_pan = extended_pan
        node.nwk.add_key(key)
        node.nwk.activate(key.sequence)
        node.mac.answers_beacon_requests = True
        node.mac.tune(channel=channel, pan=pan, short=0x0000)
        node.nwk.start_link_status()

    def register(self, eui64: Eui64, link_key: bytes) -> Registered:
        """Let a device in: ``link_key`` is what its install code gives (5.4.8.2.2)."""
        device = Registered(eui64, link_key)
        self.devices[eui64] = device
        self.node.aps.keys.install(eui64, link_key, "code")
        return device

    def permit(self, seconds: float) -> None:
        """Set the association permit bit for ``seconds``; 0 closes joining (5.4.1)."""
        if self._permit_timer is not None:
            self._permit_timer.cancel()
        self.node.mac.permit = seconds > 0
        if seconds > 0:
            self._permit_timer = self.node.after(seconds, self._close)

    def _close(self) -> None:
        self.node.mac.permit = not self.node.policy.closes_joining()

    # -- joining ----------------------------------------------------------------------------

    def _association(self, device: Eui64, capability: int) -> None:
        if not self.node.policy.admits_child(self.node.mac.permit):
            self.node.mac.respond_association(device, 0xFFFF, PAN_ACCESS_DENIED)
            return
        short = self._address_for(device)
        self.node.nwk.learn(short, device)
        self._take_child(short, capability)
        self.node.mac.respond_association(device, short, 0x00)
        if self.on_associated is not None:
            self.on_associated(device, short)
        if self.automatic and self.admitted(device, short):
            # the device has its address once it has polled for the response
            self.node.after(1.0, lambda: self.send_network_key(device))

    def _take_child(self, short: int, capability: int) -> None:
        """Hold what is for an end device that listens only when it has polled (3.6.6)."""
        self.node.nwk.children.pop(short, None)
        if not capability & ROUTER_BIT:
            self.node.nwk.children[short] = bool(capability & LISTENS_BIT)

    def admitted(self, device: Eui64, short: int, parent: int | None = None) -> bool:
        """Whether a device that associated, here or with ``parent``, gets the network key."""
        return device in self.devices

    def _address_for(self, device: Eui64) -> int:
        registered = self.devices.get(device)
        if registered is not None and registered.short is not None:
            return registered.short
        taken = set(self.node.nwk.addresses)
        short = 0
        while short in taken or short == 0:
            short = self.node.random.randrange(0x0001, 0xFFF0)
        if registered is not None:
            registered.short = short
        return short

    def transport_key(
        self, key: NetworkKey | None = None, destination: Eui64 = ALL_DEVICES
    ) -> aps.TransportKey:
        """The command that carries a network key (by default the active one)."""
        active = key or self.node.nwk.active
        if active is None:
            raise RuntimeError("the network is not formed yet")
        return aps.TransportKey(
            key_type=aps.KeyType.NETWORK,
            key=active.key,
            sequence=active.sequence,
            destination=destination,
            source=self.node.eui64,
        )

    def send_network_key(
        self,
        device: Eui64,
        key: NetworkKey | None = None,
        *,
        link_key: LinkKey | bytes | None = None,
        joined: bool = False,
    ) -> None:
        """Unicast Transport Key under the key-transport key of the device's link key (4.4.3).

        A device that has just associated gets it without NWK security, a joined one with it.
        """
        short = self.node.nwk.short_of(device)
        if short is None:
            return
        self.node.aps.send_command(
            self.transport_key(key, device),
            short,
            link_key=link_key or self.node.aps.keys.get(device),
            key_id=self.node.policy.transport_key_id(),
            nwk_secure=joined,
        )

    def broadcast_network_key(self, key: NetworkKey) -> None:
        """Broadcast a new network key under the old one (4.4.3.2, 5.4.4)."""
        self.node.nwk.add_key(key)
        self.node.aps.send_command(self.transport_key(key), nwk.BROADCAST_RX_ON)
        for device in self._sleepers():
            self.send_network_key(device, key, joined=True)

    def switch_key(self, sequence: int, device: Eui64 | None = None) -> None:
        """Order the switch to the key of ``sequence``: to all, or APS-secured to one (4.4.7)."""
        command = aps.SwitchKey(sequence)
        short = None if device is None else self.node.nwk.short_of(device)
        if device is None or short is None:
            self.node.aps.send_command(command, nwk.BROADCAST_RX_ON)
            for sleeper in self._sleepers():
                self.switch_key(sequence, sleeper)
        else:
            self.node.aps.send_command(command, short, link_key=self.node.aps.keys.get(device))

    def _sleepers(self) -> list[Eui64]:
        """The children that hear no broadcast to those whose receivers are on."""
        network = self.node.nwk
        silent = [short for short, listens in network.children.items() if not listens]
        found = [network.eui_of(short) for short in silent]
        return [one for one in found if one is not None]

    def activate(self, sequence: int) -> None:
        """Use the key of ``sequence`` for the trust center's own frames."""
        self.node.nwk.activate(sequence)

    # -- in ---------------------------------------------------------------------------------

    def _command(self, command: Any, indication: Indication) -> None:
        if isinstance(command, aps.UpdateDevice) and indication.secured:
            self._child_reported(command, indication.nwk.src)

    def _child_reported(self, command: aps.UpdateDevice, router: int) -> None:
        """A router told of a child: one that came without the network key gets it (4.6.3.2)."""
        network, device = self.node.nwk, self.devices.get(command.device)
        if command.status == CHILD_LEFT:
            network.routes.pop(command.short, None)
            return
        network.learn(command.short, command.device)
        network.routes[command.short] = network.routes.get(router, router)
        if device is not None:
            device.short, device.parent = command.short, router
        wanted = command.status in CHILDREN_WITHOUT_KEY and self.automatic
        if wanted and self.admitted(command.device, command.short, router):
            self.tunnel_network_key(command.device, router)

    def tunnel_network_key(self, device: Eui64, router: int) -> bytes:
        """Have ``router`` hand the network key to its child; gives the inner frame (4.4.9.8)."""
        key = self.node.aps.keys.get(device)
        if key is None:
            return b""
        layer = self.node.aps
        inner = layer.secured(
            aps.ApsFrame(
                frame_type=aps.ApsType.COMMAND,
                counter=layer.next_counter(),
                payload=self.transport_key(None, device).to_bytes(),
            ),
            key,
            key_id=self.node.policy.transport_key_id(),
            extended_nonce=True,
        ).to_bytes()
        layer.send_command(aps.Tunnel(device, inner), router)
        return inner

    def _nwk_command(self, command: Any, frame: nwk.NwkFrame) -> None:
        if isinstance(command, nwk.RejoinRequest):
            self._rejoin(command, frame)

    def _rejoin(self, request: nwk.RejoinRequest, frame: nwk.NwkFrame) -> None:
        """Take a known device back; one that came without NWK security gets the key (5.4.2.1)."""
        device = frame.src_eui or self.node.nwk.eui_of(frame.src)
        if device is None or device not in self.devices or not self.automatic:
            return
        response = nwk.RejoinResponse(short=frame.src, status=0)
        self.node.nwk.learn(frame.src, device)
        self._take_child(frame.src, request.capability)
        self.node.nwk.send_command(
            response, frame.src, secure=frame.security, dst_eui=device, src_eui=self.node.eui64
        )
        if not frame.security:
            self.node.after(0.5, lambda: self.send_network_key(device))

    def beacon_of(self, device: mac.Beacon) -> bool:
        """Whether a beacon is of this network."""
        return device.extended_pan_id == self.node.nwk.extended_pan
