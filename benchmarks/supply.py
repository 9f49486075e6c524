"""Queries a second to a bench supply: our driver, bare PyVISA, and a bare socket.

All three ask the simulated supply for its output state; it runs in a process of its own and takes
no time to answer, so what is measured is the way there and back. A real supply takes 10 to 100 ms
for a measurement: a driver costs too much when it is a visible part of that.
"""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyvisa
from pyvisa.resources import MessageBasedResource
from rich.console import Console
from rich.table import Table

from drivers.supply import Supply

QUERY = "OUTP? (@1)"
_ROOT = Path(__file__).resolve().parent.parent
_WARM_UP = 50


@contextmanager
def simulated_supply() -> Iterator[str]:
    """The resource of a simulated supply in another process."""
    options = ["--port", "0", "--measure-time", "0", "--reply-time", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.virtual.supply", *options],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdout is None:
        raise RuntimeError("the simulated supply has no output")
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def by_socket(resource: str, queries: int) -> float:
    """Seconds for the queries over a bare socket."""
    _, host, port, _ = resource.replace("::", " ").split()
    line = f"{QUERY}\n".encode()
    with socket.create_connection((host, int(port))) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        replies = client.makefile("rb")

        def ask() -> None:
            client.sendall(line)
            replies.readline()

        return _timed(ask, queries)


def by_pyvisa(resource: str, queries: int) -> float:
    """Seconds for the queries through PyVISA alone."""
    instrument = pyvisa.ResourceManager("@py").open_resource(resource)
    if not isinstance(instrument, MessageBasedResource):
        raise TypeError(f"{resource} takes no text")
    instrument.read_termination = instrument.write_termination = "\n"
    try:
        return _timed(lambda: instrument.query(QUERY), queries)
    finally:
        instrument.close()


def by_driver(resource: str, queries: int) -> float:
    """Seconds for the queries through the driver: parsed, journalled, on the loop."""

    async def ask() -> float:
        supply = Supply(resource)
        await supply.open()
        try:
            for _ in range(_WARM_UP):
                await supply.is_on()
            start = time.perf_counter()
            for _ in range(queries):
                await supply.is_on()
            return time.perf_counter() - start
        finally:
            await supply.close()

    return asyncio.run(ask())


def _timed(ask: Callable[[], object], queries: int) -> float:
    for _ in range(_WARM_UP):
        ask()
    start = time.perf_counter()
    for _ in range(queries):
        ask()
    return time.perf_counter() - start


def run(queries: int = 1000, rounds: int = 3) -> dict[str, Any]:
    """Queries a second each way, the best of `rounds` that take turns, and ratios to the socket."""
    ways = {"socket": by_socket, "pyvisa": by_pyvisa, "driver": by_driver}
    best = dict.fromkeys(ways, float("inf"))
    with simulated_supply() as resource:
        for _ in range(rounds):
            for name, way in ways.items():
                best[name] = min(best[name], way(resource, queries))
    rates = {name: queries / seconds for name, seconds in best.items()}
    table = Table(title=f"Queries to a supply, {queries} each, best of {rounds}")
    for heading in ("way", "queries/s", "us a query", "ratio to socket", "ratio to pyvisa"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for name, rate in rates.items():
        ratios = f"{rate / rates['socket']:.2f}", f"{rate / rates['pyvisa']:.2f}"
        table.add_row(name, f"{rate:,.0f}", f"{1e6 / rate:.0f}", *ratios)
    Console().print(table)
    return {
        "queries": queries,
        "rounds": rounds,
        "queries_per_second": {name: round(rate) for name, rate in rates.items()},
        "driver_to_socket": round(rates["driver"] / rates["socket"], 3),
        "driver_to_pyvisa": round(rates["driver"] / rates["pyvisa"], 3),
    }
