"""Simulated metering device, 0x0501 (075356 6.3.2): an electricity meter that counts."""

from __future__ import annotations

from lab.golden.metering import meter_server
from lab.golden.node import Node
from lab.golden.zcl_layer import Endpoint
from lab.virtual.service_user import ServiceUser

__all__ = ["SimulatedMeter"]


class SimulatedMeter(ServiceUser):
    """The Metering server, and a Time client."""

    model = "se-meter"
    device_id = 0x0501

    def applications(self, node: Node, endpoint: Endpoint) -> None:
        """The Metering server; its register goes on with the bench's clock."""
        super().applications(node, endpoint)
        endpoint.serve(meter_server(lambda: node.now))
