"""Whether the trust center is still there: an exchange under the link key, again and again.

075356 1.1, 5.5.5.3 and 5.4.2.2.3.4: every five to twenty minutes the device reads attribute 0x0000
of the trust center's Key Establishment cluster, APS-secured; three failures in a row mean that the
trust center is lost. After a boot one failure is enough: nothing has been heard there yet. A device
of 1.0 may do so too: it is how it notices that its network is gone. Times are seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zigbee import zcl
from zigbee.zcl import ZclFrame, general

if TYPE_CHECKING:
    from lab.golden.joining import Joiner
    from lab.golden.node import Node, Timer

__all__ = ["KeepAlive"]

KEY_ESTABLISHMENT = 0x0800
SUITE = 0x0000
TRUST_CENTER = 0x0000


class KeepAlive:
    """The periodic exchange of a device with its trust center's endpoint ``endpoint``."""

    def __init__(self, node: Node, joiner: Joiner, endpoint: int) -> None:
        self.node = node
        self.joiner = joiner
        self.endpoint = endpoint
        #: the trust center's endpoint with the cluster
        self.partner_endpoint = 1
        self.failures = 0
        self._unsure = False
        self._timer: Timer | None = None

    def start(self, *, now: bool = False, unsure: bool = False) -> None:
        """Begin; ``now`` asks within seconds. ``unsure``, after a boot: one failure is enough."""
        self.stop()
        self.failures = 0
        self._unsure = unsure
        if now:
            self._timer = self.node.after(self.node.random.uniform(1.0, 3.0), self._ask)
        else:
            self._next()

    def stop(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next(self) -> None:
        self.stop()
        period = self.node.policy.keep_alive_period(self.node.random)
        self._timer = self.node.after(period, self._ask)

    def _ask(self) -> None:
        self._next()
        trust_center = self.joiner.trust_center
        if not self.joiner.in_service or self.node.aps.keys.get(trust_center) is None:
            return
        frame = ZclFrame(
            cluster_specific=False,
            direction=zcl.Direction.TO_SERVER,
            sequence=self.node.zcl.next_sequence(),
            command=general.ReadAttributes.COMMAND,
            payload=general.ReadAttributes([SUITE]).to_bytes(),
        )
        self.node.zcl.send(
            frame,
            TRUST_CENTER,
            cluster=KEY_ESTABLISHMENT,
            dst_endpoint=self.partner_endpoint,
            src_endpoint=self.endpoint,
            secure=True,
            done=self._ended,
        )

    def _ended(self, acknowledged: bool) -> None:
        recovery, unsure = self.joiner.recovery, self._unsure
        if acknowledged:
            self.failures, self._unsure = 0, False
            recovery.trust_center_there()
            return
        self.failures += 1
        if unsure or self.failures >= self.node.policy.keep_alive_failures():
            self.failures, self._unsure = 0, False
            recovery.begin(trust_center_lost=not unsure)
