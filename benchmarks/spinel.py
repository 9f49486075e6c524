"""Property round trips of the radio driver over a pty, beside pyserial, aiospinel and pyspinel.

The simulated radio runs in a process of its own, unpaced, and every host in another; so a figure
is what a host gives on this machine with this radio. `bare echo` (precomputed octets, a peer that
only sends them back) is the most that a pty allows here.
"""

from __future__ import annotations

import asyncio
import importlib.util
import multiprocessing
import os
import time
import tty
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from random import Random
from typing import Any

import serial

from drivers.line import SerialLine
from drivers.radio import SpinelRadio
from lab.virtual.air import Air
from lab.virtual.line import PtyLine
from lab.virtual.rcp import SimulatedRcp
from zigbee import hdlc
from zigbee.spinel import Command, Property, property_frame
from zigbee.types import Eui64

WARM_UP = 100
IN_FLIGHT = 15
_GET = hdlc.encode(property_frame(1, Command.PROP_VALUE_GET, Property.PHY_CHAN))
_IS = hdlc.encode(property_frame(1, Command.PROP_VALUE_IS, Property.PHY_CHAN, b"\x0b"))

Host = Callable[[str, int], float]
"""Given the port and a number of round trips: the seconds they took."""


# --- the far ends ----------------------------------------------------------------------------


def _serve_rcp(pipe: Connection) -> None:
    async def serve() -> None:
        line = PtyLine("benchmark", random=Random(1), pace=False, split=False)
        SimulatedRcp(line, Air(Random(1)).attach("benchmark"), Eui64(0x00124B0001020304))
        pipe.send(line.port)
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)

    asyncio.run(serve())


def _serve_echo(pipe: Connection) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    pipe.send(os.ttyname(slave))
    while True:
        os.write(master, os.read(master, 4096))


# --- the hosts -------------------------------------------------------------------------------


def _bare(port: str, count: int, *, answer: bytes) -> float:
    with serial.Serial(port, timeout=10, exclusive=True) as line:

        def trips(number: int) -> None:
            for _ in range(number):
                line.write(_GET)
                if len(line.read(len(answer))) != len(answer):
                    raise TimeoutError("no answer")

        trips(WARM_UP)
        begun = time.perf_counter()
        trips(count)
        return time.perf_counter() - begun


async def _ours(port: str, count: int, in_flight: int) -> float:
    radio = SpinelRadio(SerialLine("benchmark", port))
    await radio.open()

    async def trips(number: int) -> None:
        for _ in range(number):
            await radio.get(Property.PHY_CHAN)

    return await _timed(trips, count, in_flight)


async def _timed(trips: Callable[[int], Any], count: int, in_flight: int) -> float:
    await trips(WARM_UP)
    begun = time.perf_counter()
    if in_flight == 1:
        await trips(count)
    else:
        await asyncio.gather(*(trips(count // in_flight) for _ in range(in_flight)))
    return time.perf_counter() - begun


def _run_ours(port: str, count: int, *, in_flight: int) -> float:
    return asyncio.run(_ours(port, count, in_flight))


def _run_aiospinel(port: str, count: int, *, in_flight: int) -> float:
    import serialx
    from aiospinel.protocol import SpinelProtocol
    from aiospinel.types import CommandID, PropertyID

    async def run() -> float:
        loop = asyncio.get_running_loop()
        host = SpinelProtocol()
        transport, _ = await serialx.create_serial_connection(
            loop, lambda: host, port, baudrate=115200
        )
        number = PropertyID.PHY_CHAN.serialize()

        async def trips(times: int) -> None:
            for _ in range(times):
                await host.send_command(CommandID.PROP_VALUE_GET, number)

        seconds = await _timed(trips, count, in_flight)
        transport.close()
        return seconds

    return asyncio.run(run())


def _run_pyspinel(port: str, count: int) -> float:
    from spinel.codec import WpanApi  # type: ignore[import-untyped]
    from spinel.const import SPINEL  # type: ignore[import-untyped]
    from spinel.stream import StreamOpen  # type: ignore[import-untyped]

    host = WpanApi(StreamOpen("u", port, False), 1)
    host.queue_register(SPINEL.HEADER_DEFAULT)

    def trips(number: int) -> None:
        for _ in range(number):
            if host.prop_get_value(SPINEL.PROP_PHY_CHAN) is None:
                raise TimeoutError("no answer")

    trips(WARM_UP)
    begun = time.perf_counter()
    trips(count)
    return time.perf_counter() - begun


# --- running them ----------------------------------------------------------------------------


def _in_process(pipe: Connection, host: Host, port: str, count: int) -> None:
    try:
        pipe.send(host(port, count))
    except Exception as error:  # the parent prints it
        pipe.send(f"{type(error).__name__}: {error}")
    pipe.close()
    os._exit(0)  # a host may have left threads that wait for its port


def _measure(serve: Callable[[Connection], None], host: Host, count: int) -> float:
    """Round trips a second of one host against one far end, each in a new process."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    far = spawn.Process(target=serve, args=(theirs,), daemon=True)
    far.start()
    try:
        port = ours.recv()
        results, of_host = spawn.Pipe()
        near = spawn.Process(target=_in_process, args=(of_host, host, port, count), daemon=True)
        near.start()
        of_host.close()
        if not results.poll(120):
            near.kill()
            raise TimeoutError("did not end within 120 s")
        outcome = results.recv()
        near.join()
    finally:
        far.kill()
        far.join()
    if isinstance(outcome, str):
        raise RuntimeError(outcome)
    return count / float(outcome)


def _hosts() -> dict[str, tuple[Callable[[Connection], None], Host]]:
    hosts: dict[str, tuple[Callable[[Connection], None], Host]] = {
        "bare echo": (_serve_echo, partial(_bare, answer=_GET)),
        "bare pyserial, same radio": (_serve_rcp, partial(_bare, answer=_IS)),
        "this driver": (_serve_rcp, partial(_run_ours, in_flight=1)),
        f"this driver, {IN_FLIGHT} in flight": (
            _serve_rcp,
            partial(_run_ours, in_flight=IN_FLIGHT),
        ),
    }
    if importlib.util.find_spec("aiospinel") and importlib.util.find_spec("serialx"):
        hosts["aiospinel"] = (_serve_rcp, partial(_run_aiospinel, in_flight=1))
        hosts[f"aiospinel, {IN_FLIGHT} in flight"] = (
            _serve_rcp,
            partial(_run_aiospinel, in_flight=IN_FLIGHT),
        )
    if importlib.util.find_spec("spinel"):
        hosts["pyspinel"] = (_serve_rcp, _run_pyspinel)
    return hosts


def _virtual_transmissions(count: int) -> float:
    """Acknowledged transmissions a real second on the virtual bench: driver, pty, radio and air."""
    from lab.clock import SteppedLoop

    clock = SteppedLoop()

    async def scenario() -> float:
        line = PtyLine("virtual", random=Random(1))
        air = Air(Random(1))
        SimulatedRcp(line, air.attach("rcp"), Eui64(1))
        near = SerialLine("virtual", line.port)
        clock.virtual.add_probe(
            lambda: (
                line.octets_sent != near.octets_received or near.octets_sent != line.octets_received
            )
        )
        radio = SpinelRadio(near)
        await radio.open()
        await radio.configure(channel=15, pan=0x1A62, short=0, eui64=Eui64(1))
        peer = air.attach("peer")
        await peer.configure(channel=15, pan=0x1A62, short=1, eui64=Eui64(2))
        psdu = bytes.fromhex("618801621a01000000") + bytes(40)
        begun = time.perf_counter()
        for _ in range(count):
            if (await radio.transmit(psdu)).status != "acked":
                raise RuntimeError("a transmission was not acknowledged")
        seconds = time.perf_counter() - begun
        await radio.close()
        line.close()
        return count / seconds

    try:
        return clock.call(scenario())
    finally:
        clock.stop()


def run(count: int = 2000, rounds: int = 5) -> dict[str, Any]:
    """`count` round trips for each host, `rounds` times in turn; the best of each, a second.

    The best, since whatever else runs on the machine can only make a figure worse.
    """
    rates: dict[str, float] = {}
    failed: dict[str, str] = {}
    virtual = 0.0
    for _ in range(rounds):
        for name, (serve, host) in _hosts().items():
            try:
                rates[name] = max(rates.get(name, 0.0), _measure(serve, host, count))
            except (RuntimeError, TimeoutError, EOFError) as error:
                failed[name] = str(error)
        virtual = max(virtual, _virtual_transmissions(count))
    limit, own = rates["bare echo"], rates["this driver"]
    print(f"{'host':<32}{'trips/s':>10}{'of the limit':>14}{'of this driver':>16}")
    for name, rate in rates.items():
        print(f"{name:<32}{rate:>10.0f}{rate / limit:>14.0%}{rate / own:>16.2f}")
    for name, why in failed.items():
        print(f"{name:<32}{'failed':>10}  {why}")
    print(f"virtual bench: {virtual:.0f} acknowledged transmissions a real second")
    return {
        "benchmark": "spinel",
        "unit": "property round trips per second, best of rounds",
        "round_trips": count,
        "rounds": rounds,
        "rates": {name: round(rate, 1) for name, rate in rates.items()},
        "ratio_to_limit": {name: round(rate / limit, 3) for name, rate in rates.items()},
        "virtual_transmissions_per_second": round(virtual, 1),
        "failed": failed,
    }
