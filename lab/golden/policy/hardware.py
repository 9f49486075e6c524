"""Chance, storage of keys, and power."""

from __future__ import annotations

import random

__all__ = ["HardwarePolicy"]


class HardwarePolicy:
    """A conformant node's decisions of this chapter."""

    # -- chance (ZB 4.5.4.1) ---------------------------------------------------------------------

    def chance_after_boot(self, rng: random.Random) -> random.Random:
        """The source of chance after a boot: the one of before, never one that begins anew."""
        return rng

    # -- key storage (bench requirement) ---------------------------------------------------------

    def tells_keys(self) -> bool:
        """Whether the console shows keys (no)."""
        return False

    def tells_install_code(self) -> bool:
        """Whether the console shows the install code unasked (no)."""
        return False

    def dumps_memory(self) -> bool:
        """Whether the console shows memory to whoever asks (no)."""
        return False

    def serves_keys(self) -> bool:
        """Whether attributes show keys (no)."""
        return False

    # -- power (bench requirement) ---------------------------------------------------------------

    def resets_after(self, short_lives: int) -> bool:
        """Whether that many losses of power, each soon after a boot, are an order to reset (no)."""
        return False

    def keeps_commissioning(self, seconds_off: float) -> bool:
        """Whether network and keys are still there after ``seconds_off`` without power."""
        return True

    def resets_on_brown_out(self) -> bool:
        """Whether a supply too low for the processor resets it, instead of leaving it hung."""
        return True

    def keeps_extended_pan(self) -> bool:
        """Whether the extended PAN id is there after a loss of power (ZB 3.6.1)."""
        return True
