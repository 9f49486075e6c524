"""What the suites on rejoining and swap-out share: a network that goes away, and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.air import overtime
from lab.cases import observe
from lab.judging import answers_probe, demand, in_time
from lab.patterns import Pattern, any_frame, mac, nwk, zcl
from lab.registers.facts import fact
from zigbee.mac import AssociationRequest
from zigbee.nwk import RejoinRequest

if TYPE_CHECKING:
    from lab.golden.nwk_layer import NetworkKey
    from lab.units.golden_unit import GoldenUnit
    from lab.units.tc import TrustCenter

__all__ = [
    "ASSOCIATION",
    "INITIATE",
    "away",
    "back_in_service",
    "comes_to_be",
    "rejoin_request",
    "renew",
    "under",
    "until",
]

ASSOCIATION = mac(AssociationRequest)
INITIATE = zcl("InitiateKeyEstablishmentRequest")
SECURITY = {True: "with NWK security", False: "without NWK security", None: "of any kind"}


def rejoin_request(secured: bool | None = None) -> Pattern:
    """A Rejoin Request with NWK security, without it, or either."""
    return nwk(RejoinRequest).where(
        lambda packet: packet.nwk is not None and secured in (None, packet.nwk.security),
        SECURITY[secured],
    )


def under(key: bytes) -> Pattern:
    """A frame secured with this network key."""
    return any_frame().where(
        lambda packet: packet.nwk_opened and packet.nwk_key == key,
        f"under network key {key[:2].hex()}..",
    )


@contextmanager
def away(unit: GoldenUnit) -> Iterator[None]:
    """The unit is off the air within this block, unless it is switched on there."""
    unit.off()
    try:
        yield
    finally:
        unit.on()


def renew(tc: TrustCenter) -> NetworkKey:
    """Use a new network key, and no other, that a device which is switched off cannot hear of."""
    key = tc.new_network_key()
    tc.do(tc.node.nwk.exchange_keys, [key], {})
    return key


def until(
    unit: GoldenUnit, test: Callable[[], object], within: float, every: float = 60.0
) -> float | None:
    """Try ``test`` every so many seconds until it holds; gives the seconds that passed, or None."""
    start = unit.bench.now()
    while unit.bench.now() - start <= within:
        if test():
            return unit.bench.now() - start
        unit.bench.wait(every)
    return None


def comes_to_be(
    unit: GoldenUnit,
    test: Callable[[], object],
    within: float,
    expected: str,
    every: float = 60.0,
) -> None:
    """Demand that ``test`` comes to hold, and in time; ``expected`` says so in words."""
    took = until(unit, test, within + overtime(within), every)
    demand(took is not None, expected, f"not in {within + overtime(within):g} s")
    if took is not None:
        in_time(took <= within, f"{expected} within {within:g} s", f"after {took:.0f} s")


def back_in_service(tc: GoldenUnit, within: float) -> None:
    """Demand CTRL within ``within`` seconds, and KEYPROBE under the link key of before.

    A device that takes longer may be one that looks for its network seldom: it is given the
    longest pause of recovery, and rests on that fact.
    """
    took = until(tc, tc.control_read, within)
    if took is None:
        longest = fact("recovery.longest_pause")
        took = until(tc, tc.control_read, longest + overtime(longest), 600.0)
        demand(took is not None, f"service again within {longest} s", "no control read answered")
        in_time(False, f"service again within {within:g} s", "later than that")
    observe("in service again")
    answers_probe(tc)
