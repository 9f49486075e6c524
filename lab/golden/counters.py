"""Outgoing frame counters that never repeat, not even over a loss of power (ZB 4.3, 4.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.golden.node import Nonvolatile

__all__ = ["OutgoingCounter"]

#: How many values are reserved with one write to non-volatile memory.
STRIDE = 1024


class OutgoingCounter:
    """A 32-bit counter whose reserved ceiling is kept in non-volatile memory.

    After a loss of power it goes on from the ceiling: values are skipped, never used twice.
    """

    def __init__(self, nvm: Nonvolatile, name: str) -> None:
        self._nvm = nvm
        self._name = name
        self.value: int = nvm.get(name, 0)
        self._ceiling = self.value

    def take(self) -> int:
        """The next value to use."""
        if self.value >= self._ceiling:
            self._ceiling = self.value + STRIDE
            self._nvm.put(self._name, self._ceiling)
        value = self.value
        self.value += 1
        return value

    def set(self, value: int) -> None:
        """Go on from ``value`` (a new key, or a test that wants a certain counter)."""
        self.value = value
        self._ceiling = value
        self._nvm.put(self._name, value)
