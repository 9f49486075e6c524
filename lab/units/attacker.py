"""Who stands on the bench's second radio: an attacker, a partner of the device, another network.

Each has an identity of its own (EUI-64 and short address, drawn for the case), is silent until it
is told to act, and leaves the air when its ``with`` block ends. What it sends marks the stimulus
as the trust center's own sendings do. Addresses are short ones unless typed Eui64; keys have 16
octets; times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from lab.golden.clusters import basic_server, time_server
from lab.golden.key_establishment import KeyEstablishment
from lab.golden.link_keys import LinkKey
from lab.golden.node import Node
from lab.golden.nwk_layer import NetworkKey
from lab.golden.partner_keys import PartnerKeys
from lab.golden.price import PriceServer
from lab.golden.trust_center import Status
from lab.golden.trust_center import TrustCenter as Coordinator
from lab.golden.zcl_layer import Cluster, Endpoint
from lab.units.golden_unit import ENDPOINT, GoldenNode, GoldenUnit
from lab.verdicts import Inconclusive
from zigbee.aps import ApsFrame, ApsType
from zigbee.mac import MacFrame
from zigbee.nwk import NwkFrame
from zigbee.security import KeyId
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.bench import Bench

__all__ = ["Attacker", "Partner", "SecondNetwork", "on_second_radio"]

#: Addresses of these units begin here, locally administered.
FIRST_EUI64 = 0x02A7C5A000000000
ESI_DEVICE = 0x0500
#: Further servers of a second ESI: load control, metering, messages, prepayment.
SERVED = (0x0701, 0x0702, 0x0703, 0x0705)
#: UTC seconds since 2000-01-01 that a second ESI begins with, as the first one does.
EPOCH = 347_155_200

UnitT = TypeVar("UnitT", bound="SecondUnit")


class SecondUnit(GoldenNode):
    """What all of them share: a fresh identity on the second radio, next to a trust center."""

    router = False
    certified = False
    """Whether it has a certificate."""

    def __init__(self, bench: Bench, tc: GoldenUnit) -> None:
        self.tc = tc
        drawn = Eui64(FIRST_EUI64 | bench.random.getrandbits(32))
        eui64 = bench.wallet.another(drawn) if self.certified else drawn
        super().__init__(bench, radio="second_radio", eui64=eui64)
        self.dut_endpoint = tc.dut_endpoint
        self.channel = tc.channel
        self.start()

    def _build(self) -> Node:
        node = Node(self.eui64, rng=self.bench.random, router=self.router)
        self.endpoint = node.zcl.add_endpoint(Endpoint(ENDPOINT, ESI_DEVICE))
        self.endpoint.serve(basic_server(manufacturer="Golden", model="second"))
        return node

    @property
    def short(self) -> int:
        """Its short address."""
        return self.node.mac.short

    @property
    def sleepy(self) -> bool:
        """Whether the device is one that its parent holds frames for."""
        return bool((self.bench.dut_file.pics or {}).get("NR-SED"))

    def _with_eui64(self, frame: NwkFrame) -> NwkFrame:
        return replace(frame, src_eui=self.eui64)

    def _hop(self, frame: NwkFrame) -> int:
        return self.node.nwk.routes.get(frame.dst, super()._hop(frame))

    @property
    def trust_center(self) -> Eui64:
        """The EUI-64 of the trust center: the golden unit, or the device under test."""
        return self.tc.node.nwk.eui_of(0x0000) or self.tc.eui64

    def enter(self, *, key: bool = True) -> None:
        """Appear in the trust center's network, with its network key unless told otherwise.

        It does not join over the air: the harness gives it an address, and the key.
        """
        other, short = self.tc.node, self.tc.free_address()
        network = self.node.nwk
        network.extended_pan = other.nwk.extended_pan
        if key:
            network.add_key(self.tc.network_key)
            network.activate(self.tc.network_key.sequence)
        network.learn(0x0000, self.trust_center)
        if self.air.dut_short is not None:
            network.learn(self.air.dut_short, self.device)
            if self.sleepy:  # it hears its parent only, and no announcement
                network.routes[self.air.dut_short] = 0x0000
                self.node.tap("nwk", "out", self._with_eui64, match=lambda one: one.src == short)
        self.do(self.node.mac.tune, channel=self.channel, pan=other.mac.pan, short=short)

    def withdraw(self) -> None:
        """Leave the air for good."""
        self.off()
        self.node.halt()

    def send_mac(self, frame: MacFrame | bytes) -> None:
        """Send a MAC frame as it is; what is for a device that sleeps goes out when it polls.

        The golden parent's radio sends it then, in the name of this unit: an attacker would wait
        for that moment too.
        """
        is_for_it = isinstance(frame, MacFrame) and frame.dst in (self.air.dut_short, self.device)
        if self.sleepy and is_for_it:
            self.tc.do(self.tc.node.mac.hold, frame, self.device_short)
        else:
            super().send_mac(frame)

    # -- sending as somebody ----------------------------------------------------------------

    def order(
        self,
        command: Any,
        *,
        src: int | None = None,
        to: int | None = None,
        link_key: LinkKey | bytes | None = None,
        key_id: KeyId = KeyId.DATA,
        nwk_secure: bool = True,
        **security: Any,
    ) -> NwkFrame:
        """Send an APS command to the device, or to all; ``src`` spoofs the NWK source.

        ``security`` goes to ``zigbee.security.secure_aps`` (``source=...``, ``frame_counter=...``).
        Gives the NWK frame, not secured.
        """
        frame = ApsFrame(
            frame_type=ApsType.COMMAND,
            counter=self.node.aps.next_counter(),
            delivery=2 if to is not None and to >= 0xFFF8 else 0,
            payload=command.to_bytes(),
        )
        if link_key is not None:
            frame = self.node.aps.secured(
                frame, link_key, key_id=key_id, extended_nonce=True, **security
            )
        carrier = self.in_nwk(
            frame,
            dst=self.device_short if to is None else to,
            src=self.short if src is None else src,
        )
        self.send_nwk(carrier, secure=nwk_secure)
        return carrier

    def replay(self, octets: bytes, **fields: Any) -> None:
        """REPLAY: send recorded APS octets in a NWK frame of its own, secured and fresh."""
        self.send_nwk(self.in_nwk(octets, **fields))


class Attacker(SecondUnit):
    """A node that means no good: with the network key or without, it sends what it is told."""

    @property
    def counter(self) -> int:
        """Its outgoing NWK frame counter: the next value to use."""
        return self.node.nwk.counter.value

    @counter.setter
    def counter(self, value: int) -> None:
        self.do(self.node.nwk.counter.set, value)


class Partner(SecondUnit):
    """A second ESI, authenticated with the trust center, that is not the trust center.

    It has the servers of an ESI, establishes keys, asks for partner link keys and takes them.
    """

    router = True
    certified = True

    def _build(self) -> Node:
        node = super()._build()
        self.endpoint.serve(time_server(self.utc))
        self.prices = PriceServer(node, self.endpoint, self.utc)
        for cluster in SERVED:
            self.endpoint.serve(Cluster(cluster))
        self.establishment = KeyEstablishment(node, self.endpoint, self.bench.wallet.of(self.eui64))
        self.establishment.on_key = self.took_key
        self.partner_keys = PartnerKeys(node, lambda: self.tc.eui64)
        node.zdo.server_mask = 0x0000
        return node

    def utc(self) -> int:
        """Its time: UTC seconds since 2000-01-01."""
        return EPOCH + int(self.node.now)

    def enter(self, *, key: bool = True) -> None:
        """Appear in the network as a device that the trust center has authenticated."""
        super().enter(key=key)
        link_key = self.bench.random.randbytes(16)
        self.air.keys.add_link(link_key, "cbke", (self.tc.eui64, self.eui64))
        self.node.aps.keys.install(self.tc.eui64, link_key, "cbke")
        coordinator = self.coordinator
        registered = coordinator.register(self.eui64, link_key)
        registered.short, registered.status = self.short, Status.AUTHENTICATED
        self.tc.node.aps.keys.install(self.eui64, link_key, "cbke")
        self.tc.node.nwk.learn(self.short, self.eui64)
        coordinator.broker.on_key = self._brokered
        self.node.mac.answers_beacon_requests = True
        self.do(self.node.nwk.start_link_status)

    def withdraw(self) -> None:
        """Leave the air; the trust center forgets it."""
        super().withdraw()
        coordinator = self.coordinator
        coordinator.broker.on_key = None
        coordinator.broker.automatic = True
        coordinator.devices.pop(self.eui64, None)
        self.tc.node.aps.keys.remove(self.eui64)

    def _brokered(self, first: Eui64, second: Eui64, key: bytes) -> None:
        self.air.keys.add_link(key, "brokered", (first, second))

    @property
    def coordinator(self) -> Coordinator:
        """The golden trust center. Raises Inconclusive where the device is the trust center."""
        found = getattr(self.tc, "coordinator", None)
        if not isinstance(found, Coordinator):
            raise Inconclusive("a golden partner stands beside a golden trust center only")
        return found

    def announce(self) -> None:
        """Broadcast Device_annce."""
        self.do(self.node.zdo.announce)

    def pair(self) -> bytes:
        """Have the trust center give this unit and the device a partner key; gives the key.

        Raises Inconclusive when the golden side did not get it.
        """
        key = self.tc.do(self.coordinator.broker.give, self.eui64, self.device)
        self.bench.wait(2.0)
        held = self.node.aps.keys.get(self.device)
        if held is None or held.key != key:
            raise Inconclusive("the golden partner did not get the partner key")
        return key


class SecondNetwork(SecondUnit):
    """The coordinator and trust center of another network, on the same channel."""

    router = True
    certified = True

    def _build(self) -> Node:
        node = super()._build()
        self.endpoint.serve(time_server(lambda: EPOCH + int(node.now)))
        self.coordinator = Coordinator(node)
        self.establishment = KeyEstablishment(node, self.endpoint, self.bench.wallet.of(self.eui64))
        self.establishment.on_key = self.took_key
        node.zdo.server_mask = 0x0001
        return node

    def form(
        self, *, pan: int | None = None, extended_pan: Eui64 | None = None, sequence: int = 0
    ) -> None:
        """Form the network: PAN id, extended PAN id and network key are drawn unless given."""
        rng = self.bench.random
        key = NetworkKey(sequence, rng.randbytes(16))
        self.air.keys.add_network(key.key, key.sequence)
        if pan is None:
            home = self.tc.node.mac.pan
            pan = next(one for one in iter(lambda: rng.randrange(1, 0xFFF0), None) if one != home)
        self.do(
            self.coordinator.form,
            channel=self.channel,
            pan=pan,
            extended_pan=extended_pan or Eui64(rng.getrandbits(63) | 1),
            key=key,
        )

    @property
    def pan(self) -> int:
        """The network's PAN id."""
        return self.node.mac.pan

    def register(self, device: Eui64, link_key: bytes) -> None:
        """Let a device join under the link key of its install code."""
        self.air.keys.add_link(link_key, "code", (self.eui64, device))
        self.do(self.coordinator.register, device, link_key)

    def permit(self, seconds: float) -> None:
        """Open joining for ``seconds``; 0 closes it."""
        self.do(self.coordinator.permit, seconds)


@contextmanager
def on_second_radio(kind: type[UnitT], tc: GoldenUnit) -> Iterator[UnitT]:
    """A unit of ``kind`` for the length of a ``with`` block, alone on the second radio."""
    unit = kind(tc.bench, tc)
    try:
        yield unit
    finally:
        unit.withdraw()
