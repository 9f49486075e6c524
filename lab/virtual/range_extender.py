"""The simulated range extender, device 0x0008 (075356 6.3): it routes, and nothing else."""

from __future__ import annotations

from lab.virtual.device import SimulatedDevice

__all__ = ["SimulatedRangeExtender"]


class SimulatedRangeExtender(SimulatedDevice):
    """A router and parent with a certificate of its own and no energy service."""

    model = "se-range-extender"
    device_id = 0x0008
