"""The golden joining device: what a device under test that is the trust center is tested with.

It is blocking, like the golden trust center. One radio plays several identities, one after the
other: whichever of them is told to do something is the one on the air from then on. Further ones
can live behind one that is a router (:mod:`lab.units.behind`). Times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from lab.golden.clusters import basic_server
from lab.golden.joining import Joiner, State
from lab.golden.key_establishment import KeyEstablishment
from lab.golden.node import Node
from lab.golden.nwk_layer import NetworkKey
from lab.golden.parent import Parent
from lab.golden.zcl_layer import Cluster, Endpoint
from lab.patterns import aps as aps_pattern
from lab.patterns import zdp
from lab.procedures import require
from lab.units.behind import Junction, Wire
from lab.units.exchange import Exchange, complete
from lab.units.golden_unit import ENDPOINT, GoldenUnit
from lab.verdicts import Inconclusive, Violation
from zigbee import nwk
from zigbee.aps import ApsFrame, SwitchKey, TransportKey, UpdateDevice
from zigbee.crypto import install_code
from zigbee.types import Eui64

if TYPE_CHECKING:
    from drivers.radio import Radio
    from lab.bench import Bench
    from lab.dut import DutAdapter

__all__ = ["GoldenJoiner"]

T = TypeVar("T")
DISPLAY_DEVICE = 0x0502
TRUST_CENTER = 0x0000
#: Seconds that joining stays open, that it may take, and that the device may take to form.
PERMIT = 180.0
JOIN_MAX = 60.0
FORM_MAX = 30.0
#: Seconds that an order of the device may take to every router of the network.
SPREAD = 1.0
#: Seconds in which the device has to order the switch to a network key that it delivered.
SWITCH_MAX = 60.0
CLUSTERS = (0x000A, 0x0700, 0x0701, 0x0703)


class Stage:
    """Which of the identities of one radio is on the air."""

    def __init__(self) -> None:
        self.actor: GoldenJoiner | None = None


class GoldenJoiner(GoldenUnit):
    """A golden router that joins the device's network."""

    def __init__(
        self,
        bench: Bench,
        *,
        radio: str | Radio = "radio",
        eui64: Eui64 | None = None,
        code_length: int = 16,
        stage: Stage | None = None,
    ) -> None:
        self.stage = stage or Stage()
        self.code = install_code.with_crc(bench.random.randbytes(code_length))
        super().__init__(bench, radio=radio, eui64=eui64)
        self.junction: Junction | None = None
        self.leaves: list[GoldenJoiner] = []

    def _build(self) -> Node:
        node = Node(self.eui64, rng=self.bench.random)
        self.endpoint = node.zcl.add_endpoint(Endpoint(ENDPOINT, DISPLAY_DEVICE))
        self.endpoint.serve(basic_server(manufacturer="Golden", model="joiner"))
        for cluster in CLUSTERS:
            self.endpoint.use(Cluster(cluster, {}, dict.fromkeys(range(4), lambda request: 0)))
        self.joiner = Joiner(node, self.code)
        self.joiner.automatic = False
        self.joiner.channels = (self.channel,)
        node.mac.on_sent = None  # it does not look for a network unless it is told to
        self.parent = Parent(node, lambda: self.joiner.trust_center)
        self.establishment = KeyEstablishment(node, self.endpoint, self.bench.wallet.of(self.eui64))
        self.establishment.on_key = self.took_key
        return node

    # -- identities -------------------------------------------------------------------------

    def another(self, *, code_length: int = 16, eui64: Eui64 | None = None) -> GoldenJoiner:
        """Another identity on the same radio, factory-new."""
        return GoldenJoiner(
            self.bench,
            radio=self.radio,
            eui64=self._drawn() if eui64 is None else eui64,
            code_length=code_length,
            stage=self.stage,
        ).meeting(self)

    def _drawn(self) -> Eui64:
        """The EUI-64 of a further identity, for which there is a certificate."""
        drawn = Eui64(0x02A7_C500_0000_0000 | self.bench.random.getrandbits(32))
        return self.bench.wallet.another(drawn)

    def meeting(self, other: GoldenJoiner) -> GoldenJoiner:
        """The same, knowing the device's endpoint as ``other`` does."""
        self.dut_endpoint = other.dut_endpoint
        return self

    def behind(self) -> GoldenJoiner:
        """A device behind this one, which has to be in the network."""
        if self.junction is None:
            self.junction = Junction(self.radio)
            self.bench.call(self._join_wires(self.junction), 10.0, "the golden router")
        leaf = GoldenJoiner(self.bench, radio=Wire(self.junction), eui64=self._drawn())
        leaf.dut_endpoint = self.dut_endpoint
        self.leaves.append(leaf)
        return leaf

    @contextmanager
    def on_second_radio(self) -> Iterator[GoldenJoiner]:
        """Another identity on the second radio, on the air together with this one."""
        other = GoldenJoiner(self.bench, radio="second_radio", eui64=self._drawn())
        other.dut_endpoint = self.dut_endpoint
        try:
            yield other
        finally:
            self.bench.call(other.host.stop(), 10.0, "the second golden joiner to stop")

    async def _join_wires(self, junction: Junction) -> None:
        await self.host.stop()
        self.host.radio = junction
        self.node.mac.tune()
        self.host.start()

    def do(self, action: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Let the golden unit do something now; it is a stimulus for waits on the air."""
        if self.stage.actor is not self:
            self.bench.call(self._take_stage(), 10.0, "the golden joiner")
        return super().do(action, *arguments, **named)

    async def _take_stage(self) -> None:
        former, self.stage.actor = self.stage.actor, self
        if former is not None:
            await former.host.stop()
        self.node.mac.tune()
        self.host.on_fault = lambda fault: self.bench.faults.append(str(fault))
        self.host.start()

    async def _off(self) -> None:
        """Off the air goes whoever of the radio's identities is on it."""
        actor, self.stage.actor = self.stage.actor, self
        if actor is not None:
            await actor.host.stop()
        await super()._off()

    def renew(self) -> None:
        """Be factory-new again, with another install code."""
        self.bench.call(self._renew(), 10.0, "the golden joiner")

    async def _renew(self) -> None:
        for leaf in self.leaves:
            await leaf.host.stop()
        self.leaves.clear()
        await self.host.stop()
        self.junction = None
        self.code = install_code.with_crc(self.bench.random.randbytes(len(self.code) - 2))
        self.node = self._build()
        self.host = type(self.host)(self.node, self.radio)
        if self.stage.actor is self:
            self.stage.actor = None

    # -- joining ----------------------------------------------------------------------------

    @property
    def code_key(self) -> bytes:
        """The link key of the install code."""
        return install_code.link_key(self.code)

    def fresh(self, dut: DutAdapter, code: bytes | None = None) -> bytes:
        """Reset the device and have it form a network, with this unit registered."""
        dut.ensure_powered()
        dut.factory_reset()
        self.air.dut_eui64 = dut.eui64
        self.air.dut_short = None
        self.renew()
        if code is not None:
            self.code = self.joiner.install_code = code
        self.have_formed(dut)
        self.populate(dut)
        self.register(dut)
        return self.code_key

    def populate(self, dut: DutAdapter, *, late: bool = False) -> None:
        """Commission the other devices of the topology at the device."""

        def admit(eui64: Eui64, code: bytes) -> None:
            self.air.keys.add_link(install_code.link_key(code), "code", (eui64, dut.eui64))
            dut.do("register", eui64=str(eui64), code=code.hex())

        def permit(seconds: float) -> None:
            dut.do("permit_join", seconds=int(seconds))

        self.bench.population.commission(admit, permit, late=late)

    def have_formed(self, dut: DutAdapter) -> None:
        """Have the device form a network on the bench's channel."""
        self.bench.population.off()
        mark = dut.mark()
        dut.do("form", channel=self.channel)
        if dut.has_event("formed"):
            dut.wait_for("formed", within=FORM_MAX, since=mark)
        else:
            self.bench.wait(FORM_MAX)
        self.air.dut_short = TRUST_CENTER

    def register(self, dut: DutAdapter) -> None:
        """Enter EUI-64 and install code at the device."""
        self.air.keys.add_link(self.code_key, "code", (self.eui64, dut.eui64))
        dut.do("register", eui64=str(self.eui64), code=self.code.hex())

    def enter(self, dut: DutAdapter) -> None:
        """Have joining opened, and join."""
        dut.do("permit_join", seconds=int(PERMIT))
        self.bench.wait(SPREAD)  # until routers have heard of it
        require(self.try_to_join(), "the golden joiner did not get into the device's network")

    def try_to_join(self, within: float = JOIN_MAX) -> bool:
        """Scan, associate, wait for the network key; whether it came to that."""
        self.do(self.joiner.start)
        announced = zdp("Device_annce", IEEEAddr=self.eui64)
        self.air.seek(announced, within=within, dut=False)
        self.do(self.joiner.stop)
        return self.joined

    @property
    def joined(self) -> bool:
        """Whether it is in the device's network."""
        return self.joiner.state == State.JOINED

    def establish(self, dut: DutAdapter | None = None) -> None:
        """Establish a link key with the device; this unit is the initiator (PEER)."""
        try:
            self.exchange()
        except Violation as violation:
            raise Inconclusive(f"precondition not reached: {violation}") from violation

    def exchange(self) -> Exchange:
        """A whole key establishment; raises Violation where the device does not do its part."""
        return complete(self)

    def bring_in(self, dut: DutAdapter) -> None:
        """Register, join and authenticate this identity, joining opened for it."""
        self.register(dut)
        self.enter(dut)
        self.establish(dut)

    # -- network key ------------------------------------------------------------------------

    def update_network_key(self, dut: DutAdapter, sequence: int | None = None) -> NetworkKey:
        """Order an update at the device, and follow it; it chooses the sequence number.

        A key that is broadcast comes once: the unit is silent meanwhile, so as not to drown it.
        """
        self.bench.wait(1.0)
        start = self.air.mark()
        dut.do("update_key")
        ordered = aps_pattern(SwitchKey)
        require(
            self.air.seek(ordered, within=SWITCH_MAX, since=start), "the device ordered no switch"
        )
        self.bench.wait(1.0)
        found = [one.packet.aps_command for one in self.air.find(aps_pattern(), since=start)]
        sent = {command.key for command in found if isinstance(command, TransportKey)}
        held = {one.key for one in self.node.nwk.keys}
        require(sent & held, "the golden unit did not hear the key that the device switches to")
        return self.network_key

    # -- what a device in a network says ----------------------------------------------------

    def leave_indication(self) -> None:
        """Say that it leaves, and keep everything for later."""
        leave = nwk.Leave(rejoin=False, request=False, remove_children=False)
        self.do(self.node.nwk.send_command, leave, nwk.BROADCAST_RX_ON, src_eui=self.node.eui64)

    def rejoin_request(self, *, secure: bool, parent: int = TRUST_CENTER) -> None:
        """Send a Rejoin Request to the device, with NWK security or without it."""
        self.do(
            self.node.nwk.send_command,
            nwk.RejoinRequest(self.node.zdo.capability),
            parent,
            secure=secure,
            src_eui=self.node.eui64,
            next_hop=parent,
        )

    def appear(self, where: GoldenJoiner, short: int) -> None:
        """Be on the air of the network that ``where`` is in, without having joined it."""
        carrier = where.node.mac
        self.node.nwk.extended_pan = where.node.nwk.extended_pan
        self.do(self.node.mac.tune, channel=carrier.channel, pan=carrier.pan, short=short)

    def adopt(self, key: NetworkKey, trust_center: Eui64) -> None:
        """Be in the network whose key this is, as after a rejoin."""
        self.do(self.node.nwk.learn, TRUST_CENTER, trust_center)
        self.node.nwk.add_key(key)
        self.node.nwk.activate(key.sequence)
        self.joiner.trust_center = trust_center
        self.joiner.parent = TRUST_CENTER
        self.do(self.joiner.go_into_service)

    def update_device(self, device: Eui64, short: int, status: int) -> None:
        """As a router, tell the trust center of a device (0 secured rejoin, 1 join, 3 rejoin)."""
        command = UpdateDevice(device, short, status)
        self.node.nwk.learn(short, device)
        self.do(self.node.aps.send_command, command, TRUST_CENTER, link_key=self.link_key)

    def tunnel_probe(self, probe: ApsFrame, short: int) -> None:
        """As a router, carry an APS frame of another node to the trust center (BEHIND)."""
        frame = self.node.nwk.frame(probe.to_bytes(), TRUST_CENTER, src=short)
        self.do(self.node.nwk.send_frame, frame, next_hop=TRUST_CENTER)
