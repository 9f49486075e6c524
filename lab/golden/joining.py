"""How a device gets into a network and stays there (053474 3.6.1, 4.6.3; 075356 5.5.5.1).

A :class:`Joiner` scans, associates, waits for the network key, announces itself, and keeps what it
learned in non-volatile memory. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lab.golden.counters import OutgoingCounter
from lab.golden.link_keys import LinkKey
from lab.golden.nwk_layer import NetworkKey
from lab.golden.rejoining import LISTEN, Recovery
from zigbee import aps, mac, nwk
from zigbee.security import KeyId
from zigbee.types import Address, Eui64

if TYPE_CHECKING:
    from lab.golden.aps_layer import Indication
    from lab.golden.node import Node, Timer

__all__ = ["Joiner", "State"]

CHANNELS = (11, 14, 15, 19, 20, 24, 25, 12, 13, 16, 17, 18, 21, 22, 23, 26)
#: apsSecurityTimeOutPeriod: how long the network key is waited for, seconds.
AUTHENTICATION_TIMEOUT = 15.0
#: Association attempts with one network before the next scan.
SAME_PAN_TRIES = 3
#: Status of a ZDP answer (053474 2.4.5), and the rejoin bit of Mgmt_Leave_req's options.
DEVICE_NOT_FOUND, NOT_AUTHORIZED = 0x81, 0x8D
REJOIN = 0x80


class State(StrEnum):
    """Where a joiner stands."""

    FACTORY_NEW = "factory-new"
    SCANNING = "scanning"
    ASSOCIATING = "associating"
    AUTHENTICATING = "authenticating"
    JOINED = "joined"
    #: in search of the network that was lost, and between two searches for it
    REJOINING = "rejoining"
    RECOVERY = "recovery"


@dataclass(slots=True, frozen=True)
class Candidate:
    """A network that a beacon invited to."""

    channel: int
    pan: int
    parent: Address
    extended_pan: Eui64
    depth: int
    update_id: int
    lqi: int


class Joiner:
    """What makes a node join."""

    def __init__(self, node: Node, code_and_crc: bytes) -> None:
        self.node = node
        self.state = State.FACTORY_NEW
        self.trust_center: Eui64 | None = None
        self.parent: Address = 0xFFFF
        self.install_code = code_and_crc
        self.channels: tuple[int, ...] = CHANNELS
        #: scan again by itself when no network is found (COM-AUTO)
        self.automatic = True
        self.on_joined: Callable[[], None] | None = None
        self.on_left: Callable[[], None] | None = None
        #: called when it is back; with true when in the network of a trust center on trial
        self.on_rejoined: Callable[[bool], None] | None = None
        #: whether the link key with the trust center has been established (the device says so)
        self.authenticated: Callable[[], bool] = lambda: False
        #: called with the new sequence number when the network key was switched
        self.on_key_switched: Callable[[int], None] | None = None
        self._candidates: list[Candidate] = []
        #: networks that were tried in vain, by extended PAN id
        self._failures: dict[Eui64, int] = {}
        self._barred: set[Eui64] = set()
        self._timer: Timer | None = None
        self._scan_started = 0.0
        self._scans = 0
        self.recovery = Recovery(self)
        node.mac.on_beacon = self._beacon
        node.mac.on_association_response = self._association_response
        node.aps.on_command = self._command
        node.aps.takes = self.takes
        node.nwk.on_command = self._nwk_command
        node.zdo.on_leave = self._leave_requested
        node.nwk.routing.parent_of = lambda: self.parent

    # -- what the device's owner orders -----------------------------------------------------

    def start(self) -> None:
        """Look for a network, now."""
        self.node.nwk.mute = False
        self._failures.clear()
        self._scans = 0
        idle = self.state not in (State.SCANNING, State.ASSOCIATING, State.AUTHENTICATING)
        if idle or self.node.policy.user_starts_fast_scans():
            self._scan_started = self.node.now
        self._scan()

    def rejoin(self) -> None:
        """Rejoin the network of before, now; without one, look for any."""
        if self.home:
            self.recovery.order()
        else:
            self.start()

    def stop(self) -> None:
        """Stop looking."""
        self.recovery.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def resume(self) -> bool:
        """Go on in the network of before the power went; false if there is none."""
        held = self.node.nvm.get("network")
        if held is None:
            return False
        network = self.node.nwk
        for sequence, key in held["keys"]:
            network.add_key(NetworkKey(sequence, key))
        network.activate(held["active"])
        if self.node.policy.keeps_extended_pan():
            network.extended_pan = held["extended_pan"]
        self.trust_center = held["trust_center"]
        network.learn(0x0000, held["trust_center"])
        self._tune_home()
        self.go_into_service()
        return True

    def leave(self, *, tell: bool = True, rejoin: bool = False) -> None:
        """Leave the network and forget it, or ``rejoin`` it."""
        then = self.recovery.order if rejoin else self._forget
        if self.in_service and tell:
            leave = nwk.Leave(rejoin=rejoin, request=False, remove_children=False)
            self.node.nwk.send_command(leave, nwk.BROADCAST_RX_ON, src_eui=self.node.eui64)
            self.node.nwk.mute = True  # that was its last word
            self.node.after(0.2, then)
        else:
            then()

    def _forget(self) -> None:
        self.stop()
        self.state = State.FACTORY_NEW
        self.node.nwk.mute = False
        self.node.nvm.values.pop("network", None)
        self.node.zdo.forget_bindings()
        if self.trust_center is not None:
            self.node.aps.keys.remove(self.trust_center)
        self.trust_center = None
        self.node.mac.restart()
        self.node.nwk.restart()
        self.node.mac.answers_beacon_requests = False
        self.node.mac.tune(pan=0xFFFF, short=0xFFFE)
        if self.on_left is not None:
            self.on_left()

    # -- scanning ---------------------------------------------------------------------------

    def start_anew(self) -> None:
        """Forget the network and look for any; no conformant device does so unasked."""
        self._forget()
        self.start()

    def _scan(self) -> None:
        self.stop()
        self.state = State.SCANNING
        self._candidates = []
        self._use_install_code()
        self.node.mac.tune(pan=0xFFFF, short=0xFFFE)
        self._scans += 1
        self._visit(self.node.policy.channels_of_scan(self.channels, self._scans))

    def _use_install_code(self) -> None:
        """The key that the trust center's Transport Key is expected under (5.4.8.1)."""
        key = self.node.policy.link_key_of(self.install_code)
        counter = OutgoingCounter(self.node.nvm, "aps.counter.code")
        self.node.aps.preconfigured = LinkKey(Eui64(0), key, "code", counter)

    def _visit(self, channels: tuple[int, ...]) -> None:
        if not channels:
            self._scanned()
            return
        self.node.mac.tune(channel=channels[0])
        self.node.mac.request_beacons()
        self._timer = self.node.after(LISTEN, lambda: self._visit(channels[1:]))

    def _beacon(self, beacon: mac.Beacon, pan: int, source: Address, lqi: int) -> None:
        if self.state == State.REJOINING:
            self.recovery.heard(beacon, pan, source, lqi)
        if self.state != State.SCANNING:
            return
        if beacon.extended_pan_id in self._barred or not self.node.policy.may_join(beacon):
            return
        if not (beacon.router_capacity if self.node.router else beacon.end_device_capacity):
            return
        channel = self.node.mac.channel
        self._candidates.append(
            Candidate(
                channel, pan, source, beacon.extended_pan_id, beacon.depth, beacon.update_id, lqi
            )
        )

    def _scanned(self) -> None:
        if self._candidates:
            self._associate(min(self._candidates, key=self._rank), 1)
        else:
            self._again()

    def _rank(self, one: Candidate) -> tuple[int, int]:
        return self.node.policy.network_rank(self._failures.get(one.extended_pan, 0), one.lqi)

    def _failed(self) -> None:
        """This network gave no place or no key: others are tried before it."""
        failed = self.node.nwk.extended_pan
        self._failures[failed] = self._failures.get(failed, 0) + 1
        if self.node.policy.bars_network():
            self._barred.add(failed)
        self._again()

    def _again(self) -> None:
        """Try later, at the pace that 5.5.5.1 sets."""
        self.state = State.SCANNING
        self.node.mac.tune(pan=0xFFFF, short=0xFFFE)
        if self.automatic:
            gap = self.node.policy.next_scan_in(
                self.node.now - self._scan_started, self.node.random
            )
            self.stop()
            self._timer = self.node.after(gap, self._scan)

    # -- association and authentication -----------------------------------------------------

    def _associate(self, chosen: Candidate, attempt: int) -> None:
        self.stop()
        self.state = State.ASSOCIATING
        self.parent = chosen.parent
        self.node.nwk.extended_pan = chosen.extended_pan
        self.node.nwk.depth = chosen.depth + 1
        self.node.nwk.update_id = chosen.update_id
        self.node.mac.tune(channel=chosen.channel)
        self.node.mac.associate(chosen.pan, chosen.parent, self.node.zdo.capability)
        self._timer = self.node.after(3.0, lambda: self._no_place(chosen, attempt))

    def _no_place(self, chosen: Candidate, attempt: int) -> None:
        if attempt < SAME_PAN_TRIES:
            self._associate(chosen, attempt + 1)
        else:
            self._failed()

    def _association_response(self, response: mac.AssociationResponse, source: Address) -> None:
        if self.state != State.ASSOCIATING:
            return
        self.stop()
        if response.status != 0:
            self._failed()
            return
        self.state = State.AUTHENTICATING
        self.node.mac.tune(short=response.short)
        self._timer = self.node.after(AUTHENTICATION_TIMEOUT, self._failed)

    def _command(self, command: Any, indication: Indication) -> None:
        if isinstance(command, aps.TransportKey) and command.key_type == aps.KeyType.NETWORK:
            self._transport_key(command, indication)
        elif isinstance(command, aps.SwitchKey):
            self._switch_key(command, indication)

    def _transport_key(self, command: aps.TransportKey, indication: Indication) -> None:
        joined = self.in_service
        if joined and not self._is_ordered(indication):
            return
        under_key_transport = indication.secured and indication.key_id == KeyId.KEY_TRANSPORT
        if not self.node.policy.accepts_transport_key(
            aps_secured=under_key_transport,
            broadcast=indication.broadcast and indication.nwk.security,
            joined=joined,
        ):
            return
        if command.destination not in (self.node.eui64, Eui64(0)):
            return
        key = NetworkKey(command.sequence or 0, command.key)
        if joined:
            if command.source == self.trust_center:
                self._new_key(key)
        elif self.state == State.REJOINING:
            self.recovery.key_arrived(command, indication)
        elif self.state == State.AUTHENTICATING:
            self._authenticated(key, command.source, indication)

    def _authenticated(self, key: NetworkKey, source: Eui64 | None, indication: Indication) -> None:
        if source is None:
            return
        self.stop()
        self.trust_center = source
        code_key = self.node.aps.preconfigured
        self.node.aps.preconfigured = None
        if code_key is not None:
            installed = self.node.aps.keys.install(source, code_key.key, "code")
            if indication.frame.aux is not None:
                self.node.aps.keys.took(installed, indication.frame.aux.frame_counter)
        self.node.nwk.learn(0x0000, source)
        self.node.nwk.add_key(key)
        self.node.nwk.activate(key.sequence)
        self.save()
        self.go_into_service()
        self.node.zdo.announce()
        if self.on_joined is not None:
            self.on_joined()

    def go_into_service(self) -> None:
        """Be a member of the network: a router is heard of, and may be joined through."""
        self.state = State.JOINED
        self.node.nwk.mute = False
        self.node.mac.answers_beacon_requests = self.node.router
        self.node.nwk.start_link_status()

    def save(self) -> None:
        """Write the network to non-volatile memory."""
        network, carrier = self.node.nwk, self.node.mac
        stored = not self.recovery.on_trial or self.node.policy.stores_trial()
        if network.active is None or not stored:
            return
        self.node.nvm.put(
            "network",
            {
                "channel": carrier.channel,
                "pan": carrier.pan,
                "short": carrier.short,
                "extended_pan": network.extended_pan,
                "depth": network.depth,
                "update_id": network.update_id,
                "parent": self.parent,
                "trust_center": self.trust_center,
                "keys": [(one.sequence, one.key) for one in network.keys],
                "active": network.active.sequence,
            },
        )

    # -- recovery: what Recovery has done with the node -------------------------------------------

    @property
    def home(self) -> dict[str, Any]:
        """The network in non-volatile memory; empty when there is none."""
        held: dict[str, Any] = self.node.nvm.get("network", {})
        return held

    @property
    def joined(self) -> bool:
        """Whether it is in a network that it does not miss."""
        return self.state == State.JOINED

    @property
    def in_service(self) -> bool:
        """Whether it is in a network, or waits where its network was."""
        return self.state in (State.JOINED, State.RECOVERY)

    def _tune_home(self) -> None:
        home = self.home
        self.parent = home["parent"]
        self.node.nwk.depth = home["depth"]
        self.node.nwk.update_id = home["update_id"]
        self.node.mac.tune(channel=home["channel"], pan=home["pan"], short=home["short"])

    def searching(self) -> None:
        """A search begins."""
        self.state = State.REJOINING
        self.node.mac.answers_beacon_requests = False
        self.node.nwk.mute = True
        self.node.aps.abandon()

    def wait_at_home(self) -> None:
        """Nothing was found: listen where the network was."""
        self._tune_home()
        self.node.nwk.mute = False
        self.state = State.RECOVERY

    def found_home(self) -> None:
        """The network is there again without a rejoin."""
        self.go_into_service()

    def back(self) -> None:
        """Rejoined."""
        self.save()
        self.go_into_service()
        self.node.zdo.announce()
        if self.on_rejoined is not None:
            self.on_rejoined(False)

    def on_trial(self) -> None:
        """In the network of another trust center, which is not stored yet."""
        if self.node.policy.stores_trial():
            self.settle()
        self.go_into_service()
        self.node.zdo.announce()
        if self.on_rejoined is not None:
            self.on_rejoined(True)

    def settle(self) -> None:
        """The network on trial is home."""
        former = self.home.get("trust_center")
        self.save()
        if former not in (None, self.trust_center):
            self.node.aps.keys.remove(former)

    def return_home(self, counters: dict[Any, int]) -> None:
        """Be again what non-volatile memory says; ``counters`` are those of incoming frames."""
        self.node.nwk.exchange_keys([], counters)
        self.resume()
        self.searching()

    # -- in service -------------------------------------------------------------------------

    def _new_key(self, key: NetworkKey) -> None:
        network, policy = self.node.nwk, self.node.policy
        active = network.active
        if active is not None and not policy.takes_key_sequence(key.sequence, active.sequence):
            return
        if policy.restarts_incoming(held=network.key(key.sequence) == key):
            network.restart_incoming(key.sequence)
        network.add_key(key)
        if policy.switches_on_transport_key():
            self._activate(key.sequence)
        self.save()

    def _switch_key(self, command: aps.SwitchKey, indication: Indication) -> None:
        """From the trust center: broadcast under the network key, or unicast under its link key."""
        source = indication.nwk.aux.source if indication.nwk.aux is not None else None
        from_trust_center = indication.nwk.src == 0x0000 and source is not None
        if not self._is_ordered(indication) or not self.node.policy.obeys_switch_key(
            from_trust_center=from_trust_center,
            protected=indication.broadcast or indication.secured,
        ):
            return
        if self._activate(command.sequence):
            self.save()

    def takes(self, indication: Indication) -> bool:
        """Whether APS data is let in: not under the key that only admits to the network (5.4.7.2).

        It is dropped without an acknowledgement.
        """
        key = indication.link_key
        under_code = key is not None and key.origin == "code"
        return not under_code or self.node.policy.takes_data_under_code_key()

    def _is_ordered(self, indication: Indication) -> bool:
        """Whether the link key that protects a command, if one does, is the trust center's."""
        key = indication.link_key
        return key is None or self.node.policy.is_trust_center(key.partner, self.trust_center)

    def _activate(self, sequence: int) -> bool:
        network, before = self.node.nwk, self.node.nwk.active
        switched = network.activate(sequence)
        if not switched and before is not None and self.node.policy.switches_to_unknown():
            network.add_key(NetworkKey(sequence, before.key))
            switched = network.activate(sequence)
        new = network.active != before
        if switched and new:
            network.restart_counter()
        if switched and self.on_key_switched is not None:
            self.on_key_switched(sequence)
        return switched

    def _nwk_command(self, command: Any, frame: nwk.NwkFrame) -> None:
        if isinstance(command, nwk.RejoinResponse) and self.state == State.REJOINING:
            self.recovery.responded(command, frame)
        elif isinstance(command, nwk.Leave) and command.request and frame.security:
            may = self.node.policy.obeys_nwk_leave(
                authenticated=self.authenticated(),
                from_parent=frame.src == self.parent,
                router=self.node.router,
            )
            if may and self.in_service:
                self.leave(rejoin=command.rejoin)

    def _leave_requested(self, device: Eui64, options: int, indication: Indication) -> int:
        """Mgmt_Leave_req: only under the trust center's link key (5.5.5.1)."""
        if device not in (Eui64(0), self.node.eui64):
            return DEVICE_NOT_FOUND
        key = indication.link_key
        secured = key is not None and key.partner == self.trust_center
        if not self.node.policy.obeys_management_leave(secured=secured):
            return NOT_AUTHORIZED
        self.node.after(0.1, lambda: self.leave(rejoin=bool(options & REJOIN)))
        return 0x00
