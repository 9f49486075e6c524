"""The other devices of the home area network round the device under test (lab.topology).

They are powered and commissioned by the lab, like real ones: each has an EUI-64 and an installation
code that the trust center is told, joins, and establishes its link key. It happens once for each
network that is formed, one after the other, while the device under test is off; who is `late` comes
in when that device has authenticated. When the network goes off the air they go with it. Seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from lab.cases import remark
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.air import AirView
    from lab.bench import Bench
    from lab.golden.link_keys import LinkKey
    from lab.topology import Actor

__all__ = ["Member", "Population"]

#: How long one may take to come into service, and how often that is looked at.
SERVICE_MAX, LOOK_EVERY = 180.0, 2.0
#: In which the last one finds the services of the trust center, and is quiet then.
SETTLED = 10.0
#: In which a device asks for the services of who has announced itself (5.5.5.2).
QUESTIONS = 600.0

Admit = Callable[[Eui64, bytes], None]
Open = Callable[[float], None]


class Member(Protocol):
    """A device of the lab whose power, memory and state are at hand."""

    actor: Actor
    eui64: Eui64
    install_code: bytes

    def switch(self, on: bool) -> None:
        """Switch its power."""

    def renew(self) -> None:
        """Make it factory-new; it has to be off."""

    @property
    def in_service(self) -> bool:
        """Whether it is in a network, with the link key of its trust center established."""

    @property
    def link_keys(self) -> list[LinkKey]:
        """The link keys that it holds."""


class Population:
    """The devices beside the one under test; none on a bench without a topology.

    ``network_keys`` are those of further networks that are on the air.
    """

    def __init__(
        self, bench: Bench, members: Sequence[Member] = (), network_keys: Sequence[bytes] = ()
    ) -> None:
        self.bench = bench
        self.network_keys = tuple(network_keys)
        # who is behind another one comes after it
        self.members = sorted(members, key=lambda one: one.actor.behind is not None)
        self.standing: set[str] = set()

    def __bool__(self) -> bool:
        """Whether there is anybody."""
        return bool(self.members)

    @property
    def complete(self) -> bool:
        """Whether all are in service, or nobody is there to be."""
        return len(self.standing) == len(self.members)

    def introduce(self, air: AirView) -> None:
        """Make the captures of ``air`` readable also where others than the device speak."""
        for key in self.network_keys:
            air.keys.add_network(key)

    def off(self) -> None:
        """Switch all off: their network is no more, or off the air."""
        self.standing.clear()
        for one in self.members:
            self.bench.call(self._switch_off(one), awaited=f"{one.actor.id} to be switched off")

    def commission(self, admit: Admit, permit: Open, *, late: bool = False) -> None:
        """Bring in those that are not there yet, the late ones or the others.

        ``admit(eui64, install code with CRC)`` tells the trust center of one, ``permit(seconds)``
        opens joining, and closes it with 0. Who does not come into service, as where a case has
        the trust center refuse everybody, is switched off again and remarked upon.
        """
        wanted = [one for one in self.members if one.actor.late == late]
        wanted = [one for one in wanted if one.actor.id not in self.standing]
        for one in wanted:
            admit(one.eui64, one.install_code)
        for one in wanted:
            permit(SERVICE_MAX)
            self.bench.call(self._switch_on(one), awaited=f"{one.actor.id} to be switched on")
            self._await_service(one)
        if wanted:
            permit(0)
            self.bench.wait(QUESTIONS if late else SETTLED)

    def _await_service(self, one: Member) -> None:
        """Wait until one is in service; what it says from now on can be read in captures."""
        deadline = self.bench.now() + SERVICE_MAX
        while not one.in_service and self.bench.now() < deadline:
            self.bench.wait(LOOK_EVERY)
        if not one.in_service:
            self.bench.call(self._switch_off(one), awaited=f"{one.actor.id} to be switched off")
            remark(f"{one.actor.id} of the topology did not come into service, and is off")
            return
        self.standing.add(one.actor.id)
        if self.bench.air is not None:
            for key in one.link_keys:
                self.bench.air.keys.add_link(key.key, key.origin, (one.eui64, key.partner))

    async def _switch_off(self, one: Member) -> None:
        one.switch(False)

    async def _switch_on(self, one: Member) -> None:
        one.switch(False)
        one.renew()
        one.switch(True)
