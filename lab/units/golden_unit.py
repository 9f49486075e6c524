"""What every golden unit can do, be it a trust center or a device that joins the one under test.

It is blocking, and able to misbehave in any layer. Everything that it sends sets the mark from
which :class:`lab.air.AirView` looks for reactions. Addresses are short ones unless typed Eui64;
keys have 16 octets; times are seconds.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from drivers.errors import BenchFault
from lab.golden.key_establishment import KeyEstablishment
from lab.golden.link_keys import LinkKey
from lab.golden.node import Frame, Node, Tap
from lab.golden.nwk_layer import NetworkKey
from lab.golden.zcl_layer import Endpoint
from lab.patterns import reaction_to
from lab.patterns import zcl as zcl_pattern
from lab.units.host import NodeHost
from lab.verdicts import Inconclusive
from zigbee import zcl
from zigbee.aps import ApsFrame
from zigbee.mac import MacFrame
from zigbee.nwk import NwkFrame
from zigbee.types import Eui64
from zigbee.zcl import Direction, ZclFrame, general

if TYPE_CHECKING:
    from drivers.radio import Radio
    from lab.air import AirView
    from lab.bench import Bench
    from lab.dut import DutAdapter

__all__ = ["ENDPOINT", "GoldenNode", "GoldenUnit"]

T = TypeVar("T")
ENDPOINT = 1
DEFAULT_EUI64 = "02a7c50000000001"
BASIC, KEY_ESTABLISHMENT = 0x0000, 0x0800
CONTROL_WITHIN = 3.0
#: What a radio that is off the air is set to.
NO_PAN, NO_SHORT_ADDRESS = 0xFFFE, 0xFFFE
PROBE_WITHIN, PROBE_TRIES = 5.0, 3
#: What came of a key probe; the last says that the device's radio acknowledged none of the tries.
Probed = Literal["answered", "silence", "not acknowledged"]


class GoldenNode(ABC):
    """A node of the harness on one of the bench's radios, and what it exchanges with the device.

    Subclasses give :meth:`_build`, and call :meth:`start` when they are ready.
    """

    endpoint: Endpoint
    establishment: KeyEstablishment

    def __init__(
        self, bench: Bench, *, radio: str | Radio = "radio", eui64: Eui64 | None = None
    ) -> None:
        part = getattr(bench.file, radio) if isinstance(radio, str) else bench.file.radio
        found: Radio | None = getattr(bench, radio) if isinstance(radio, str) else radio
        if found is None or part is None:
            name = radio if isinstance(radio, str) else "radio"
            raise BenchFault(name, "this bench has none", f"add [{name}] to the bench file")
        if bench.air is None or bench.sniffer is None:
            raise BenchFault("sniffer", "this bench has none", "add [sniffer] to the bench file")
        self.bench = bench
        self.radio = found
        self.air: AirView = bench.air
        self.channel: int = part.channel
        own = getattr(found, "identity", {}).get("eui64", DEFAULT_EUI64)
        self.eui64 = bench.wallet.home(Eui64.parse(own)) if eui64 is None else eui64
        self.generation = bench.generation
        #: the device's endpoint of profile 0x0109
        self.dut_endpoint = 1
        self.node = self._build()
        self.host = NodeHost(self.node, self.radio)

    @abstractmethod
    def _build(self) -> Node:
        """Make the node with its endpoint, and what belongs to it."""

    def start(self) -> None:
        """Let the unit listen and speak."""
        self.host.on_fault = lambda fault: self.bench.faults.append(str(fault))
        self.bench.call(self._start(), 10.0, "the golden unit to start")

    async def _start(self) -> None:
        self.host.start()

    @property
    def settled(self) -> bool:
        """Whether no case has left the device with a network key that nobody uses."""
        return True

    @property
    def in_network(self) -> bool:
        """Whether the unit holds a network key."""
        return self.node.nwk.active is not None

    def off(self) -> None:
        """Switch the unit off: it hears, acknowledges and sends nothing; it keeps its state."""
        self.air.mark()
        self.bench.call(self._off(), 10.0, "the golden unit to go off the air")

    async def _off(self) -> None:
        self.node.aps.abandon()
        await self.host.stop()
        carrier = self.node.mac
        # addresses that nobody uses: the radio would acknowledge for its own
        await self.radio.configure(
            channel=carrier.channel, pan=NO_PAN, short=NO_SHORT_ADDRESS, eui64=Eui64(0)
        )

    def on(self, *, channel: int | None = None) -> None:
        """Switch the unit on again where it was, or on another ``channel``."""
        self.air.mark()
        self.bench.call(self._on(channel), 10.0, "the golden unit to come back on the air")

    async def _on(self, channel: int | None) -> None:
        if not self.host.running:
            self.host.start()
        self.node.mac.tune(channel=channel)
        self.host.pump()

    # -- doing things in the loop -----------------------------------------------------------

    def do(self, action: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Let the golden unit do something now; it is a stimulus for waits on the air."""
        self.air.mark()
        doing = self._do(lambda: action(*arguments, **named))
        return self.bench.call(doing, 30.0, "the golden unit")

    async def _do(self, action: Callable[[], T]) -> T:
        if self.host.fault is not None:
            raise self.host.fault
        self.node.now = max(self.node.now, asyncio.get_running_loop().time())
        result = action()
        self.host.pump()
        return result

    @contextmanager
    def tapped(
        self,
        layer: str,
        direction: str,
        action: Callable[[Frame], Frame | Iterable[Frame] | None],
        *,
        match: Callable[[Frame], bool] = lambda frame: True,
        times: int | None = None,
    ) -> Iterator[Tap]:
        """Intercept frames of a layer for the length of a ``with`` block (``Node.tap``)."""
        tap = self.node.tap(layer, direction, action, match=match, times=times)
        try:
            yield tap
        finally:
            self.node.untap(tap)

    # -- the device -------------------------------------------------------------------------

    @property
    def device(self) -> Eui64:
        """The device's EUI-64. Raises Inconclusive when it is not known."""
        if self.air.dut_eui64 is None:
            raise Inconclusive("the device's EUI-64 is not known")
        return self.air.dut_eui64

    @property
    def device_short(self) -> int:
        """The device's short address. Raises Inconclusive when it is not in the network."""
        if self.air.dut_short is None:
            raise Inconclusive("the device has no short address: it is not in the golden network")
        return self.air.dut_short

    @property
    def network_key(self) -> NetworkKey:
        """The network key in use."""
        active = self.node.nwk.active
        if active is None:
            raise Inconclusive("the golden network is not formed")
        return active

    @property
    def link_key(self) -> LinkKey:
        """The link key in force with the device. Raises Inconclusive when there is none."""
        key = self.node.aps.keys.get(self.device)
        if key is None:
            raise Inconclusive("the golden unit shares no link key with the device")
        return key

    def took_key(self, partner: Eui64, key: bytes) -> None:
        """Use a key that key establishment gave."""
        self.air.keys.add_link(key, "cbke", (self.eui64, partner))
        self.node.aps.keys.install(partner, key, "cbke")

    # -- sending ----------------------------------------------------------------------------

    def send_zcl(
        self,
        cluster: int,
        frame: ZclFrame | bytes,
        *,
        secure: bool | None = None,
        to: int | None = None,
        endpoint: int | None = None,
        ack: bool = True,
    ) -> None:
        """Send a ZCL frame to the device; ``secure=None`` protects it as 5.4.6 asks."""
        if secure is None:
            secure = zcl.cluster(cluster).link_key_required
        self.do(
            self.node.aps.send,
            frame if isinstance(frame, bytes) else frame.to_bytes(),
            self.device_short if to is None else to,
            cluster=cluster,
            profile=0x0109,
            dst_endpoint=self.dut_endpoint if endpoint is None else endpoint,
            src_endpoint=ENDPOINT,
            secure=secure,
            ack=ack,
        )

    def command(
        self,
        cluster: int,
        name: str,
        *,
        secure: bool | None = None,
        to: int | None = None,
        endpoint: int | None = None,
        disable_default_response: bool = False,
        **fields: Any,
    ) -> int:
        """Send a cluster command by name; gives its ZCL sequence number."""
        frame = self.node.zcl.command(cluster, name, **fields)
        frame.disable_default_response = disable_default_response
        self.send_zcl(cluster, frame, secure=secure, to=to, endpoint=endpoint)
        return frame.sequence

    def read_frame(
        self, *attributes: int, direction: Direction = Direction.TO_SERVER, **header: Any
    ) -> ZclFrame:
        """A Read Attributes frame with the next sequence number."""
        return ZclFrame(
            cluster_specific=False,
            direction=direction,
            sequence=self.node.zcl.next_sequence(),
            command=general.ReadAttributes.COMMAND,
            payload=general.ReadAttributes(list(attributes)).to_bytes(),
            **header,
        )

    def read(
        self,
        cluster: int,
        *attributes: int,
        secure: bool | None = None,
        direction: Direction = Direction.TO_SERVER,
        endpoint: int | None = None,
    ) -> int:
        """Send Read Attributes; gives its ZCL sequence number."""
        frame = self.read_frame(*attributes, direction=direction)
        self.send_zcl(cluster, frame, secure=secure, endpoint=endpoint)
        return frame.sequence

    def ask(self, name: str, *, to: int | None = None, **fields: Any) -> int:
        """Send a ZDP request; gives its sequence number."""
        self.node.zdo.sequence = sequence = (self.node.zdo.sequence + 1) & 0xFF
        target = self.device_short if to is None else to
        self.do(self.node.zdo.send, name, target, sequence=sequence, **fields)
        return sequence

    def free_address(self) -> int:
        """A short address that nobody has of whom the unit knows."""
        taken = {0x0000, self.node.mac.short, *self.node.nwk.addresses}
        drawn = iter(lambda: self.bench.random.randrange(0x0001, 0xFFF0), None)
        return next(one for one in drawn if one not in taken)

    def send_aps(self, frame: ApsFrame, *, to: int | None = None) -> None:
        """Send an APS frame exactly as it is, in a NWK frame of its own."""
        target = self.device_short if to is None else to
        self.do(self.node.nwk.send, frame.to_bytes(), target)

    def send_nwk(self, frame: NwkFrame, *, secure: bool = True) -> None:
        """Send a NWK frame as it is; ``secure`` it first unless it is already."""
        self.do(self.node.nwk.send_frame, frame, secure=secure, next_hop=self._hop(frame))

    def _hop(self, frame: NwkFrame) -> int:
        return 0xFFFF if frame.dst >= 0xFFF8 else frame.dst

    def send_mac(self, frame: MacFrame | bytes) -> None:
        """Send a MAC frame, or any octets, as they are."""
        octets = frame if isinstance(frame, bytes) else frame.to_bytes()
        self.do(self.node.transmit, octets)

    # -- frames for the tests that alter them -----------------------------------------------

    def aps_data(self, payload: bytes, cluster: int, *, endpoint: int = ENDPOINT) -> ApsFrame:
        """An APS data frame to the device, not secured, asking for an acknowledgement."""
        return ApsFrame(
            frame_type=0,
            counter=self.node.aps.next_counter(),
            ack_request=True,
            dst_endpoint=self.dut_endpoint if endpoint is None else endpoint,
            cluster=cluster,
            profile=0x0109,
            src_endpoint=ENDPOINT,
            payload=payload,
        )

    def control_frame(self) -> tuple[ApsFrame, int]:
        """The APS frame of a control read (CTRL), and its ZCL sequence number."""
        frame = self.read_frame(0x0000)
        return self.aps_data(frame.to_bytes(), BASIC), frame.sequence

    def probe_frame(
        self, key: LinkKey | bytes | None = None, **overrides: Any
    ) -> tuple[ApsFrame, int]:
        """The APS frame of a key probe under ``key`` (by default the one in force).

        ``overrides`` go to ``zigbee.security.secure_aps``: ``frame_counter=...`` and so on.
        """
        frame = self.read_frame(0x0000)
        plain = self.aps_data(frame.to_bytes(), KEY_ESTABLISHMENT)
        return self.node.aps.secured(plain, key or self.link_key, **overrides), frame.sequence

    def in_nwk(self, frame: ApsFrame | bytes, **fields: Any) -> NwkFrame:
        """An unsecured NWK frame to the device around an APS frame."""
        octets = frame if isinstance(frame, bytes) else frame.to_bytes()
        return self.node.nwk.frame(octets, fields.pop("dst", self.device_short), **fields)

    # -- the two procedures that say whether the device is there ----------------------------

    @property
    def poll_period(self) -> float:
        """Seconds that an answer of a sleepy device may take longer; 0 for one that listens."""
        return self.bench.dut_file.timing.poll_period

    def control_read(self) -> bool:
        """CTRL: whether a read of ZCLVersion, NWK security only, is answered in 3 s; one retry."""
        for _ in range(2):
            sequence = self.read(BASIC, 0x0000, secure=False)
            if self.answered(sequence, CONTROL_WITHIN + self.poll_period):
                return True
        return False

    def answered(self, sequence: int, within: float) -> bool:
        """Whether a Read Attributes Response with status 0 and this sequence number came."""
        pattern = zcl_pattern("ReadAttributesResponse").numbered(sequence)
        found = self.air.seek(pattern, within=within)
        if found is None or found.packet.command is None:
            return False
        records = found.packet.command.fields["records"]
        return bool(records) and records[0].status == 0

    def key_probe(self, key: LinkKey | bytes | None = None) -> bool:
        """KEYPROBE: whether a read under ``key`` gets an answer or APS acknowledgement in 5 s.

        A key given as octets has no counter of its own here; the one in force lends its own. A
        probe that the device's radio did not acknowledge is sent again, twice at most.
        """
        return self.probed(key) == "answered"

    def probed(self, key: LinkKey | bytes | None = None) -> Probed:
        """KEYPROBE as in :meth:`key_probe`; tells silence from a probe that did not arrive."""
        probe = key
        if isinstance(key, bytes):
            self.air.keys.add_link(key, "probed", (self.eui64, self.device))
            probe = replace(self.link_key, key=key)
        for _ in range(PROBE_TRIES):
            frame, sequence = self.probe_frame(probe)
            given_up, start = self.air.given_up, len(self.air.frames)
            self.send_aps(frame)
            pattern = zcl_pattern("ReadAttributesResponse").numbered(sequence)
            if self.air.seek(pattern, within=PROBE_WITHIN + self.poll_period) is not None:
                return "answered"
            if self.air.find(reaction_to(frame, sequence), since=start):
                return "answered"
            if self.air.given_up == given_up:
                return "silence"
        return "not acknowledged"


class GoldenUnit(GoldenNode):
    """A node that is the device's counterpart: its trust center, or a device that joins it."""

    # -- how the device is brought to where a case begins (lab.procedures) --------------------

    @abstractmethod
    def fresh(self, dut: DutAdapter, code: bytes | None) -> bytes:
        """FRESH; gives the link key of the joining one's install code."""

    @abstractmethod
    def populate(self, dut: DutAdapter, *, late: bool = False) -> None:
        """Bring the other devices of the topology into the network; joining is closed then."""

    @abstractmethod
    def enter(self, dut: DutAdapter) -> None:
        """After FRESH: have the joining one join; joining stays open."""

    @abstractmethod
    def establish(self, dut: DutAdapter) -> None:
        """Have the link key between unit and device established, by whose part that is."""

    @abstractmethod
    def update_network_key(self, dut: DutAdapter, sequence: int | None = None) -> NetworkKey:
        """Have a new network key delivered and switched to; afterwards the unit uses it."""
