"""The golden trust center behind a golden router (procedure BEHIND): one radio, the router's.

    with behind_router(tc) as router:
        fresh(tc, dut)
        router.enter()
        router.permit(180)

The trust center exists at the NWK layer and above only; the router answers on the air for it. After
the ``with`` block the trust center has its radio back, and the device counts as not joined: its
network's router is gone. Times are seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.golden.node import Node
from lab.golden.parent import Parent
from lab.units.behind import Junction, Wire
from lab.units.host import NodeHost
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.units.tc import TrustCenter

__all__ = ["FrontRouter", "behind_router"]

EUI64 = Eui64(0x02A7C5F000000001)
LINK_KEY_OCTETS = 16


class FrontRouter:
    """A golden router that stands between ``tc`` and everybody else."""

    def __init__(self, tc: TrustCenter) -> None:
        self.tc = tc
        self.bench = tc.bench
        self.node = Node(EUI64, rng=tc.bench.random)
        self.parent = Parent(self.node, lambda: tc.eui64)
        self.junction = Junction(tc.radio)
        self.host = NodeHost(self.node, self.junction)
        self.host.on_fault = lambda fault: self.bench.faults.append(str(fault))

    @property
    def short(self) -> int:
        """Its short address."""
        return self.node.mac.short

    def enter(self) -> None:
        """Be in the network that the trust center has formed, one hop from it."""
        tc = self.tc
        link_key = self.bench.random.randbytes(LINK_KEY_OCTETS)
        tc.register(EUI64, link_key)
        short = tc.free_address()
        tc.node.nwk.learn(short, EUI64)
        self.do(self._enter, short, link_key)

    def _enter(self, short: int, link_key: bytes) -> None:
        network, carrier = self.tc.node.nwk, self.tc.node.mac
        own = self.node.nwk
        self.node.aps.keys.install(self.tc.eui64, link_key, "code")
        own.add_key(self.tc.network_key)
        own.activate(self.tc.network_key.sequence)
        own.extended_pan, own.update_id, own.depth = network.extended_pan, network.update_id, 1
        own.learn(0x0000, self.tc.eui64)
        self.node.mac.answers_beacon_requests = True
        self.node.mac.tune(channel=carrier.channel, pan=carrier.pan, short=short)
        own.start_link_status()

    def permit(self, seconds: int) -> None:
        """Open joining at the router for ``seconds``."""
        self.do(self.parent.permit, seconds)

    def do(self, action: Callable[..., Any], *arguments: Any) -> None:
        """Let the router do something now; it is a stimulus for waits on the air."""
        self.tc.air.mark()
        self.bench.call(self._do(action, *arguments), 30.0, "the golden router")

    async def _do(self, action: Callable[..., Any], *arguments: Any) -> None:
        self.node.now = max(self.node.now, asyncio.get_running_loop().time())
        action(*arguments)
        self.host.pump()

    async def step_in(self) -> None:
        """Take the radio; the trust center gets a wire to here."""
        await self.tc.host.stop()
        self.host.start()
        self.tc.host.radio = Wire(self.junction)
        self.tc.host.start()

    async def step_out(self) -> None:
        """Give the radio back."""
        await self.host.stop()
        await self.tc.host.stop()
        self.tc.host.radio = self.tc.radio
        self.tc.node.nwk.routes.clear()
        self.tc.air.dut_short = None
        self.tc.host.start()
        self.tc.node.mac.tune()
        self.tc.host.pump()


@contextmanager
def behind_router(tc: TrustCenter) -> Iterator[FrontRouter]:
    """Put a golden router in front of ``tc``; the network has still to be formed."""
    router = FrontRouter(tc)
    tc.bench.call(router.step_in(), 10.0, "the golden router to step in")
    try:
        yield router
    finally:
        tc.bench.call(router.step_out(), 10.0, "the golden router to step out")
