"""Transactions with a Spinel radio over a serial line: who asked what, and what came back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from drivers.errors import BenchFault, NoAnswer, PortGone
from drivers.line import SerialLine
from zigbee import hdlc
from zigbee.errors import CodecError
from zigbee.spinel import (
    Command,
    Frame,
    Property,
    Status,
    is_reset,
    property_frame,
    status_text,
    unpack_uint,
)

ANSWER_S = 5.0
"""Seconds that a radio has for any answer; one that is silent longer has locked up."""

Answer = tuple[int, bytes]
"""Property number and value."""

_ANSWERS: dict[int, Command] = {
    Command.PROP_VALUE_GET: Command.PROP_VALUE_IS,
    Command.PROP_VALUE_SET: Command.PROP_VALUE_IS,
    Command.PROP_VALUE_INSERT: Command.PROP_VALUE_INSERTED,
    Command.PROP_VALUE_REMOVE: Command.PROP_VALUE_REMOVED,
}
_RESET_REMEDY = "check the radio's power and USB cable, and its firmware"
_SILENT_REMEDY = "unplug the radio and connect it again; check that it runs RCP firmware"


class Refused(BenchFault):
    """The radio answered with an error. `status` is its number."""

    def __init__(self, what: str, status: int, request: str) -> None:
        remedy = "the radio's firmware lacks it" if status == Status.PROP_NOT_FOUND else ""
        super().__init__(what, f"answered {request} with {status_text(status)}", remedy)
        self.status = status


def _request_text(command: int, number: int) -> str:
    try:
        name = Property(number).name
    except ValueError:
        name = f"property {number:#x}"
    return f"{Command(command).name.removeprefix('PROP_VALUE_')} {name}"


class _Pending:
    __slots__ = ("answer", "command", "future", "number", "timer")

    def __init__(self, command: int, number: int, future: asyncio.Future[Answer]) -> None:
        self.command = command
        self.number = number
        self.answer = _ANSWERS[command]
        self.future = future
        self.timer: asyncio.TimerHandle | None = None


class SpinelLink:
    """Requests and notifications on one line, up to 15 requests at a time, others wait in order.

    A late answer finds nobody and is dropped: the TID of a request that timed out stays unused
    until its answer comes, or the radio restarts, as long as there are others.
    """

    def __init__(self, line: SerialLine, what: str) -> None:
        self.line = line
        self.what = what
        self.on_notification: Callable[[int, bytes], None] | None = None
        """Called with property number and value of what came without being asked for."""
        self.on_reset: Callable[[int], None] | None = None
        """Called with the status of a restart that nobody asked for."""
        self.on_lost: Callable[[PortGone], None] | None = None
        """Called when the line is lost, after those who waited were told."""
        self.late_answers = 0
        self.garbled = 0
        self._decoder = hdlc.Decoder()
        self._pending: dict[int, _Pending] = {}
        self._abandoned: dict[int, None] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._last_tid = 0
        self._restart: asyncio.Future[int] | None = None
        self._told_before: Callable[[PortGone], None] | None = None

    def attach(self) -> None:
        """Begin to listen to the line, which must be open; its `on_lost` is still told."""
        self._decoder = hdlc.Decoder()
        self.line.on_octets = self._on_octets
        if self.line.on_lost != self._on_line_lost:
            self._told_before, self.line.on_lost = self.line.on_lost, self._on_line_lost

    def detach(self, fault: BenchFault) -> None:
        """Listen no more; whoever still waits is told `fault`."""
        self.line.on_octets = None
        self.line.on_lost = self._told_before
        self.fail(fault)

    def _on_line_lost(self, fault: PortGone) -> None:
        self.fail(fault)
        if self.on_lost is not None:
            self.on_lost(fault)
        if self._told_before is not None:
            self._told_before(fault)

    @property
    def garbled_frames(self) -> int:
        """Frames that came and could not be read, by HDLC or by Spinel."""
        return self.garbled + self._decoder.dropped

    def fail(self, fault: BenchFault) -> None:
        """Tell `fault` to everyone who waits for an answer."""
        pending, self._pending = self._pending, {}
        self._abandoned.clear()
        for request in pending.values():
            if request.timer is not None:
                request.timer.cancel()
            if not request.future.done():
                request.future.set_exception(fault)
        if self._restart is not None and not self._restart.done():
            self._restart.set_exception(fault)
        waiting, self._waiting = self._waiting, deque()
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(fault)

    # --- asking ------------------------------------------------------------------------------

    async def request(
        self, command: Command, number: int, value: bytes = b"", *, timeout: float = ANSWER_S
    ) -> Answer:
        """Send a GET, SET, INSERT or REMOVE; the property number and value of the answer.

        An answer of LAST_STATUS comes back as such: the caller knows what it means. Raises
        `NoAnswer` after `timeout` seconds, `PortGone` when the line is lost.
        """
        return await (await self.begin(command, number, value, timeout=timeout))

    async def begin(
        self, command: Command, number: int, value: bytes = b"", *, timeout: float = ANSWER_S
    ) -> asyncio.Future[Answer]:
        """Send as `request` does, and return at once the future that will have the answer."""
        tid = await self._free_tid()
        loop = asyncio.get_running_loop()
        request = _Pending(command, number, loop.create_future())
        self.line.write(hdlc.encode(property_frame(tid, command, number, value)))
        self._pending[tid] = request
        request.timer = loop.call_later(timeout, self._expire, tid, request, timeout)
        return request.future

    def _take(self, tid: int, request: _Pending) -> None:
        """The request is over: its TID is free for the next."""
        del self._pending[tid]
        if request.timer is not None:
            request.timer.cancel()
        self._wake_one()

    async def _free_tid(self) -> int:
        while (tid := self._next_tid()) is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                self._wake_one()
                raise
        self._abandoned.pop(tid, None)
        return tid

    def _next_tid(self) -> int | None:
        spare: int | None = None
        for step in range(15):
            tid = (self._last_tid + step) % 15 + 1
            if tid in self._pending:
                continue
            if tid not in self._abandoned:
                self._last_tid = tid
                return tid
            spare = tid if spare is None else spare
        if spare is not None:
            self._last_tid = spare
        return spare

    def _wake_one(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _expire(self, tid: int, request: _Pending, timeout: float) -> None:
        self._abandoned[tid] = None
        self._take(tid, request)
        if not request.future.done():
            text = _request_text(request.command, request.number)
            cause = f"no answer to {text} within {timeout:g} s"
            request.future.set_exception(NoAnswer(self.what, cause, _SILENT_REMEDY))

    async def restart(self, *, timeout: float = ANSWER_S) -> int:
        """Send RESET; the status that the radio reports when it is back. Raises `NoAnswer`."""
        self.fail(BenchFault(self.what, "was reset while a request was under way"))
        self._restart = asyncio.get_running_loop().create_future()
        try:
            # A flag of its own ends any half frame that the radio may still have.
            self.line.write(b"\x7e" + hdlc.encode(Frame(1, Command.RESET).to_bytes()))
            async with asyncio.timeout(timeout):
                return await self._restart
        except TimeoutError:
            cause = f"no answer to RESET within {timeout:g} s"
            raise NoAnswer(self.what, cause, _SILENT_REMEDY) from None
        finally:
            self._restart = None

    # --- listening ---------------------------------------------------------------------------

    def _on_octets(self, octets: bytes) -> None:
        for content in self._decoder.feed(octets):
            try:
                frame = Frame.from_bytes(content)
                number, value = frame.property()
            except CodecError:
                self.garbled += 1
                continue
            if frame.tid:
                self._on_answer(frame, number, value)
            else:
                self._on_unasked(frame, number, value)

    def _on_answer(self, frame: Frame, number: int, value: bytes) -> None:
        request = self._pending.get(frame.tid)
        if request is None or not self._belongs(request, frame.command, number):
            self.late_answers += 1
            self._abandoned.pop(frame.tid, None)
            return
        self._take(frame.tid, request)
        if request.future.done():
            self.late_answers += 1  # whoever asked has given up
        else:
            request.future.set_result((number, value))

    @staticmethod
    def _belongs(request: _Pending, command: int, number: int) -> bool:
        if command == Command.PROP_VALUE_IS and number == Property.LAST_STATUS:
            return True
        return command == request.answer and number == request.number

    def _on_unasked(self, frame: Frame, number: int, value: bytes) -> None:
        if number == Property.LAST_STATUS and value:
            try:
                status, _ = unpack_uint(value)
            except CodecError:
                self.garbled += 1
                return
            if is_reset(status):
                self._on_restart(status)
                return
        if frame.command == Command.PROP_VALUE_IS and self.on_notification is not None:
            self.on_notification(number, value)

    def _on_restart(self, status: int) -> None:
        if self._restart is not None:
            if not self._restart.done():
                self._restart.set_result(status)
            return
        cause = f"restarted by itself, {status_text(status)}: all its settings are lost"
        self.fail(BenchFault(self.what, cause, _RESET_REMEDY))
        if self.on_reset is not None:
            self.on_reset(status)

    def refused(self, status: int, command: int, number: int) -> Refused:
        """The fault to raise for an answer of LAST_STATUS that is an error."""
        return Refused(self.what, status, _request_text(command, number))
