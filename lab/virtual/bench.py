"""The virtual bench: everything that a bench file can name, simulated, behind real ports.

The lab's drivers open its pseudo-terminals and its TCP socket as they would open a lab's. It runs
in the loop of whoever starts it: in virtual time under `govern`, in real time without.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from drivers.line import SerialLine
from lab.clock import BenchLoop, SteppedLoop
from lab.config import ConfigError
from lab.topology import residents
from lab.virtual import defects as catalogue
from lab.virtual.air import Air
from lab.virtual.console import SimulatedConsole
from lab.virtual.device import SimulatedDevice
from lab.virtual.line import PtyLine
from lab.virtual.rcp import SimulatedRcp
from lab.virtual.residents import Neighbourhood, populate
from lab.virtual.supply import SimulatedSupply
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.bench import BenchFile
    from lab.dut import DutFile, Simulated

RADIOS = ("radio", "sniffer", "second_radio")
RCP_EUI64 = 0x00124B0014D5A000
"""Address of the first simulated dongle; the others count up."""
ENOUGH = 1024
"""Octets at one end of a line that count as all: the kernel holds 4,095, the rest waits behind."""
DEVICES: dict[Simulated, str] = {
    "display": "lab.virtual.display:SimulatedDisplay",
    "gateway": "lab.virtual.gateway:SimulatedGateway",
    "esi": "lab.virtual.esi:SimulatedEsi",
    "two_network_esi": "lab.virtual.two_network_esi:SimulatedTwoNetworkEsi",
    "thermostat": "lab.virtual.thermostat:SimulatedThermostat",
    "load_control": "lab.virtual.load_control:SimulatedLoadControl",
    "meter": "lab.virtual.meter:SimulatedMeter",
    "prepayment": "lab.virtual.prepayment:SimulatedPrepayment",
    "range_extender": "lab.virtual.range_extender:SimulatedRangeExtender",
    "sleepy_display": "lab.virtual.sleepy_display:SimulatedSleepyDisplay",
}
"""Where the class of each simulated device is; imported when a bench needs it."""
NEIGHBOURS = {"second_esi": "lab.virtual.second_esi:SimulatedSecondEsi"}
"""The same, of those that stand beside a device under test only."""


def find_defects(names: Sequence[str]) -> list[type[catalogue.Defect]]:
    """Return the defects of these names. Raises ConfigError for one that does not exist."""
    try:
        return [catalogue.find(name) for name in names]
    except catalogue.UnknownDefect as error:
        raise ConfigError(str(error), "--defect") from error


def papers_of(dut: DutFile, names: Sequence[str]) -> DutFile:
    """What a DUT file says of the device once it has the defects of these names."""
    for defect in find_defects(names):
        tables = {
            table: getattr(dut, table).model_copy(update=dict(keys))
            for table, keys in defect.papers.items()
        }
        dut = dut.model_copy(update=tables)
    return dut


class VirtualBench:
    """The simulated equipment of a bench file with [virtual]. `start` it; `ports` then has the port
    or resource of each part. The device stands there unpowered.
    """

    def __init__(self, file: BenchFile, dut_file: DutFile, seed: int, revision: str) -> None:
        self.file = file
        self.dut_file = dut_file
        self.seed = seed
        self.revision = revision
        self.ports: dict[str, str] = {}
        self.lines: dict[str, PtyLine] = {}
        self.rcps: dict[str, SimulatedRcp] = {}
        self.air: Air
        self.device: SimulatedDevice
        self.neighbourhood = Neighbourhood()
        """The other devices of the topology; those that join stand there unpowered."""
        self.supply: SimulatedSupply
        self._random: dict[str, Random] = {}
        self._loop: BenchLoop | None = None

    def _chance(self, name: str) -> Random:
        """Return the source of chance for one part: no part's traffic changes another's."""
        return self._random.setdefault(name, Random(f"{self.seed}/{name}"))

    def sow(self, case_id: str) -> None:
        """Begin all chance anew, so that a case meets the same whatever ran before it."""
        for name, random in self._random.items():
            random.seed(f"{self.seed}/{case_id}/{name}")

    async def start(self, defects: Sequence[str] = ()) -> None:
        """Make the ports. Raises ConfigError when the DUT file or a defect's name does not do."""
        self.air = Air(self._chance("air"))
        for number, name in enumerate(one for one in RADIOS if one in self.file.lines):
            line = self._line(name)
            eui64 = Eui64(RCP_EUI64 + number)
            self.rcps[name] = SimulatedRcp(line, self.air.attach(name), eui64)
        self._start_device(defects)
        self._place_residents()
        if self.file.supply is not None:
            self.supply = SimulatedSupply(
                dut_channel=self.file.supply.channel,
                load=self.device.current,
                on_voltage=self.device.voltage_changed,
            )
            await self.supply.start()
            self.ports["supply"] = self.supply.resource
        else:
            self.device.voltage_changed(3.0)  # a device on its own mains

    def _start_device(self, defects: Sequence[str]) -> None:
        identity = self.dut_file.identity
        if identity.eui64 is None or identity.install_code is None:
            raise ConfigError(
                "a simulated device needs eui64 and install_code",
                f"DUT file {self.dut_file.name!r}",
                "identity",
            )
        found = find_defects(defects)
        # The device has its console whether or not the bench file connects one.
        console = SimulatedConsole(self._line("console"))
        fallback = self.file.virtual.device if self.file.virtual else "display"
        kind = device_class(self.dut_file.virtual.simulated or fallback)
        self.device = kind(
            self.air.attach("dut"),
            console,
            eui64=Eui64.parse(identity.eui64),
            install_code=bytes.fromhex(identity.install_code),
            random=self._chance("device"),
            revision=self.revision,
            defects=found,
        )

    def _place_residents(self) -> None:
        around = {name: rcp.radio for name, rcp in self.rcps.items()}
        around["dut"] = self.device.radio
        self.neighbourhood = populate(
            self.air,
            residents(self.file, self.dut_file),
            around,
            self._chance,
            device_class,
            revision=self.revision,
            channel=self.file.radio.channel if self.file.radio is not None else 15,
            trust_center="dut" if "tc" in self.dut_file.roles else "radio",
        )

    def _line(self, name: str) -> PtyLine:
        part = self.file.lines.get(name)
        baudrate = part.baudrate if part is not None else 115_200
        line = PtyLine(name, baudrate=baudrate, random=self._chance(f"line {name}"))
        self.lines[name] = line
        self.ports[name] = line.port
        return line

    def govern(self, loop: BenchLoop) -> None:
        """Tell the loop what else keeps time from jumping: the supply's replies."""
        self._loop = loop
        if isinstance(loop, SteppedLoop) and self.file.supply is not None:
            loop.virtual.add_owed(lambda: self.supply.replies_owed)

    def link(self, name: str, line: SerialLine) -> None:
        """Let no time pass while octets are between `line`, just opened, and the simulation."""
        if isinstance(self._loop, SteppedLoop):
            watch = LineWatch(line, self.lines[name])
            self._loop.virtual.add_probe(watch.in_flight, f"line {name}", watch.arrived)

    async def stop(self) -> None:
        """Take all ports away."""
        if self.file.supply is not None:
            await self.supply.stop()
        for line in self.lines.values():
            line.close()


def device_class(name: str) -> type[SimulatedDevice]:
    """Return the class of a simulated device by the name that DUT files and bench files use."""
    where = next(one for key, one in (*DEVICES.items(), *NEIGHBOURS.items()) if key == name)
    module, _, attribute = where.partition(":")
    found: type[SimulatedDevice] = getattr(importlib.import_module(module), attribute)
    return found


class LineWatch:
    """What is under way between the two ends of a line, counted at both.

    Made when nothing is under way. What was written while the lab's end was closed never arrives,
    so the counts are compared with those of that moment.
    """

    def __init__(self, lab: SerialLine, far: PtyLine) -> None:
        self._lab = lab
        self._far = far
        self._down = far.octets_sent - lab.octets_received
        self._up = lab.octets_sent - far.octets_received

    def _under_way(self) -> tuple[int, int]:
        """Return the octets on their way to the lab, and those on their way to the equipment."""
        down = self._far.octets_sent - self._lab.octets_received
        up = self._lab.octets_sent - self._far.octets_received
        if down < self._down:  # older ones came after all
            self._down = down
        if up < self._up:
            self._up = up
        return down - self._down, up - self._up

    def in_flight(self) -> bool:
        """Return whether octets are under way; nothing is on a line that nobody reads."""
        down, up = self._under_way()
        return bool(down or up) and self._lab.is_open

    def arrived(self) -> bool:
        """Return whether all that is under way can be read; ENOUGH of it, where there is much."""
        down, up = self._under_way()
        if not (down or up) or not self._lab.is_open or not self._far.is_open:
            return True
        there_down, there_up = self._far.waiting()
        return there_down >= min(down, ENOUGH) and there_up >= min(up, ENOUGH)
