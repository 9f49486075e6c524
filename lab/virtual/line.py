"""The far end of a simulated serial line: a pseudo-terminal that behaves as a UART does."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import termios
import tty
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from random import Random

_READ = 65536
_QUEUE_LIMIT = 65536
# How many pieces a write is cut into: few, since each costs the other end a read.
_PIECES = (1, 1, 1, 2, 2, 3, 4)


class PtyLine:
    """A pty whose slave (`port`) the lab opens; this object is the equipment at its other end.

    `write` hands octets over as a UART of `baudrate` would (10 bits an octet on the loop's clock)
    in one to four pieces cut at places drawn from `random`; give each line a `Random` of its own,
    so that one line's traffic does not change another's. `pace=False` hands them over at once,
    `split=False` whole. `octets_sent` counts what the kernel was given, `octets_received` what was
    read and handed to `on_octets`. Octets that nobody reads are dropped beyond 64 KiB and counted
    in `octets_dropped`, as a UART's buffer overruns.

    To be made in the running loop.
    """

    def __init__(
        self,
        name: str,
        *,
        baudrate: int = 115200,
        random: Random,
        pace: bool = True,
        split: bool = True,
    ) -> None:
        self.name = name
        self.baudrate = baudrate
        self.pace = pace
        self.split = split
        self.on_octets: Callable[[bytes], None] | None = None
        self.octets_sent = 0
        self.octets_received = 0
        self.octets_dropped = 0
        self._random = random
        self._loop = asyncio.get_running_loop()
        self._master, self._slave = os.openpty()
        # Raw before anyone opens it: a fresh pty echoes. And held open, so that the master does
        # not read an error when the lab's program closes its end.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        self._open = True
        self._free_at = 0.0
        self._timers: deque[asyncio.TimerHandle] = deque()
        self._queue = bytearray()
        self._loop.add_reader(self._master, self._readable)

    @property
    def is_open(self) -> bool:
        """Whether the line is there: neither cut nor closed."""
        return self._open

    # --- towards the lab ---------------------------------------------------------------------

    def write(self, octets: bytes) -> None:
        """Send `octets`; they arrive when a UART would have sent them. Nothing after `cut`."""
        if not self._open or not octets:
            return
        at = max(self._loop.time(), self._free_at)
        for piece in self._cut(octets):
            if self.pace:
                at += len(piece) * 10 / self.baudrate
                while self._timers and self._timers[0].when() < self._loop.time():
                    self._timers.popleft()
                self._timers.append(self._loop.call_at(at, self._hand_over, piece))
            else:
                self._hand_over(piece)
        self._free_at = at

    def _cut(self, octets: bytes) -> list[bytes]:
        if not self.split or len(octets) < 2:
            return [octets]
        places = self._random.choice(_PIECES) - 1
        if not places:
            return [octets]
        bounds = sorted(self._random.randrange(1, len(octets)) for _ in range(places))
        edges = [0, *bounds, len(octets)]
        return [octets[a:b] for a, b in pairwise(edges) if a < b]

    def _hand_over(self, octets: bytes) -> None:
        if self._queue:
            self._enqueue(octets)
            return
        taken = self._try_write(octets)
        self.octets_sent += taken
        if taken < len(octets) and self._open:
            self._enqueue(octets[taken:])
            self._loop.add_writer(self._master, self._writable)

    def _enqueue(self, octets: bytes) -> None:
        room = max(0, _QUEUE_LIMIT - len(self._queue))
        self._queue += octets[:room]
        self.octets_dropped += len(octets) - min(room, len(octets))

    def _try_write(self, octets: bytes | bytearray) -> int:
        try:
            return os.write(self._master, octets)
        except (BlockingIOError, InterruptedError):
            return 0

    def _writable(self) -> None:
        taken = self._try_write(self._queue)
        self.octets_sent += taken
        del self._queue[:taken]
        if not self._queue:
            self._loop.remove_writer(self._master)

    # --- from the lab ------------------------------------------------------------------------

    def _readable(self) -> None:
        try:
            octets = os.read(self._master, _READ)
        except (BlockingIOError, InterruptedError):
            return
        self.octets_received += len(octets)
        if self.on_octets is not None:
            self.on_octets(octets)

    def waiting(self) -> tuple[int, int]:
        """Return the octets that the kernel has carried over and nobody has read yet: those for the
        lab, and those for this end.
        """
        if not self._open:
            return 0, 0
        return _readable_octets(self._slave), _readable_octets(self._master)

    # --- end ---------------------------------------------------------------------------------

    def cut(self) -> None:
        """Unplug: the lab's end fails at once, what was under way is lost, the path is gone."""
        self.close()

    def close(self) -> None:
        """Give the pty back; may be called twice."""
        if not self._open:
            return
        self._open = False
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._queue.clear()
        if not self._loop.is_closed():
            self._loop.remove_reader(self._master)
            self._loop.remove_writer(self._master)
        os.close(self._master)
        os.close(self._slave)


def _readable_octets(descriptor: int) -> int:
    found = bytearray(4)
    fcntl.ioctl(descriptor, termios.FIONREAD, found)
    return int.from_bytes(found, sys.byteorder)
