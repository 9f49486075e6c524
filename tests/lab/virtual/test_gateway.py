"""The simulated gateway: two logical devices on one node, and a customer's side kept apart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random

import pytest

from lab.golden.drlc import DRLC
from lab.golden.nwk_layer import NetworkKey
from lab.golden.price import PRICE
from lab.virtual.console import SimulatedConsole
from lab.virtual.defects import find
from lab.virtual.gateway import SimulatedGateway
from tests.radio_bench import RadioBench, SilentLine, radio_bench
from zigbee.crypto import install_code
from zigbee.types import Eui64

CENTER = Eui64(0xC0)
MARK = "customer's words"


@pytest.fixture
def bench() -> Iterator[RadioBench]:
    with radio_bench() as made:
        yield made


async def in_a_network(bench: RadioBench, *defects: str) -> SimulatedGateway:
    """The device with a network key, and a link key with a trust center that is not there."""
    device = SimulatedGateway(
        bench.air.attach("dut"),
        SimulatedConsole(SilentLine()),
        eui64=Eui64(0x000D6F0000000009),
        install_code=install_code.with_crc(bytes(16)),
        random=Random(3),
        defects=[find(name) for name in defects],
    )
    device.voltage_changed(3.3)
    await asyncio.sleep(2.0)
    assert device.node is not None
    device.joiner.stop()
    device.node.nwk.add_key(NetworkKey(0, bytes(16)))
    device.node.nwk.activate(0)
    device.node.nwk.learn(0x0000, CENTER)
    device.node.nwk.neighbors[0x0000] = device.node.now
    device.node.aps.keys.install(CENTER, bytes(16), "cbke")
    return device


def test_each_client_has_an_endpoint_of_its_own(bench: RadioBench) -> None:
    async def scenario() -> dict[int, tuple[int, set[int]]]:
        device = await in_a_network(bench)
        assert device.node is not None
        endpoints = device.node.zcl.endpoints.values()
        return {one.number: (one.device_id, set(one.clients)) for one in endpoints}

    found = bench.run(scenario())
    assert found[1][0] == 0x0502 and PRICE in found[1][1] and DRLC not in found[1][1]
    assert found[2] == (0x0504, {DRLC})


@pytest.mark.parametrize(("defects", "sent"), [((), 0), (("M-SCOPE-02",), 1)])
def test_what_the_customer_side_sends_stays_there(
    bench: RadioBench, defects: tuple[str, ...], sent: int
) -> None:
    async def scenario() -> int:
        device = await in_a_network(bench, *defects)
        assert device.node is not None
        octets: list[bytes] = []
        device.node.tap("aps", "out", lambda frame: octets.append(frame.payload))
        assert device.console.commands["customer send"](MARK.split()) == ["OK"]
        return sum(MARK.encode() in one for one in octets)

    assert bench.run(scenario()) == sent


def test_the_customer_side_is_shown_application_data_only(bench: RadioBench) -> None:
    async def scenario() -> list[str]:
        device = await in_a_network(bench)
        return list(device.console.commands["customer show"]([]))

    assert bench.run(scenario()) == ["customer: price=none shed=no", "OK"]
