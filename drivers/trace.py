"""A current measured again and again in the background, as evidence of what a device drew."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType

from drivers.errors import BenchFault


@dataclass(slots=True)
class CurrentTrace:
    """Samples (loop time in seconds, amperes), and what broke it off, if anything did."""

    samples: list[tuple[float, float]] = field(default_factory=list)
    fault: BenchFault | None = None

    @property
    def mean(self) -> float:
        """Amperes, mean over time (trapezoids). ValueError without a sample."""
        if not self.samples:
            raise ValueError("nothing was measured")
        duration = self.samples[-1][0] - self.samples[0][0]
        return self.charge / duration if duration > 0 else self.samples[-1][1]

    @property
    def peak(self) -> float:
        """The largest sample, in amperes. ValueError without a sample."""
        if not self.samples:
            raise ValueError("nothing was measured")
        return max(amperes for _, amperes in self.samples)

    @property
    def charge(self) -> float:
        """Coulombs between the first and the last sample (trapezoids)."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return sum((t1 - t0) * (i0 + i1) / 2 for (t0, i0), (t1, i1) in pairs)

    def summary(self) -> str:
        """One line for evidence."""
        if not self.samples:
            return f"no current was measured{f': {self.fault}' if self.fault else ''}"
        span = self.samples[-1][0] - self.samples[0][0]
        text = (
            f"{len(self.samples)} samples in {span:.3f} s: mean {self.mean:.4f} A, "
            f"peak {self.peak:.4f} A, charge {self.charge:.4f} C"
        )
        return f"{text}; broken off: {self.fault}" if self.fault else text


class Recording:
    """Measures every `period_s` until stopped; a fault of the instrument ends it and is kept in
    the trace.
    """

    def __init__(self, measure: Callable[[], Awaitable[float]], period_s: float) -> None:
        if period_s <= 0:
            raise ValueError(f"the period must be above 0 s, not {period_s}")
        self.trace = CurrentTrace()
        self._measure = measure
        self._period_s = period_s
        self._task: asyncio.Task[None] | None = None
        self._measuring = False
        self._stopping = False

    def start(self) -> None:
        """Begin. RuntimeError when it runs already."""
        if self._task is not None:
            raise RuntimeError("the recording has started already")
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> CurrentTrace:
        """End, with the measurement that is under way, and return what was measured."""
        task, self._task = self._task, None
        self._stopping = True
        if task is not None:
            if not self._measuring:
                task.cancel()
            await asyncio.wait([task])
        return self.trace

    async def __aenter__(self) -> "Recording":
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._stopping:
            self._measuring = True
            try:
                amperes = await self._measure()
            except BenchFault as fault:
                self.trace.fault = fault
                return
            finally:
                self._measuring = False
            self.trace.samples.append((loop.time(), amperes))
            due = max(due + self._period_s, loop.time())  # a slow instrument is not chased
            await asyncio.sleep(due - loop.time())
