"""A golden device that joins through the device under test: its child, on the bench's second radio.

    with child_of(tc, tc.device_short) as child:
        child.start_joining()

It hears no beacon but its parent's, so that the trust center, which is as near, is never its
parent. Its radio falls silent when the ``with`` block ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.golden.node import Node
from lab.patterns import Pattern, zdp
from lab.procedures import require
from lab.units.joiner import GoldenJoiner
from zigbee.mac import MacFrame, MacType
from zigbee.packet import Packet
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.bench import Bench
    from lab.units.tc import TrustCenter

__all__ = ["PERMIT", "GoldenChild", "adopt", "announced", "child_of", "permit"]

#: Seconds that joining is opened for at the device, and that a child may take to get in.
PERMIT = 180
JOIN_MAX = 60.0
SCANS = 3

#: Addresses of golden children begin here, locally administered.
FIRST_EUI64 = 0x02A7C5C000000000


class GoldenChild(GoldenJoiner):
    """A factory-new device that joins through one parent only; it goes on trying until it is in."""

    def __init__(self, bench: Bench, through: int, *, router: bool = False) -> None:
        self.router = router
        self.through = through
        eui64 = bench.wallet.another(Eui64(FIRST_EUI64 | bench.random.getrandbits(32)))
        super().__init__(bench, radio="second_radio", eui64=eui64)

    def _build(self) -> Node:
        node = super()._build()
        node.router = self.router
        self.joiner.automatic = True
        node.tap("mac", "in", lambda frame: None, match=self._of_others)
        return node

    def _of_others(self, frame: MacFrame) -> bool:
        """Whether a frame is the beacon of somebody who is not to be the parent."""
        return frame.frame_type == MacType.BEACON and frame.src != self.through

    @property
    def short(self) -> int:
        """Its short address; 0xFFFE while it has none."""
        return self.node.mac.short

    def start_joining(self) -> None:
        """Look for the parent's network, now."""
        self.do(self.joiner.start)

    def associate(self) -> None:
        """Send the parent one association request, whatever its beacon says."""
        mac = self.node.mac
        self.do(mac.associate, mac.pan, self.through, self.node.zdo.capability)

    def poll(self) -> None:
        """Ask the parent for what it holds for this device, by its extended address."""
        self.do(self.node.mac.poll, self.through, self.eui64)

    def send_command(self, command: Any, **fields: Any) -> None:
        """Send a NWK command to the parent under the network key."""
        fields = {"src_eui": self.eui64, **fields}
        self.do(self.node.nwk.send_command, command, self.through, **fields)

    def prepare(self, tc: TrustCenter, *, registered: bool = True) -> None:
        """Listen where ``tc``'s network is, and be registered there by the install code."""
        self.do(self.node.mac.tune, channel=tc.node.mac.channel, pan=tc.node.mac.pan)
        if registered:
            tc.register(self.eui64, self.code_key)


@contextmanager
def child_of(
    tc: TrustCenter, parent: int, *, router: bool = False, registered: bool = True
) -> Iterator[GoldenChild]:
    """A golden child that ``tc`` may let in; ``parent`` is a short address."""
    child = GoldenChild(tc.bench, parent, router=router)
    try:
        child.prepare(tc, registered=registered)
        yield child
    finally:
        child.off()


def permit(tc: TrustCenter, seconds: int) -> None:
    """Open (0: close) joining at the device, a router, by the trust center's order."""
    tc.ask("Mgmt_Permit_Joining_req", PermitDuration=seconds, TC_Significance=1)


def announced(child: GoldenChild) -> Pattern:
    """The child's own Device_annce, which it sends once it has the network key."""

    def own(packet: Packet) -> bool:
        mac, nwk = packet.mac, packet.nwk
        return mac is not None and nwk is not None and mac.src == nwk.src

    return zdp("Device_annce", IEEEAddr=child.eui64).where(own, "of the child itself")


def adopt(tc: TrustCenter, child: GoldenChild) -> None:
    """Precondition: the child joins through the device and has the network key."""
    permit(tc, PERMIT)
    tc.bench.wait(1)
    start = tc.air.mark()
    for _ in range(SCANS):  # a beacon may be lost
        child.start_joining()
        if tc.air.seek(announced(child), within=JOIN_MAX / SCANS, since=start, dut=False):
            tc.bench.wait(2)
            return
    require(False, "a golden child did not join through the device")
