"""BEHIND: golden devices that live behind a golden router, with one radio for all of them.

A :class:`Junction` takes the place of the router's radio. What the router sends to a device behind
it goes there directly and never on the air; everything else goes on the air. The device's own
:class:`Wire` ends at the router, so nobody else hears it, and it hears nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from drivers.radio import Radio, RxFrame, TxResult
from zigbee.errors import CodecError
from zigbee.mac import MacFrame, MacType
from zigbee.types import Address, Eui64

__all__ = ["Junction", "Wire"]

BROADCAST = 0xFFFF


class _End:
    """What both ends have of a radio; they take any frames and send them on."""

    def __init__(self) -> None:
        self.on_frame: Callable[[RxFrame], None] | None = None
        self.short: int = 0xFFFE
        self.eui64 = Eui64(0)
        self.channel = 0

    def is_for(self, address: Address | None) -> bool:
        """Whether a MAC destination means this end: a beacon has none and is for all."""
        if isinstance(address, Eui64):
            return address == self.eui64
        return address is None or address in (self.short, BROADCAST)

    def hear(self, octets: bytes) -> None:
        """Give a frame to this end's node, soon: not while the sender is at work."""
        loop = asyncio.get_running_loop()
        stamp = int(loop.time() * 1e6)
        frame = RxFrame(loop.time(), octets, -40, 255, self.channel, stamp, acked_pending=True)
        loop.call_soon(self._deliver, frame)

    def _deliver(self, frame: RxFrame) -> None:
        if self.on_frame is not None:
            self.on_frame(frame)


class Wire(_End):
    """The radio of a device behind a router."""

    def __init__(self, junction: Junction) -> None:
        super().__init__()
        self.junction = junction
        junction.wires.append(self)

    async def configure(
        self, *, channel: int, pan: int, short: int, eui64: Eui64, power_dbm: int | None = None
    ) -> None:
        """Take addresses."""
        self.channel, self.short, self.eui64 = channel, short, eui64

    async def set_source_match(self, short: Iterable[int], extended: Iterable[Eui64]) -> None:
        """A device behind a router has no children here."""

    async def transmit(
        self, octets: bytes, *, csma: bool = True, retries: int = 3, backoffs: int = 4
    ) -> TxResult:
        """To the router, and to nobody else."""
        frame = MacFrame.from_bytes(octets)
        if not self.junction.is_for(frame.dst):
            return TxResult("no_ack")
        self.junction.hear(octets)
        return TxResult("acked" if frame.ack_request else "sent", pending=frame.ack_request)

    async def energy_scan(self, channels: Iterable[int], period_ms: int = 100) -> dict[int, int]:
        """It is quiet on a wire."""
        return dict.fromkeys(channels, -100)


class Junction(_End):
    """The router's radio: the real one, and the wires."""

    def __init__(self, real: Radio) -> None:
        super().__init__()
        self.real = real
        self.wires: list[Wire] = []
        real.on_frame = self._deliver

    async def configure(
        self, *, channel: int, pan: int, short: int, eui64: Eui64, power_dbm: int | None = None
    ) -> None:
        """Take addresses, on the air and on the wires."""
        self.channel, self.short, self.eui64 = channel, short, eui64
        self.real.on_frame = self._deliver
        await self.real.configure(
            channel=channel, pan=pan, short=short, eui64=eui64, power_dbm=power_dbm
        )

    async def set_source_match(self, short: Iterable[int], extended: Iterable[Eui64]) -> None:
        """As the real radio."""
        await self.real.set_source_match(short, extended)

    async def transmit(
        self, octets: bytes, *, csma: bool = True, retries: int = 3, backoffs: int = 4
    ) -> TxResult:
        """To a device behind the router, or on the air; broadcasts and beacons go both ways."""
        try:
            frame = MacFrame.from_bytes(octets)
        except CodecError:
            return await self.real.transmit(octets, csma=csma, retries=retries, backoffs=backoffs)
        alone = frame.dst not in (None, BROADCAST)
        if frame.frame_type != MacType.ACK:
            for wire in self.wires:
                if wire.is_for(frame.dst):
                    wire.hear(octets)
                    if alone:
                        return TxResult("acked" if frame.ack_request else "sent")
        return await self.real.transmit(octets, csma=csma, retries=retries, backoffs=backoffs)

    async def energy_scan(self, channels: Iterable[int], period_ms: int = 100) -> dict[int, int]:
        """As the real radio."""
        return await self.real.energy_scan(channels, period_ms)
