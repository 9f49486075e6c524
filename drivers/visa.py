"""One VISA session, driven from asyncio without ever blocking the loop.

PyVISA blocks, so each call runs in a worker thread of its own session (`loop.run_in_executor`, one
worker). A query is one job: its reply is read by the same job that asked, so a caller who gives up
cannot leave a reply to the next. PyVISA's time-outs are the library's own and real; everything
else here goes by the loop's time.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import pyvisa
import pyvisa.errors
from pyvisa.resources import MessageBasedResource

from drivers.errors import BenchFault, InstrumentFault, NoAnswer, PortGone
from drivers.journal import Direction, Journal

T = TypeVar("T")

# pyvisa keeps one library object for the process: two sessions must not make it at the same time.
_LIBRARY = threading.Lock()


class VisaSession:
    """Exchanges lines of text with an instrument at a VISA resource, one exchange at a time, in
    order.

    After a time-out or a lost connection the session is closed, since a late reply would be taken
    for the answer to the next question; a query is then asked once more over a new connection, a
    command is not.
    """

    def __init__(
        self,
        name: str,
        resource: str,
        *,
        timeout_s: float = 2.0,
        journal: Journal | None = None,
    ) -> None:
        self.name = name
        self.resource = resource
        self.timeout_s = timeout_s
        self.write_end = "\n"
        self.read_end = "\n"
        self.min_gap_s = 0.0
        self.prologue: tuple[str, ...] = ()  # sent after each opening
        self.reopened = 0
        self.journal = journal if journal is not None else Journal()
        self._instrument: MessageBasedResource | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._lock = asyncio.Lock()
        self._free_at = 0.0
        self._doubtful = False

    async def close(self) -> None:
        """Close the session; the next exchange opens it again."""
        async with self._lock:
            await self._drop()
            if self._worker is not None:
                self._worker.shutdown(wait=False)
                self._worker = None

    async def command(self, *lines: str) -> None:
        """Send lines that have no reply. PortGone when they could not be handed over."""
        async with self._lock:
            try:
                await self._send(lines)
            except BenchFault:
                await self._drop()
                raise

    async def query(self, *lines: str) -> str:
        """Send lines of which the last has a reply, and return it without its line end.

        NoAnswer when none came in time, PortGone when the connection broke, both also after the
        second attempt.
        """
        async with self._lock:
            try:
                return await self._ask(lines)
            except (NoAnswer, PortGone):
                await self._drop()
                self.reopened += 1
            try:
                return await self._ask(lines)
            except BenchFault:
                await self._drop()
                raise

    async def settle(self, lines: Sequence[str], question: str) -> str:
        """Send lines and then a question, with nobody in between; return the reply. Nothing is
        repeated.
        """
        async with self._lock:
            try:
                await self._send(lines)
                return await self._ask((question,))
            except BenchFault:
                await self._drop()
                raise

    async def _send(self, lines: Sequence[str]) -> None:
        for line in lines:
            await self._write(await self._ensure_open(), line)

    async def _ask(self, lines: Sequence[str]) -> str:
        await self._send(lines[:-1])
        instrument = await self._ensure_open()
        await self._pace()
        self._note("tx", lines[-1])
        reply = await self._call(lambda: instrument.query(lines[-1]))
        self._note("rx", reply)
        return reply.strip("\r\n")

    async def _write(self, instrument: MessageBasedResource, line: str) -> None:
        await self._pace()
        self._note("tx", line)
        await self._call(lambda: instrument.write(line))

    async def _ensure_open(self) -> MessageBasedResource:
        if self._doubtful:
            self._doubtful = False
            await self._drop()
        if self._instrument is None:
            instrument = await self._call(self._open_blocking)
            self._instrument = instrument
            for line in self.prologue:
                await self._write(instrument, line)
        return self._instrument

    def _open_blocking(self) -> MessageBasedResource:
        milliseconds = round(self.timeout_s * 1000)
        try:
            with _LIBRARY:
                manager = pyvisa.ResourceManager("@py")
                resource = manager.open_resource(self.resource, open_timeout=milliseconds)
        except Exception as error:  # pyvisa-py reports a failed connection as a plain Exception
            raise self._gone(error) from error
        if not isinstance(resource, MessageBasedResource):
            resource.close()
            raise InstrumentFault(
                self.name,
                f"{self.resource} takes no text commands",
                "name a resource such as TCPIP::192.0.2.7::5025::SOCKET",
            )
        resource.write_termination = self.write_end
        resource.read_termination = self.read_end
        resource.timeout = milliseconds
        return resource

    async def _drop(self) -> None:
        instrument, self._instrument = self._instrument, None
        if instrument is None:
            return
        with suppress(BenchFault):  # it is given up: what it says on the way out changes nothing
            await self._call(instrument.close)

    async def _pace(self) -> None:
        if not self.min_gap_s:
            return
        loop = asyncio.get_running_loop()
        if (wait := self._free_at - loop.time()) > 0:
            await asyncio.sleep(wait)
        self._free_at = loop.time() + self.min_gap_s

    async def _call(self, function: Callable[[], T]) -> T:
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix=self.name)
        job = asyncio.get_running_loop().run_in_executor(self._worker, function)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            # The thread cannot be stopped. What it hears belongs to nobody any more, and a reply
            # that comes after its time-out would be the next one's: a new session comes first.
            self._doubtful = True
            job.add_done_callback(_take_no_notice)
            raise
        except pyvisa.errors.VisaIOError as error:
            raise self._fault(error) from error
        except (OSError, pyvisa.errors.Error, UnicodeError) as error:
            raise self._gone(error) from error

    def _fault(self, error: "pyvisa.errors.VisaIOError") -> BenchFault:
        if error.error_code == pyvisa.constants.StatusCode.error_timeout:
            return NoAnswer(
                self.name,
                f"{self.resource} did not answer within {self.timeout_s:g} s",
                "is it in local mode, switched off, or at another address?",
            )
        return self._gone(error)

    def _gone(self, error: Any) -> PortGone:
        return PortGone(
            self.name,
            f"{self.resource} cannot be reached: {error}",
            "check its network or USB lead and the resource in the bench file",
        )

    def _note(self, direction: Direction, text: str) -> None:
        # With its line end, so that lines of one moment stay lines.
        line = text.rstrip("\r\n").encode(errors="backslashreplace") + b"\n"
        self.journal.append(asyncio.get_running_loop().time(), direction, line)


def _take_no_notice(job: "asyncio.Future[Any]") -> None:
    if not job.cancelled():
        job.exception()
