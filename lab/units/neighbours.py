"""Golden nodes on the bench's second radio, beside the trust center.

A router of its network, somebody who does not belong to it, and another trust center:

    with neighbour(tc) as router:
        router.send_nwk(...)
    with other_trust_center(tc) as other:
        other.take_over(tc, mmo_hash(key))

Each falls silent when its ``with`` block ends. Keys are 16 octets; times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.golden.clusters import basic_server
from lab.golden.node import Node
from lab.golden.nwk_layer import NetworkKey
from lab.golden.parent import Parent
from lab.golden.zcl_layer import Endpoint
from lab.units.credentials import UNKNOWN_ISSUER, authority, issue
from lab.units.golden_unit import ENDPOINT, GoldenUnit
from lab.units.tc import TrustCenter
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.dut import DutAdapter
    from lab.golden.key_establishment import Credentials
    from lab.golden.trust_center import TrustCenter as Coordinator

__all__ = ["Neighbour", "OtherTrustCenter", "neighbour", "other_trust_center", "sending_instead"]

ROUTER_DEVICE = 0x0008


class Neighbour(GoldenUnit):
    """A node on the second radio with the addresses, and the keys or not, of the golden network."""

    def __init__(self, tc: TrustCenter) -> None:
        self.tc = tc
        super().__init__(tc.bench, radio="second_radio")
        self.start()

    def _build(self) -> Node:
        node = Node(self.eui64, rng=self.bench.random)
        self.endpoint = node.zcl.add_endpoint(Endpoint(ENDPOINT, ROUTER_DEVICE))
        self.endpoint.serve(basic_server(manufacturer="Golden", model="neighbour"))
        self.parent = Parent(node, lambda: self.tc.eui64)
        return node

    def settle(self, keys: list[NetworkKey], *, beacons: bool = False) -> None:
        """Take a place in the golden network with these network keys, the last one in use.

        With ``beacons`` it answers beacon requests, and takes back who rejoins it. It sends no
        link status: whoever does not ask learns nothing of it.
        """
        home, node = self.tc.node, self.node
        short = self.tc.free_address()
        key = self.bench.random.randbytes(16)

        def enter() -> None:
            node.nwk.exchange_keys(keys, {})
            node.nwk.extended_pan = home.nwk.extended_pan
            node.nwk.depth = 1
            node.nwk.learn(0x0000, self.tc.eui64)
            node.mac.answers_beacon_requests = beacons
            node.aps.keys.install(self.tc.eui64, key, "cbke")
            node.mac.tune(channel=home.mac.channel, pan=home.mac.pan, short=short)

        self.do(enter)
        self.tc.do(home.nwk.learn, short, self.eui64)
        self.tc.do(home.aps.keys.install, self.eui64, key, "cbke")
        self.air.keys.add_link(key, "neighbour", (self.tc.eui64, self.eui64))

    def fresh(self, dut: DutAdapter, code: bytes | None) -> bytes:
        """The trust center does this."""
        return self.tc.fresh(dut, code)

    def populate(self, dut: DutAdapter, *, late: bool = False) -> None:
        """The trust center does this."""
        self.tc.populate(dut, late=late)

    def enter(self, dut: DutAdapter) -> None:
        """The trust center does this."""
        self.tc.enter(dut)

    def establish(self, dut: DutAdapter) -> None:
        """The trust center does this."""
        self.tc.establish(dut)

    def update_network_key(self, dut: DutAdapter, sequence: int | None = None) -> NetworkKey:
        """The trust center does this."""
        return self.tc.update_network_key(dut, sequence)


class OtherTrustCenter(TrustCenter):
    """A trust center on the second radio; an ``impostor`` has no certificate that anybody takes."""

    def __init__(self, tc: TrustCenter, *, impostor: bool = False) -> None:
        GoldenUnit.__init__(self, tc.bench, radio="second_radio")
        self.dut_endpoint = tc.dut_endpoint
        if impostor:
            self.establishment.credentials = unknown_credentials(self.eui64)
            # it would take anybody's certificate, if only its own were taken
            self.establishment.responder.known_issuer = anybody  # type: ignore[method-assign]
        self.start()

    def take_over(
        self, tc: TrustCenter, link_key: bytes, *, extended_pan: Eui64 | None = None
    ) -> None:
        """Form a network with the extended PAN id of ``tc``, or another, that knows ``link_key``.

        PAN id and network key are drawn anew; the key has another sequence number than the old one.
        """
        rng, home = self.bench.random, tc.node
        key = NetworkKey((tc.network_key.sequence + 1) & 0xFF, rng.randbytes(16))
        self.air.keys.add_network(key.key, key.sequence)
        pan = home.mac.pan
        while pan == home.mac.pan:
            pan = rng.randrange(0x0001, 0xFFF0)
        self.do(
            self.coordinator.form,
            channel=home.mac.channel,
            pan=pan,
            extended_pan=home.nwk.extended_pan if extended_pan is None else extended_pan,
            key=key,
        )
        self.register(tc.device, link_key)


def anybody(certificate: bytes) -> bool:
    """Whether an impostor takes a certificate."""
    return True


def unknown_credentials(eui64: Eui64) -> Credentials:
    """A certificate for ``eui64`` of an authority that nobody knows."""
    return issue(eui64, by=authority(b"an authority that nobody knows", UNKNOWN_ISSUER))


@contextmanager
def neighbour(tc: TrustCenter) -> Iterator[Neighbour]:
    """A :class:`Neighbour`, on the air for the length of a ``with`` block."""
    unit = Neighbour(tc)
    try:
        yield unit
    finally:
        unit.off()


@contextmanager
def other_trust_center(tc: TrustCenter, *, impostor: bool = False) -> Iterator[OtherTrustCenter]:
    """An :class:`OtherTrustCenter`; an ``impostor`` has a certificate of an unknown issuer."""
    unit = OtherTrustCenter(tc, impostor=impostor)
    try:
        yield unit
    finally:
        unit.off()


@contextmanager
def sending_instead(coordinator: Coordinator, send: Callable[[Eui64], None]) -> Iterator[None]:
    """Have a coordinator do ``send(device)`` where it would send the network key to a device."""
    genuine = coordinator.send_network_key

    def instead(device: Eui64, *_: object, **__: object) -> None:
        send(device)

    coordinator.send_network_key = instead  # type: ignore[method-assign]
    try:
        yield
    finally:
        coordinator.send_network_key = genuine  # type: ignore[method-assign]
