"""Where the cases of all chapters begin: the device in the state that they ask for."""

from __future__ import annotations

import pytest

from lab.dut import DutAdapter
from lab.exchange import terminate
from lab.procedures import authenticate, fresh, join
from lab.tc import TrustCenter


@pytest.fixture
def fresh_dut(tc: TrustCenter, dut: DutAdapter) -> DutAdapter:
    """A device that is factory-new; the golden network is formed and knows its install code."""
    fresh(tc, dut)
    return dut


@pytest.fixture
def joined_dut(tc: TrustCenter, dut: DutAdapter) -> DutAdapter:
    """A device that has just joined the golden network; key establishment may be under way."""
    join(tc, dut)
    return dut


@pytest.fixture
def dut_in_service(tc: TrustCenter, dut: DutAdapter) -> DutAdapter:
    """A device that is authenticated and settled; reused from the case before if it still is."""
    authenticate(tc, dut)
    return dut


@pytest.fixture
def idle_responder(tc: TrustCenter, dut_in_service: DutAdapter) -> DutAdapter:
    """A device in service with no key establishment under way: the golden partner may initiate."""
    terminate(tc)
    return dut_in_service
