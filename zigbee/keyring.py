"""What a listener knows: keys, and which EUI-64 stands behind a short address."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from zigbee.errors import CodecError
from zigbee.types import Eui64

LEARNED_KEYS_LIMIT = 64
"""Learned keys kept of each kind: a flood of Transport Keys costs neither memory nor time."""

ADDRESSES_LIMIT = 4096
CANDIDATES_LIMIT = 4


class LinkKey(NamedTuple):
    """A link key (16 octets); `pair` names the two devices that share it, if that is known."""

    key: bytes
    label: str
    pair: frozenset[Eui64] | None


class KeyRing:
    """The keys that frames are tried with.

    `network` maps a key sequence number to the keys known under it, newest last. Keys given with
    `learned` (read out of a Transport Key) are forgotten again, oldest first, beyond
    `LEARNED_KEYS_LIMIT`; keys that a person configured never are.
    """

    def __init__(self) -> None:
        self.network: dict[int, list[bytes]] = {}
        self.links: list[LinkKey] = []
        self._learned_network: list[tuple[int, bytes]] = []
        self._learned_links: list[LinkKey] = []
        self._network_order: dict[int | None, tuple[bytes, ...]] = {}
        self._link_order: dict[frozenset[Eui64] | None, tuple[bytes, ...]] = {}

    def add_network(self, key: bytes, sequence: int = 0, *, learned: bool = False) -> None:
        """Adds a network key (16 octets) with its sequence number; known ones are left alone."""
        key = _sixteen(key)
        if key in self.network.get(sequence, ()):
            return
        self.network.setdefault(sequence, []).append(key)
        self._network_order.clear()
        if learned:
            self._learned_network.append((sequence, key))
            if len(self._learned_network) > LEARNED_KEYS_LIMIT:
                old_sequence, old_key = self._learned_network.pop(0)
                self.network[old_sequence].remove(old_key)

    def add_link(
        self,
        key: bytes,
        label: str = "",
        pair: tuple[Eui64, Eui64] | None = None,
        *,
        learned: bool = False,
    ) -> None:
        """Adds a link key (16 octets). A key known for the same pair is not added again."""
        link = LinkKey(_sixteen(key), label, None if pair is None else frozenset(pair))
        if any(known.key == link.key and known.pair == link.pair for known in self.links):
            return
        self.links.append(link)
        self._link_order.clear()
        if learned:
            self._learned_links.append(link)
            if len(self._learned_links) > LEARNED_KEYS_LIMIT:
                self.links.remove(self._learned_links.pop(0))

    def network_keys(self, sequence: int | None) -> tuple[bytes, ...]:
        """The keys to try: the one that last opened such a frame, then the others of `sequence`,
        newest first, then all of other numbers."""
        order = self._network_order.get(sequence)
        if order is None:
            own = [] if sequence is None else self.network.get(sequence, [])[::-1]
            others = [k for n, keys in self.network.items() if n != sequence for k in keys[::-1]]
            order = self._network_order[sequence] = tuple(dict.fromkeys(own + others))
        return order

    def network_key_opened(self, sequence: int | None, key: bytes) -> None:
        """Notes which key opened a frame: the next one will probably want the same."""
        self._network_order[sequence] = _moved_first(key, self.network_keys(sequence))

    def link_keys(self, pair: frozenset[Eui64] | None) -> tuple[bytes, ...]:
        """The link keys to try between `pair`: the one that last opened a frame of theirs, then
        their own, then those of no pair, then all others; newest first."""
        order = self._link_order.get(pair)
        if order is None:
            if len(self._link_order) > ADDRESSES_LIMIT:
                self._link_order.clear()
            newest_first = self.links[::-1]
            ranked = sorted(
                newest_first,
                key=lambda link: 0 if link.pair == pair else 1 if link.pair is None else 2,
            )
            order = self._link_order[pair] = tuple(dict.fromkeys(link.key for link in ranked))
        return order

    def link_key_opened(self, pair: frozenset[Eui64] | None, key: bytes) -> None:
        """Notes which key opened a frame between `pair`."""
        self._link_order[pair] = _moved_first(key, self.link_keys(pair))

    def label(self, key: bytes) -> str:
        """What to call a key in a report; never the key itself."""
        for link in self.links:
            if link.key == key and link.label:
                return link.label
        for sequence, keys in self.network.items():
            if key in keys:
                return f"network key {sequence}"
        return "link key"


def _moved_first(key: bytes, order: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return (key, *(other for other in order if other != key))


def _sixteen(key: bytes) -> bytes:
    if len(key) != 16:
        raise CodecError("keyring", "key", 0, f"{len(key)} octets, not 16")
    return bytes(key)


class AddressBook:
    """EUI-64s by PAN id and short address, newest first, as frames showed them; bounded.

    A test may forge addresses, so an entry keeps a few candidates instead of believing the last.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int | None, int], tuple[Eui64, ...]] = OrderedDict()

    def learn(self, pan: int | None, short: int, eui: Eui64) -> None:
        """Notes that `short` in `pan` was seen with `eui`; broadcast addresses are ignored."""
        known = self._known.get((pan, short), ())
        if (known and known[0] == eui) or short >= 0xFFF8:
            return
        kept = tuple(other for other in known if other != eui)
        self._known[(pan, short)] = (eui, *kept)[:CANDIDATES_LIMIT]
        if len(self._known) > ADDRESSES_LIMIT:
            self._known.popitem(last=False)

    def sure(self, pan: int) -> dict[int, Eui64]:
        """The short addresses in `pan` under which one EUI-64 only was ever seen."""
        return {
            short: known[0]
            for (where, short), known in self._known.items()
            if where == pan and len(known) == 1
        }

    def candidates(self, pan: int | None, short: int) -> tuple[Eui64, ...]:
        """The EUI-64s seen with a short address, newest first; empty when none was."""
        return self._known.get((pan, short), ())
