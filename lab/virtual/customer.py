"""A device of the customer's own network, beside the utility's and outside of its profile.

It is a router of a network that was commissioned long ago: it answers beacon requests, with joining
closed, and reports to its neighbours now and then. Nothing of that concerns the device under test,
which has to live beside it. Times are seconds.
"""

from __future__ import annotations

import random

from lab.golden.node import Node
from lab.golden.nwk_layer import NetworkKey
from lab.units.host import NodeHost
from lab.virtual.air import AirRadio
from zigbee import nwk, zcl
from zigbee.types import Eui64
from zigbee.zcl import ZclFrame, general

__all__ = ["CustomerDevice"]

HOME_AUTOMATION = 0x0104
ON_OFF = 0x0006
ENDPOINT = 1
#: Its reports: how often, and by how much that varies.
PERIOD, JITTER = 60.0, 10.0


class CustomerDevice:
    """A light, say, that reports On/Off to whom it may concern."""

    def __init__(
        self, radio: AirRadio, *, eui64: Eui64, channel: int, random: random.Random
    ) -> None:
        self.random = random
        node = self.node = Node(eui64, rng=random)
        node.nwk.extended_pan = Eui64(random.getrandbits(63) | 1)
        node.nwk.depth = 1
        self.network_key = random.randbytes(16)
        node.nwk.add_key(NetworkKey(0, self.network_key))
        node.nwk.activate(0)
        node.mac.answers_beacon_requests = True
        pan, short = random.randrange(0x0001, 0xFFF0), random.randrange(0x0001, 0xFFF0)
        node.mac.tune(channel=channel, pan=pan, short=short)
        self.host = NodeHost(node, radio)

    def start(self) -> None:
        """Go on the air; to be called in the running loop."""
        self.host.start()
        self._later()
        self.host.pump()

    def _later(self) -> None:
        self.node.after(PERIOD + self.random.uniform(0.0, JITTER), self._report)

    def _report(self) -> None:
        """Broadcast Report Attributes: On/Off is on or off."""
        record = general.AttributeValue(0x0000, 0x10, self.random.random() < 0.5)
        frame = ZclFrame(
            cluster_specific=False,
            direction=zcl.Direction.TO_CLIENT,
            sequence=self.node.zcl.next_sequence(),
            command=general.ReportAttributes.COMMAND,
            payload=general.ReportAttributes([record]).to_bytes(),
            disable_default_response=True,
        )
        self.node.aps.send(
            frame.to_bytes(),
            nwk.BROADCAST_RX_ON,
            cluster=ON_OFF,
            profile=HOME_AUTOMATION,
            dst_endpoint=0xFF,
            src_endpoint=ENDPOINT,
        )
        self._later()
