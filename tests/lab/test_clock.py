"""The loop whose time jumps: when it may, when it must not, and that two runs are the same."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import termios
import threading
import tty
from collections.abc import Iterator

import pytest

from drivers.errors import BenchFault
from lab import clock
from lab.clock import BenchLoop, DeadlineExpired, SteppedLoop, open_loop


@pytest.fixture
def bench() -> Iterator[SteppedLoop]:
    loop = SteppedLoop()
    yield loop
    loop.stop()


class Pty:
    """A pseudo-terminal with counters at both ends, as the lines of a bench have them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.slave, False)
        self.loop = loop
        self.sent = self.received = 0
        self.got = bytearray()

    def write(self, octets: bytes) -> None:
        self.sent += os.write(self.master, octets)

    def listen(self) -> None:
        self.loop.add_reader(self.slave, self.read)

    def read(self) -> None:
        octets = os.read(self.slave, 4096)
        self.received += len(octets)
        self.got += octets

    def in_flight(self) -> bool:
        return self.sent != self.received

    def arrived(self) -> bool:
        found = bytearray(4)
        fcntl.ioctl(self.slave, termios.FIONREAD, found)
        return int.from_bytes(found, sys.byteorder) >= self.sent - self.received

    def close(self) -> None:
        self.loop.remove_reader(self.slave)
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def pty(bench: SteppedLoop) -> Iterator[Pty]:
    line = Pty(bench.loop)
    bench.virtual.add_probe(line.in_flight, "line A")
    yield line
    line.close()


def test_time_starts_at_zero_and_passes_only_in_calls(bench: SteppedLoop) -> None:
    assert bench.now() == 0
    bench.wait(3600)
    assert bench.now() == 3600
    bench.wait(0.25)
    assert bench.now() == 3600.25


def test_many_uneven_waits_add_up_to_the_digit(bench: SteppedLoop) -> None:
    for _ in range(3000):
        bench.wait(0.1)
    assert bench.now() == pytest.approx(300, abs=1e-6)
    first = bench.now()
    again = SteppedLoop()
    for _ in range(3000):
        again.wait(0.1)
    assert again.now() == first
    again.stop()


def test_timers_run_in_their_order_at_their_time(bench: SteppedLoop) -> None:
    seen: list[tuple[str, float]] = []
    for name, delay in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        bench.loop.call_later(delay, lambda n: seen.append((n, bench.now())), name)
    bench.wait(5)
    assert seen == [("a", 1.0), ("b", 2.0), ("c", 3.0)]


def test_no_callback_runs_while_the_test_computes(bench: SteppedLoop) -> None:
    seen: list[int] = []
    bench.loop.call_soon(seen.append, 1)
    assert seen == []
    bench.wait(0)
    assert seen == [1]


def test_time_waits_for_octets_in_flight(bench: SteppedLoop, pty: Pty) -> None:
    pty.listen()
    arrived: list[float] = []

    async def exchange() -> None:
        for _ in range(200):
            pty.write(b"x" * 50)
            sent = bench.now()
            await asyncio.sleep(0.001)
            assert pty.received == pty.sent, "time moved before the octets had arrived"
            arrived.append(bench.now() - sent)

    bench.call(exchange())
    assert len(pty.got) == 10_000


def test_octets_that_nobody_reads_stop_the_call_and_name_the_line(
    bench: SteppedLoop, pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "STALL_REAL_S", 0.02)
    pty.write(b"lost")
    with pytest.raises(BenchFault, match="line A"):
        bench.wait(1)
    assert bench.now() == 0
    bench.wait(1)  # the probe is out: the bench can be put to rest
    assert bench.now() == 1


def test_time_waits_for_a_blocking_call(bench: SteppedLoop) -> None:
    go = threading.Event()

    async def work() -> float:
        job = bench.loop.run_in_executor(None, go.wait)
        bench.loop.call_later(5, lambda: pytest.fail("time moved under a blocking call"))
        bench.loop.call_soon(go.set)
        await job
        return bench.now()

    assert bench.call(work()) == 0


def test_time_moves_when_the_blocking_call_is_owed_a_reply(bench: SteppedLoop) -> None:
    """As with a supply: the thread waits for a reply, which comes after the measuring time."""
    reply = threading.Event()
    owed = 1
    bench.virtual.add_owed(lambda: owed)

    def answer() -> None:
        nonlocal owed
        owed = 0
        reply.set()

    async def query() -> float:
        bench.loop.call_later(0.02, answer)
        await bench.loop.run_in_executor(None, reply.wait)
        return bench.now()

    assert bench.call(query()) == 0.02


def test_a_call_ends_at_its_limit_and_names_whom_it_awaited(bench: SteppedLoop) -> None:
    with pytest.raises(DeadlineExpired, match="the answer of the display") as caught:
        bench.call(asyncio.sleep(100), within=5, awaited="the answer of the display")
    assert caught.value.seconds == 5
    assert bench.now() == 5


def test_the_case_deadline_bounds_every_call(bench: SteppedLoop) -> None:
    bench.deadline = 7
    with pytest.raises(DeadlineExpired):
        bench.call(asyncio.sleep(100), within=50)
    assert bench.now() == 7


def test_a_timeout_inside_the_call_stays_what_it_is(bench: SteppedLoop) -> None:
    async def impatient() -> None:
        async with asyncio.timeout(1):
            await asyncio.sleep(2)

    with pytest.raises(TimeoutError):
        bench.call(impatient(), within=5)


def test_a_signal_ends_the_call_between_callbacks(bench: SteppedLoop) -> None:
    bench.loop.call_later(2, lambda: bench.interrupt(KeyboardInterrupt("SIGTERM")))
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        bench.wait(10)
    assert bench.now() == 2
    assert bench.interrupt(KeyboardInterrupt()) is False  # no call: the handler raises it itself
    bench.wait(1)  # and the loop still works: the supply has to be switched off


def test_errors_nobody_awaits_are_kept(bench: SteppedLoop) -> None:
    bench.loop.call_later(1, lambda: 1 / 0)
    bench.wait(2)
    assert "ZeroDivisionError" in bench.background[0]


def test_call_from_inside_the_loop_is_refused(bench: SteppedLoop) -> None:
    async def inside() -> None:
        bench.wait(1)

    with pytest.raises(RuntimeError, match="use await"):
        bench.call(inside())


def test_what_lines_carry_at_one_instant_is_taken_in_one_order(bench: SteppedLoop) -> None:
    lines = [Pty(bench.loop) for _ in range(5)]
    order: list[int] = []

    def readable(index: int) -> None:
        order.append(index)
        lines[index].read()

    for index, line in enumerate(lines):
        bench.loop.add_reader(line.slave, readable, index)
        bench.virtual.add_probe(line.in_flight, f"line {index}", line.arrived)

    async def write_backwards() -> None:
        for _ in range(200):
            for line in reversed(lines):
                line.write(b"some octets")
            await asyncio.sleep(0.001)

    bench.call(write_backwards())
    assert order == [0, 1, 2, 3, 4] * 200
    for index, line in enumerate(lines):
        bench.virtual.remove_probe(f"line {index}")
        line.close()


def test_a_real_bench_runs_on_while_nobody_calls() -> None:
    loop: BenchLoop = open_loop(virtual=False)
    ticked = threading.Event()
    loop.loop.call_soon_threadsafe(ticked.set)
    assert ticked.wait(10)
    assert loop.call(asyncio.sleep(0, result=7)) == 7
    with pytest.raises(DeadlineExpired, match="nobody"):
        loop.call(asyncio.sleep(60), within=0.01, awaited="nobody")
    loop.stop()
    loop.stop()


def test_the_lag_of_a_real_loop_is_measured() -> None:
    loop = asyncio.new_event_loop()
    now = [0.0]
    loop.time = lambda: now[0]  # type: ignore[method-assign]
    lag = clock.LagMonitor(loop)
    lag.start()
    now[0] = clock.LAG_PERIOD_S + 1.5
    lag._tick()
    assert lag.worst == pytest.approx(1.5)
    lag.mark()
    assert lag.worst == 0
    loop.close()
