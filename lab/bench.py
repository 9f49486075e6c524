"""A bench: the equipment round one device, opened from a bench file, and its one loop.

Suites reach it only through `tc`, `dut` and `air`; these use `call`, `wait`, `now` and `random`.
A virtual bench differs in where its ports come from, and in nothing that comes after.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, model_validator

from drivers.console import Console
from drivers.errors import BenchFault, InstrumentFault
from drivers.journal import Entry, Journal
from drivers.line import SerialLine
from drivers.radio import SpinelRadio
from drivers.supply import Supply
from lab.air import AirView
from lab.clock import BenchLoop, open_loop
from lab.config import Section
from lab.dut import DutFile, Simulated
from lab.safety import Guard
from lab.topology import Actor, Topology
from lab.units.certificates import CertificatesPart, Wallet
from lab.units.population import Population
from lab.verdicts import Inconclusive

T = TypeVar("T")
FOLDER = Path(__file__).parent / "benches"
VOLTAGE_TOLERANCE = 0.05
"""Part of the set voltage by which the measured one may differ before the bench is doubted."""
LAG_LIMIT_S = 0.1
"""Seconds by which the loop may be late before waits of a case can no longer be trusted."""
CLOSE_LIMIT_S = 10.0


class VirtualPart(Section):
    """The simulated bench; its ports are made when it starts."""

    seed: int = 1
    """From it comes all chance of the simulation."""
    time: Literal["jump", "real"] = "jump"
    device: Simulated = "display"
    """Which simulated device stands on the bench, unless the DUT file names one."""


class LinePart(Section):
    """A serial port: a tty, `socket://host:port` or `rfc2217://host:port`."""

    url: str | None = None
    baudrate: Annotated[int, Field(ge=300, le=4_000_000)] = 115_200
    rtscts: bool = False


class RadioPart(LinePart):
    """A radio dongle."""

    kind: Literal["spinel"] = "spinel"
    channel: Annotated[int, Field(ge=11, le=26)] = 15


class SupplyPart(Section):
    """A channel of a programmable supply, and what this bench can bear."""

    resource: str | None = None
    """VISA resource, as "TCPIP::192.0.2.10::5025::SOCKET"."""
    dialect: str | None = None
    """A table of drivers/dialects.toml; without it the one that fits the instrument's *IDN?."""
    channel: Annotated[int, Field(ge=1, le=8)] = 1
    max_voltage: Annotated[float, Field(gt=0, le=60)] = 6.0
    max_current: Annotated[float, Field(gt=0, le=20)] = 3.0
    trace: bool = False
    """Whether the instrument samples the current fast enough for inrush and pulses."""


class BenchFile(Section):
    """A bench file. A part that is not named is not there."""

    name: str
    dut: str | None = None
    """The DUT file to use unless another is asked for: a path, or a name in lab/duts."""
    virtual: VirtualPart | None = None
    radio: RadioPart | None = None
    sniffer: RadioPart | None = None
    second_radio: RadioPart | None = None
    console: LinePart | None = None
    supply: SupplyPart | None = None
    certificates: CertificatesPart | None = None
    """Of the authority that the devices here trust; None: of the harness's own."""
    topology: Topology | None = None
    """What home area network stands round the device; lab/topology.py checks it."""
    actor: tuple[Actor, ...] = ()

    @model_validator(mode="after")
    def _ports(self) -> BenchFile:
        for name, part in self.lines.items():
            if self.virtual is None and part.url is None:
                raise ValueError(f"[{name}] has no url: name its port")
            if self.virtual is not None and part.url is not None:
                raise ValueError(f"[{name}] has a url, but [virtual] makes the ports: leave it out")
        if self.virtual is None and self.supply is not None and self.supply.resource is None:
            raise ValueError("[supply] has no resource: name the instrument")
        return self

    @property
    def lines(self) -> dict[str, LinePart]:
        """The serial ports that the file names, by part."""
        named = {
            "radio": self.radio,
            "sniffer": self.sniffer,
            "second_radio": self.second_radio,
            "console": self.console,
        }
        return {name: part for name, part in named.items() if part is not None}

    @property
    def capabilities(self) -> frozenset[str]:
        """What cases may need of this bench."""
        names = set(self.lines)
        if self.supply is not None:
            names.add("supply")
            if self.supply.trace:
                names.add("supply.trace")
        return frozenset(names)


class Bench:
    """An open bench. `open` it, and `close` it on every way out: that switches the supply off.

    `faults` collects what went wrong with the equipment. `generation` rises when the bench was
    brought back after a fault: whoever set a radio up has to do so again.
    """

    def __init__(
        self,
        file: BenchFile,
        dut_file: DutFile,
        *,
        seed: int | None = None,
        revision: str = "1.1",
        defects: Sequence[str] = (),
        safety_report: Path | None = None,
    ) -> None:
        self.file = file
        self.dut_file = dut_file
        self.revision = revision
        self.defects = tuple(defects)
        self.safety_report = safety_report or Path(tempfile.gettempdir()) / "supply-safety.log"
        """Where the guard writes what it did, should the harness be killed."""
        self.seed = seed if seed is not None else file.virtual.seed if file.virtual else 1
        self.wallet = Wallet(file.certificates)
        self.random = Random(self.seed)
        """All chance on the lab's side; sown anew for each case."""
        self.capabilities = file.capabilities
        self.faults: list[str] = []
        self.generation = 0
        self.gone: str | None = None
        """Why the bench cannot be used any more; None while it can."""
        self.journals = {name: Journal() for name in file.lines}
        self.radio: SpinelRadio | None = None
        self.sniffer: SpinelRadio | None = None
        self.second_radio: SpinelRadio | None = None
        self.console: Console | None = None
        self.supply: Supply | None = None
        self.air: AirView | None = None
        self.population = Population(self)
        """The other devices of the topology."""
        self.guard: Guard | None = None
        self._loop: BenchLoop | None = None
        self._virtual: Any = None
        self.powered = False
        self._marks: dict[str, int] = {}

    @property
    def loop(self) -> BenchLoop:
        """The bench's loop. Raises RuntimeError before `open`."""
        if self._loop is None:
            raise RuntimeError("the bench is not open")
        return self._loop

    def call(
        self, coroutine: Coroutine[Any, Any, T], within: float | None = None, awaited: str = ""
    ) -> T:
        """Run a coroutine in the bench's loop and block: see BenchLoop.call."""
        return self.loop.call(coroutine, within, awaited)

    def wait(self, seconds: float) -> None:
        """Let `seconds` of the bench's time pass."""
        self.loop.wait(seconds)

    def now(self) -> float:
        """Return the bench's time in seconds."""
        return self.loop.now()

    def open(self) -> None:
        """Open all that the bench file names, checked before (lab.setup). Raises BenchFault."""
        virtual = self.file.virtual
        self._loop = open_loop(virtual=virtual is not None and virtual.time == "jump")
        try:
            self.call(self._open())
        except BaseException:
            self.close()
            raise

    async def _open(self) -> None:
        ports = await self._ports()
        if self.file.supply is not None:
            await self._open_supply(self.file.supply, ports["supply"])
        for name, part in self.file.lines.items():
            await self._open_line(name, part, ports[name])
        self.air = AirView(self)
        self.population.introduce(self.air)

    async def _ports(self) -> dict[str, str]:
        """Return port or resource of each part; the virtual bench makes its own."""
        if self.file.virtual is not None:
            from lab.virtual.bench import VirtualBench  # only where a bench file asks for it

            self._virtual = VirtualBench(self.file, self.dut_file, self.seed, self.revision)
            await self._virtual.start(self.defects)
            around = self._virtual.neighbourhood
            self.population = Population(self, around.residents, around.network_keys)
            self._virtual.govern(self.loop)
            return dict(self._virtual.ports)
        ports = {name: str(part.url) for name, part in self.file.lines.items()}
        if self.file.supply is not None:
            ports["supply"] = str(self.file.supply.resource)
        return ports

    async def _open_line(self, name: str, part: LinePart, port: str) -> None:
        line = SerialLine(
            name, port, baudrate=part.baudrate, rtscts=part.rtscts, journal=self.journals[name]
        )
        await line.open()
        if self._virtual is not None:
            self._virtual.link(name, line)
        if isinstance(part, RadioPart):
            radio = SpinelRadio(line, name=name)
            await radio.open()
            radio.on_fault = self._note
            setattr(self, name, radio)
            if name == "sniffer":
                await radio.listen(part.channel)
        elif self.dut_file.console is not None:
            self.console = Console(line, self.dut_file.console, log="console.log")
            await self.console.open()

    async def _open_supply(self, part: SupplyPart, resource: str) -> None:
        """Open the supply and make sure that it is off."""
        self.supply = Supply(resource, part.dialect, part.channel)
        await self.supply.open()
        if not await self.supply.safe_off():
            raise InstrumentFault("supply", "could not be shown to be off at the start")

    def _arm(self) -> None:
        """Have a guard switch the supply off, should the harness be killed."""
        part, supply = self.file.supply, self.supply
        if part is None or supply is None:
            return
        guard = Guard(
            supply.resource,
            part.dialect,
            part.channel,
            self.safety_report,
            identity=supply.identity.get("idn"),
            gone_is_off=self.file.virtual is not None,
        )
        guard.arm()
        self.guard = guard

    def make_safe(self) -> bool:
        """Switch the supply's output off and read it back; return whether that was shown.

        Without a supply there is nothing to switch, and the answer is True.
        """
        if self.supply is None:
            return True
        self.powered = False
        self.loop.deadline = None
        try:
            return self.call(self.supply.safe_off(), CLOSE_LIMIT_S * 3, "the supply to go off")
        except Exception as error:
            self.faults.append(f"supply: {error}")
            return False

    def close(self) -> bool:
        """Switch off, close all, and return whether the supply was shown to be off."""
        if self._loop is None:
            return True
        safe = self.make_safe()
        for name, closing in self._closings():
            try:
                self.call(closing(), CLOSE_LIMIT_S, f"{name} to close")
            except Exception as error:
                self.faults.append(f"{name}: {error}")
        if self.guard is not None:
            if safe:
                self.guard.disarm()
            else:  # it tries once more, over a connection of its own
                safe = self.guard.release()
            self.guard = None
        self._loop.stop()
        self._loop = None
        return safe

    def _closings(self) -> list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
        parts = [(name, getattr(self, name)) for name in ("radio", "sniffer", "second_radio")]
        found = [(name, part.close) for name, part in parts if part is not None]
        if self.console is not None:
            found.append(("console", self.console.line.close))
        if self.supply is not None:
            found.append(("supply", self.supply.close))
        if self._virtual is not None:
            found.append(("the virtual bench", self._virtual.stop))
        return found

    def power(self, on: bool) -> None:
        """Switch the device's supply, with its limits set first. Raises BenchFault.

        Nothing is switched on before a guard stands by that switches it off, should we be killed.
        """
        if on and self.guard is None:
            self._arm()
        self.call(self._power(on), awaited=f"the supply to switch {'on' if on else 'off'}")

    async def _power(self, on: bool) -> None:
        supply, wanted = self.supply, self.dut_file.supply
        if supply is None or wanted is None:
            raise BenchFault("supply", "this bench has none", "the operator has to switch")
        if on:
            await supply.set_ovp(wanted.ovp)
            await supply.set_current_limit(wanted.current_limit)
            await supply.set_voltage(wanted.voltage)
        await supply.output(on)
        self.powered = on

    def power_cut(self, seconds: float) -> None:
        """Switch the device's supply off and, `seconds` after that, on again with its settings."""
        self.call(self._cut(seconds), awaited="the supply to cut the power")

    async def _cut(self, seconds: float) -> None:
        if self.supply is None:
            raise BenchFault("supply", "this bench has none", "the operator has to switch")
        loop = asyncio.get_running_loop()
        back = loop.time() + seconds
        self.powered = False
        await self.supply.output(False)
        await asyncio.sleep(max(0.0, back - loop.time()))
        await self.supply.output(True)
        self.powered = True

    def set_voltage_along(self, points: Sequence[tuple[float, float]]) -> None:
        """Lead the supply's voltage along (seconds from now, volts), in ten steps between two."""
        self.call(self._along(points), awaited="the supply to follow a ramp")

    async def _along(self, points: Sequence[tuple[float, float]]) -> None:
        if self.supply is None:
            raise BenchFault("supply", "this bench has none", "the case needs one")
        await self.supply.set_voltage(points[0][1])
        for (start, low), (end, high) in pairwise(points):
            await self.supply.ramp(low, high, end - start, 10)

    def require_console(self) -> Console:
        """Return the console. Raises BenchFault when the bench or the DUT file has none."""
        if self.console is None:
            missing = "bench file" if "console" not in self.capabilities else "DUT file"
            raise BenchFault("console", f"the {missing} has no [console]", "add it")
        return self.console

    def begin_case(self, case_id: str, deadline: float) -> None:
        """Make ready for a case that may take `deadline` seconds; its id sows all chance."""
        self.random.seed(f"{self.seed}/{case_id}")
        self.wallet.begin_case()
        if self._virtual is not None:
            self._virtual.sow(case_id)
        if self.air is not None:
            self.air.begin_case()
        self._marks = {name: journal.mark() for name, journal in self._all_journals().items()}
        self.loop.background.clear()
        self.loop.lag.mark()
        self.loop.deadline = self.now() + deadline

    def time_left(self) -> float:
        """Return the seconds until the deadline of the case; infinity outside of any."""
        end = self.loop.deadline
        return math.inf if end is None else end - self.now()

    def journal_texts(self) -> dict[str, str]:
        """Return what crossed each line since the case began, as text for people."""
        texts = {}
        for name, journal in self._all_journals().items():
            if self.supply is not None and journal is self.supply.journal:
                texts[name] = self.supply.journal_text(self._marks.get(name, 0))
            else:
                texts[name] = journal.to_text(journal.since(self._marks.get(name, 0)))
        return texts

    def received(self, name: str) -> bytes:
        """Return the octets that came on a line since the case began, those that are kept."""
        return self._crossed(name, "rx")

    def sent(self, name: str) -> bytes:
        """Return the octets that the harness sent on a line since the case began."""
        return self._crossed(name, "tx")

    def _crossed(self, name: str, direction: str) -> bytes:
        entries = self.journals[name].since(self._marks.get(name, 0))
        return b"".join(
            one.octets for one in entries if isinstance(one, Entry) and one.direction == direction
        )

    def _all_journals(self) -> dict[str, Journal]:
        return self.journals | ({"supply": self.supply.journal} if self.supply else {})

    def end_case(self) -> None:
        """Lift the limit of the case."""
        self.loop.deadline = None

    def vouch(self) -> None:
        """Show that the equipment is sound. Raises Inconclusive that names what is not.

        A verdict against a device stands only on a bench that answered for itself afterwards.
        """
        self.loop.deadline = None
        if self.gone is not None:
            raise Inconclusive(self.gone)
        if self.loop.background:
            raise Inconclusive(f"the harness itself failed: {self.loop.background[0]}")
        if self.loop.lag.worst > LAG_LIMIT_S:
            raise Inconclusive(
                f"the harness was {self.loop.lag.worst:.3f} s late", "let less run on this machine"
            )
        try:
            self.call(self._vouch(), 30.0, "the bench to show that it is sound")
        except BenchFault as fault:
            raise Inconclusive(f"bench: {fault.what}: {fault.cause}", fault.remedy) from fault

    async def _vouch(self) -> None:
        for radio in (self.radio, self.sniffer, self.second_radio):
            if radio is not None:
                await radio.ping()
        if self.console is not None and self.console.line.lost is not None:
            raise self.console.line.lost
        if self.supply is not None and self.powered:
            await self._vouch_supply(self.supply)

    async def _vouch_supply(self, supply: Supply) -> None:
        wanted = self.dut_file.supply
        if wanted is None:
            return
        if trip := await supply.tripped():
            raise InstrumentFault("supply", f"{trip} has tripped", "find what overloaded it")
        if not await supply.is_on():
            raise InstrumentFault("supply", "its output is off, and should be on")
        if await supply.regulation() == "CC":
            raise InstrumentFault("supply", "it is in current limit", "raise it, or find the short")
        volts = await supply.measure_voltage()
        if abs(volts - wanted.voltage) > VOLTAGE_TOLERANCE * wanted.voltage:
            raise InstrumentFault("supply", f"gives {volts:.3f} V instead of {wanted.voltage:g} V")
        amperes = await supply.measure_current()
        if amperes < wanted.idle_current:
            raise InstrumentFault(
                "supply",
                f"the device draws {amperes:.6f} A, less than its idle {wanted.idle_current:g} A",
                "check the wires to the device",
            )

    def recover(self) -> bool:
        """Bring the bench back after a fault: open again what is gone, reset the radios.

        Returns whether it is sound again; when not, `gone` says why.
        """
        self.loop.deadline = None
        try:
            self.call(self._recover(), 60.0, "the bench to come back")
            self.vouch()
        except (BenchFault, Inconclusive) as fault:
            self.gone = self.gone or str(fault)
            return False
        self.generation += 1
        return True

    async def _recover(self) -> None:
        for name in ("radio", "sniffer", "second_radio"):
            radio = getattr(self, name)
            if radio is None:
                continue
            with contextlib.suppress(BenchFault):
                await radio.ping()
                continue
            await radio.close()
            await radio.line.open()
            if self._virtual is not None:
                self._virtual.link(name, radio.line)
            await radio.open()
            if name == "sniffer" and self.file.sniffer is not None:
                await radio.listen(self.file.sniffer.channel)
        if self.console is not None and self.console.line.lost is not None:
            await self.console.line.open()
            if self._virtual is not None:
                self._virtual.link("console", self.console.line)
        if self.supply is not None:
            await self.supply.is_on()

    def _note(self, fault: BenchFault) -> None:
        self.faults.append(str(fault))
