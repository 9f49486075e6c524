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
from lab.joiner import GoldenJoiner
from zigbee.mac import MacFrame, MacType
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.bench import Bench
    from lab.tc import TrustCenter

__all__ = ["GoldenChild", "child_of"]

#: Addresses of golden children begin here, locally administered.
FIRST_EUI64 = 0x02A7C5C000000000


class GoldenChild(GoldenJoiner):
    """A factory-new device that joins through one parent only; it goes on trying until it is in."""

    def __init__(self, bench: Bench, through: int, *, router: bool = False) -> None:
        self.router = router
        self.through = through
        eui64 = Eui64(FIRST_EUI64 | bench.random.getrandbits(32))
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
