"""Basic, Identify and Time as nodes of Smart Energy carry them (ZCL 3.2, 3.5, 3.12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.golden.zcl_layer import Attribute, Cluster, Request
from zigbee import zcl
from zigbee.zcl import Status

if TYPE_CHECKING:
    from lab.golden.node import Node, Timer

__all__ = [
    "BASIC",
    "IDENTIFY",
    "TIME",
    "Identify",
    "basic_server",
    "commissioning_server",
    "time_server",
]

BASIC, IDENTIFY, TIME = 0x0000, 0x0003, 0x000A
COMMISSIONING = 0x0015
MAINS = 0x01
#: TimeStatus: master, synchronized, master for zone and daylight saving.
MASTER_CLOCK = 0b0111


def basic_server(*, manufacturer: str, model: str) -> Cluster:
    """The Basic cluster of a mains-powered device."""
    return Cluster(
        BASIC,
        {
            0x0000: Attribute("uint8", 1),
            0x0004: Attribute("string", manufacturer),
            0x0005: Attribute("string", model),
            0x0007: Attribute("enum8", MAINS),
        },
    )


def time_server(utc: Callable[[], int]) -> Cluster:
    """The Time cluster of an ESI; ``utc`` gives seconds since 2000-01-01."""
    return Cluster(
        TIME,
        {
            0x0000: Attribute("UTC", utc),
            0x0001: Attribute("bitmap8", MASTER_CLOCK),
            0x0002: Attribute("int32", 0),
            0x0007: Attribute("uint32", utc),
        },
    )


def commissioning_server(node: Node) -> Cluster:
    """A Commissioning cluster that shows the network and its key: no conformant device has it."""

    def key() -> bytes:
        active = node.nwk.active
        return active.key if active is not None else bytes(16)

    return Cluster(
        COMMISSIONING,
        {
            0x0002: Attribute("uint16", lambda: node.mac.pan),
            0x0012: Attribute("key128", key),
        },
    )


class Identify:
    """The Identify cluster: counts down while the device shows itself."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.until = 0.0
        self._timer: Timer | None = None
        self.cluster = Cluster(
            IDENTIFY,
            {0x0000: Attribute("uint16", self.remaining)},
            {0x00: self._identify, 0x01: self._query},
        )

    def remaining(self) -> int:
        """Seconds left, 0 when not identifying."""
        return max(0, round(self.until - self.node.now))

    def _identify(self, request: Request) -> int | None:
        if request.command is not None:
            self.until = self.node.now + request.command.fields["IdentifyTime"]
        return int(Status.SUCCESS)

    def _query(self, request: Request) -> int | None:
        left = self.remaining()
        if not self.node.policy.tells_identify_time(left):
            return int(Status.SUCCESS)
        definition = zcl.cluster(IDENTIFY).command("IdentifyQueryResponse")
        request.answer(definition.id, definition.build(Timeout=left), cluster_specific=True)
        return None
