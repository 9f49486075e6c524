"""The NWK layer of a node: network keys, counters, broadcasts, forwarding (053474 chapters 3, 4.3).

Addresses are short (``int``) unless typed :class:`~zigbee.types.Eui64`; times are seconds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.golden.counters import OutgoingCounter
from lab.golden.routing import Routing
from zigbee import mac, nwk
from zigbee.errors import CodecError
from zigbee.security import secure_nwk, unsecure_nwk
from zigbee.types import Address, Eui64

if TYPE_CHECKING:
    from lab.golden.node import Node, Timer

__all__ = ["NetworkKey", "NwkLayer"]

MAC_BROADCAST = 0xFFFF
MAX_DEPTH = 15
DEFAULT_RADIUS = 2 * MAX_DEPTH
#: nwkNetworkBroadcastDeliveryTime: how long a broadcast is remembered, seconds (053474 3.5.1).
BROADCAST_MEMORY = 9.0
#: nwkcMaxBroadcastJitter, seconds (053474 3.5.1).
BROADCAST_JITTER = 0.064
#: nwkLinkStatusPeriod, seconds (053474 3.5.2).
LINK_STATUS_PERIOD = 15.0


def is_broadcast(address: int) -> bool:
    """Whether ``address`` is one of the broadcast addresses 0xFFF8 to 0xFFFF."""
    return address >= 0xFFF8


@dataclass(slots=True, frozen=True)
class NetworkKey:
    """A network key (16 octets) and its sequence number."""

    sequence: int
    key: bytes


def with_known_version(payload: bytes) -> bytes:
    """A NWK frame as the codec reads it, which knows the header of one protocol version only."""
    return bytes([payload[0] & ~0x3C | nwk.PROTOCOL_VERSION << 2]) + payload[1:]


class NwkLayer:
    """Frames between any two nodes of the network."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.extended_pan = Eui64(0)
        self.update_id = 0
        self.depth = 0
        self.keys: list[NetworkKey] = []
        self.active: NetworkKey | None = None
        self.counter = OutgoingCounter(node.nvm, "nwk.counter")
        self.sequence = node.random.randrange(256)
        self.max_radius = DEFAULT_RADIUS
        self.routes: dict[int, int] = {}
        self.routing = Routing(self)
        #: children by short address; those that poll have False: what is for them is held
        self.children: dict[int, bool] = {}
        #: whether another child finds a place, as the beacon tells
        self.has_room: Callable[[], bool] = lambda: True
        #: called with the short address of a neighbour that sent a good secured frame of its own
        self.on_heard: Callable[[int], None] | None = None
        self.addresses: dict[int, Eui64] = {}
        self.neighbors: dict[int, float] = {}
        self._expected: dict[tuple[Eui64, int], int] = {}
        self._broadcasts: OrderedDict[tuple[int, int], float] = OrderedDict()
        #: a rejoin is under way: its response, and then the network key, may come unsecured
        self.takes_rejoin = self.awaits_key = False
        #: in search of the network: nothing but Rejoin Requests goes out
        self.mute = False
        #: called with (command, NWK frame) for each NWK command that is not handled here
        self.on_command: Callable[[Any, nwk.NwkFrame], None] | None = None
        self._link_status_timer: Timer | None = None

    @property
    def short(self) -> int:
        """The node's own short address."""
        return self.node.mac.short

    @property
    def joined(self) -> bool:
        """Whether the node holds a network key."""
        return self.active is not None

    # -- settings ---------------------------------------------------------------------------

    def restart(self) -> None:
        """Forget what is held in memory only."""
        self.keys = []
        self.active = None
        self.counter = OutgoingCounter(self.node.nvm, "nwk.counter")
        self.routes.clear()
        self.routing.restart()
        self.children.clear()
        self.addresses.clear()
        self.neighbors.clear()
        self._expected.clear()
        self._broadcasts.clear()
        self.update_id = 0
        if self._link_status_timer is not None:
            self._link_status_timer.cancel()
            self._link_status_timer = None

    def add_key(self, key: NetworkKey) -> None:
        """Hold ``key`` beside the active one; the oldest beyond the policy's number is dropped."""
        same = [one for one in self.keys if one.sequence == key.sequence and one.key == key.key]
        if not same:
            self.keys = [one for one in self.keys if one.sequence != key.sequence] + [key]
        kept = self.node.policy.network_keys_kept()
        while len(self.keys) > kept:
            oldest = next(one for one in self.keys if one not in (self.active, key))
            self.keys.remove(oldest)

    def restart_incoming(self, sequence: int) -> None:
        """Take incoming counters from 0 again under the network key of this number."""
        self._expected = {one: next_ for one, next_ in self._expected.items() if one[1] != sequence}

    def activate(self, sequence: int) -> bool:
        """Use the key of this sequence from now on; false if it was never given."""
        for key in self.keys:
            if key.sequence == sequence:
                self.active = key
                if not self.node.policy.keeps_former_key():
                    self.keys = [key]
                return True
        return False

    def restart_counter(self) -> None:
        """Start the outgoing counter again, as a high one does with a new network key (4.3)."""
        if self.node.policy.restarts_counter(self.counter.value):
            self.counter.set(0)

    def exchange_keys(
        self, keys: list[NetworkKey], counters: dict[tuple[Eui64, int], int]
    ) -> dict[tuple[Eui64, int], int]:
        """Hold other keys, with their incoming counters, and use the last; gives the counters held.

        The node's own outgoing counter goes on: it is the same under every key (4.3).
        """
        former, self._expected = self._expected, dict(counters)
        self.keys = list(keys) + (
            self.keys if self.node.policy.keeps_keys_of_other_networks() else []
        )
        self.active = keys[-1] if keys else None
        return former

    def key(self, sequence: int) -> NetworkKey | None:
        """The key held under ``sequence``."""
        return next((key for key in self.keys if key.sequence == sequence), None)

    def beacon(self) -> mac.Beacon:
        """The node's beacon (053474 3.6.7)."""
        return mac.Beacon(
            association_permit=self.node.mac.permit,
            pan_coordinator=self.short == 0,
            router_capacity=self.node.router and self.has_room(),
            end_device_capacity=self.node.router and self.has_room(),
            depth=self.depth,
            extended_pan_id=self.extended_pan,
            update_id=self.update_id,
        )

    # -- out --------------------------------------------------------------------------------

    def next_sequence(self) -> int:
        """The next NWK sequence number."""
        self.sequence = (self.sequence + 1) & 0xFF
        return self.sequence

    def frame(
        self,
        payload: bytes,
        dst: int,
        *,
        frame_type: nwk.NwkType = nwk.NwkType.DATA,
        radius: int = DEFAULT_RADIUS,
        **fields: Any,
    ) -> nwk.NwkFrame:
        """A NWK frame of this node, not secured yet."""
        fields.setdefault("src", self.short)
        fields.setdefault("sequence", self.next_sequence())
        return nwk.NwkFrame(
            frame_type=frame_type, dst=dst, radius=radius, payload=payload, **fields
        )

    def send(
        self,
        payload: bytes,
        dst: int,
        *,
        secure: bool = True,
        done: Callable[[str, bool], None] | None = None,
        **fields: Any,
    ) -> None:
        """Send ``payload`` as NWK data to ``dst``; ``fields`` go into the frame."""
        self.send_frame(self.frame(payload, dst, **fields), secure=secure, done=done)

    def send_command(
        self,
        command: Any,
        dst: int,
        *,
        secure: bool = True,
        radius: int = 1,
        next_hop: Address | None = None,
        **fields: Any,
    ) -> None:
        """Send a NWK command, to a neighbour or as a broadcast of one hop unless told otherwise."""
        frame = self.frame(
            command.to_bytes(), dst, frame_type=nwk.NwkType.COMMAND, radius=radius, **fields
        )
        self.send_frame(frame, secure=secure, next_hop=next_hop)

    def send_frame(
        self,
        frame: nwk.NwkFrame,
        *,
        secure: bool = True,
        done: Callable[[str, bool], None] | None = None,
        next_hop: Address | None = None,
    ) -> None:
        """Secure (under the active key) and send a NWK frame, through the taps."""
        rejoin = frame.frame_type == nwk.NwkType.COMMAND and frame.payload[:1] == b"\x06"
        if self.mute and not rejoin:
            return
        if is_broadcast(frame.dst):
            self._remember_broadcast(frame)
        elif next_hop is None and secure and self.routing.must_discover(frame.dst):
            self.routing.discover(frame, done)
            return
        elif frame.src == self.short and frame.frame_type == nwk.NwkType.DATA:
            self.routing.record(frame.dst)
        for plain in self.node.through_taps("nwk", "out", frame):
            out = self.secured(plain) if secure and plain.aux is None else plain
            for final in self.node.through_taps("nwk-secured", "out", out):
                again = partial(self._octets, plain) if final is out is not plain else None
                self._to_mac(final, next_hop, done, again)
                done = None

    def _octets(self, plain: nwk.NwkFrame) -> bytes:
        """``plain``, secured now."""
        return self.secured(plain).to_bytes()

    def secured(self, frame: nwk.NwkFrame, **overrides: Any) -> nwk.NwkFrame:
        """``frame`` under the active network key with the next counter; overrides as secure_nwk."""
        if self.active is None:
            raise RuntimeError("no network key yet")
        arguments: dict[str, Any] = {
            "source": self.node.eui64,
            "key_sequence": self.active.sequence,
            "level_on_air": self.node.policy.level_on_air(),
            **overrides,
        }
        key = arguments.pop("key", self.active.key)
        if "frame_counter" not in arguments:
            arguments["frame_counter"] = self.counter.take()
        return secure_nwk(frame, key, **arguments)

    def _to_mac(
        self,
        frame: nwk.NwkFrame,
        next_hop: Address | None,
        done: Callable[[str, bool], None] | None,
        again: Callable[[], bytes] | None = None,
    ) -> None:
        """Send to a neighbour; what is held for one that polls is secured ``again`` when it goes.

        Otherwise a broadcast that overtakes it would make its counter an old one.
        """
        if is_broadcast(frame.dst):
            self._broadcast(frame, next_hop, done, again)
            return
        if next_hop is None:
            next_hop = self.routing.next_hop(frame.dst)

        def ended(status: str, pending: bool) -> None:
            if status == "no_ack":
                self.routing.failed(frame.dst)
            if done is not None:
                done(status, pending)

        held = not isinstance(next_hop, Eui64) and not self.children.get(next_hop, True)
        fresh = again if held else None
        self.node.mac.send(frame.to_bytes(), next_hop, done=ended, indirect=held, fresh=fresh)

    def _broadcast(
        self,
        frame: nwk.NwkFrame,
        next_hop: Address | None,
        done: Callable[[str, bool], None] | None,
        again: Callable[[], bytes] | None,
    ) -> None:
        """To all neighbours; who polls has its parent send it, and hold it for it (3.6.5)."""
        parent = self.routing.parent
        if next_hop is None and self.node.mac.polls and parent is not None:
            next_hop = parent
        octets = frame.to_bytes()
        self.node.mac.send(octets, MAC_BROADCAST if next_hop is None else next_hop, done=done)
        if frame.dst == nwk.BROADCAST_ALL:
            for child in [one for one, listens in self.children.items() if not listens]:
                self.node.mac.send(octets, child, indirect=True, fresh=again)

    # -- broadcasts -------------------------------------------------------------------------

    def _remember_broadcast(self, frame: nwk.NwkFrame) -> bool:
        """Whether this broadcast is new."""
        entry = (frame.src, frame.sequence)
        while self._broadcasts and next(iter(self._broadcasts.values())) <= self.node.now:
            self._broadcasts.popitem(last=False)
        if entry in self._broadcasts:
            return False
        self._broadcasts[entry] = self.node.now + BROADCAST_MEMORY
        return True

    def _relay_broadcast(self, frame: nwk.NwkFrame) -> None:
        if not self.node.router or frame.radius <= 1:
            return
        if not self.node.policy.relays_broadcasts():
            return
        self.relay(replace(frame, radius=frame.radius - 1, aux=None))

    def relay(self, out: nwk.NwkFrame) -> None:
        """Send another node's broadcast on, a little later than the others do (3.6.5)."""
        jitter = self.node.random.uniform(0.0, BROADCAST_JITTER)
        self.node.after(jitter, lambda: self._relay_now(out))

    def _relay_now(self, frame: nwk.NwkFrame) -> None:
        if self.active is not None and not self.mute:
            self._to_mac(self.secured(frame), None, None, partial(self._octets, frame))

    # -- link status ------------------------------------------------------------------------

    def start_link_status(self) -> None:
        """Broadcast link status about every 15 s, as routers do (3.6.3.4.1)."""
        if self.node.router and self._link_status_timer is None:
            self._link_status_timer = self.node.after(self._link_status_gap(), self._link_status)

    def _link_status_gap(self) -> float:
        return LINK_STATUS_PERIOD + self.node.random.uniform(-0.9, 0.9)

    def _link_status(self) -> None:
        if self.active is not None:
            oldest = self.node.now - 4 * LINK_STATUS_PERIOD
            heard = sorted(a for a, when in self.neighbors.items() if when >= oldest)
            entries = [nwk.LinkStatusEntry(address, 1, 1) for address in heard[:20]]
            status = nwk.LinkStatus(entries=entries, first=True, last=True)
            self.send_command(status, nwk.BROADCAST_ROUTERS)
        self._link_status_timer = self.node.after(self._link_status_gap(), self._link_status)

    # -- in ---------------------------------------------------------------------------------

    def received(self, payload: bytes, sender: Address, lqi: int, carrier: mac.MacFrame) -> None:
        """Take in the payload of a MAC data frame."""
        version = payload[0] >> 2 & 0x0F if payload else 0
        if not self.node.policy.takes_nwk_version(version):
            return
        try:
            frame = nwk.NwkFrame.from_bytes(with_known_version(payload))
        except CodecError:
            return
        frame.version = version  # the MIC is over the header as it came
        if frame.frame_type == nwk.NwkType.INTERPAN:
            return
        opened = self._open(frame)
        if opened is None:
            return
        for one in self.node.through_taps("nwk", "in", opened):
            self._route(one, sender)

    def _open(self, frame: nwk.NwkFrame) -> nwk.NwkFrame | None:
        """The frame without NWK security, or ``None`` if it has to be dropped."""
        if not frame.security:
            return frame if self._takes_unsecured(frame) else None
        aux = frame.aux
        if aux is None or aux.source is None or aux.key_sequence is None:
            return None
        key = self.key(aux.key_sequence)
        if key is None:
            return None
        entry = (aux.source, aux.key_sequence)
        expected = self._expected.get(entry, 0)
        policy, to_all = self.node.policy, is_broadcast(frame.dst)
        if not policy.nwk_counter_is_fresh(aux.frame_counter, expected, broadcast=to_all):
            return None
        try:
            opened = unsecure_nwk(frame, key.key, level=self.node.policy.level_of(aux.level))
        except CodecError:
            if self.node.policy.counts_unverified_nwk():
                self._expected[entry] = aux.frame_counter + 1
            return None
        self._expected[entry] = max(expected, aux.frame_counter + 1)
        return opened

    def _takes_unsecured(self, frame: nwk.NwkFrame) -> bool:
        """Before the network key came only its transport is awaited; after it, rejoins."""
        if not self.joined:
            return frame.frame_type == nwk.NwkType.DATA
        if frame.frame_type == nwk.NwkType.COMMAND and frame.payload[:1] == b"\x06":
            return True
        if frame.frame_type == nwk.NwkType.COMMAND and frame.payload[:1] == b"\x07":
            return self.takes_rejoin
        if frame.frame_type == nwk.NwkType.DATA and self.awaits_key:
            return True
        return self.node.policy.takes_unsecured_nwk()

    def _route(self, frame: nwk.NwkFrame, sender: Address) -> None:
        if frame.src == self.short and self.joined:
            return
        if frame.aux is not None and frame.aux.source is not None:
            if sender == frame.src:
                self.learn(frame.src, frame.aux.source)
            if not isinstance(sender, Eui64):
                self.neighbors[sender] = self.node.now
                if self.on_heard is not None:
                    self.on_heard(sender)
        if frame.src_eui is not None:
            self.learn(frame.src, frame.src_eui)
        if is_broadcast(frame.dst):
            if not self._remember_broadcast(frame):
                return
            if frame.frame_type == nwk.NwkType.DATA:
                self._relay_broadcast(frame)
            self._deliver(frame, sender)
        elif frame.dst == self.short or frame.dst_eui == self.node.eui64:
            self._deliver(frame, sender)
        else:
            self._forward(frame)

    def _forward(self, frame: nwk.NwkFrame) -> None:
        if not (self.node.router and self.joined and frame.security):
            return
        onward = self.routing.passed_on(frame)
        if onward is not None:
            self.send_frame(onward[0], next_hop=onward[1])

    def _deliver(self, frame: nwk.NwkFrame, sender: Address) -> None:
        if frame.frame_type == nwk.NwkType.DATA:
            self.node.aps.received(frame)
            return
        try:
            command = nwk.parse_nwk_command(frame.payload)
        except CodecError:
            return
        if isinstance(command, nwk.RouteRequest):
            self.routing.requested(command, frame, sender)
        elif isinstance(command, nwk.RouteReply):
            self.routing.replied(command, sender)
        elif isinstance(command, nwk.RouteRecord) and self.routing.on_record is not None:
            self.routing.on_record(frame.src, command.relays)
        elif self.on_command is not None:
            self.on_command(command, frame)

    def learn(self, short: int, eui64: Eui64) -> None:
        """Keep that the node of ``eui64`` has this short address now, and no other."""
        if self.addresses.get(short) == eui64:
            return
        for old in [address for address, eui in self.addresses.items() if eui == eui64]:
            del self.addresses[old]
        self.addresses[short] = eui64

    def eui_of(self, short: int) -> Eui64 | None:
        """The EUI-64 of a node, if it was seen."""
        return self.addresses.get(short)

    def short_of(self, eui64: Eui64) -> int | None:
        """The short address of a node, if it was seen."""
        return next((a for a, eui in self.addresses.items() if eui == eui64), None)
