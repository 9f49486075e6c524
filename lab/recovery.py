"""What the suites on rejoining and swap-out share: a network that goes away, and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.judging import demand
from lab.patterns import Pattern, any_frame, mac, nwk, zcl
from zigbee.mac import AssociationRequest
from zigbee.nwk import RejoinRequest

if TYPE_CHECKING:
    from lab.golden.nwk_layer import NetworkKey
    from lab.golden_unit import GoldenUnit
    from lab.tc import TrustCenter

__all__ = [
    "ASSOCIATION",
    "INITIATE",
    "away",
    "back_in_service",
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


def back_in_service(tc: GoldenUnit, within: float) -> None:
    """Demand CTRL within ``within`` seconds, and KEYPROBE under the link key of before."""
    took = until(tc, tc.control_read, within)
    demand(
        took is not None,
        f"the control read answered within {within:g} s",
        "not answered" if took is None else f"answered after {took:.0f} s",
    )
    demand(tc.key_probe(), "an answer under the same link key", "key probe answered")
