"""The other devices of a topology on the virtual air: simulated ones, each a radio of its own.

They are conformant, whatever defect the device under test has. All but range extenders are end
devices whose receivers are on: no parents, no relays, and next to nothing to say while they idle.
Where they stand: who is behind a range extender hears that one alone, and a range extender hears
the trust center and them, but no radio that joins: that of a device under test, or of a golden
unit, which so meets the one parent that its case means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from lab.topology import Actor
from lab.virtual.air import Air, AirRadio
from lab.virtual.console import SimulatedConsole
from lab.virtual.customer import CustomerDevice
from lab.virtual.device import SimulatedDevice
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.golden.link_keys import LinkKey

__all__ = ["Neighbourhood", "Resident", "populate"]

MAINS = 3.0
OUT_OF_REACH_DB = 120
#: A range extender takes in the trust center's frames this much later, seconds: its beacon follows
#: that of a device under test, which does not hear it and would send at the same time.
LATENESS = 0.02


class Unread:
    """The far end of a console that nobody has connected."""

    def __init__(self) -> None:
        self.on_octets: Callable[[bytes], None] | None = None

    def write(self, octets: bytes) -> None:
        """What it says is lost."""


class Resident:
    """A simulated device that joins, as the lab deals with it: see lab.units.population.Member."""

    def __init__(self, actor: Actor, device: SimulatedDevice) -> None:
        self.actor = actor
        self.device = device
        self.eui64 = device.eui64
        self.install_code = device.install_code

    def switch(self, on: bool) -> None:
        """Switch its power."""
        self.device.voltage_changed(MAINS if on else 0.0)

    def renew(self) -> None:
        """Make it factory-new; it has to be off."""
        self.device.nvm.clear()

    @property
    def in_service(self) -> bool:
        """Whether it is in a network, with the link key of its trust center established."""
        return self.device.running and self.device.state() == "authenticated"

    @property
    def link_keys(self) -> list[LinkKey]:
        """The link keys that it holds."""
        return list(self.device.node.aps.keys) if self.device.node is not None else []


@dataclass(slots=True)
class Neighbourhood:
    """The simulated actors: those that join, which are off, and those in networks of their own."""

    residents: list[Resident] = field(default_factory=list)
    customers: list[CustomerDevice] = field(default_factory=list)

    @property
    def network_keys(self) -> list[bytes]:
        """The keys of the networks that are there anyway: no capture of the lab stays closed."""
        return [one.network_key for one in self.customers]


def populate(
    air: Air,
    actors: Sequence[Actor],
    around: Mapping[str, AirRadio],
    chance: Callable[[str], Random],
    device_class: Callable[[str], type[SimulatedDevice]],
    *,
    revision: str,
    channel: int,
    trust_center: str,
) -> Neighbourhood:
    """Put the simulated actors on the air.

    ``around`` are the radios that are there: those of the bench by their parts, and that of the
    device under test, "dut". ``trust_center`` is which of them stands for it.
    """
    radios = {one.id: air.attach(one.id) for one in actors}
    found = Neighbourhood()
    for one in actors:
        random = chance(f"actor {one.id}")
        if one.joins:
            made = device_class(one.simulated or "")
            device = _device(made, one, radios[one.id], random, revision)
            found.residents.append(Resident(one, device))
        else:
            eui64 = Eui64.parse(one.identity.eui64 or "")
            away = one.channel or channel
            customer = CustomerDevice(radios[one.id], eui64=eui64, channel=away, random=random)
            customer.start()
            found.customers.append(customer)
    for one in actors:
        if "range_extender" in one.role:
            others = {key: radio for key, radio in around.items() if key != trust_center}
            _put_out_of_reach(air, radios[one.id], others)
            air.set_link(around[trust_center], radios[one.id], delay=LATENESS, both_ways=False)
        if one.behind in radios:
            near = (one.id, one.behind)
            others = {key: radio for key, radio in radios.items() if key not in near}
            _put_out_of_reach(air, radios[one.id], {**others, **around})
    return found


def _device(
    made: type[SimulatedDevice], actor: Actor, radio: AirRadio, chance: Random, revision: str
) -> SimulatedDevice:
    """The device that plays an actor."""
    device = made(
        radio,
        SimulatedConsole(Unread()),
        eui64=Eui64.parse(actor.identity.eui64 or ""),
        install_code=bytes.fromhex(actor.identity.install_code or ""),
        random=chance,
        revision=revision,
    )
    device.router = "range_extender" in actor.role
    return device


def _put_out_of_reach(air: Air, far: AirRadio, others: Mapping[str, AirRadio]) -> None:
    """Have ``far`` hear none of ``others`` but the sniffer, and them not it."""
    for name, radio in others.items():
        if name != "sniffer":
            air.set_link(far, radio, path_loss_db=OUT_OF_REACH_DB)
