"""PICS items derived from what a device shows, and the comparison with what is claimed for it.

How an item is told is data (lab/data/discovery.toml, whose head explains the tables). Derivation is
pure: `lab.interview` asks the device. An item that could not be told is in neither direction of the
comparison; a claim has three states, as everywhere: true, false, absent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.config import Section, load_toml
from lab.registers.pics import Claims, state
from lab.registers.registry import pics_item

__all__ = ["Application", "Difference", "NodeFacts", "Rules", "Seen", "Side", "compare", "rules"]

FILE = Path(__file__).parents[1] / "data" / "discovery.toml"
Side = Literal["server", "client"]
Number = Annotated[int, Field(ge=0, le=0xFFFF)]


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """Parts of a node descriptor, by the names that rules give them."""

    logical_type: int
    rx_on_when_idle: bool
    security_capability: bool
    network_manager: bool


@dataclass(frozen=True, slots=True)
class Application:
    """A simple descriptor: endpoint, profile and device id, and its clusters by side."""

    endpoint: int
    profile: int
    device: int
    servers: frozenset[int]
    clients: frozenset[int]

    def has(self, cluster: int, side: Side) -> bool:
        """Whether it lists this side of a cluster."""
        return cluster in (self.servers if side == "server" else self.clients)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a device answered. Attributes (ids) are by cluster and side, values by attribute too."""

    node: NodeFacts
    applications: tuple[Application, ...]
    attributes: Mapping[tuple[int, Side], frozenset[int]] = field(default_factory=dict)
    values: Mapping[tuple[int, Side, int], int] = field(default_factory=dict)


class NodeRule(Section):
    """Values of the node descriptor that all hold; None: any."""

    logical_type: Annotated[int, Field(ge=0, le=7)] | None = None
    rx_on_when_idle: bool | None = None
    security_capability: bool | None = None
    network_manager: bool | None = None

    def holds(self, node: NodeFacts) -> bool:
        """Whether the node is so."""
        wanted = self.model_dump(exclude_none=True)
        return all(getattr(node, name) == value for name, value in wanted.items())


class PrivateRule(Section):
    """Where the ids of clusters and of profiles begin that belong to a manufacturer."""

    cluster: Number
    profile: Number

    def holds(self, one: Application) -> bool:
        """Whether an endpoint has any of them."""
        return one.profile >= self.profile or max(one.servers | one.clients, default=0) >= (
            self.cluster
        )


class SetRule(Section):
    """An attribute of a set, ``first`` to ``last``, on one side of a cluster."""

    cluster: Number
    side: Side
    first: Number
    last: Number

    def holds(self, seen: Seen) -> bool | None:
        """Whether the device lists one; None where it listed none of that side."""
        listed = seen.attributes.get((self.cluster, self.side))
        return None if listed is None else any(self.first <= one <= self.last for one in listed)


class BitRule(Section):
    """Bits of an attribute's value."""

    cluster: Number
    side: Side
    attribute: Number
    mask: Number

    def holds(self, seen: Seen) -> bool | None:
        """Whether they are set; None where the attribute was not read."""
        value = seen.values.get((self.cluster, self.side, self.attribute))
        return None if value is None else value & self.mask == self.mask


class Rules(Section):
    """All tables of the file, each by PICS item."""

    profile: Number
    later_than_1_0: list[str]
    node: dict[str, NodeRule]
    device: dict[str, Number]
    endpoints: dict[str, Number]
    private: dict[str, PrivateRule]
    server: dict[str, Number]
    client: dict[str, Number]
    attributes: dict[str, SetRule]
    bits: dict[str, BitRule]

    @model_validator(mode="after")
    def _items(self) -> Rules:
        counted = Counter(item for table in self._tables() for item in table)
        for item, times in counted.items():
            pics_item(item)  # raises UnknownId, a ValueError, with the nearest
            if times > 1:
                raise ValueError(f"{item}: given twice")
        if unknown := set(self.later_than_1_0) - set(counted):
            raise ValueError(f"later_than_1_0: no rule for {', '.join(sorted(unknown))}")
        return self

    def _tables(self) -> tuple[Mapping[str, object], ...]:
        several = (self.node, self.device, self.endpoints, self.private)
        return (*several, self.server, self.client, self.attributes, self.bits)

    def derive(self, seen: Seen, revision: str) -> dict[str, bool]:
        """The items that can be told of a device, and whether it has them."""
        told = {item: has for item, has in self._told(seen) if has is not None}
        later = self.later_than_1_0 if revision == "1.0" else ()
        return {item: has for item, has in told.items() if item not in later}

    def _told(self, seen: Seen) -> Iterator[tuple[str, bool | None]]:
        ours = [one for one in seen.applications if one.profile == self.profile]
        for item, rule in self.node.items():
            yield item, rule.holds(seen.node)
        for item, device in self.device.items():
            yield item, any(one.device == device for one in ours)
        for item, least in self.endpoints.items():
            yield item, len(ours) >= least
        for item, private in self.private.items():
            yield item, any(map(private.holds, seen.applications))
        for item, cluster in self.server.items():
            yield item, any(one.has(cluster, "server") for one in ours)
        for item, cluster in self.client.items():
            yield item, any(one.has(cluster, "client") for one in ours)
        for item, listed in self.attributes.items():
            yield item, listed.holds(seen)
        for item, bit in self.bits.items():
            yield item, bit.holds(seen)


@cache
def rules(file: Path = FILE) -> Rules:
    """Return how items are told. Raises ConfigError that names file and key."""
    return load_toml(file, Rules)


@dataclass(frozen=True, slots=True)
class Difference:
    """An item of which device and claim say different things."""

    item: str
    claim: str
    """`true`, `false` or `absent`."""
    shown: bool

    @property
    def claimed(self) -> str:
        """What the claim lets one expect."""
        said = {"true": "there", "false": "not there"}.get(self.claim, "not there, or claimed")
        return f"{self.item} {said}: the claim is {self.claim}"

    @property
    def seen(self) -> str:
        """What the device shows."""
        return f"{self.item} is {'there' if self.shown else 'not there'}"


def compare(shown: Mapping[str, bool], claims: Claims) -> list[Difference]:
    """Return where a claim differs from what is shown: claimed and not there, or there and not
    claimed. What is absent from the claim is not claimed.
    """
    return [
        Difference(item, state(claims, item), has)
        for item, has in shown.items()
        if has != claims.get(item, False)
    ]
