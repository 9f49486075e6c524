"""The simulated air: who hears whom, when, and what becomes of two who speak at once.

Times are those of IEEE 802.15.4 at 2.4 GHz (250 kbit/s): 32 us an octet, six octets before the
PSDU, unslotted CSMA-CA, acknowledgement after 192 us. What is left out: capture (two frames that
overlap on a channel are both lost), drift, and fading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from drivers.radio import RxFrame, TxResult, TxStatus
from lab.virtual.mac_header import Header
from zigbee.errors import CodecError
from zigbee.mac import MacType
from zigbee.types import Eui64

OCTET_S = 32e-6
PREAMBLE_OCTETS = 6
FCS_OCTETS = 2
BACKOFF_S = 320e-6
CCA_S = 128e-6
TURNAROUND_S = 192e-6
ACK_WAIT_S = 864e-6
ACK_OCTETS = 3
MIN_BE, MAX_BE = 3, 5
SENSITIVITY_DBM = -100
NOISE_DBM = -94
DEFAULT_PATH_LOSS_DB = 50
MAX_PSDU = 125

_BROADCAST = 0xFFFF
_PENDING = 0x10
_ACK_AIR_S = OCTET_S * (PREAMBLE_OCTETS + ACK_OCTETS + FCS_OCTETS)


def air_time(octets: bytes) -> float:
    """Seconds that a PSDU (given without its FCS) takes, from the first octet of its preamble."""
    return OCTET_S * (PREAMBLE_OCTETS + len(octets) + FCS_OCTETS)


@dataclass(slots=True)
class Link:
    """How one radio hears another: share of frames lost, attenuation in dB, lateness in seconds."""

    loss: float = 0.0
    path_loss_db: int = DEFAULT_PATH_LOSS_DB
    delay: float = 0.0


@dataclass(slots=True)
class Heard:
    """One entry of the air's log: `time` is when the PSDU's transmission began."""

    time: float
    channel: int
    octets: bytes


@dataclass(slots=True, eq=False)
class _OnAir:
    """One transmission: whose, what, from when to when."""

    sender: AirRadio
    octets: bytes
    header: Header
    channel: int
    start: float
    end: float
    collided: bool = False


class Air:
    """All that is between radios. Frames, losses and backoffs depend on `random` alone.

    `log` has every frame put on the air, acknowledgements included. `interfere`, if set, is asked
    for each frame and each radio that would hear it (sender, receiver, PSDU) and returns True to
    have it lost there: for a test that needs the loss of one certain frame.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.log: list[Heard] = []
        self.interfere: Callable[[AirRadio, AirRadio, bytes], bool] | None = None
        self.default = Link()
        self.collisions = 0
        self._radios: list[AirRadio] = []
        self._links: dict[tuple[AirRadio, AirRadio], Link] = {}
        self._active: dict[int, list[_OnAir]] = {}

    def attach(self, name: str) -> AirRadio:
        """A new radio in this air, its receiver off."""
        radio = AirRadio(self, name)
        self._radios.append(radio)
        return radio

    def detach(self, radio: AirRadio) -> None:
        """Take a radio out of the air; what it is sending ends as if it were still there."""
        self._radios.remove(radio)

    def set_link(
        self,
        a: AirRadio,
        b: AirRadio,
        *,
        loss: float | None = None,
        path_loss_db: int | None = None,
        delay: float | None = None,
        both_ways: bool = True,
    ) -> None:
        """How `b` hears `a`, and `a` hears `b` too unless told otherwise."""
        for pair in ((a, b), (b, a)) if both_ways else ((a, b),):
            link = self._links.setdefault(
                pair, Link(self.default.loss, self.default.path_loss_db, self.default.delay)
            )
            link.loss = link.loss if loss is None else loss
            link.path_loss_db = link.path_loss_db if path_loss_db is None else path_loss_db
            link.delay = link.delay if delay is None else delay

    def busy(self, channel: int) -> bool:
        """Whether somebody is sending on `channel` now."""
        now = asyncio.get_running_loop().time()
        return any(on.start <= now < on.end for on in self._active.get(channel, ()))

    def energy(self, channel: int, window: float = 0.0) -> int:
        """The strongest energy in dBm met on `channel` in the last `window` seconds."""
        since = asyncio.get_running_loop().time() - window
        if self.busy(channel) or self._heard_since(channel, since):
            return -DEFAULT_PATH_LOSS_DB
        return NOISE_DBM + self.random.randint(-3, 3)

    def _heard_since(self, channel: int, since: float) -> bool:
        for heard in reversed(self.log):
            if heard.time < since:
                return False
            if heard.channel == channel:
                return True
        return False

    # --- used by AirRadio --------------------------------------------------------------------

    def begin(self, on: _OnAir) -> None:
        self.log.append(Heard(on.start, on.channel, on.octets))
        active = [other for other in self._active.get(on.channel, ()) if other.end > on.start]
        for other in active:
            if other.start < on.end:
                other.collided = on.collided = True
                self.collisions += 1
        active.append(on)
        self._active[on.channel] = active

    def hears(self, sender: AirRadio, receiver: AirRadio, on: _OnAir) -> int | None:
        """The RSSI in dBm at which `receiver` hears `on`, or None when it does not."""
        if on.collided:
            return None
        link = self._links.get((sender, receiver), self.default)
        rssi = sender.power_dbm - link.path_loss_db
        if rssi < SENSITIVITY_DBM:
            return None
        if link.loss and self.random.random() < link.loss:
            return None
        if self.interfere is not None and self.interfere(sender, receiver, on.octets):
            return None
        return rssi

    def deliver(self, on: _OnAir) -> tuple[AirRadio, bool] | None:
        """Give `on`, which has just ended, to all who hear it.

        Returns the radio that acknowledges it and whether with the pending bit; that radio has the
        frame handed up when its acknowledgement is over.
        """
        acknowledging: tuple[AirRadio, bool] | None = None
        for radio in self._radios:
            if radio is on.sender or radio.channel != on.channel or not radio.receiver_on:
                continue
            if not radio.promiscuous and not radio.accepts(on.header):
                continue
            rssi = self.hears(on.sender, radio, on)
            if rssi is None:
                continue
            if on.header.ack_request and radio.acknowledges and not radio.promiscuous:
                pending = radio.pending_for(on.header)
                acknowledging = acknowledging or (radio, pending)
                radio.hand_up(on, rssi, TURNAROUND_S + _ACK_AIR_S, pending)
            else:
                radio.hand_up(on, rssi, 0.0, False)
        return acknowledging

    def late(self, sender: AirRadio, receiver: AirRadio) -> float:
        return self._links.get((sender, receiver), self.default).delay


@dataclass(slots=True, eq=False)
class _Sending:
    """One call of `transmit`, from its first backoff to its result."""

    octets: bytes
    header: Header
    csma: bool
    retries: int
    backoffs: int
    result: asyncio.Future[TxResult]
    busy: int = 0
    exponent: int = MIN_BE


class AirRadio:
    """A radio in the air, made by `Air.attach`: what a dongle's chip does by itself.

    Settable at any time: `channel`, `pan`, `short`, `eui64` (the receive filter), `receiver_on`,
    `promiscuous` (hears all, acknowledges nothing), `acknowledges`, `power_dbm`,
    `source_match_on` (off: every data request is acknowledged with the pending bit). `on_frame`
    gets what was heard.
    """

    def __init__(self, air: Air, name: str) -> None:
        self.air = air
        self.name = name
        self.on_frame: Callable[[RxFrame], None] | None = None
        self.channel = 11
        self.pan = _BROADCAST
        self.short = _BROADCAST
        self.eui64 = Eui64(0)
        self.pan_coordinator = False
        self.receiver_on = False
        self.promiscuous = False
        self.acknowledges = True
        self.power_dbm = 0
        self.source_match_on = False
        self.source_match_short: set[int] = set()
        self.source_match_extended: set[int] = set()
        self._sending: asyncio.Lock = asyncio.Lock()
        self._own_ack_ends = 0.0

    # --- settings ----------------------------------------------------------------------------

    async def configure(
        self, *, channel: int, pan: int, short: int, eui64: Eui64, power_dbm: int | None = None
    ) -> None:
        """See `drivers.radio.Radio`."""
        self.channel, self.pan, self.short, self.eui64 = channel, pan, short, eui64
        if power_dbm is not None:
            self.power_dbm = power_dbm
        self.promiscuous = False
        self.receiver_on = True
        await self.set_source_match((), ())

    async def set_source_match(self, short: Iterable[int], extended: Iterable[Eui64]) -> None:
        """See `drivers.radio.Radio`."""
        self.source_match_on = True
        self.source_match_short = set(short)
        self.source_match_extended = set(extended)

    def accepts(self, header: Header) -> bool:
        """The receive filter (IEEE 802.15.4-2006, 7.5.6.2); acknowledgements never pass it."""
        if header.malformed or header.frame_type == MacType.ACK:
            return False
        if header.frame_type == MacType.BEACON:
            return self.pan in (_BROADCAST, header.src_pan)
        if header.dst is None:
            return self.pan_coordinator and header.src_pan == self.pan
        if header.dst_pan not in (self.pan, _BROADCAST):
            return False
        if isinstance(header.dst, Eui64):
            return header.dst == self.eui64
        return header.dst in (self.short, _BROADCAST)

    def pending_for(self, header: Header) -> bool:
        """The pending bit of the acknowledgement of a frame."""
        if not header.data_request:
            return False
        if not self.source_match_on:
            return True
        if isinstance(header.src, Eui64):
            return header.src in self.source_match_extended
        return header.src in self.source_match_short

    def hand_up(self, on: _OnAir, rssi: int, after: float, acked_pending: bool) -> None:
        """Give a frame that has just been heard to `on_frame`, `after` seconds from now."""
        loop = asyncio.get_running_loop()
        delay = after + self.air.late(on.sender, self)
        if after:
            self._own_ack_ends = loop.time() + after
        if delay:
            loop.call_later(delay, self._hand_up_now, on, rssi, acked_pending)
        else:  # not from here: an error in what is built on one radio must not end another's frame
            loop.call_soon(self._hand_up_now, on, rssi, acked_pending)

    def _hand_up_now(self, on: _OnAir, rssi: int, acked_pending: bool) -> None:
        if self.on_frame is None:
            return
        lqi = max(0, min(254, (rssi - SENSITIVITY_DBM) * 4))
        stamp = round(on.start * 1e6)
        now = asyncio.get_running_loop().time()
        self.on_frame(RxFrame(now, on.octets, rssi, lqi, on.channel, stamp, True, acked_pending))

    async def energy_scan(self, channels: Iterable[int], period_ms: int = 100) -> dict[int, int]:
        """See `drivers.radio.Radio`; what is sent meanwhile on its own channel is not heard."""
        found: dict[int, int] = {}
        home = self.channel
        async with self._sending:
            for channel in channels:
                self.channel = channel
                try:
                    await asyncio.sleep(period_ms / 1000)
                    found[channel] = self.air.energy(channel, period_ms / 1000)
                finally:
                    self.channel = home
        return found

    # --- sending -----------------------------------------------------------------------------

    async def transmit(
        self, octets: bytes, *, csma: bool = True, retries: int = 3, backoffs: int = 4
    ) -> TxResult:
        """See `drivers.radio.Radio`; at most 125 octets. Calls are served in order."""
        if len(octets) > MAX_PSDU:
            raise CodecError("mac", "psdu", 0, f"{len(octets)} octets, at most {MAX_PSDU} fit")
        async with self._sending:
            loop = asyncio.get_running_loop()
            sending = _Sending(
                octets, Header.parse(octets), csma, retries, backoffs, loop.create_future()
            )
            self._try(sending)
            return await sending.result

    def _try(self, sending: _Sending) -> None:
        """Begin one attempt: back off, or go on the air at once."""
        sending.busy, sending.exponent = 0, MIN_BE
        if sending.csma:
            self._back_off(sending)
        else:
            self._after_own_ack(0.0, self._go, sending)

    def _back_off(self, sending: _Sending) -> None:
        units = self.air.random.randrange(1 << sending.exponent)
        self._after_own_ack(units * BACKOFF_S + CCA_S, self._sense, sending)

    def _after_own_ack(
        self, delay: float, then: Callable[[_Sending], None], sending: _Sending
    ) -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(max(loop.time(), self._own_ack_ends) + delay, then, sending)

    def _sense(self, sending: _Sending) -> None:
        if sending.result.done():  # given up by the caller
            return
        if not self.air.busy(self.channel):
            self._go(sending)
            return
        sending.busy += 1
        sending.exponent = min(sending.exponent + 1, MAX_BE)
        if sending.busy > sending.backoffs:
            self._finish(sending, "channel_busy")
        else:
            self._back_off(sending)

    def _go(self, sending: _Sending) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time() + TURNAROUND_S
        if start < self._own_ack_ends + TURNAROUND_S:  # began to acknowledge while backing off
            self._after_own_ack(CCA_S, self._sense if sending.csma else self._go, sending)
            return
        end = start + air_time(sending.octets)
        on = _OnAir(self, sending.octets, sending.header, self.channel, start, end)
        self.air.begin(on)
        loop.call_at(end, self._gone, sending, on)

    def _gone(self, sending: _Sending, on: _OnAir) -> None:
        acknowledging = self.air.deliver(on)
        if acknowledging is not None:
            radio, pending = acknowledging
            self._acknowledge(sending, on, radio, pending)
        elif sending.header.ack_request:
            asyncio.get_running_loop().call_at(on.end + ACK_WAIT_S, self._unanswered, sending)
        else:
            self._finish(sending, "sent")

    def _acknowledge(self, sending: _Sending, on: _OnAir, radio: AirRadio, pending: bool) -> None:
        control = MacType.ACK | (_PENDING if pending else 0)
        octets = bytes((control, 0, on.octets[2]))
        start = on.end + TURNAROUND_S
        ack = _OnAir(radio, octets, Header(MacType.ACK), on.channel, start, start + _ACK_AIR_S)
        self.air.begin(ack)
        loop = asyncio.get_running_loop()
        loop.call_at(ack.end, self._acknowledged, sending, ack, pending)

    def _acknowledged(self, sending: _Sending, ack: _OnAir, pending: bool) -> None:
        self.air.deliver(ack)  # to those who hear everything
        if self.air.hears(ack.sender, self, ack) is not None:
            self._finish(sending, "acked", pending)
        else:
            loop = asyncio.get_running_loop()
            loop.call_at(ack.start - TURNAROUND_S + ACK_WAIT_S, self._unanswered, sending)

    def _unanswered(self, sending: _Sending) -> None:
        if sending.retries > 0 and not sending.result.done():
            sending.retries -= 1
            self._try(sending)
        else:
            self._finish(sending, "no_ack")

    def _finish(self, sending: _Sending, status: TxStatus, pending: bool = False) -> None:
        if not sending.result.done():
            sending.result.set_result(TxResult(status, pending))
