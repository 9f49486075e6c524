"""A trust center that runs by itself: registrations, joining, removal, key updates (075356 5.4).

It is what a device under test needs beyond :class:`~lab.golden.trust_center.TrustCenter`, which
does no more than a test tells it. Everything that has to outlive a loss of power is in the node's
non-volatile memory: network, registrations with their states, link keys. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.golden.nwk_layer import NetworkKey
from lab.golden.trust_center import Registered, Status, TrustCenter
from zigbee import aps, mac, nwk
from zigbee.types import Address, Eui64

if TYPE_CHECKING:
    from lab.golden.aps_layer import Indication
    from lab.golden.link_keys import LinkKey
    from lab.golden.node import Node, Timer

__all__ = ["Registrar"]

#: How long beacons are awaited before a network is formed.
LISTEN = 0.5
#: Joining is announced again after this, if it is to stay open longer (later revisions: 240 s).
PERMIT_REPEAT = 240.0
#: Between the last new network key and Switch Key.
SWITCH_AFTER = 5.0
#: Devices that may be arriving at once, and how long one may take (apsSecurityTimeOutPeriod).
CAPACITY = 16
AUTHENTICATION_TIMEOUT = 15.0
#: Association status (802.15.4 7.3.2.3), and the address of who gets none.
GRANTED, AT_CAPACITY, DENIED = 0x00, 0x01, 0x02
NO_ADDRESS = 0xFFFF
#: Update Device status (ZB 4.4.9.3).
SECURED_REJOIN, UNSECURED_JOIN, LEFT, UNSECURED_REJOIN = 0, 1, 2, 3


class Registrar(TrustCenter):
    """A trust center with a memory and habits of its own."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        #: called when a device's state changed
        self.on_status: Callable[[Registered], None] | None = None
        self._closing_at = 0.0
        self._announcement: Timer | None = None
        self._heard_pans: set[int] = set()
        self._arriving: set[Eui64] = set()
        node.mac.on_beacon = self._beacon
        node.aps.takes = self.takes

    # -- network ----------------------------------------------------------------------------

    def form_quietly(self, channel: int, pan: int | None, formed: Callable[[], None]) -> None:
        """Listen for networks on ``channel``, then form one with a PAN id that none of them has."""
        self._heard_pans = set()
        self.node.mac.tune(channel=channel, pan=0xFFFF, short=0xFFFE)
        self.node.mac.request_beacons()
        self.node.after(LISTEN, lambda: self._form(channel, pan, formed))

    def _beacon(self, beacon: mac.Beacon, pan: int, source: Address, lqi: int) -> None:
        self._heard_pans.add(pan)

    def _form(self, channel: int, pan: int | None, formed: Callable[[], None]) -> None:
        rng, policy = self.node.random, self.node.policy
        pan = policy.chooses_pan(rng, pan, self._heard_pans)
        extended = Eui64(rng.getrandbits(63) | 1)
        key = NetworkKey(0, policy.draws_network_key(rng))
        self.form(channel=channel, pan=pan, extended_pan=extended, key=key)
        self.save()
        formed()

    def save(self) -> None:
        """Write network and registrations to non-volatile memory."""
        network, carrier = self.node.nwk, self.node.mac
        self.node.nvm.put(
            "tc.network",
            {
                "channel": carrier.channel,
                "pan": carrier.pan,
                "extended_pan": network.extended_pan,
                "update_id": network.update_id,
                "keys": [(one.sequence, one.key) for one in network.keys],
                "active": network.active.sequence if network.active else None,
            },
        )
        self.node.nvm.put(
            "tc.devices",
            {
                one.eui64: (one.link_key, one.short, one.parent, one.status)
                for one in self.devices.values()
            },
        )

    def resume(self) -> bool:
        """Go on with the network of before, joining closed; false: there is none."""
        held = self.node.nvm.get("tc.network")
        if held is None or held["active"] is None:
            return False
        network = self.node.nwk
        for sequence, key in held["keys"]:
            network.add_key(NetworkKey(sequence, key))
        network.activate(held["active"])
        network.extended_pan = held["extended_pan"]
        network.update_id = held["update_id"]
        for eui64, (key, short, parent, status) in self.node.nvm.get("tc.devices", {}).items():
            self.devices[eui64] = Registered(eui64, key, short, parent, Status(status))
            if short is not None:
                network.learn(short, eui64)
        self.node.mac.answers_beacon_requests = True
        self.node.mac.tune(channel=held["channel"], pan=held["pan"], short=0x0000)
        network.start_link_status()
        self.permit(self.node.policy.open_after_boot())
        return True

    def open(self, seconds: float) -> None:
        """Open joining for ``seconds``, here and by repeated broadcasts at all routers (5.4.1)."""
        self._closing_at = self.node.now + seconds
        self.permit(seconds)
        self._announce_permit()

    def _announce_permit(self) -> None:
        if self._announcement is not None:
            self._announcement.cancel()
        left = max(0.0, self._closing_at - self.node.now)
        self.node.zdo.send(
            "Mgmt_Permit_Joining_req",
            nwk.BROADCAST_ROUTERS,
            PermitDuration=self.node.policy.permit_duration(left),
            TC_Significance=0,
        )
        if left > PERMIT_REPEAT:
            self._announcement = self.node.after(PERMIT_REPEAT, self._announce_permit)

    def announced(self, short: int, eui64: Eui64) -> None:
        """Take in a Device_annce; a router that is new hears how long joining stays open."""
        device = self.devices.get(eui64)
        if device is not None:
            self._settled(eui64)
            device.short = short
            if device.status == Status.PROVISIONED:
                self._note(device, Status.JOINED)
            self.save()
        if self._closing_at > self.node.now:
            self._announce_permit()

    # -- registrations ----------------------------------------------------------------------

    def enter(self, eui64: Eui64, code_and_crc: bytes) -> Registered:
        """Register a device by its install code. Raises InstallCodeError (5.4.8.2.2)."""
        device = self.register(eui64, self.node.policy.link_key_of(code_and_crc))
        self._note(device, Status.PROVISIONED)
        return device

    def _note(self, device: Registered, status: Status) -> None:
        if status == Status.LEFT and not self.node.policy.notes_departure():
            return
        changed, device.status = device.status != status, status
        self.save()
        if self.on_status is not None and (changed or status == Status.PROVISIONED):
            self.on_status(device)

    def authenticated(self, eui64: Eui64) -> None:
        """Key establishment with a device has ended well."""
        device = self.devices.get(eui64)
        if device is not None:
            self._note(device, Status.AUTHENTICATED)

    def deregister(self, eui64: Eui64) -> None:
        """Put a device out of the network and forget it with its keys (5.4.2.2.2)."""
        self.remove_device(eui64)
        self.forget(eui64)

    def forget(self, eui64: Eui64) -> None:
        """Forget a device with its keys."""
        device = self.devices.pop(eui64, None)
        if device is not None:
            device.status = Status.LEFT
        if not self.node.policy.remembers_removals():
            return
        if self.node.policy.forgets_key_of_removed():
            self.node.aps.keys.remove(eui64)
        self.save()

    def remove_device(self, eui64: Eui64) -> None:
        """Send Remove Device to the device's parent, or to itself if it is a child of this node."""
        device = self.devices.get(eui64)
        if device is None:
            return
        receiver = device.short if device.parent is None else device.parent
        if receiver is not None:
            key = self.node.aps.keys.get(self.node.nwk.eui_of(receiver))
            secured = key if self.node.policy.secures_remove_device() else None
            self.node.aps.send_command(aps.RemoveDevice(eui64), receiver, link_key=secured)

    def mgmt_leave(self, eui64: Eui64) -> None:
        """Send Mgmt_Leave_req to a device, under its link key (5.5.5.1)."""
        device = self.devices.get(eui64)
        if device is None or device.short is None:
            return
        self.node.zdo.send(
            "Mgmt_Leave_req", device.short, secure=True, DeviceAddress=eui64, Options=0
        )

    def mark_stale(self, eui64: Eui64) -> None:
        """Let a link key serve for nothing but to be replaced (5.4.5)."""
        key = self.node.aps.keys.get(eui64)
        if key is not None:
            key.origin = "stale"
            self.node.aps.keys.save()

    def takes(self, indication: Indication) -> bool:
        """Whether APS data is let in: not under keys that prove no certificate (5.4.7.2)."""
        key = indication.link_key
        return key is None or self.node.policy.takes_data_under(key.origin)

    # -- joining ----------------------------------------------------------------------------

    def _association(self, device: Eui64, capability: int) -> None:
        """Grant a place while joining is open and there is one (ZB 3.6.1.4)."""
        respond = self.node.mac.respond_association
        if not self.node.policy.admits_child(self.node.mac.permit):
            respond(device, NO_ADDRESS, DENIED)
            return
        if len(self._arriving) >= CAPACITY and device not in self._arriving:
            respond(device, NO_ADDRESS, AT_CAPACITY)
            return
        short = self._address_for(device)
        self._arriving.add(device)
        self.node.nwk.learn(short, device)
        self.node.nwk.routes.pop(short, None)
        respond(device, short, GRANTED, lambda status, _: self._fetched(device, short, status))

    def _fetched(self, device: Eui64, short: int, status: str) -> None:
        """The association response was fetched, or the device never asked for it."""
        if status != "acked":
            if self.node.policy.forgets_absent_children():
                self._settled(device)
            return
        self.node.after(AUTHENTICATION_TIMEOUT, lambda: self._settled(device))
        if self.admitted(device, short):
            self.node.after(0.2, lambda: self.send_network_key(device))

    def _settled(self, device: Eui64) -> None:
        """A device came in, or did not: the place for those that arrive is free again."""
        self._arriving.discard(device)

    def admitted(self, device: Eui64, short: int, parent: int | None = None) -> bool:
        """Whether a device gets the network key: it is registered."""
        known = self.devices.get(device)
        if known is None:
            stranger = self.node.policy.key_for_stranger()
            if stranger is None:
                return False
            self.node.aps.keys.install(device, stranger, "code")
            return True
        known.short, known.parent = short, parent
        if known.status != Status.AUTHENTICATED:
            self._note(known, Status.JOINED)
            grace = self.node.policy.authentication_grace()
            self.node.after(grace, lambda: self._out_of_grace(known))
        self.save()
        return True

    def _out_of_grace(self, device: Registered) -> None:
        """Put out a device that has not established its link key in all that time (5.5.5.5)."""
        if self.devices.get(device.eui64) is device and device.status == Status.JOINED:
            self.put_out(device)

    def put_out(self, device: Registered) -> None:
        """Send a device away; it stays registered and may come back."""
        if device.parent is not None:
            self.remove_device(device.eui64)
        elif device.short is not None:
            leave = nwk.Leave(rejoin=False, request=True, remove_children=False)
            self.node.nwk.send_command(leave, device.short, dst_eui=device.eui64)
        self._note(device, Status.LEFT)

    def _command(self, command: Any, indication: Indication) -> None:
        if isinstance(command, aps.UpdateDevice) and indication.secured:
            self._updated(command, indication.nwk.src)

    def _updated(self, update: aps.UpdateDevice, parent: int) -> None:
        """A router tells of a device that came to it or left it (ZB 4.4.4)."""
        device = self.devices.get(update.device)
        if update.status == LEFT:
            self.node.nwk.routes.pop(update.short, None)
            if device is not None:
                self._note(device, Status.LEFT)
            return
        if update.status == SECURED_REJOIN and device is not None:
            device.short, device.parent = update.short, parent
            self._learn_behind(update, parent)
            self.save()
        elif update.status == UNSECURED_JOIN:
            if self.admitted(update.device, update.short, parent):
                self._tunnel_key(update, parent, self.node.aps.keys.get(update.device))
            else:
                self._refuse(update.device, parent)
        elif update.status == UNSECURED_REJOIN:
            key = self.rejoin_key(update.device)
            if key is None:
                self._refuse(update.device, parent)
            else:
                if device is not None:
                    device.short, device.parent = update.short, parent
                    self.save()
                self._tunnel_key(update, parent, key)

    def _tunnel_key(
        self, update: aps.UpdateDevice, parent: int, key: LinkKey | bytes | None
    ) -> None:
        """The network key for a device behind ``parent``, in a Tunnel (ZB 4.6.3.7)."""
        if key is None:
            return
        self._learn_behind(update, parent)
        inner = aps.ApsFrame(
            frame_type=aps.ApsType.COMMAND,
            counter=self.node.aps.next_counter(),
            payload=self.transport_key(destination=update.device).to_bytes(),
        )
        sealed = self.node.aps.secured(
            inner, key, key_id=self.node.policy.transport_key_id(), extended_nonce=True
        )
        self.node.aps.send_command(aps.Tunnel(update.device, sealed.to_bytes()), parent)

    def _learn_behind(self, update: aps.UpdateDevice, parent: int) -> None:
        """Whose child a device is: what is for it goes that way (ZB 3.6.3)."""
        network = self.node.nwk
        network.learn(update.short, update.device)
        network.routes[update.short] = network.routes.get(parent, parent)

    def _refuse(self, device: Eui64, parent: int) -> None:
        """Have a router put out a device that has no business here (ZB 4.4.5)."""
        key = self.node.aps.keys.get(self.node.nwk.eui_of(parent))
        self.node.aps.send_command(aps.RemoveDevice(device), parent, link_key=key)

    # -- rejoining --------------------------------------------------------------------------

    def rejoin_key(self, eui64: Eui64) -> LinkKey | bytes | None:
        """The key under which a device that rejoins unsecured gets the network key (5.4.2.2).

        ``None`` for who is not registered, and for who never had more than its install code.
        """
        policy = self.node.policy
        device, current = self.devices.get(eui64), self.node.aps.keys.get(eui64)
        if device is None or current is None:
            return policy.key_for_stranger() if device is None else None
        if current.origin not in ("cbke", "hashed"):
            return None
        chosen = policy.rejoin_key(current.key, device.link_key)
        return current if chosen == current.key else chosen

    def _returned(self, frame: nwk.NwkFrame) -> None:
        """Answer a Rejoin Request of a neighbour, secured or not (5.4.2.2)."""
        eui64 = frame.src_eui or self.node.nwk.eui_of(frame.src)
        if eui64 is None or not (self.node.mac.permit or self.node.policy.rejoins_while_closed()):
            return
        key = None if frame.security else self.rejoin_key(eui64)
        if key is None and (not frame.security or eui64 not in self.devices):
            return
        device = self.devices.get(eui64)
        self.node.nwk.learn(frame.src, eui64)
        self.node.nwk.routes.pop(frame.src, None)
        self.node.nwk.send_command(
            nwk.RejoinResponse(short=frame.src, status=0),
            frame.src,
            secure=frame.security,
            dst_eui=eui64,
            src_eui=self.node.eui64,
        )
        if key is not None:
            self.node.after(0.5, lambda: self.send_network_key(eui64, link_key=key))
        if device is not None:
            device.short, device.parent = frame.src, None
            if device.status == Status.LEFT:
                back = self.node.aps.keys.get(eui64)
                was = back is not None and back.origin in ("cbke", "hashed")
                self._note(device, Status.AUTHENTICATED if was else Status.JOINED)
            self.save()

    def _nwk_command(self, command: Any, frame: nwk.NwkFrame) -> None:
        if isinstance(command, nwk.Leave) and not command.request and frame.security:
            eui64 = frame.src_eui or self.node.nwk.eui_of(frame.src)
            device = self.devices.get(eui64) if eui64 is not None else None
            if device is not None:
                self._note(device, Status.LEFT)
                current = self.node.aps.keys.get(device.eui64)
                if current is not None and not self.node.policy.keeps_key_of_left():
                    self.node.aps.keys.install(device.eui64, device.link_key, current.origin)
        elif isinstance(command, nwk.RejoinRequest):
            self._returned(frame)

    # -- network key ------------------------------------------------------------------------

    def new_key(self) -> NetworkKey:
        """The network key that follows."""
        policy, active = self.node.policy, self.node.nwk.active
        sequence = policy.next_key_sequence(active.sequence if active is not None else 0xFF)
        return NetworkKey(sequence, policy.draws_network_key(self.node.random))

    def update_by_broadcast(self) -> None:
        """Give all devices a new network key, then order the switch (5.4.4, ZB 4.6.3.4)."""
        key = self.new_key()
        self.broadcast_network_key(key)
        self.save()
        self.node.after(SWITCH_AFTER, lambda: self._switch(key))

    def update_by_unicast(self) -> None:
        """Give a new network key to each registered device under its own link key, then switch."""
        if not self.node.policy.unicasts_network_key():
            self.update_by_broadcast()
            return
        key = self.new_key()
        self.node.nwk.add_key(key)
        receivers = [
            one.eui64 for one in self.devices.values() if one.status == Status.AUTHENTICATED
        ]
        for number, eui64 in enumerate(receivers):
            send = partial(self.send_network_key, eui64, key, joined=True)
            self.node.after(1.0 * number, send)
        done = len(receivers) + SWITCH_AFTER
        when = done if self.node.policy.switches_last() else 0.5
        self.node.after(when, lambda: self._switch(key))

    def _switch(self, key: NetworkKey) -> None:
        self.switch_key(key.sequence)
        # neighbours pass the order on before the old key goes
        self.node.after(0.5, lambda: self._activated(key))

    def _activated(self, key: NetworkKey) -> None:
        self.activate(key.sequence)
        self.node.nwk.restart_counter()
        self.save()

    # -- swap-out ---------------------------------------------------------------------------

    def backup(self) -> list[tuple[Eui64, bytes]]:
        """What a replacement needs of each device: EUI-64 and hash of its key (5.4.2.2.3)."""
        policy = self.node.policy
        return [
            (one.partner, policy.backed_up(one.key))
            for one in self.node.aps.keys
            if one.partner in self.devices and one.origin == "cbke"
        ]

    def restore(
        self, *, channel: int, pan: int, extended_pan: Eui64, devices: dict[Eui64, bytes]
    ) -> None:
        """Take over a network from a backup: its addresses, a new network key, hashes for keys."""
        key = NetworkKey(0, self.node.policy.draws_network_key(self.node.random))
        self.form(channel=channel, pan=pan, extended_pan=extended_pan, key=key)
        for eui64, hashed in devices.items():
            self.devices[eui64] = Registered(eui64, hashed, status=Status.AUTHENTICATED)
            self.node.aps.keys.install(eui64, hashed, "hashed")
        self.save()
