"""`python -m lab serve`: the virtual bench alone; `python -m lab check`: what of a bench answers;
`python -m lab facts`: what the verdicts rest on that nobody has confirmed; `python -m lab devices`:
the campaign with every simulated device; `python -m lab qualify`: which case catches which defect;
`python -m lab certificates`: what the test authority issues to a device.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drivers.errors import BenchFault
from lab.bench import BenchFile
from lab.commands import checks, devices, issuing, qualify
from lab.config import ConfigError
from lab.dut import DutFile
from lab.registers import reliance
from lab.setup import Setup

OK, FAULT, USAGE = 0, 1, 2
Commands = Any
"""argparse has no public name for what `add_subparsers` gives."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0, 1 when the bench does not answer, 2 when a file is wrong."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return USAGE
    except BenchFault as fault:
        print(fault, file=sys.stderr)
        return FAULT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the virtual bench for other programs")
    serve.add_argument("--bench", default="virtual", metavar="NAME|FILE")
    serve.add_argument("--dut", metavar="NAME|FILE", help="default: the bench's")
    serve.add_argument("--revision", choices=("1.0", "1.1"), default="1.1")
    serve.add_argument("--seed", type=int)
    serve.add_argument("--defect", action="append", default=[], metavar="NAME|MODULE:CLASS")
    serve.set_defaults(run=_serve)
    check = commands.add_parser("check", help="say what of a bench answers")
    check.add_argument("--bench", default="virtual", metavar="NAME|FILE")
    check.add_argument("--dut", metavar="NAME|FILE", help="default: the bench's")
    check.set_defaults(run=_check)
    listed = commands.add_parser("facts", help="list the facts register")
    listed.add_argument("--json", action="store_true", help="one JSON object a fact")
    listed.set_defaults(run=lambda given: reliance.show(as_json=given.json))
    _add_certificates(commands)
    _add_several(commands)
    return parser


def _add_certificates(commands: Commands) -> None:
    """Add the command of the test authority."""
    issue = commands.add_parser(
        "certificates", help="issue a device certificates of the test authority, right and wrong"
    )
    issue.add_argument("eui64", metavar="EUI64", help="16 hex digits, most significant first")
    issue.add_argument("--suite", type=int, choices=(1, 2), default=1)
    issue.add_argument("--seed", metavar="TEXT", help="of another authority than the harness's")
    issue.set_defaults(run=lambda given: issuing.show(given.eui64, given.suite, given.seed))


def _add_several(commands: Commands) -> None:
    """Add the commands that run many campaigns."""
    every = commands.add_parser("devices", help="run the campaign with every simulated device")
    every.add_argument("--dut", action="append", default=[], metavar="NAME", help="default: all")
    every.add_argument(
        "--revision", action="append", default=[], choices=("1.0", "1.1"), help="default: both"
    )
    every.add_argument(
        "--seeds", type=int, default=0, metavar="N", help="N campaigns of different seeds"
    )
    every.set_defaults(
        run=lambda given: devices.run(
            given.dut, given.revision, given.seeds, given.into, given.at_once
        )
    )
    qualified = commands.add_parser("qualify", help="show that each defect is caught by its cases")
    qualified.add_argument("defects", nargs="*", metavar="DEFECT", help="default: all registered")
    qualified.add_argument(
        "--against",
        choices=qualify.AGAINST,
        default="clause",
        help="the cases that a defect names, those of its clause too (default), or all",
    )
    qualified.set_defaults(
        run=lambda given: qualify.run(
            given.defects, given.into, against=given.against, at_once=given.at_once
        )
    )
    for command, place in ((every, "devices"), (qualified, "qualification")):
        command.add_argument(
            "--into", type=Path, default=Path("reports/out") / place, metavar="DIR"
        )
        command.add_argument(
            "--at-once", type=int, default=os.cpu_count() or 1, metavar="N", help="campaigns"
        )


def _check(options: argparse.Namespace) -> int:
    setup = Setup.load(options.bench, options.dut)
    setup.check()
    return checks.run(setup.bench, setup.dut)


def _serve(options: argparse.Namespace) -> int:
    setup = Setup.load(options.bench, options.dut)
    bench, dut = setup.bench, setup.dut
    if bench.virtual is None:
        raise ConfigError(
            "is of real equipment", setup.bench_path, "virtual", "a virtual bench can be served"
        )
    setup.check(options.defect)
    seed = bench.virtual.seed if options.seed is None else options.seed
    asyncio.run(_serve_until_signal(bench, dut, seed, options.revision, options.defect))
    return OK


async def _serve_until_signal(
    bench: BenchFile, dut: DutFile, seed: int, revision: str, defects: Sequence[str]
) -> None:
    """Run the virtual bench in real time; say where it is in one line of JSON."""
    from lab.virtual.bench import VirtualBench

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    virtual = VirtualBench(bench, dut, seed, revision)
    await virtual.start(defects)
    ports = virtual.ports
    where = {
        "rcp": ports.get("radio"),
        "sniffer": ports.get("sniffer"),
        "second_rcp": ports.get("second_radio"),
        "console": ports.get("console"),
        "supply": ports.get("supply"),
        "dut": {
            "eui64": str(virtual.device.eui64),
            "install_code": virtual.device.install_code.hex(),
        },
    }
    print(json.dumps(where), flush=True)
    await stop.wait()
    await virtual.stop()


if __name__ == "__main__":
    sys.exit(main())
