"""A pytest plugin that breaks the equipment of the virtual bench while a case runs.

    pytest suites -p tests.campaign.faults --fault radio-cut --fault-case PRICE-03 --fault-after 30

The suites and the harness know nothing of it: what happens is done to the simulated equipment,
behind the ports that the drivers have open. `--fault-after` is in seconds of the bench's time from
when the case's own function begins; `unpowered` is there from before the first case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.virtual.bench import VirtualBench

FROM_THE_START = "unpowered"
SHORT_OHMS = 0.5


def short(virtual: VirtualBench) -> None:
    """A short in the device: the supply goes into current limit, and its voltage gives way."""
    virtual.supply.dut.load = lambda volts: volts / SHORT_OHMS
    virtual.supply.load_changed()


def unpowered(virtual: VirtualBench) -> None:
    """The leads to the device are off: it gets no voltage, and draws nothing."""
    virtual.supply.dut.load = lambda volts: 0.0
    virtual.supply.dut.on_voltage = None


FAULTS: dict[str, Callable[[VirtualBench], object]] = {
    "radio-cut": lambda virtual: virtual.lines["radio"].cut(),
    "sniffer-cut": lambda virtual: virtual.lines["sniffer"].cut(),
    "console-cut": lambda virtual: virtual.lines["console"].cut(),
    "radio-locked-up": lambda virtual: virtual.rcps["radio"].lock_up(for_good=True),
    "sniffer-locked-up": lambda virtual: virtual.rcps["sniffer"].lock_up(for_good=True),
    "radio-restart": lambda virtual: virtual.rcps["radio"].restart(),
    "sniffer-restart": lambda virtual: virtual.rcps["sniffer"].restart(),
    "supply-gone": lambda virtual: virtual.supply.vanish(),
    "supply-tripped": lambda virtual: virtual.supply.trip("ocp"),
    "current-limit": short,
    FROM_THE_START: unpowered,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """What breaks, in which case, and when."""
    group = parser.getgroup("faults", "faults of the simulated equipment")
    group.addoption("--fault", required=True, choices=sorted(FAULTS))
    group.addoption("--fault-case", default="", metavar="ID", help="by default every case")
    group.addoption("--fault-after", type=float, default=0.0, metavar="SECONDS")


@pytest.fixture(autouse=True)
def equipment_that_breaks_at_the_start(request: pytest.FixtureRequest) -> None:
    """Break what is broken from the start, before any other fixture of the case."""
    if request.config.option.fault == FROM_THE_START:
        FAULTS[FROM_THE_START](_equipment(request.getfixturevalue("bench")))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Have the equipment break when the time has come; the case's fixtures are through."""
    option = item.config.option
    meta = getattr(getattr(item, "function", None), "case_meta", None)
    if option.fault == FROM_THE_START or meta is None or option.fault_case not in ("", meta.id):
        return
    bench = vars(item)["funcargs"]["bench"]
    bench.loop.loop.call_later(option.fault_after, FAULTS[option.fault], _equipment(bench))


def _equipment(bench: Any) -> VirtualBench:
    """What stands behind the ports of a bench: the harness itself never looks there."""
    found = bench._virtual
    if not isinstance(found, VirtualBench):
        raise pytest.UsageError("--fault: only equipment of the virtual bench can be broken")
    return found
