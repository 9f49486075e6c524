"""The radio of a device that sleeps: on where an answer is due, and off again whatever the time."""

from __future__ import annotations

import asyncio

import pytest

from lab.virtual.sleepy_display import DozingRadio
from tests.radio_bench import radio_bench
from zigbee.mac import BeaconRequest, MacFrame, MacType
from zigbee.types import Eui64

SCAN = MacFrame(
    MacType.COMMAND, 1, dst_pan=0xFFFF, dst=0xFFFF, payload=BeaconRequest().to_bytes()
).to_bytes()


@pytest.mark.parametrize("nanoseconds", range(1, 200, 3))
def test_the_receiver_goes_off_again_at_whatever_instant_it_came_on(nanoseconds: int) -> None:
    with radio_bench() as bench:

        async def scenario() -> tuple[bool, bool]:
            radio = DozingRadio(bench.air.attach("dozing"), lambda promised: 0.0)
            await radio.configure(channel=11, pan=0xFFFF, short=0xFFFF, eui64=Eui64(1))
            await asyncio.sleep(7 + nanoseconds * 1e-9)
            await radio.transmit(SCAN, csma=False)
            await asyncio.sleep(0.19)
            during = radio.listening
            await asyncio.sleep(0.02)
            return during, radio.listening

        assert bench.run(scenario()) == (True, False)
