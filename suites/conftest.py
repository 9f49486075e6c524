"""Where the cases of all chapters begin: the device in the state that they ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab import chance
from lab.dut import DutAdapter
from lab.procedures import authenticate, fresh, join
from lab.units.attacker import Attacker, Partner, SecondNetwork, on_second_radio
from lab.units.exchange import terminate
from lab.units.golden_unit import GoldenUnit


def pytest_collection_finish(session: pytest.Session) -> None:
    """Load what cases of chance judge with before the bench opens, and not in the midst of one."""
    modules = [getattr(item, "module", None) for item in session.items]
    if not session.config.option.collectonly and any(hasattr(one, "chance") for one in modules):
        chance.load()


@pytest.fixture
def fresh_dut(tc: GoldenUnit, dut: DutAdapter) -> DutAdapter:
    """A device that is factory-new; the golden network is formed and knows its install code."""
    fresh(tc, dut)
    return dut


@pytest.fixture
def joined_dut(tc: GoldenUnit, dut: DutAdapter) -> DutAdapter:
    """A device that has just joined the golden network; key establishment may be under way."""
    join(tc, dut)
    return dut


@pytest.fixture
def dut_in_service(tc: GoldenUnit, dut: DutAdapter) -> DutAdapter:
    """A device that is authenticated and settled; reused from the case before if it still is."""
    authenticate(tc, dut)
    return dut


@pytest.fixture
def idle_responder(tc: GoldenUnit, dut_in_service: DutAdapter) -> DutAdapter:
    """A device in service with no key establishment under way: the golden partner may initiate."""
    terminate(tc)
    return dut_in_service


@pytest.fixture
def attacker(tc: GoldenUnit) -> Iterator[Attacker]:
    """Somebody on the second radio, silent and in no network yet (``attacker.enter()``)."""
    with on_second_radio(Attacker, tc) as unit:
        yield unit


@pytest.fixture
def partner(tc: GoldenUnit) -> Iterator[Partner]:
    """A second ESI on the second radio, in no network yet (``partner.enter()``)."""
    with on_second_radio(Partner, tc) as unit:
        yield unit


@pytest.fixture
def second_network(tc: GoldenUnit) -> Iterator[SecondNetwork]:
    """The coordinator of another network on the second radio (``second_network.form()``)."""
    with on_second_radio(SecondNetwork, tc) as unit:
        yield unit
