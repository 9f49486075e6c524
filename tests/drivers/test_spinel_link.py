"""Transactions over a line that loses, damages and delays: answered rightly or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from random import Random

import pytest

from drivers.errors import BenchFault, NoAnswer, PortGone
from drivers.spinel_link import SpinelLink
from lab.virtual.line import PtyLine
from tests.radio_bench import Dongle, RadioBench, radio_bench
from zigbee import hdlc
from zigbee.spinel import Command, Property, property_frame
from zigbee.types import corrupt

GET = Command.PROP_VALUE_GET
VERSION = (Property.PROTOCOL_VERSION, b"\x04\x03")


@pytest.fixture
def bench() -> Iterator[RadioBench]:
    with radio_bench() as made:
        yield made


async def linked(bench: RadioBench) -> tuple[Dongle, SpinelLink]:
    dongle = await bench.dongle()
    await dongle.near.open()
    link = SpinelLink(dongle.near, "rcp")
    link.attach()
    await link.restart()
    return dongle, link


def mangle(line: PtyLine, change: Callable[[bytes], bytes]) -> None:
    """Let `change` work on every write of the simulated end."""
    write = line.write
    line.write = lambda octets: write(change(octets))  # type: ignore[method-assign]


@pytest.mark.parametrize("seed", range(5))
def test_a_damaged_answer_is_no_answer_and_never_a_wrong_one(bench: RadioBench, seed: int) -> None:
    rng = Random(seed)

    def damage(octets: bytes) -> bytes:
        if rng.random() < 0.7:
            return octets
        kind = rng.randrange(4)
        place = rng.randrange(len(octets))
        if kind == 0:
            return octets[:place] + octets[place + 1 :]
        if kind == 1:
            return corrupt(octets, 8 * place + rng.randrange(8))
        if kind == 2:
            return octets[:place] + rng.randbytes(rng.randint(1, 20)) + octets[place:]
        return b""

    async def scenario() -> None:
        dongle, link = await linked(bench)
        mangle(dongle.far, damage)
        answered = 0
        for _ in range(100):
            try:
                assert await link.request(GET, Property.PROTOCOL_VERSION) == VERSION
                answered += 1
            except NoAnswer:
                pass
        assert 50 < answered < 100

    bench.run(scenario())


def test_octet_by_octet_is_fast_enough_for_an_answer(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle = await bench.dongle(pace=True)
        await dongle.near.open()
        write = dongle.far.write

        def one_by_one(octets: bytes) -> None:
            for octet in octets:
                write(bytes([octet]))

        dongle.far.write = one_by_one  # type: ignore[method-assign]
        link = SpinelLink(dongle.near, "rcp")
        link.attach()
        for _ in range(20):
            assert await link.request(GET, Property.PROTOCOL_VERSION) == VERSION
        assert link.garbled_frames == 0

    bench.run(scenario())


def test_an_answer_that_comes_late_is_given_to_nobody(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle, link = await linked(bench)
        held: list[bytes] = []
        write = dongle.far.write
        dongle.far.write = held.append  # type: ignore[method-assign, assignment]
        with pytest.raises(NoAnswer):
            await link.request(GET, Property.NCP_VERSION)
        dongle.far.write = write  # type: ignore[method-assign]
        asked = [
            asyncio.ensure_future(link.request(GET, Property.PROTOCOL_VERSION)) for _ in range(40)
        ]
        await asyncio.sleep(0)
        for late in held:
            write(late)
        assert await asyncio.gather(*asked) == [VERSION] * 40
        assert link.late_answers == 1

    bench.run(scenario())


def test_an_answer_about_something_else_is_not_taken(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle, link = await linked(bench)
        dongle.rcp.lock_up()
        asked = asyncio.ensure_future(link.request(GET, Property.PROTOCOL_VERSION))
        await asyncio.sleep(0.1)
        for tid in range(1, 16):
            wrong = property_frame(tid, Command.PROP_VALUE_IS, Property.PHY_CHAN, b"\x0b")
            dongle.far.write(hdlc.encode(wrong))
        await asyncio.sleep(0.1)
        assert not asked.done() and link.late_answers == 15
        with pytest.raises(NoAnswer):
            await asked

    bench.run(scenario())


def test_more_than_fifteen_wait_their_turn_and_all_end(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle, link = await linked(bench)
        dongle.rcp.lock_up(for_good=True)
        asked = [asyncio.ensure_future(link.request(GET, 1, timeout=1)) for _ in range(50)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(result) for result in results} == {NoAnswer}

    bench.run(scenario())


def test_a_request_given_up_by_its_caller_frees_the_way(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle, link = await linked(bench)
        dongle.rcp.lock_up()
        asked = [asyncio.ensure_future(link.request(GET, 1)) for _ in range(30)]
        await asyncio.sleep(0.1)
        for request in asked:
            request.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await link.restart()
        assert await link.request(GET, Property.PROTOCOL_VERSION) == VERSION

    bench.run(scenario())


def test_a_cut_line_is_told_to_all_who_wait_and_to_those_who_queue(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle, link = await linked(bench)
        dongle.rcp.lock_up()
        lost: list[BenchFault] = []
        link.on_lost = lost.append
        asked = [asyncio.ensure_future(link.request(GET, 1)) for _ in range(20)]
        await asyncio.sleep(0.1)
        dongle.far.cut()
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(result) for result in results} == {PortGone}
        assert lost == [dongle.near.lost]
        with pytest.raises(PortGone):
            await link.request(GET, 1)

    bench.run(scenario())


def test_logs_of_the_firmware_disturb_nobody(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle, link = await linked(bench)
        noticed: list[int] = []
        link.on_notification = lambda number, _value: noticed.append(number)
        log = property_frame(0, Command.PROP_VALUE_IS, Property.STREAM_LOG, b"[INFO] hello\x00")
        dongle.far.write(hdlc.encode(log))
        assert await link.request(GET, Property.PROTOCOL_VERSION) == VERSION
        assert noticed == [Property.STREAM_LOG]

    bench.run(scenario())
