"""Try the console of a DUT file at the bench, one action at a time, without a campaign:

    python -m lab.try_console lab/duts/mine.toml /dev/serial/by-id/... join channel=11 pan=0x1234

Shows what the device said, line by line, what matched, and the fields that a case would be given.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from drivers.console import Console
from drivers.dialogue import Dialogue
from drivers.errors import BenchFault
from drivers.line import SerialLine
from lab import dut as duts
from lab.config import ConfigError


async def attempt(
    dialogue: Dialogue, port: str, baudrate: int, action: str, parameters: dict[str, Any]
) -> list[str]:
    """Carry out one action and return the lines of the report. BenchFault, ValueError as `do`."""
    console = Console(SerialLine("console", port, baudrate=baudrate), dialogue)
    await console.open()
    try:
        fields = await console.do(action, **parameters)
    finally:
        for line in console.transcript().splitlines():
            print(line, file=sys.stderr)
        await console.close()
    events = [f"event {name} {found}" for _, name, found in console.events]
    return [console.masked(text) for text in (*events, f"result {fields}")]


def parameters_of(words: Iterable[str]) -> dict[str, Any]:
    """NAME=VALUE words; a value that is a number (also 0x...) is one. ValueError for others."""
    found: dict[str, Any] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise ValueError(f"{word!r} is no parameter: write name=value")
        try:
            found[name] = int(value, 0)
        except ValueError:
            found[name] = value
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; 0 when the action was done, 1 when not."""
    parser = argparse.ArgumentParser(prog="lab.try_console", description=main.__doc__)
    parser.add_argument("file", type=Path, help="DUT file with a [console] table")
    parser.add_argument("port", help="tty, socket://host:port or rfc2217://host:port")
    parser.add_argument("action")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--baudrate", type=int, default=115200)
    options = parser.parse_args(arguments)
    try:
        dialogue = duts.load(options.file).console
        if dialogue is None:
            raise ConfigError("there is no [console] table", options.file, remedy="add one")
        words = parameters_of(options.parameters)
        report = asyncio.run(
            attempt(dialogue, options.port, options.baudrate, options.action, words)
        )
    except (ConfigError, BenchFault, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
