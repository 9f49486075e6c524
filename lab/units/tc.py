"""The golden trust center and ESI as suites see it: blocking, and able to misbehave in any layer.

What it shares with other golden units is in :mod:`lab.units.golden_unit`. Keys have 16 octets;
times are seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.golden.clusters import basic_server, time_server
from lab.golden.drlc import drlc_server
from lab.golden.key_establishment import KeyEstablishment
from lab.golden.node import Node
from lab.golden.nwk_layer import NetworkKey
from lab.golden.price import PRICE, PriceServer
from lab.golden.trust_center import TrustCenter as Coordinator
from lab.golden.zcl_layer import Endpoint
from lab.patterns import zcl, zdp
from lab.procedures import AUTHENTICATION_MAX, JOIN_MAX, PERMIT, reached
from lab.units.golden_unit import ENDPOINT, GoldenUnit
from lab.verdicts import Inconclusive
from zigbee import nwk
from zigbee.crypto import install_code
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.bench import Bench
    from lab.dut import DutAdapter

__all__ = ["TrustCenter"]

ESI_DEVICE = 0x0500
#: UTC seconds since 2000-01-01 at the start of a bench: 2011-01-01, when the analysis was written.
EPOCH = 347_155_200


class TrustCenter(GoldenUnit):
    """The golden coordinator, trust center and ESI on the bench's first radio."""

    _drawn: NetworkKey | None = None
    """The network key that a case drew last, for the network that stands."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.start()

    def _build(self) -> Node:
        node = Node(self.eui64, rng=self.bench.random)
        self.endpoint = node.zcl.add_endpoint(Endpoint(ENDPOINT, ESI_DEVICE))
        self.endpoint.serve(basic_server(manufacturer="Golden", model="esi"))
        self.endpoint.serve(time_server(self.utc))
        self.endpoint.serve(drlc_server())
        self.coordinator = Coordinator(node)
        self.establishment = KeyEstablishment(node, self.endpoint, self.bench.wallet.of(self.eui64))
        self.establishment.on_key = self.took_key
        self.prices = PriceServer(node, self.endpoint, self.utc)
        node.zdo.server_mask = 0x0001
        return node

    def fresh(self, dut: DutAdapter, code: bytes | None) -> bytes:
        """Reset the device and give it ``code``; form a network that knows it."""
        self._drawn = None
        peopled = bool(self.bench.population)
        if peopled:  # before the device: what it does begins with its reset
            dut.stand_aside()
            self.form()
            self.populate(dut)
        dut.ensure_powered()
        code = dut.install_code if code is None else code
        dut.set_install_code(code)
        dut.factory_reset()
        self.air.dut_eui64 = dut.eui64
        self.air.dut_short = None
        if not peopled:
            self.form()
        link_key = install_code.link_key(code)
        self.register(dut.eui64, link_key)
        return link_key

    def populate(self, dut: DutAdapter, *, late: bool = False) -> None:
        """Commission the other devices of the topology."""

        def admit(eui64: Eui64, code: bytes) -> None:
            self.register(eui64, install_code.link_key(code))

        permit = self.permit if late else self.permit_everywhere
        self.bench.population.commission(admit, permit, late=late)

    def enter(self, dut: DutAdapter) -> None:
        """Open joining and have the device join."""
        self.permit(PERMIT)
        self.air.mark()
        dut.join()
        reached(self, zdp("Device_annce"), JOIN_MAX, "the device did not join (no Device_annce)")

    def establish(self, dut: DutAdapter) -> None:
        """Wait until the device has established its link key, as it does unasked (5.4.7.1)."""
        confirmed = zcl("ConfirmKeyDataRequest")
        reached(self, confirmed, AUTHENTICATION_MAX, "the device did not establish a link key")

    def update_network_key(self, dut: DutAdapter, sequence: int | None = None) -> NetworkKey:
        """Broadcast a new network key, wait, order the switch, and use it."""
        key = self.new_network_key(sequence)
        self.do(self.coordinator.broadcast_network_key, key)
        self.bench.wait(3)
        self.do(self.coordinator.switch_key, key.sequence)
        self.bench.wait(0.5)
        self.do(self.coordinator.activate, key.sequence)
        return key

    def utc(self) -> int:
        """The ESI's time: UTC seconds since 2000-01-01."""
        return EPOCH + int(self.node.now)

    # -- network ----------------------------------------------------------------------------

    def form(self, *, key_sequence: int = 0) -> None:
        """Form a new network: PAN id, extended PAN id and network key are drawn for it."""
        rng = self.bench.random
        key = NetworkKey(key_sequence, rng.randbytes(16))
        self.air.keys.add_network(key.key, key.sequence)
        self.bench.population.off()
        self.prices.prices.clear()
        self.establishment.restart()
        self.do(
            self.coordinator.form,
            channel=self.channel,
            pan=rng.randrange(0x0001, 0xFFF0),
            extended_pan=Eui64(rng.getrandbits(63) | 1),
            key=key,
        )

    def register(self, device: Eui64, link_key: bytes) -> None:
        """Let a device join under the link key of its install code."""
        self.air.keys.add_link(link_key, "code", (self.eui64, device))
        self.do(self.coordinator.register, device, link_key)

    def permit(self, seconds: float) -> None:
        """Open joining for ``seconds``."""
        self.do(self.coordinator.permit, seconds)

    def permit_everywhere(self, seconds: float) -> None:
        """Open joining for ``seconds``, here and at all routers (5.4.1)."""
        self.permit(seconds)
        self.do(
            self.node.zdo.send,
            "Mgmt_Permit_Joining_req",
            nwk.BROADCAST_ROUTERS,
            PermitDuration=int(seconds),
            TC_Significance=0,
        )

    def off(self) -> None:
        """Switch the unit off, and with it the other devices of its network."""
        self.bench.population.off()
        super().off()

    def new_network_key(self, sequence: int | None = None) -> NetworkKey:
        """Draw a network key with the next sequence number (or the one given)."""
        active = self.node.nwk.active
        if active is None:
            raise Inconclusive("the golden network is not formed")
        following = (active.sequence + 1) & 0xFF if sequence is None else sequence
        key = NetworkKey(following, self.bench.random.randbytes(16))
        self.air.keys.add_network(key.key, key.sequence)
        self._drawn = key
        return key

    @property
    def settled(self) -> bool:
        """Whether the network key that was drawn last is the one in use."""
        active = self.node.nwk.active
        return self._drawn is None or (active is not None and active.key == self._drawn.key)

    # -- price ------------------------------------------------------------------------------

    def publish(
        self,
        event: int,
        price: int,
        *,
        digits: int = 4,
        tier: int = 1,
        start: int = 0,
        minutes: int = 60,
        currency: int = 840,
        **fields: Any,
    ) -> int:
        """PRICE: send Publish Price; gives its ZCL sequence number."""
        return self.command(
            PRICE,
            "PublishPrice",
            **{
                "ProviderID": 1,
                "RateLabel": b"",
                "IssuerEventID": event,
                "CurrentTime": self.utc(),
                "UnitOfMeasure": 0,
                "Currency": currency,
                "PriceTrailingDigitAndPriceTier": digits << 4 | tier,
                "NumberOfPriceTiersAndRegisterTier": 0x11,
                "StartTime": start,
                "DurationInMinutes": minutes,
                "Price": price,
                **fields,
            },
        )
