"""A small virtual bench for tests of radio and line: one loop whose time jumps, ptys, an air."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from drivers.line import Journal, SerialLine
from drivers.radio import SpinelRadio
from lab.clock import SteppedLoop
from lab.virtual.air import Air, AirRadio
from lab.virtual.line import PtyLine
from lab.virtual.rcp import SimulatedRcp
from lab.virtual.rcp_firmware import Firmware
from zigbee.types import Eui64

T = TypeVar("T")


@dataclass
class Dongle:
    """A radio on the lab's side with all that simulates it."""

    far: PtyLine
    near: SerialLine
    place: AirRadio
    rcp: SimulatedRcp
    radio: SpinelRadio


class SilentLine:
    """A console's line that nobody types on or reads."""

    def __init__(self) -> None:
        self.on_octets: Callable[[bytes], None] | None = None

    def write(self, octets: bytes) -> None:
        """Said to nobody."""


class RadioBench:
    """`run` a coroutine on it; `dongle` plugs in a radio."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = SteppedLoop()
        self.seed = seed
        self.air = Air(Random(seed))
        self._lines: list[PtyLine] = []

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.clock.call(coroutine)

    async def line(self, name: str, **options: Any) -> tuple[PtyLine, SerialLine]:
        """Both ends of a line; the near one is not open yet."""
        options = {"random": Random(f"{self.seed} {name}"), **options}
        far = PtyLine(name, **options)
        self._lines.append(far)
        near = SerialLine(name, far.port, journal=Journal())

        def in_flight() -> bool:
            return near.is_open and (
                far.octets_sent != near.octets_received or near.octets_sent != far.octets_received
            )

        self.clock.virtual.add_probe(in_flight, name)
        return far, near

    async def dongle(
        self, name: str = "rcp", eui64: int = 0x00124B0000C0FFEE, **options: Any
    ) -> Dongle:
        firmware: Firmware | None = options.pop("firmware", None)
        far, near = await self.line(name, **options)
        place = self.air.attach(name)
        rcp = SimulatedRcp(far, place, Eui64(eui64), firmware)
        return Dongle(far, near, place, rcp, SpinelRadio(near, name=name))

    def close(self) -> None:
        for line in self._lines:
            line.close()
        self.clock.stop()


@contextmanager
def radio_bench(seed: int = 1) -> Iterator[RadioBench]:
    bench = RadioBench(seed)
    try:
        yield bench
    finally:
        bench.close()
