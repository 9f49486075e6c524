"""Simulated prepayment terminal, 0x0506 (075356 6.3.7)."""

from __future__ import annotations

from lab.golden.node import Node
from lab.golden.price import PRICE, PriceClient
from lab.golden.zcl_layer import Attribute, Cluster, Endpoint
from lab.virtual.service_user import ServiceUser

__all__ = ["SimulatedPrepayment"]

PREPAYMENT = 0x0705
#: Payment control: prepayment and credit display enabled.
PREPAYMENT_ENABLED = 1 << 1 | 1 << 4
CREDIT = 2_350
CREDIT_OK = 1 << 0


class SimulatedPrepayment(ServiceUser):
    """Price and Time clients; the Prepayment cluster, both sides, in the revisions that have it."""

    model = "se-prepayment"
    device_id = 0x0506
    services = (PRICE,)

    def applications(self, node: Node, endpoint: Endpoint) -> None:
        """The clients, and the credit that is left."""
        super().applications(node, endpoint)
        later = self.revision != "1.0"  # the cluster and Price Acknowledgement came with 1.1
        self.price = PriceClient(node, endpoint, self.utc, acknowledges=later)
        if later:
            endpoint.use(Cluster(PREPAYMENT))
            endpoint.serve(
                Cluster(
                    PREPAYMENT,
                    {
                        0x0000: Attribute("bitmap8", PREPAYMENT_ENABLED),
                        0x0001: Attribute("int32", CREDIT),
                        0x0003: Attribute("bitmap8", CREDIT_OK),
                    },
                )
            )
