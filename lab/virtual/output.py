"""The model of one output of a bench supply: settling, current limit, protections that latch."""

import asyncio
from collections.abc import Callable
from typing import Literal

Protection = Literal["ovp", "ocp"]

_BISECTIONS = 40


class Output:
    """One output. `volts` is what stands at its terminals now, `set_volts` what it is told."""

    def __init__(
        self,
        number: int,
        *,
        load: Callable[[float], float],
        on_voltage: Callable[[float], None] | None,
        settle_s: float,
        most_volts: float,
        most_amperes: float,
    ) -> None:
        self.number = number
        self.load = load
        self.on_voltage = on_voltage
        self.settle_s = settle_s
        self.most_volts = most_volts
        self.most_amperes = most_amperes
        self.volts = 0.0
        self.limiting = False
        self._settling: asyncio.TimerHandle | None = None
        self._defaults()

    def _defaults(self) -> None:
        self.set_volts = 0.0
        self.set_amperes = self.most_amperes
        self.on = False
        self.ovp_volts = self.most_volts * 1.07
        self.ovp_enabled = True
        self.ocp_amperes: float | None = None  # None: trips at the current limit
        self.ocp_enabled = False
        self.tripped: Protection | None = None

    def reset(self) -> None:
        """Off, with the settings it comes up with."""
        self._defaults()
        self._settle_soon()

    def set_voltage(self, volts: float) -> None:
        self.set_volts = volts
        if self.on:
            self._settle_soon()

    def switch(self, on: bool) -> bool:
        """Switch on or off; False: refused, because a protection has tripped."""
        if on and self.tripped:
            return False
        if self.on != on:
            self.on = on
            self._settle_soon()
        return True

    def trip(self, protection: Protection) -> None:
        """A protection acts: off at once, and off it stays until `clear`."""
        self.tripped = protection
        self.on = False
        self.cancel()
        self._apply(0.0, limiting=False)

    def clear(self, protection: Protection | None = None) -> None:
        """Clear a trip (None: whichever); the output stays off."""
        if protection is None or self.tripped == protection:
            self.tripped = None

    @property
    def amperes(self) -> float:
        """The current that flows now."""
        if self.volts <= 0:
            return 0.0
        return self.set_amperes if self.limiting else self.load(self.volts)

    def refresh(self) -> None:
        """Look at the load again, unless the output is settling and will do so anyway."""
        if self._settling is None:
            self._settle()

    def cancel(self) -> None:
        """Give up a settling that is under way."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def _settle_soon(self) -> None:
        self.cancel()
        loop = asyncio.get_running_loop()
        self._settling = loop.call_later(self.settle_s, self._settle)

    def _settle(self) -> None:
        self._settling = None
        if not self.on:
            self._apply(0.0, limiting=False)
            return
        if self.ovp_enabled and self.set_volts > self.ovp_volts:
            self.trip("ovp")
            return
        drawn = self.load(self.set_volts)
        own_level = self.ocp_amperes is not None and drawn > self.ocp_amperes
        at_limit = self.ocp_amperes is None and drawn > self.set_amperes
        if self.ocp_enabled and (own_level or at_limit):
            self.trip("ocp")
        elif drawn > self.set_amperes:
            self._apply(self._limited_volts(), limiting=True)
        else:
            self._apply(self.set_volts, limiting=False)

    def _limited_volts(self) -> float:
        """The voltage at which a load that rises with it draws the limit."""
        low, high = 0.0, self.set_volts
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            if self.load(middle) > self.set_amperes:
                high = middle
            else:
                low = middle
        return low

    def _apply(self, volts: float, *, limiting: bool) -> None:
        changed = volts != self.volts
        self.volts, self.limiting = volts, limiting
        if changed and self.on_voltage is not None:
            self.on_voltage(volts)
