"""The APS link keys that a node holds, with their counters (053474 4.4.1, 4.4.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.golden.counters import OutgoingCounter
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.golden.node import Nonvolatile

__all__ = ["LinkKey", "LinkKeys"]


@dataclass(slots=True)
class LinkKey:
    """A 16-octet key shared with ``partner``.

    ``origin`` is ``code`` (from an install code), ``cbke`` (key establishment) or ``brokered``
    (partner key from the trust center). ``expected`` is the least incoming counter still good.
    """

    partner: Eui64
    key: bytes
    origin: str
    counter: OutgoingCounter
    expected: int = 0


class LinkKeys:
    """Link keys by partner, kept in non-volatile memory with both counters."""

    def __init__(self, nvm: Nonvolatile) -> None:
        self._nvm = nvm
        self._keys: dict[Eui64, LinkKey] = {}
        for partner, (key, origin, expected) in nvm.get("aps.keys", {}).items():
            counter = OutgoingCounter(nvm, f"aps.counter.{partner}")
            self._keys[partner] = LinkKey(partner, key, origin, counter, expected)

    def get(self, partner: Eui64 | None) -> LinkKey | None:
        """The key shared with ``partner``."""
        return None if partner is None else self._keys.get(partner)

    def install(self, partner: Eui64, key: bytes, origin: str) -> LinkKey:
        """Share ``key`` with ``partner`` from now on; a new key starts both counters at 0.

        A key that is the one already held keeps its counters: nonces must not repeat.
        """
        held = self._keys.get(partner)
        if held is not None and held.key == key:
            held.origin = origin
        else:
            counter = OutgoingCounter(self._nvm, f"aps.counter.{partner}")
            counter.set(0)
            self._keys[partner] = LinkKey(partner, key, origin, counter)
        self.save()
        return self._keys[partner]

    def remove(self, partner: Eui64) -> None:
        """Forget the key shared with ``partner``."""
        self._keys.pop(partner, None)
        self.save()

    def took(self, key: LinkKey, counter: int) -> None:
        """Note that an incoming frame with ``counter`` was good."""
        key.expected = max(key.expected, counter + 1)
        self.save()

    def save(self) -> None:
        """Write all keys to non-volatile memory."""
        stored: dict[Eui64, Any] = {
            partner: (one.key, one.origin, one.expected) for partner, one in self._keys.items()
        }
        self._nvm.put("aps.keys", stored)

    def __iter__(self) -> Any:
        return iter(self._keys.values())
