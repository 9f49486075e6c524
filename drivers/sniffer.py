"""Sniffers that are no RCP: what those on a serial line have in common.

All give `RxFrame` to `on_frame`, as `SpinelRadio` does while it listens.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from drivers.errors import BenchFault, PortGone
from drivers.line import SerialLine
from drivers.radio import RxFrame

SETTLE_S = 0.2
"""Seconds for a sniffer to stop talking after it was told to sleep."""


class Sniffer(Protocol):
    """What a bench needs of a sniffer."""

    on_frame: Callable[[RxFrame], None] | None
    on_fault: Callable[[BenchFault], None] | None
    faults: list[BenchFault]

    async def open(self) -> None: ...

    async def listen(self, channel: int) -> None: ...

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class SerialSniffer(ABC):
    """A sniffer on a serial line.

    `faults` records what failed, `garbled` counts what came and made no sense.
    """

    def __init__(self, line: SerialLine, *, name: str = "sniffer") -> None:
        self.line = line
        self.name = name
        self.on_frame: Callable[[RxFrame], None] | None = None
        self.on_fault: Callable[[BenchFault], None] | None = None
        self.identity: dict[str, str] = {"port": line.url}
        self.faults: list[BenchFault] = []
        self.garbled = 0
        self.channel = 0

    async def open(self) -> None:
        """Open the line and make the sniffer quiet. Raises `BenchFault`."""
        await self.line.open()
        self.line.on_octets = self._on_octets
        self.line.on_lost = self._on_lost
        await self._quieten()

    async def close(self) -> None:
        """Stop the sniffer and close the line."""
        if self.line.is_open:
            self._stop()
            await asyncio.sleep(SETTLE_S)  # closing a port may throw away what it has not sent
        self.line.on_octets = None
        await self.line.close()

    @abstractmethod
    async def listen(self, channel: int) -> None:
        """Record everything on `channel` (11..26)."""

    async def ping(self) -> None:
        """Show that the sniffer is there. Raises `BenchFault` if not."""
        if self.line.lost is not None:
            raise self.line.lost

    @abstractmethod
    async def _quieten(self) -> None: ...

    @abstractmethod
    def _stop(self) -> None: ...

    @abstractmethod
    def _on_octets(self, octets: bytes) -> None: ...

    def _on_lost(self, fault: PortGone) -> None:
        self.faults.append(fault)
        if self.on_fault is not None:
            self.on_fault(fault)

    def _give(self, octets: bytes, rssi: int, lqi: int, timestamp_us: int, fcs_ok: bool) -> None:
        if self.on_frame is not None and self.channel:  # else: left over from an earlier run
            now = asyncio.get_running_loop().time()
            self.on_frame(RxFrame(now, octets, rssi, lqi, self.channel, timestamp_us, fcs_ok))
