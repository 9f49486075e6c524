"""Simulated load control device, 0x0504 (075356 6.3.5): sheds its load when it is told to."""

from __future__ import annotations

from lab.golden.drlc import DRLC, DrlcClient, Event
from lab.golden.node import Node
from lab.golden.zcl_layer import Endpoint
from lab.virtual.service_user import ServiceUser

__all__ = ["SimulatedLoadControl"]

WATER_HEATER = 1 << 2
#: Amperes that the load draws while it is not shed.
LOAD_CURRENT = 0.060


class SimulatedLoadControl(ServiceUser):
    """DRLC and Time clients; the supply sees whether the load is on."""

    model = "se-load"
    device_id = 0x0504
    device_class = WATER_HEATER
    load_current = LOAD_CURRENT
    services: tuple[int, ...] = (DRLC,)
    shed = False

    def applications(self, node: Node, endpoint: Endpoint) -> None:
        """The DRLC client."""
        super().applications(node, endpoint)
        self.shed = False
        self.load_control = DrlcClient(
            node,
            endpoint,
            self.utc,
            lambda frame: self.send_to_esi(frame, DRLC),
            device_class=self.device_class,
            rng=self.random,
        )
        self.load_control.on_load = self._load

    def current(self, volts: float) -> float:
        """Amperes at ``volts``: those of the processor, and the load's unless it is shed."""
        load = self.load_current if self.running and not self.shed else 0.0
        return super().current(volts) + load

    def _load(self, event: Event | None) -> None:
        self.shed = event is not None
        self.console.say("EVENT load " + (f"shed id={event.id}" if event else "restored"))
