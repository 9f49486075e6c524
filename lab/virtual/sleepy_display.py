"""The simulated in-premises display on a battery: a sleepy end device (075356 5.3.4).

Its receiver is off but after a beacon request, and after a poll whose acknowledgement said that the
parent holds something. Amperes and seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from drivers.radio import Radio, RxFrame, TxResult
from lab.golden.node import Node
from lab.golden.polling import Poller
from lab.golden.zcl_layer import Endpoint
from lab.virtual.air import AirRadio
from lab.virtual.device import BROWN_OUT_VOLTAGE, IDLE_CURRENT
from lab.virtual.display import SimulatedDisplay
from zigbee.errors import CodecError
from zigbee.mac import BeaconRequest, DataRequest, MacFrame, MacType, parse_mac_command
from zigbee.types import Eui64

__all__ = ["DozingRadio", "SimulatedSleepyDisplay"]

#: How long it listens after a beacon request, and for a frame that was promised to it.
SCAN_LISTEN = 0.2
FRAME_LISTEN = 0.1
SLEEP_CURRENT = 0.0001


class DozingRadio:
    """A place in the air whose receiver is off most of the time."""

    def __init__(self, radio: AirRadio, waits: Callable[[bool], float]) -> None:
        self.radio = radio
        #: seconds to listen after a poll, by whether a frame was promised
        self.waits = waits
        self._off: asyncio.TimerHandle | None = None
        radio.receiver_on = False

    @property
    def on_frame(self) -> Callable[[RxFrame], None] | None:
        """Who gets what it hears."""
        return self.radio.on_frame

    @on_frame.setter
    def on_frame(self, receiver: Callable[[RxFrame], None] | None) -> None:
        self.radio.on_frame = receiver

    @property
    def listening(self) -> bool:
        """Whether its receiver is on."""
        return self.radio.receiver_on

    async def configure(
        self, *, channel: int, pan: int, short: int, eui64: Eui64, power_dbm: int | None = None
    ) -> None:
        """See `drivers.radio.Radio`."""
        await self.radio.configure(
            channel=channel, pan=pan, short=short, eui64=eui64, power_dbm=power_dbm
        )
        self.radio.receiver_on = self._off is not None

    async def set_source_match(self, short: Iterable[int], extended: Iterable[Eui64]) -> None:
        """See `drivers.radio.Radio`."""
        await self.radio.set_source_match(short, extended)

    async def transmit(
        self, octets: bytes, *, csma: bool = True, retries: int = 3, backoffs: int = 4
    ) -> TxResult:
        """See `drivers.radio.Radio`; listens afterwards where an answer is due."""
        result = await self.radio.transmit(octets, csma=csma, retries=retries, backoffs=backoffs)
        command = command_in(octets)
        if isinstance(command, BeaconRequest):
            self._listen(SCAN_LISTEN)
        elif isinstance(command, DataRequest) and result.status == "acked":
            self._listen(self.waits(result.pending))
        return result

    async def energy_scan(self, channels: Iterable[int], period_ms: int = 100) -> dict[int, int]:
        """See `drivers.radio.Radio`."""
        return await self.radio.energy_scan(channels, period_ms)

    def _listen(self, seconds: float) -> None:
        if seconds > 0:
            loop = asyncio.get_running_loop()
            until = loop.time() + seconds
            if self._off is not None:
                until = max(until, self._off.when())
                self._off.cancel()
            self.radio.receiver_on = True
            self._off = loop.call_at(until, self._doze)

    def _doze(self) -> None:
        self._off = None
        self.radio.receiver_on = False


def command_in(octets: bytes) -> object:
    """The MAC command in a PSDU; None for other frames."""
    try:
        frame = MacFrame.from_bytes(octets)
        return parse_mac_command(frame.payload) if frame.frame_type == MacType.COMMAND else None
    except CodecError:
        return None


class SimulatedSleepyDisplay(SimulatedDisplay):
    """A display that sleeps and polls."""

    model = "se-sleepy-display"
    router = False

    def applications(self, node: Node, endpoint: Endpoint) -> None:
        """Those of the display, and the polls that feed them."""
        super().applications(node, endpoint)
        self.poller = Poller(node, self.joiner, lambda: self.establishment.busy)
        self.poller.start()

    def station(self) -> Radio:
        """Its radio, which dozes."""
        return DozingRadio(self.radio, self._frame_wait)

    def _frame_wait(self, promised: bool) -> float:
        self.poller.promised(promised)
        return self.policy.listens_after_poll(FRAME_LISTEN, promised=promised)

    def current(self, volts: float) -> float:
        """Amperes at ``volts``: next to nothing while the receiver is off."""
        if volts < BROWN_OUT_VOLTAGE:
            return super().current(volts)
        return IDLE_CURRENT if self.radio.receiver_on else SLEEP_CURRENT
