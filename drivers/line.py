"""A serial line of the lab, opened through pyserial: a tty, `socket://host:port` or `rfc2217://`.

A line that has a file descriptor is read and written when the loop finds it ready. One that has
none (`rfc2217://`, where pyserial has threads of its own) is read and written in two workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import serial

from drivers.errors import PortGone
from drivers.journal import Entry, Gap, Journal

__all__ = ["Entry", "Gap", "Journal", "SerialLine"]

WRITE_STALL_S = 5.0
"""Seconds after which a port that takes no octets counts as gone."""
_CHUNK = 65536
_THREADED_READ_S = 0.1

try:
    import termios

    _ERRORS: tuple[type[BaseException], ...] = (OSError, ValueError, termios.error)
except ImportError:  # pragma: no cover - not a POSIX system
    _ERRORS = (OSError, ValueError)

_REMEDIES = {
    errno.ENOENT: "connect it, or name it by /dev/serial/by-id in the bench file",
    errno.ENODEV: "connect it, or name it by /dev/serial/by-id in the bench file",
    errno.ENXIO: "connect it, or name it by /dev/serial/by-id in the bench file",
    errno.EACCES: "give this user the right to use it, usually by the group dialout",
    errno.EAGAIN: "another program holds it: close that program",
    errno.EBUSY: "another program holds it: close that program",
    errno.ECONNREFUSED: "start the serial server that the bench file names",
    errno.EINVAL: "the port does not take these settings: check the bench file",
}


class SerialLine:
    """One serial line, 8N1. `url` is a tty path or a pyserial URL; `name` is for people.

    `on_octets` is called with what arrives, in any split; `on_lost` once, when the port goes away
    while open; `lost` then holds the fault. `octets_sent` counts what `write` took and
    `octets_received` what was handed to `on_octets`.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        baudrate: int = 115200,
        rtscts: bool = False,
        journal: Journal | None = None,
        exclusive: bool = True,
    ) -> None:
        self.name = name
        self.url = url
        self.baudrate = baudrate
        self.journal = journal
        self.on_octets: Callable[[bytes], None] | None = None
        self.on_lost: Callable[[PortGone], None] | None = None
        self.lost: PortGone | None = None
        self.octets_sent = 0
        self.octets_received = 0
        self._rtscts = rtscts
        self._exclusive = exclusive
        self._port: Any = None
        self._loop: asyncio.AbstractEventLoop
        self._transport: _DescriptorTransport | _ThreadedTransport

    @property
    def is_open(self) -> bool:
        return self._port is not None

    async def open(self) -> None:
        """Open the port; raises `PortGone` when it is missing, busy or refuses the settings."""
        if self._port is not None:
            return
        self._loop = asyncio.get_running_loop()
        try:
            if "://" in self.url:
                self._port = await self._loop.run_in_executor(None, self._open_port)
            else:
                self._port = self._open_port()
        except _ERRORS as error:
            raise self._fault("cannot be opened", error) from error
        self.lost = None
        try:
            descriptor = self._port.fileno()
        except (AttributeError, io.UnsupportedOperation):
            self._transport = _ThreadedTransport(self, self._port, self._loop)
        else:
            self._transport = _DescriptorTransport(self, descriptor, self._loop)

    def _open_port(self) -> Any:
        settings: dict[str, Any] = {"baudrate": self.baudrate, "rtscts": self._rtscts}
        if "://" in self.url:
            settings["timeout"] = _THREADED_READ_S
        else:
            settings["timeout"] = 0
            settings["exclusive"] = self._exclusive or None
        return serial.serial_for_url(self.url, **settings)

    def write(self, octets: bytes) -> None:
        """Send all of `octets`, in order; returns at once. Raises `PortGone` when it is gone."""
        if self.lost is not None:
            raise self.lost
        if self._port is None:
            raise PortGone(self._label(), "is not open")
        if not octets:
            return
        self.octets_sent += len(octets)
        if self.journal is not None:
            self.journal.append(self._loop.time(), "tx", octets)
        self._transport.write(octets)

    async def close(self) -> None:
        """Close the port; no fault is reported for it. May be called twice."""
        port, self._port = self._port, None
        if port is None:
            return
        self._transport.stop()
        if "://" in self.url:  # pyserial waits a while when it closes a network port
            await self._loop.run_in_executor(None, _close_quietly, port)
        else:
            _close_quietly(port)

    def received(self, octets: bytes) -> None:
        """Take what a transport has read."""
        self.octets_received += len(octets)
        if self.journal is not None:
            self.journal.append(self._loop.time(), "rx", octets)
        if self.on_octets is not None:
            self.on_octets(octets)

    def lose(self, cause: str, error: BaseException | None = None) -> None:
        """Take the news that the port is gone; closes it and tells `on_lost`, once."""
        port, self._port = self._port, None
        if port is None:
            return
        self.lost = self._fault(cause, error)
        self._transport.stop()
        if "://" in self.url:
            self._loop.run_in_executor(None, _close_quietly, port)
        else:
            _close_quietly(port)
        if self.on_lost is not None:
            self.on_lost(self.lost)

    def _label(self) -> str:
        return f"port {self.url} ({self.name})"

    def _fault(self, what: str, error: BaseException | None) -> PortGone:
        cause = what if error is None else f"{what}: {error}"
        number = getattr(error, "errno", None)
        if number is None and error is not None and isinstance(error.__context__, OSError):
            number = error.__context__.errno
        remedy = _REMEDIES.get(number or 0, "check cable and power, then run again")
        return PortGone(self._label(), cause, remedy)


def _close_quietly(port: Any) -> None:
    with contextlib.suppress(*_ERRORS):
        port.close()


class _DescriptorTransport:
    """Reads and writes a descriptor when the loop finds it ready."""

    def __init__(self, line: SerialLine, descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
        self._line = line
        self._descriptor = descriptor
        self._loop = loop
        self._queue: deque[memoryview] = deque()
        self._stall: asyncio.TimerHandle | None = None
        os.set_blocking(descriptor, False)
        loop.add_reader(descriptor, self._readable)

    def _readable(self) -> None:
        try:
            octets = os.read(self._descriptor, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._line.lose("went away while in use", error)
            return
        if octets:
            self._line.received(octets)
        else:
            # A tty that is ready and has nothing has been unplugged; a socket has been closed.
            self._line.lose("went away while in use: ready to read, but nothing came")

    def write(self, octets: bytes) -> None:
        if self._queue:
            self._queue.append(memoryview(octets))
            return
        sent = self._try_write(memoryview(octets))
        if sent is not None and sent < len(octets):
            self._queue.append(memoryview(octets)[sent:])
            self._loop.add_writer(self._descriptor, self._writable)
            self._watch()

    def _try_write(self, octets: memoryview) -> int | None:
        try:
            return os.write(self._descriptor, octets)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            # Not from inside the caller's write(): it would be told in the middle of its own work.
            self._loop.call_soon(self._line.lose, "went away while in use", error)
            return None

    def _writable(self) -> None:
        while self._queue:
            sent = self._try_write(self._queue[0])
            if sent is None:
                self._queue.clear()
            elif sent < len(self._queue[0]):
                self._queue[0] = self._queue[0][sent:]
                if sent:
                    self._watch()
                return
            else:
                self._queue.popleft()
        self._loop.remove_writer(self._descriptor)
        self._unwatch()

    def _watch(self) -> None:
        self._unwatch()
        cause = f"took no octet for {WRITE_STALL_S:g} s"
        self._stall = self._loop.call_later(WRITE_STALL_S, self._line.lose, cause)

    def _unwatch(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def stop(self) -> None:
        self._unwatch()
        self._queue.clear()
        if not self._loop.is_closed():
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)


class _ThreadedTransport:
    """Reads and writes a port without descriptor, each in one worker thread, in order."""

    def __init__(self, line: SerialLine, port: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._line = line
        self._port = port
        self._loop = loop
        self._running = True
        self._readers = ThreadPoolExecutor(1, f"read {line.name}")
        self._writers = ThreadPoolExecutor(1, f"write {line.name}")
        self._task = loop.create_task(self._read_on())

    async def _read_on(self) -> None:
        while self._running:
            try:
                octets = await self._loop.run_in_executor(self._readers, self._read)
            except _ERRORS as error:
                self._line.lose("went away while in use", error)
                return
            if octets and self._running:
                self._line.received(octets)

    def _read(self) -> bytes:
        octets = bytes(self._port.read(1))
        waiting = self._port.in_waiting if octets else 0
        return octets + bytes(self._port.read(waiting)) if waiting else octets

    def write(self, octets: bytes) -> None:
        self._loop.run_in_executor(self._writers, self._write, octets)

    def _write(self, octets: bytes) -> None:
        try:
            self._port.write(octets)
        except _ERRORS as error:
            if self._running:
                self._loop.call_soon_threadsafe(self._line.lose, "went away while in use", error)

    def stop(self) -> None:
        self._running = False
        self._readers.shutdown(wait=False)
        self._writers.shutdown(wait=False)
