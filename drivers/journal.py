"""The record of every octet that crossed a line, in order, as evidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Direction = Literal["tx", "rx"]

_WIDTH = 16
_PRINTABLE = bytes(octet if 0x20 <= octet < 0x7F else ord(".") for octet in range(256))


@dataclass(frozen=True, slots=True)
class Entry:
    """Octets that went one way at one `time` (seconds of the bench's clock)."""

    time: float
    direction: Direction
    octets: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Stands where `entries` older entries were given up for want of room."""

    entries: int


class Journal:
    """Keeps the last `limit` entries; what was before them is a `Gap`, so nothing is lost silently.

    Octets of one direction that come in pieces at the same time are one entry: how an operating
    system cut them is no fact about the equipment, and would differ from run to run.
    """

    __slots__ = ("_entries", "_mergeable", "_next")

    def __init__(self, limit: int = 20_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._next = 0
        self._mergeable = False

    def append(self, time: float, direction: Direction, octets: bytes) -> None:
        if self._mergeable:
            last = self._entries[-1]
            if last.time == time and last.direction == direction:
                self._entries[-1] = Entry(time, direction, last.octets + octets)
                return
        self._entries.append(Entry(time, direction, bytes(octets)))
        self._next += 1
        self._mergeable = True

    def mark(self) -> int:
        """The index that the next entry will have; `since` takes it."""
        self._mergeable = False
        return self._next

    def since(self, index: int = 0) -> list[Entry | Gap]:
        """The entries from `index` on, behind a `Gap` if some of them are no longer kept."""
        first = self._next - len(self._entries)
        missing = max(0, first - index)
        kept = list(self._entries)[max(0, index - first) :]
        return [Gap(missing), *kept] if missing else list(kept)

    @staticmethod
    def to_text(entries: Iterable[Entry | Gap]) -> str:
        """Entries for people: a line for each 16 octets, in hexadecimal and as text."""
        lines: list[str] = []
        for entry in entries:
            if isinstance(entry, Gap):
                lines.append(f"... {entry.entries} earlier entries not kept ...")
                continue
            for start in range(0, len(entry.octets), _WIDTH):
                part = entry.octets[start : start + _WIDTH]
                head = f"{entry.time:14.6f} {entry.direction}" if start == 0 else " " * 17
                text = part.translate(_PRINTABLE).decode("ascii")
                lines.append(f"{head}  {part.hex(' '):<{3 * _WIDTH - 1}}  {text}")
        return "\n".join(lines) + "\n" if lines else ""
