"""The Metering server of an electricity meter under steady load (075356 Annex D.3)."""

from __future__ import annotations

from collections.abc import Callable

from lab.golden.zcl_layer import Attribute, Cluster

__all__ = ["METERING", "meter_server"]

METERING = 0x0702
KILOWATT_HOURS, ELECTRIC = 0x00, 0x00
#: Three digits right of the point, six left of it, leading zeros suppressed (D.3.2.2.4.4).
FORMATTING = 0x80 | 6 << 3 | 3
#: What the register shows at the start, and what it gains, in thousandths: Wh and Wh per second.
FIRST_READING = 48_213_905
DEMAND = 1_437
PER_SECOND = DEMAND / 3600


def meter_server(now: Callable[[], float]) -> Cluster:
    """The mandatory attributes, and the demand; ``now`` gives seconds of any origin.

    It has no Get Profile, which is optional: that is answered as an unsupported command.
    """
    return Cluster(
        METERING,
        {
            0x0000: Attribute("uint48", lambda: FIRST_READING + int(now() * PER_SECOND)),
            0x0200: Attribute("bitmap8", 0x00),
            0x0300: Attribute("enum8", KILOWATT_HOURS),
            0x0303: Attribute("bitmap8", FORMATTING),
            0x0306: Attribute("bitmap8", ELECTRIC),
            0x0400: Attribute("int24", DEMAND),
        },
    )
