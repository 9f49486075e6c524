"""One ZigBee node, sans-I/O: frames and time go in, frames and wake-ups come out.

A :class:`Node` never touches a port, a thread or a clock. Whoever runs it (``lab.units.host`` on a
radio, a test on a list) hands it received frames with the time in seconds, carries out the effects
that it leaves in :attr:`Node.outbox`, and calls :meth:`Node.advance` when
:meth:`Node.next_wakeup` is due. The golden unit and the simulated devices are both nodes; they
differ in their applications and in their :class:`~lab.golden.policy.Policy`.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from lab.golden.effects import Effect, MatchSources, Transmit, Tune
from lab.golden.policy import Policy
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.golden.aps_layer import ApsLayer
    from lab.golden.mac_layer import MacLayer
    from lab.golden.nwk_layer import NwkLayer
    from lab.golden.zcl_layer import ZclLayer
    from lab.golden.zdo import Zdo

__all__ = ["Effect", "MatchSources", "Node", "Tap", "Timer", "Transmit", "Tune"]


@dataclass(slots=True)
class Timer:
    """A call that is due at ``when`` seconds; :meth:`cancel` makes it nothing."""

    when: float
    callback: Callable[[], None] | None

    def cancel(self) -> None:
        """Make the timer do nothing. Harmless when it has already fired."""
        self.callback = None


Frame = Any  # MacFrame, NwkFrame, ApsFrame or ZclFrame, by the layer of the tap


@dataclass(slots=True)
class Tap:
    """A hand on the frames of one layer in one direction.

    ``action`` gets each frame for which ``match`` is true and returns what goes on in its place:
    the frame (altered or not), ``None`` to suppress it, or several frames. ``times`` limits how
    often it acts (``None``: always). Layers are ``mac``, ``nwk``, ``aps`` and ``zcl``; directions
    ``out`` (before security is applied) and ``in`` (after it was removed); ``nwk-secured``,
    ``aps-secured`` and ``mac`` see the octets as they go on the air.
    """

    layer: str
    direction: str
    match: Callable[[Frame], bool]
    action: Callable[[Frame], Frame | Iterable[Frame] | None]
    times: int | None = None


@dataclass(slots=True)
class Nonvolatile:
    """What a node keeps over a loss of power: plain values by name."""

    values: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """The value stored under ``name``, or ``default``."""
        return self.values.get(name, default)

    def put(self, name: str, value: Any) -> None:
        """Store ``value`` under ``name``."""
        self.values[name] = value

    def clear(self) -> None:
        """Forget everything (factory reset)."""
        self.values.clear()


class Node:
    """A ZigBee PRO node with its layers; see the module's text for how it is run."""

    def __init__(
        self,
        eui64: Eui64,
        *,
        rng: random.Random,
        policy: Policy | None = None,
        router: bool = True,
        nvm: Nonvolatile | None = None,
    ) -> None:
        from lab.golden.aps_layer import ApsLayer
        from lab.golden.mac_layer import MacLayer
        from lab.golden.nwk_layer import NwkLayer
        from lab.golden.zcl_layer import ZclLayer
        from lab.golden.zdo import Zdo

        self.eui64 = eui64
        self.random = rng
        self.policy = policy or Policy()
        self.router = router
        self.nvm = nvm or Nonvolatile()
        self.now = 0.0
        self.outbox: deque[Effect] = deque()
        self.taps: list[Tap] = []
        self._tokens = count(1)
        self._waiting: dict[int, Callable[[str, bool], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._timer_order = count()
        self.mac: MacLayer = MacLayer(self)
        self.nwk: NwkLayer = NwkLayer(self)
        self.aps: ApsLayer = ApsLayer(self)
        self.zdo: Zdo = Zdo(self)
        self.zcl: ZclLayer = ZclLayer(self)

    # -- in ---------------------------------------------------------------------------------

    def frame_received(
        self, octets: bytes, now: float, lqi: int = 255, *, promised: bool = True
    ) -> None:
        """Take in one PSDU (without FCS) that the radio received at ``now`` seconds.

        ``promised``: the radio acknowledged it with the frame pending bit set.
        """
        self.now = max(self.now, now)
        self.mac.received(octets, lqi, promised)

    def transmit_done(self, token: int, status: str, pending: bool, now: float) -> None:
        """Tell how the transmission ``token`` ended: ``acked``, ``sent``, ``no_ack``, ..."""
        self.now = max(self.now, now)
        done = self._waiting.pop(token, None)
        if done is not None:
            done(status, pending)

    def advance(self, now: float) -> None:
        """Run all timers that are due at ``now`` seconds, in order."""
        self.now = max(self.now, now)
        while self._timers and self._timers[0][0] <= self.now:
            _, _, timer = heapq.heappop(self._timers)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()

    # -- out --------------------------------------------------------------------------------

    def next_wakeup(self) -> float | None:
        """When :meth:`advance` is next due, in seconds, or ``None``."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def after(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` in ``delay`` seconds."""
        timer = Timer(self.now + delay, callback)
        heapq.heappush(self._timers, (timer.when, next(self._timer_order), timer))
        return timer

    def transmit(
        self, octets: bytes, done: Callable[[str, bool], None] | None = None, retries: int = 3
    ) -> None:
        """Queue one PSDU; ``done(status, frame_pending)`` is told how it went."""
        token = next(self._tokens)
        if done is not None:
            self._waiting[token] = done
        self.outbox.append(Transmit(octets, token, retries))

    def halt(self) -> None:
        """Forget all timers and all that was about to be sent: the power is gone."""
        self._timers.clear()
        self._waiting.clear()
        self.outbox.clear()

    # -- taps -------------------------------------------------------------------------------

    def tap(
        self,
        layer: str,
        direction: str,
        action: Callable[[Frame], Frame | Iterable[Frame] | None],
        *,
        match: Callable[[Frame], bool] = lambda frame: True,
        times: int | None = None,
    ) -> Tap:
        """Add a :class:`Tap`; remove it with :meth:`untap`."""
        tap = Tap(layer, direction, match, action, times)
        self.taps.append(tap)
        return tap

    def untap(self, tap: Tap) -> None:
        """Remove ``tap``; one that is used up or was never there is no error."""
        if tap in self.taps:
            self.taps.remove(tap)

    def through_taps(self, layer: str, direction: str, frame: Frame) -> list[Frame]:
        """What goes on in place of ``frame`` after the taps of this layer and direction."""
        frames = [frame]
        for tap in tuple(self.taps):
            if tap.layer != layer or tap.direction != direction:
                continue
            frames = [out for one in frames for out in self._through(tap, one)]
        return frames

    def _through(self, tap: Tap, frame: Frame) -> list[Frame]:
        if not tap.match(frame):
            return [frame]
        if tap.times is not None:
            tap.times -= 1
            if tap.times <= 0:
                self.untap(tap)
        result = tap.action(frame)
        if result is None:
            return []
        return list(result) if isinstance(result, list | tuple) else [result]
