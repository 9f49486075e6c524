"""The two ends of a serial line over a real pty: order, counts, pace, faults, the journal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from random import Random

import pytest

from drivers.errors import PortGone
from drivers.journal import Entry, Gap
from drivers.line import Journal, SerialLine
from tests.radio_bench import RadioBench, radio_bench


@pytest.fixture
def bench() -> Iterator[RadioBench]:
    with radio_bench() as made:
        yield made


def test_octets_of_every_value_cross_both_ways(bench: RadioBench) -> None:
    every = bytes(range(256)) * 8

    async def scenario() -> None:
        far, near = await bench.line("both")
        there, here = bytearray(), bytearray()
        far.on_octets, near.on_octets = there.extend, here.extend
        await near.open()
        near.write(every)
        far.write(every)
        await asyncio.sleep(1)
        assert (bytes(there), bytes(here)) == (every, every)
        assert near.octets_sent == far.octets_received == len(every)
        assert far.octets_sent == near.octets_received == len(every)
        await near.close()
        await near.close()

    bench.run(scenario())


def test_octets_come_at_the_pace_of_a_uart(bench: RadioBench) -> None:
    async def scenario(**options: bool) -> list[float]:
        far, near = await bench.line("paced", baudrate=9600, **options)
        await near.open()
        begun = asyncio.get_running_loop().time()
        times: list[float] = []
        near.on_octets = lambda octets: times.extend(
            [asyncio.get_running_loop().time() - begun] * len(octets)
        )
        far.write(bytes(60))
        far.write(bytes(36))
        await asyncio.sleep(5)
        await near.close()
        return times

    paced = bench.run(scenario(split=False))
    assert paced == pytest.approx([60 * 10 / 9600] * 60 + [96 * 10 / 9600] * 36)
    split = bench.run(scenario())
    assert split[-1] == pytest.approx(96 * 10 / 9600)
    at_once = bench.run(scenario(pace=False))
    assert len(at_once) == 96 and len(set(at_once)) == 1 and at_once[0] < paced[0]


def test_splits_depend_on_the_seed_alone() -> None:
    def pieces(seed: int) -> list[tuple[float, bytes]]:
        with radio_bench(seed) as bench:

            async def scenario() -> list[tuple[float, bytes]]:
                far, near = await bench.line("split")
                await near.open()
                for number in range(30):
                    far.write(bytes([number]) * 50)
                await asyncio.sleep(1)
                journal = near.journal
                assert journal is not None
                return [
                    (entry.time, entry.octets)
                    for entry in journal.since()
                    if isinstance(entry, Entry)
                ]

            return bench.run(scenario())

    first = pieces(3)
    assert first == pieces(3)
    assert first != pieces(4)
    assert b"".join(octets for _, octets in first) == b"".join(bytes([n]) * 50 for n in range(30))
    assert 30 < len(first) <= 4 * 30


def test_more_than_a_kernel_buffer_waits_its_turn(bench: RadioBench) -> None:
    async def scenario() -> None:
        far, near = await bench.line("much", pace=False)
        there, here = bytearray(), bytearray()
        far.on_octets, near.on_octets = there.extend, here.extend
        await near.open()
        block = bytes(range(250)) * 200
        near.write(block)
        near.write(b"end")
        far.write(block)
        far.write(b"end")
        await asyncio.sleep(0.1)
        assert bytes(there) == bytes(here) == block + b"end"
        assert far.octets_dropped == 0

    bench.run(scenario())


def test_octets_that_nobody_reads_are_dropped_and_counted(bench: RadioBench) -> None:
    async def scenario() -> None:
        far, _near = await bench.line("unread", pace=False)
        far.write(bytes(200_000))
        assert far.octets_dropped > 100_000
        assert far.octets_sent + far.octets_dropped < 200_000

    bench.run(scenario())


def test_a_missing_port_is_named_with_what_to_do(bench: RadioBench) -> None:
    async def scenario() -> None:
        with pytest.raises(PortGone, match=r"/dev/no-such-port.*connect it"):
            await SerialLine("rcp", "/dev/no-such-port").open()

    bench.run(scenario())


def test_a_busy_port_is_refused(bench: RadioBench) -> None:
    async def scenario() -> None:
        far, near = await bench.line("busy")
        await near.open()
        with pytest.raises(PortGone, match="another program holds it"):
            await SerialLine("second", far.port).open()
        await near.close()
        await SerialLine("second", far.port).open()

    bench.run(scenario())


def test_an_unplugged_port_is_told_once_and_then_refuses(bench: RadioBench) -> None:
    async def scenario() -> None:
        far, near = await bench.line("unplugged")
        told: list[PortGone] = []
        near.on_lost = told.append
        await near.open()
        far.cut()
        await asyncio.sleep(0.1)
        assert told == [near.lost]
        assert far.port in str(told[0])
        with pytest.raises(PortGone):
            near.write(b"x")
        await asyncio.sleep(0.1)
        assert len(told) == 1
        await near.close()
        assert not os.path.exists(far.port)

    bench.run(scenario())


def test_a_write_to_an_unplugged_port_tells_too(bench: RadioBench) -> None:
    async def scenario() -> None:
        far, near = await bench.line("unplugged")
        told: list[PortGone] = []
        near.on_lost = told.append
        await near.open()
        far.cut()
        near.write(b"before the loop has noticed")
        assert told == []
        await asyncio.sleep(0.1)
        assert len(told) == 1

    bench.run(scenario())


def test_a_line_that_is_not_open_takes_nothing(bench: RadioBench) -> None:
    async def scenario() -> None:
        _far, near = await bench.line("closed")
        with pytest.raises(PortGone, match="is not open"):
            near.write(b"x")

    bench.run(scenario())


def test_a_port_that_takes_no_octets_is_given_up(bench: RadioBench) -> None:
    async def scenario() -> None:
        master, slave = os.openpty()
        try:
            near = SerialLine("full", os.ttyname(slave))
            told: list[PortGone] = []
            near.on_lost = told.append
            await near.open()
            near.write(bytes(100_000))
            await asyncio.sleep(10)
            assert [fault.cause for fault in told] == ["took no octet for 5 s"]
        finally:
            os.close(slave)
            os.close(master)

    bench.run(scenario())


def test_the_journal_keeps_order_and_says_what_it_gave_up() -> None:
    journal = Journal(limit=3)
    journal.append(1.0, "tx", b"a")
    start = journal.mark()
    for number, octets in enumerate((b"b", b"c", b"d")):
        journal.append(2.0 + number, "rx", octets)
    assert journal.since(start) == [
        Entry(2.0, "rx", b"b"),
        Entry(3.0, "rx", b"c"),
        Entry(4.0, "rx", b"d"),
    ]
    journal.append(5.0, "tx", b"e")
    assert journal.since(start) == [
        Gap(1),
        Entry(3.0, "rx", b"c"),
        Entry(4.0, "rx", b"d"),
        Entry(5.0, "tx", b"e"),
    ]
    assert journal.since(journal.mark()) == []


def test_pieces_of_one_moment_are_one_entry_unless_a_mark_is_between() -> None:
    journal = Journal()
    journal.append(1.0, "rx", b"one ")
    journal.append(1.0, "rx", b"moment")
    start = journal.mark()
    journal.append(1.0, "rx", b"next")
    assert journal.since(0) == [Entry(1.0, "rx", b"one moment"), Entry(1.0, "rx", b"next")]
    assert journal.since(start) == [Entry(1.0, "rx", b"next")]


def test_the_journal_as_text_is_safe_to_print() -> None:
    text = Journal.to_text([Gap(2), Entry(1.5, "rx", b"\x1b[31mred\r\n" + bytes(10))])
    assert text.splitlines() == [
        "... 2 earlier entries not kept ...",
        "      1.500000 rx  1b 5b 33 31 6d 72 65 64 0d 0a 00 00 00 00 00 00  .[31mred........",
        "                   00 00 00 00                                      ....",
    ]
    assert Journal.to_text([]) == ""


def test_a_journal_of_a_line_has_both_directions(bench: RadioBench) -> None:
    async def scenario() -> list[tuple[str, bytes]]:
        far, near = await bench.line("journal", random=Random(0))
        far.on_octets = far.write
        await near.open()
        near.write(b"echo")
        await asyncio.sleep(1)
        assert near.journal is not None
        return [(e.direction, e.octets) for e in near.journal.since() if isinstance(e, Entry)]

    entries = bench.run(scenario())
    assert entries[0] == ("tx", b"echo")
    assert b"".join(octets for way, octets in entries if way == "rx") == b"echo"
