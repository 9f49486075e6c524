"""What of a bench answers: each part opened, asked who it is, and closed again.

Nothing is switched on, nothing is sent on the air.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from drivers.console import Console
from drivers.errors import BenchFault
from drivers.line import SerialLine
from drivers.radio import SpinelRadio
from drivers.supply import Supply
from lab.bench import BenchFile, RadioPart
from lab.dut import DutFile

PART_LIMIT_S = 20.0


def run(bench: BenchFile, dut: DutFile) -> int:
    """Check every part of a bench, print a line for each; return 0 when all answer, else 1."""
    return asyncio.run(_run(bench, dut))


async def _run(bench: BenchFile, dut: DutFile) -> int:
    async with AsyncExitStack() as stack:
        ports = await _ports(bench, dut, stack)
        print(f"bench {bench.name}: {', '.join(sorted(bench.capabilities)) or 'nothing'}")
        claimed = [item for item, yes in (dut.pics or {}).items() if yes]
        pics = "no [pics] table: device cases will not run"
        print(f"DUT {dut.name}: {f'{len(claimed)} PICS items' if dut.pics is not None else pics}")
        sound = dut.pics is not None
        for name, part in bench.lines.items():
            line = SerialLine(name, ports[name], baudrate=part.baudrate, rtscts=part.rtscts)
            ask = _ask_radio if isinstance(part, RadioPart) else _ask_console
            sound &= await _tell(name, ports[name], partial(ask, line, dut))
        if bench.supply is not None:
            supply = Supply(ports["supply"], bench.supply.dialect, bench.supply.channel)
            sound &= await _tell("supply", ports["supply"], partial(_ask_supply, supply))
    return 0 if sound else 1


async def _ports(bench: BenchFile, dut: DutFile, stack: AsyncExitStack) -> dict[str, str]:
    if bench.virtual is not None:
        from lab.virtual.bench import VirtualBench

        virtual = VirtualBench(bench, dut, bench.virtual.seed, "1.1")
        await virtual.start()
        stack.push_async_callback(virtual.stop)
        return virtual.ports
    ports = {name: str(part.url) for name, part in bench.lines.items()}
    if bench.supply is not None:
        ports["supply"] = str(bench.supply.resource)
    return ports


async def _tell(name: str, port: str, ask: Callable[[], Awaitable[str]]) -> bool:
    try:
        async with asyncio.timeout(PART_LIMIT_S):
            print(f"ok    {name:<13} {port}: {await ask()}")
    except TimeoutError:
        print(f"FAULT {name:<13} {port}: no answer within {PART_LIMIT_S:g} s")
    except BenchFault as fault:
        print(f"FAULT {name:<13} {fault}")
    else:
        return True
    return False


async def _ask_radio(line: SerialLine, _dut: DutFile) -> str:
    radio = SpinelRadio(line, name=line.name)
    try:
        await radio.open()
        await radio.ping()
        return ", ".join(f"{key} {value}" for key, value in radio.identity.items() if key != "port")
    finally:
        await radio.close()


async def _ask_console(line: SerialLine, dut: DutFile) -> str:
    """Open the console; a device that is switched off says nothing, which is no fault."""
    if dut.console is None:
        await line.open()
        await line.close()
        return "port opens; the DUT file has no [console]"
    console = Console(line, dut.console)
    await console.open()
    try:
        if not console.offers("identify"):
            return "port opens; the DUT file has no action identify"
        said = await console.do("identify")
        return ", ".join(f"{key} {value}" for key, value in said.items())
    except BenchFault as fault:
        if line.lost is not None:
            raise
        return f"port opens; the device does not answer, it may be off ({fault.what})"
    finally:
        await console.close()


async def _ask_supply(supply: Supply) -> str:
    try:
        await supply.open()
        state = "on" if await supply.is_on() else "off"
        return f"{supply.identity['idn']}, output {supply.channel} is {state}"
    finally:
        await supply.close()
