"""The one loop of a bench, and time that can jump.

All I/O and all timers of a bench run in one asyncio loop; suites are synchronous tests that block
in `BenchLoop.call`. On a real bench the loop runs in a thread of its own on the monotonic clock. On
the virtual bench `loop.time()` is virtual: it stands still while the test computes, and when the
test is blocked and nothing more can happen at this instant, it jumps to the next timer. "Nothing
more can happen" means that no descriptor is readable, no octet is in flight between the two ends of
a simulated line, and no blocking library call is under way other than one that waits for a
simulated instrument.

All times here are seconds on the loop's clock unless a name says `real`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import selectors
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar, TypeVarTuple

from drivers.errors import BenchFault
from lab.verdicts import Inconclusive

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

REAL_POLL_S = 0.001
"""Real seconds for which one look at the descriptors may wait for octets that are in flight."""
STALL_REAL_S = 20.0
"""Real seconds after which octets in flight, or a blocking call, count as lost."""
LONGEST_CALL_S = 24 * 3600.0
"""Protocol seconds after which a call ends that was given no limit: every wait ends."""
CANCEL_REAL_S = 5.0
"""Real seconds that a cancelled call has for its clean-up on a real bench."""
LAG_PERIOD_S = 0.05


class DeadlineExpired(Inconclusive):
    """A wait came to its end: `awaited` is whom the harness waited for, `seconds` how long."""

    def __init__(self, awaited: str, seconds: float) -> None:
        self.awaited = awaited
        self.seconds = seconds
        super().__init__(f"waited {seconds:g} s for {awaited}, and nothing came")


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is virtual and jumps to the next timer when nothing is in flight.

    `on_stall` is called with a BenchFault that names the line (or call) which kept time from moving
    for STALL_REAL_S real seconds; that probe is then ignored until `add_probe` gives it again.
    """

    def __init__(self) -> None:
        self._now_ns = 0
        self._probes: dict[str, Callable[[], bool]] = {}
        self._arrivals: dict[str, Callable[[], bool]] = {}
        self._owed: list[Callable[[], int]] = []
        self._jobs_out = 0
        self.on_stall: Callable[[BenchFault], object] | None = None
        super().__init__(_JumpSelector(self))

    def time(self) -> float:
        """Return the virtual time in seconds; it starts at 0 and is kept in whole nanoseconds."""
        return self._now_ns / 1e9

    def add_probe(
        self,
        in_flight: Callable[[], bool],
        name: str = "a simulated line",
        arrived: Callable[[], bool] | None = None,
    ) -> None:
        """Let no time pass while `in_flight()` is true; `name` tells whose octets they are.

        `arrived()` tells whether all that is in flight can be read by now. With it, what several
        lines carry at one instant is taken in the order of their descriptors, and not in that in
        which the kernel happens to carry it.
        """
        self._probes[name] = in_flight
        if arrived is not None:
            self._arrivals[name] = arrived

    def remove_probe(self, name: str) -> None:
        """Forget a probe; one that is not there is no error."""
        self._probes.pop(name, None)
        self._arrivals.pop(name, None)

    def add_owed(self, replies_owed: Callable[[], int]) -> None:
        """Count the replies that a simulated instrument has still to give.

        A blocking call that waits for such a reply does not hold time: only time will bring it.
        """
        self._owed.append(replies_owed)

    def run_in_executor(
        self,
        executor: concurrent.futures.Executor | None,
        func: Callable[[*Ts], T],
        *args: *Ts,
    ) -> asyncio.Future[T]:
        """Run a blocking call in a thread; no time passes until it returns or is owed a reply."""
        future = super().run_in_executor(executor, func, *args)
        self._jobs_out += 1
        future.add_done_callback(self._job_done)
        return future

    def _job_done(self, _future: object) -> None:
        self._jobs_out -= 1

    def _in_flight(self) -> list[str]:
        """Return the names of what keeps time from jumping; empty when it may jump."""
        names = [name for name, probe in self._probes.items() if probe()]
        if self._jobs_out > sum(owed() for owed in self._owed):
            names.append("a blocking call to an instrument")
        return names

    def _under_way(self) -> list[str]:
        """Return the names of the lines whose octets the kernel has not carried over yet."""
        return [name for name, arrived in self._arrivals.items() if not arrived()]

    def _advance(self, seconds: float) -> None:
        self._now_ns += round(seconds * 1e9)

    def _stalled(self, names: list[str]) -> None:
        """Give up waiting for `names`, and say so."""
        for name in names:
            self.remove_probe(name)
        fault = BenchFault(
            names[0],
            f"no end within {STALL_REAL_S:g} real seconds: {', '.join(names)}",
            "the reader of the line does not read, or the machine stands still",
        )
        if self.on_stall is not None:
            self.on_stall(fault)


class _JumpSelector(selectors.DefaultSelector):
    """Where the loop would sleep: instead of sleeping, waits for what is in flight, then jumps."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, in the order of descriptors; `timeout` is in virtual seconds."""
        self._await_arrivals()
        events = super().select(0)
        if not events and timeout != 0:
            events = self._wait_or_jump(timeout)
        # The kernel's order depends on its own timing; descriptors have the same numbers each run.
        return sorted(events, key=lambda event: event[0].fd)

    def _await_arrivals(self) -> None:
        """Wait until the kernel has carried over what was written: some microseconds."""
        give_up = time.monotonic() + STALL_REAL_S
        while names := self._loop._under_way():
            os.sched_yield()
            if time.monotonic() > give_up:
                self._loop._stalled(names)

    def _wait_or_jump(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        give_up = time.monotonic() + STALL_REAL_S
        while names := self._loop._in_flight():
            if events := super().select(REAL_POLL_S):
                return events
            if time.monotonic() > give_up:
                self._loop._stalled(names)
                return []
        # What went out of flight in the last look may have made a descriptor ready.
        if events := super().select(0):
            return events
        if timeout is None:  # no timer at all: only something outside can wake this loop
            return super().select(REAL_POLL_S)
        self._loop._advance(timeout)
        return []


class BenchLoop(ABC):
    """A loop and the blocking way into it. Use `open_loop` to make one; `stop` must end it.

    `deadline` (seconds on the loop's clock, or None) bounds every call: the case at hand sets it.
    `background` collects what callbacks and forgotten tasks raised: faults of the harness itself.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.deadline: float | None = None
        self.background: list[str] = []
        self.lag = LagMonitor(loop)
        loop.set_exception_handler(self._on_exception)

    def now(self) -> float:
        """Return the time of the loop's clock in seconds."""
        return self.loop.time()

    @abstractmethod
    def start(self) -> None:
        """Make the loop ready for calls."""

    @abstractmethod
    def stop(self) -> None:
        """End every task and close the loop; a second stop does nothing."""

    @abstractmethod
    def interrupt(self, reason: BaseException) -> bool:
        """End the call under way with `reason`, without tearing a callback in two.

        For signal handlers, in the thread that calls. Returns False when the handler has to raise
        `reason` itself.
        """

    @abstractmethod
    def _inside(self) -> bool:
        """Return whether the caller is itself run by the loop, where blocking would be for ever."""

    @abstractmethod
    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine in the loop and return or raise what it does."""

    def call(
        self, coroutine: Coroutine[Any, Any, T], within: float | None = None, awaited: str = ""
    ) -> T:
        """Run `coroutine` in the loop and block until it ends; return or raise what it does.

        `within` is in seconds; the case's deadline bounds it too. Raises DeadlineExpired, which
        names `awaited` (by default the coroutine's name), and BenchFault when a simulated line
        stalls.
        """
        if self._inside():
            coroutine.close()
            raise RuntimeError("call() from inside the loop: use await there")
        name = awaited or getattr(coroutine, "__qualname__", "the bench")
        return self._run(self._bounded(coroutine, within, name))

    def wait(self, seconds: float) -> None:
        """Let `seconds` of the bench's time pass."""
        self.call(asyncio.sleep(seconds), awaited=f"{seconds:g} s to pass")

    async def _bounded(
        self, coroutine: Coroutine[Any, Any, T], within: float | None, awaited: str
    ) -> T:
        """Await the coroutine no longer than its limit."""
        now = self.loop.time()
        ends = [now + (LONGEST_CALL_S if within is None else within)]
        if self.deadline is not None:
            ends.append(self.deadline)
        limit = asyncio.timeout_at(min(ends))
        try:
            async with limit:
                return await coroutine
        except TimeoutError:
            if limit.expired():
                raise DeadlineExpired(awaited, self.loop.time() - now) from None
            raise

    def _on_exception(self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        error = context.get("exception")
        what = context.get("message", "error in the loop")
        self.background.append(f"{what}: {type(error).__name__}: {error}" if error else str(what))

    async def _cancel_all(self) -> None:
        """End what still runs, so that closing the loop leaves nothing half done."""
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class SteppedLoop(BenchLoop):
    """The virtual bench's loop: it runs in the caller's thread, and only while a call is blocked.

    That is the strictest hand-over there is: while the test computes, no callback runs and no time
    passes, so two runs with one seed are the same.
    """

    def __init__(self) -> None:
        self.virtual = VirtualLoop()
        super().__init__(self.virtual)
        self.virtual.on_stall = self.interrupt
        self._task: asyncio.Task[Any] | None = None
        self._reason: BaseException | None = None

    def start(self) -> None:
        """Nothing to do: the loop runs when it is called."""

    def stop(self) -> None:
        """See BenchLoop."""
        if self.loop.is_closed():
            return
        self._reason = None
        self.loop.run_until_complete(self._cancel_all())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def interrupt(self, reason: BaseException) -> bool:
        """See BenchLoop."""
        if self._task is None or self._task.done():
            return False
        self._reason = reason
        self._task.cancel()
        self.loop.call_soon_threadsafe(lambda: None)  # wake a select that waits for the kernel
        return True

    def _inside(self) -> bool:
        return self._task is not None

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        task: asyncio.Task[T] = self.loop.create_task(coroutine)
        self._task = task
        try:
            return self.loop.run_until_complete(task)
        except asyncio.CancelledError:
            if self._reason is None:
                raise
            raise self._reason from None
        finally:
            self._task = self._reason = None


class ThreadedLoop(BenchLoop):
    """A real bench's loop: it runs all the time, in a thread of its own, on the monotonic clock."""

    def __init__(self) -> None:
        super().__init__(asyncio.new_event_loop())
        self._thread = threading.Thread(target=self.loop.run_forever, name="bench", daemon=True)

    def start(self) -> None:
        """See BenchLoop."""
        self._thread.start()
        self.loop.call_soon_threadsafe(self.lag.start)

    def stop(self) -> None:
        """See BenchLoop."""
        if self.loop.is_closed():
            return
        if self._thread.is_alive():
            self.lag.stop()
            self._run(self._cancel_all())
            self._run(self.loop.shutdown_default_executor())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(CANCEL_REAL_S)
        if not self.loop.is_running():
            self.loop.close()

    def interrupt(self, reason: BaseException) -> bool:
        """The caller waits in its own thread: raising there is safe, so the handler may do it."""
        return False

    def _inside(self) -> bool:
        return threading.current_thread() is self._thread

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except BaseException:
            if not future.done():  # a signal ended the wait: let the coroutine clean up first
                future.cancel()
                concurrent.futures.wait([future], CANCEL_REAL_S)
            raise


class LagMonitor:
    """How late the loop runs: the largest delay of a regular timer, in seconds, since `mark`.

    Virtual time waits for the loop, so there the lag is 0 by construction and nothing is measured.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due = 0.0
        self._running = False
        self.worst = 0.0

    def start(self) -> None:
        """Begin to measure; to be called in the loop."""
        self._running = True
        self._arm()

    def stop(self) -> None:
        """Measure no more."""
        self._running = False

    def mark(self) -> None:
        """Forget what was measured so far."""
        self.worst = 0.0

    def _arm(self) -> None:
        self._due = self._loop.time() + LAG_PERIOD_S
        self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        self.worst = max(self.worst, self._loop.time() - self._due)
        if self._running:
            self._arm()


def open_loop(*, virtual: bool) -> BenchLoop:
    """Return a started loop: one whose time jumps (virtual bench), or an ordinary one."""
    loop = SteppedLoop() if virtual else ThreadedLoop()
    loop.start()
    return loop
