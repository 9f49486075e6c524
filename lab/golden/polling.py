"""How an end device whose receiver is off when idle gets its frames (053474 3.6.6, 075356 5.3.4).

It asks its parent with MAC data requests: rarely when idle, fast while it joins, rejoins, or
awaits an answer, and at once when a frame said that another is held. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.golden.joining import State
from zigbee import aps, mac, nwk
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.golden.joining import Joiner
    from lab.golden.node import Node, Timer

__all__ = ["Poller"]

#: Between two polls while something is expected.
FAST = 0.5
#: How long an answer to what was sent is expected.
EXPECTANT = 13.0
REJOIN_REQUEST = b"\x06"
#: Between a frame and the poll for the next that the parent holds.
NEXT = 0.02


class Poller:
    """Polls for a joined node; ``awaits`` tells whether an application still awaits something."""

    def __init__(self, node: Node, joiner: Joiner, awaits: Callable[[], bool]) -> None:
        self.node = node
        self.joiner = joiner
        self.awaits = awaits
        self._expectant_until = 0.0
        self._owed = False
        self._timer: Timer | None = None
        node.mac.polls = True
        node.tap("aps", "out", self._sent)
        node.tap("nwk", "out", self._asked)
        node.tap("mac", "in", self._received)

    def start(self) -> None:
        """Begin."""
        self._in(FAST)

    def _in(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.node.after(delay, self._poll)

    @property
    def busy(self) -> bool:
        """Whether something is expected."""
        expectant = self.node.now < self._expectant_until or self.awaits()
        insists = self._owed and self.node.policy.insists_on_promise()
        return expectant or insists or not self.joiner.in_service

    @property
    def _may_ask(self) -> bool:
        joiner = self.joiner
        placed = joiner.in_service or joiner.state == State.AUTHENTICATING
        known = not isinstance(joiner.parent, Eui64) and joiner.parent < 0xFFF8
        return known and (placed or joiner.recovery.attempting)

    def _poll(self) -> None:
        if self._may_ask:
            self.node.mac.poll(self.joiner.parent)
        self._in(FAST if self.busy else self.node.policy.poll_period())

    def promised(self, pending: bool) -> None:
        """Take note of an acknowledgement: it said whether the parent holds a frame."""
        self._owed = self._owed or pending

    def _sent(self, frame: aps.ApsFrame) -> aps.ApsFrame:
        """Something that is answered goes out."""
        if frame.frame_type == aps.ApsType.DATA and frame.ack_request:
            self._expectant_until = self.node.now + EXPECTANT
            self._in(FAST)
        return frame

    def _asked(self, frame: nwk.NwkFrame) -> nwk.NwkFrame:
        """The answer to a Rejoin Request is held by the new parent (3.6.1.4.2)."""
        if frame.frame_type == nwk.NwkType.COMMAND and frame.payload[:1] == REJOIN_REQUEST:
            self._in(FAST)
        return frame

    def _received(self, frame: mac.MacFrame) -> mac.MacFrame:
        """The parent holds more if the frame says so."""
        if frame.frame_type == mac.MacType.DATA:
            self._owed = False
            if frame.pending:
                self._in(NEXT)
        return frame
