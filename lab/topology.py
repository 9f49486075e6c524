"""Topologies: who else is in the home area network, and where in it the device under test stands.

A bench file with [topology] and [[actor]] tables is the reference for one. An actor is the device
under test, a golden unit on one of the bench's radios, a simulated device on the virtual air, or,
where the table says nothing of these, a script outside of the air (a head end, a portal).
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from lab.config import ConfigError, Section
from lab.dut import DutFile, IdentityPart, Simulated

if TYPE_CHECKING:
    from lab.bench import BenchFile

__all__ = ["Actor", "Topology", "check", "check_place", "place_of", "residents", "summary"]

Role = Literal[
    "esi",
    "tc",
    "metering",
    "ipd",
    "pct",
    "load_control",
    "range_extender",
    "customer device",
    "head end",
    "portal",
    "retailer",
    "attacker",
]
Kind = Simulated | Literal["second_esi", "customer"]
"""A simulated device of lab/virtual/bench.py; those that are trust centers are no neighbours."""


class Topology(Section):
    """A home area network: its networks, where a device under test may stand, and what for."""

    id: str
    title: str
    figure: str = ""
    """Where the drawing is."""
    description: str = ""
    networks: dict[str, str]
    """Id of each network -> what it is."""
    positions: Annotated[tuple[str, ...], Field(min_length=1)]
    """Actors whose place the device under test can take."""
    areas: tuple[str, ...] = ()
    """Areas of cases (the first word of their ids) that it is for; none: all of them."""

    def reason_outside(self, case_id: str) -> str | None:
        """Return why a case is not for this topology; None when it is."""
        area = case_id.partition("-")[0]
        if not self.areas or area in self.areas:
            return None
        return f"topology: {self.id} is not for area {area} (topology.areas of the bench file)"


class Actor(Section):
    """One that the drawing of a topology shows."""

    id: str
    role: Annotated[tuple[Role, ...], Field(min_length=1)]
    owner: str
    network: str | None = None
    unit: Literal["radio", "second_radio"] | None = None
    """The golden unit on this radio plays it."""
    simulated: Kind | None = None
    """This simulated device plays it, on the virtual air."""
    identity: IdentityPart = IdentityPart()
    """Of a simulated one: its EUI-64, and its installation code if it joins."""
    behind: str | None = None
    """The range extender through which it joins: it is out of the trust center's reach."""
    late: bool = False
    """It comes into the network when the device under test has authenticated, and not before."""
    channel: Annotated[int, Field(ge=11, le=26)] | None = None
    """Of one that is in a network of its own; without it the channel of the bench's radio."""
    note: str = ""

    @model_validator(mode="after")
    def _played(self) -> Actor:
        if self.unit is not None and self.simulated is not None:
            raise ValueError(f"{self.id!r} has both unit and simulated: one plays it")
        if self.simulated in ("esi", "two_network_esi"):
            raise ValueError(f"{self.id!r} would be a second trust center: take second_esi")
        if self.simulated is None:
            return self
        needed = {"network": self.network, "identity.eui64": self.identity.eui64}
        if self.joins:
            needed["identity.install_code"] = self.identity.install_code
        for key, value in needed.items():
            if value is None:
                raise ValueError(f"{self.id!r} is simulated and has no {key}: add it")
        return self

    @property
    def joins(self) -> bool:
        """Whether it is a simulated device that joins the network of the device under test."""
        return self.simulated not in (None, "customer")


def check(file: BenchFile, path: Path) -> None:
    """Refuse a topology that contradicts itself. Raises ConfigError that names file and key."""
    for key, what, remedy in _faults(file):
        raise ConfigError(what, path, key, remedy)


def _faults(file: BenchFile) -> Iterator[tuple[str, str, str]]:
    """Yield key, fault and remedy for what is wrong between the tables."""
    topology, actors = file.topology, file.actor
    if topology is None:
        if actors:
            yield "actor", "there is no [topology] that they belong to", "add it"
        return
    by_id = {one.id: one for one in actors}
    known = f"actors are {', '.join(by_id) or '(none)'}"
    for position in topology.positions:
        if position not in by_id:
            yield "topology.positions", f"there is no actor {position!r}", known
    for key in ("id", "identity.eui64"):
        values = [attrgetter(key)(one) for one in actors]
        for number, value in enumerate(values):
            if value is not None and value in values[:number]:
                yield f"actor[{number}].{key}", f"{value} is that of another actor", "change one"
    for number, one in enumerate(actors):
        if one.network is not None and one.network not in topology.networks:
            there = ", ".join(topology.networks)
            yield f"actor[{number}].network", f"there is no network {one.network!r}", f"of: {there}"
        if one.behind is not None and "range_extender" not in by_id.get(one.behind, one).role:
            yield f"actor[{number}].behind", f"{one.behind!r} is no range extender", known
        if one.simulated is not None and file.virtual is None:
            yield f"actor[{number}].simulated", "there is no virtual air", "add [virtual]"
        if one.unit is not None and one.unit not in file.lines:
            yield f"actor[{number}].unit", f"this bench has no [{one.unit}]", "add it"


def check_place(file: BenchFile, path: Path, dut: DutFile, dut_path: Path) -> None:
    """Refuse a device that has no place in the topology. Raises ConfigError."""
    topology = file.topology
    if topology is None or place_of(file, dut) is not None:
        return
    places = ", ".join(f"{one.id} ({', '.join(one.role)})" for one in _places(file))
    raise ConfigError(
        f"topology {topology.id!r} has no place for {dut.name!r}, which is {', '.join(dut.roles)}",
        dut_path,
        "pics",
        f"a device under test of {path} is one of: {places}",
    )


def place_of(file: BenchFile, dut: DutFile) -> Actor | None:
    """Return the actor whose place the device takes; None without a topology, or a place in it.

    Of several the one with most of its roles, then the one with the fewest others.
    """
    fitting = [one for one in _places(file) if _fits(one, dut)]
    rank = {one.id: (-len({*one.role} & {*dut.roles}), len(one.role)) for one in fitting}
    return min(fitting, key=lambda one: rank[one.id], default=None)


def _places(file: BenchFile) -> list[Actor]:
    """The actors whose place a device under test can take."""
    return [one for one in file.actor if file.topology and one.id in file.topology.positions]


def _fits(actor: Actor, dut: DutFile) -> bool:
    """Whether a device can take an actor's place: a role in common, and both or none the TC."""
    common = {*actor.role} & {*dut.roles}
    return bool(common) and ("tc" in actor.role) == ("tc" in dut.roles)


def residents(file: BenchFile, dut: DutFile) -> list[Actor]:
    """Return the simulated actors that stand beside this device."""
    place = place_of(file, dut)
    return [one for one in file.actor if one.simulated is not None and one != place]


def summary(file: BenchFile, dut: DutFile) -> dict[str, Any]:
    """Return what a report shows: title, description, networks and actors; empty without one."""
    if file.topology is None:
        return {}
    return {
        "id": file.topology.id,
        "title": file.topology.title,
        "figure": file.topology.figure,
        "description": " ".join(file.topology.description.split()),
        "networks": file.topology.networks,
        "actors": _rows(file, dut),
    }


def _rows(file: BenchFile, dut: DutFile) -> list[dict[str, str]]:
    """Return a row for each actor: id, role, owner, network, and who plays it."""
    place = place_of(file, dut)
    found = []
    for one in file.actor:
        player = "the device under test" if one == place else _player(one)
        network = one.network or "-"
        found.append(
            {
                "actor": one.id,
                "role": ", ".join(one.role),
                "owner": one.owner,
                "network": network,
                "played by": f"{player}; {one.note}" if one.note else player,
            }
        )
        if one == place and one.unit is not None:  # the golden unit does not stand idle
            joins = {"actor": "(of the lab)", "role": "a device that joins", "owner": "lab"}
            found.append({**joins, "network": network, "played by": "the golden unit"})
    return found


def _player(actor: Actor) -> str:
    if actor.unit == "radio":
        return "the golden unit"
    if actor.unit == "second_radio":
        return "the second radio, in cases that ask for it"
    if actor.simulated is None:
        return "nobody: a script, not on the air"
    where = f", behind {actor.behind}" if actor.behind else ""
    late = ", after the device has authenticated" if actor.late else ""
    return f"simulated {actor.simulated}, EUI-64 {actor.identity.eui64}{where}{late}"
