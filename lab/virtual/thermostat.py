"""Simulated programmable communicating thermostat, 0x0503 (075356 6.3.4)."""

from __future__ import annotations

from lab.virtual.load_control import SimulatedLoadControl

__all__ = ["SimulatedThermostat"]

HVAC_COMPRESSOR = 1 << 0


class SimulatedThermostat(SimulatedLoadControl):
    """A load control client whose load, the compressor, is not on the bench's supply."""

    model = "se-thermostat"
    device_id = 0x0503
    device_class = HVAC_COMPRESSOR
    load_current = 0.0
