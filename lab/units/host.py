"""Runs a sans-I/O node on a radio: real, simulated, or anything that answers like one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from drivers.errors import BenchFault
from drivers.radio import Radio, RxFrame
from lab.golden.effects import Effect, EnergyScan, MatchSources, Transmit
from lab.golden.node import Node

__all__ = ["NodeHost"]


class NodeHost:
    """Carries frames, effects and wake-ups between a node and its radio, in the running loop.

    Effects are carried out one after the other in the order in which the node asked for them.
    A radio that fails is told to ``on_fault``; nothing is sent after that until :meth:`start`.
    """

    def __init__(self, node: Node, radio: Radio) -> None:
        self.node = node
        self.radio = radio
        self.on_fault: Callable[[BenchFault], None] | None = None
        self.fault: BenchFault | None = None
        self._queue: deque[Effect] = deque()
        self._wakeup: asyncio.TimerHandle | None = None
        self._worker: asyncio.Task[None] | None = None
        self._more: asyncio.Event | None = None

    @property
    def running(self) -> bool:
        """Whether it listens and sends."""
        return self._worker is not None

    # -- life -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to listen and to send; call it inside the loop."""
        self.fault = None
        self.node.now = self._now()
        self.radio.on_frame = self._received
        self._more = asyncio.Event()
        self._worker = asyncio.get_running_loop().create_task(self._work())
        self.pump()

    def halt(self) -> asyncio.Task[None] | None:
        """Stop at once, as when the power goes; gives the task that is being cancelled."""
        self.radio.on_frame = None
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        self._queue.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
        return worker

    async def stop(self) -> None:
        """Stop, and wait until nothing of it is under way; the node keeps its state."""
        worker = self.halt()
        if worker is not None:
            await asyncio.gather(worker, return_exceptions=True)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    # -- in ---------------------------------------------------------------------------------

    def _received(self, frame: RxFrame) -> None:
        if frame.fcs_ok:
            self.node.frame_received(
                frame.octets, self._now(), frame.lqi, promised=frame.acked_pending
            )
            self.pump()

    def _advance(self, when: float) -> None:
        self._wakeup = None
        # a loop may call a timer up to its clock's resolution too early
        self.node.advance(max(when, self._now()))
        self.pump()

    # -- out --------------------------------------------------------------------------------

    def pump(self) -> None:
        """Take what the node left in its outbox and set the next wake-up.

        To be called after anything that made the node act from outside of this host.
        """
        self.node.now = max(self.node.now, self._now())
        if not self.running:  # off the air: what the node would send meanwhile is lost
            self.node.outbox.clear()
        if self.node.outbox:
            self._queue.extend(self.node.outbox)
            self.node.outbox.clear()
            if self._more is not None:
                self._more.set()
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        when = self.node.next_wakeup()
        if when is not None:
            self._wakeup = asyncio.get_running_loop().call_at(when, self._advance, when)

    async def _work(self) -> None:
        while self._more is not None:
            if not self._queue:
                self._more.clear()
                await self._more.wait()
                continue
            try:
                await self._carry_out(self._queue.popleft())
            except BenchFault as fault:
                self._failed(fault)
                return

    async def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Transmit):
            result = await self.radio.transmit(effect.octets, retries=effect.retries)
            self.node.transmit_done(effect.token, result.status, result.pending, self._now())
            self.pump()
        elif isinstance(effect, MatchSources):
            await self.radio.set_source_match(effect.short, effect.extended)
        elif isinstance(effect, EnergyScan):
            found = await self.radio.energy_scan(effect.channels, round(effect.period * 1000))
            self.node.now = max(self.node.now, self._now())
            effect.done(found)
            self.pump()
        else:
            await self.radio.configure(
                channel=effect.channel, pan=effect.pan, short=effect.short, eui64=effect.eui64
            )

    def _failed(self, fault: BenchFault) -> None:
        self.fault = fault
        self._queue.clear()
        if self.on_fault is not None:
            self.on_fault(fault)
