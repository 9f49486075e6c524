"""The simulated ESI with two networks: two nodes, two radios, and nothing between them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random

import pytest

from lab.golden.trust_center import Registered
from lab.virtual.console import SimulatedConsole
from lab.virtual.defects import find
from lab.virtual.two_network_esi import SimulatedTwoNetworkEsi, SubNetwork
from tests.radio_bench import RadioBench, SilentLine, radio_bench
from zigbee.crypto import install_code
from zigbee.types import Eui64

EUI64 = Eui64(0x000D6F0000000510)
CODE = install_code.with_crc(bytes(16))
CHANNEL = 15


@pytest.fixture
def bench() -> Iterator[RadioBench]:
    with radio_bench() as made:
        yield made


async def formed(bench: RadioBench, *defects: str) -> tuple[SimulatedTwoNetworkEsi, SubNetwork]:
    """The device with both of its networks formed."""
    device = SimulatedTwoNetworkEsi(
        bench.air.attach("dut"),
        SimulatedConsole(SilentLine()),
        eui64=EUI64,
        install_code=CODE,
        random=Random(3),
        defects=[find(name) for name in defects],
    )
    device.voltage_changed(3.3)
    await asyncio.sleep(2.0)
    for order in ("network form", "subnet form"):
        assert device.console.commands[order]([str(CHANNEL)]) == ["OK"]
        await asyncio.sleep(1.0)
    assert device.second is not None
    return device, device.second


def keys(device: SimulatedTwoNetworkEsi, second: SubNetwork) -> list[bytes]:
    """Both network keys."""
    assert device.node is not None
    nodes = (device.node, second.node)
    return [one.nwk.active.key for one in nodes if one.nwk.active is not None]


def test_the_networks_have_nothing_in_common(bench: RadioBench) -> None:
    async def scenario() -> None:
        device, second = await formed(bench)
        home = device.node
        assert home is not None
        assert home.eui64 != second.node.eui64
        assert home.mac.pan != second.node.mac.pan
        assert home.nwk.extended_pan != second.node.nwk.extended_pan
        assert len(set(keys(device, second))) == 2

    bench.run(scenario())


def test_a_registration_holds_in_one_network(bench: RadioBench) -> None:
    async def scenario() -> tuple[dict[Eui64, Registered], dict[Eui64, Registered]]:
        device, second = await formed(bench)
        device.console.commands["subnet install-code"](["0200000000000001", CODE.hex()])
        return device.registrar.devices, second.registrar.devices

    home, other = bench.run(scenario())
    assert not home and list(other) == [Eui64(0x0200_0000_0000_0001)]


def test_both_networks_outlive_a_loss_of_power(bench: RadioBench) -> None:
    async def scenario() -> None:
        device, second = await formed(bench)
        before = keys(device, second)
        device.voltage_changed(0.0)
        assert device.second is None
        device.voltage_changed(3.3)
        await asyncio.sleep(2.0)
        assert device.second is not None and keys(device, device.second) == before

    bench.run(scenario())


def test_defect_uses_one_key_for_both(bench: RadioBench) -> None:
    async def scenario() -> list[bytes]:
        return keys(*await formed(bench, "M-SCOPE-01"))

    assert len(set(bench.run(scenario()))) == 1
