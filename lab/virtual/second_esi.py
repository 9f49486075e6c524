"""A simulated energy services interface that is not the trust center: it joins, and serves
(075356 5.2, 6.3.1; several ESIs in one network: 5.5.5.2).
"""

from __future__ import annotations

from lab.golden.clusters import time_server
from lab.golden.node import Node
from lab.golden.price import PriceServer
from lab.golden.zcl_layer import Cluster, Endpoint
from lab.virtual.device import SimulatedDevice
from lab.virtual.esi import EPOCH, LOAD_CONTROL, MESSAGING

__all__ = ["SimulatedSecondEsi"]


class SimulatedSecondEsi(SimulatedDevice):
    """Time, Price, Load Control and Messaging servers; it has no prices and no events."""

    model = "se-second-esi"
    device_id = 0x0500

    def applications(self, node: Node, endpoint: Endpoint) -> None:
        """The servers that devices look for."""
        endpoint.serve(time_server(self.utc))
        self.prices = PriceServer(node, endpoint, self.utc)
        for cluster in (LOAD_CONTROL, MESSAGING):
            endpoint.serve(Cluster(cluster))

    def utc(self) -> int:
        """UTC seconds since 2000-01-01."""
        return EPOCH + int(self.node.now if self.node is not None else 0)
