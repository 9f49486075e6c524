"""A simulated radio co-processor: it answers Spinel on a line as OpenThread's RCP firmware does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from drivers.radio import RxFrame, TxResult
from lab.virtual.air import AirRadio
from lab.virtual.line import PtyLine
from lab.virtual.rcp_firmware import CHANNELS, NEEDS_PHY, WRITABLE, Firmware, defaults
from zigbee import hdlc
from zigbee.errors import CodecError
from zigbee.fcs import crc_kermit
from zigbee.spinel import (
    FORMATS,
    Command,
    Frame,
    Property,
    Reset,
    Status,
    pack,
    pack_uint,
    property_frame,
    unpack,
)
from zigbee.spinel_stream import RawFlags, RawFrame, TransmitDone, TransmitRequest
from zigbee.types import Eui64

_FCS_OCTETS = 2
_SCAN_ENERGY = 2
_STATUS = {"no_ack": Status.NO_ACK, "channel_busy": Status.CCA_FAILURE}


class SimulatedRcp:
    """Stands between a line and a place in the air; `eui64` is its factory address (HWADDR).

    Faults to set: `lock_up` (until the next reset over the line, or for good), `restart` (by
    itself), `drop_answers` (how many of the next answers get lost). `transmissions` counts the
    frames taken for sending.
    """

    def __init__(
        self, line: PtyLine, radio: AirRadio, eui64: Eui64, firmware: Firmware | None = None
    ) -> None:
        self.line = line
        self.radio = radio
        self.eui64 = eui64
        self.firmware = firmware or Firmware()
        self._facts = self.firmware.facts
        self.drop_answers = 0
        self.transmissions = 0
        self._locked_up = False
        self._dead = False
        self._decoder = hdlc.Decoder()
        self._loop = asyncio.get_running_loop()
        self._booted = self._loop.time()
        self._values = defaults()
        self._jobs: set[asyncio.Task[None]] = set()
        self._transmitting = False
        self._life = 0
        self._apply()
        line.on_octets = self._on_octets
        radio.on_frame = self._on_frame

    # --- faults ------------------------------------------------------------------------------

    def lock_up(self, *, for_good: bool = False) -> None:
        """Say nothing more until a RESET comes, or not even then. The chip still acknowledges."""
        self._locked_up, self._dead = True, for_good

    def restart(self, status: Status = Status.RESET_WATCHDOG) -> None:
        """Restart unasked: all settings are lost and `status` is reported."""
        self._forget()
        self._notify(Property.LAST_STATUS, pack_uint(status))

    def close(self) -> None:
        """Leave the line and the air."""
        self.line.on_octets = None
        self.radio.on_frame = None
        self.radio.receiver_on = False
        for job in self._jobs:
            job.cancel()

    # --- the line ----------------------------------------------------------------------------

    def _on_octets(self, octets: bytes) -> None:
        for content in self._decoder.feed(octets):
            if content[0] & 0xC0 != 0x80:
                continue  # not Spinel: dropped without an answer
            try:
                frame = Frame.from_bytes(content)
            except CodecError:
                self._last_status(content[0] & 0x0F, Status.PARSE_ERROR)
                continue
            if frame.iid in (0, 3):
                self._on_command(frame)

    def _on_command(self, frame: Frame) -> None:
        if frame.command == Command.RESET:
            self._on_reset(frame.payload)
        elif self._locked_up:
            return
        elif frame.command == Command.NOOP:
            self._last_status(frame.tid, Status.OK)
        else:
            handler = self._handlers.get(frame.command)
            if handler is None:
                self._last_status(frame.tid, Status.INVALID_COMMAND)
                return
            try:
                number, value = frame.property()
                handler(self, frame.tid, number, value)
            except CodecError:
                self._last_status(frame.tid, Status.PARSE_ERROR)

    def _on_reset(self, kind: bytes) -> None:
        if self._dead or (kind and kind[0] == Reset.BOOTLOADER):
            return  # a boot loader speaks no Spinel
        self._locked_up = False
        self._forget()
        self._notify(Property.LAST_STATUS, pack_uint(Status.RESET_SOFTWARE))

    def _forget(self) -> None:
        self._life += 1
        self._transmitting = False
        self._values = defaults()
        self._apply()

    def _send(self, octets: bytes) -> None:
        if not self._locked_up:
            self.line.write(hdlc.encode(octets))

    def _answer(self, tid: int, command: int, number: int, value: bytes) -> None:
        if self.drop_answers > 0:
            self.drop_answers -= 1
        else:
            self._send(property_frame(tid, command, number, value))

    def _last_status(self, tid: int, status: int) -> None:
        self._answer(tid, Command.PROP_VALUE_IS, Property.LAST_STATUS, pack_uint(status))

    def _notify(self, number: int, value: bytes) -> None:
        self._send(property_frame(0, Command.PROP_VALUE_IS, number, value))

    # --- properties --------------------------------------------------------------------------

    def _read(self, number: int) -> bytes | None:
        """The value of a property, or None when this firmware has none of that number."""
        if number in self.firmware.lacks:
            return None
        if number == Property.LAST_STATUS:
            return pack_uint(Status.OK)
        value = self._now(number)
        if value is None:
            value = self._values.get(number, self._facts.get(number))
        if value is None:
            return None
        fields = value if isinstance(value, tuple) else (value,)
        return pack(FORMATS[number], *fields)

    def _now(self, number: int) -> Any:
        """The value of a property that is measured or of this one dongle; None for others."""
        match number:
            case Property.HWADDR:
                return self.eui64
            case Property.PHY_FREQ:
                return 2405000 + 5000 * (self._values[Property.PHY_CHAN] - CHANNELS.start)
            case Property.PHY_RSSI:
                return self.radio.air.energy(self.radio.channel)
            case Property.RCP_TIMESTAMP:
                return self._clock_us(self._loop.time())
        return None

    def _clock_us(self, time: float) -> int:
        return round((time - self._booted) * 1e6)

    def _get(self, tid: int, number: int, _value: bytes) -> None:
        value = self._read(number)
        if value is None:
            self._last_status(tid, Status.PROP_NOT_FOUND)
        else:
            self._answer(tid, Command.PROP_VALUE_IS, number, value)

    def _set(self, tid: int, number: int, value: bytes) -> None:
        if number == Property.STREAM_RAW:
            self._transmit(tid, value)
            return
        if number not in WRITABLE or number in self.firmware.lacks:
            known = self._read(number) is not None
            refusal = Status.INVALID_COMMAND_FOR_PROP if known else Status.PROP_NOT_FOUND
            self._last_status(tid, refusal)
            return
        new = unpack(FORMATS[number], value)[0]
        refusal_or_none = self._refusal(number, new)
        if refusal_or_none is not None:
            self._last_status(tid, refusal_or_none)
            return
        self._values[number] = new
        self._apply()
        self._answer(tid, Command.PROP_VALUE_IS, number, pack(FORMATS[number], new))
        if number == Property.MAC_SCAN_STATE and new == _SCAN_ENERGY:
            self._start(self._scan())

    def _refusal(self, number: int, new: Any) -> Status | None:
        if number in NEEDS_PHY and not self._values[Property.PHY_ENABLED]:
            return Status.INVALID_STATE
        channels = {Property.PHY_CHAN: [new], Property.MAC_SCAN_MASK: new}.get(Property(number), ())
        if any(channel not in CHANNELS for channel in channels):
            return Status.INVALID_ARGUMENT
        if number == Property.MAC_PROMISCUOUS_MODE and new > 2:
            return Status.INVALID_ARGUMENT
        if number == Property.MAC_SCAN_STATE:
            if new not in (0, _SCAN_ENERGY):
                return Status.INVALID_ARGUMENT
            if new and self._values[number]:
                return Status.INVALID_STATE
        return None

    def _insert(self, tid: int, number: int, value: bytes) -> None:
        self._change_list(tid, number, value, Command.PROP_VALUE_INSERTED)

    def _remove(self, tid: int, number: int, value: bytes) -> None:
        self._change_list(tid, number, value, Command.PROP_VALUE_REMOVED)

    def _change_list(self, tid: int, number: int, value: bytes, done: Command) -> None:
        formats = {
            Property.MAC_SRC_MATCH_SHORT_ADDRESSES: "S",
            Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES: "E",
        }
        fmt = formats.get(Property(number)) if number in FORMATS else None
        if fmt is None or number in self.firmware.lacks:
            known = self._read(number) is not None
            refusal = Status.INVALID_COMMAND_FOR_PROP if known else Status.PROP_NOT_FOUND
            self._last_status(tid, refusal)
            return
        if not self._values[Property.PHY_ENABLED]:
            self._last_status(tid, Status.INVALID_STATE)
            return
        item = unpack(fmt, value)[0]
        items: list[Any] = self._values[number]
        if done == Command.PROP_VALUE_INSERTED:
            if item not in items:
                items.append(item)
        elif item in items:
            items.remove(item)
        else:
            self._last_status(tid, Status.ITEM_NOT_FOUND)
            return
        self._apply()
        self._answer(tid, done, number, pack(fmt, item))

    _handlers: ClassVar[dict[int, Callable[[SimulatedRcp, int, int, bytes], None]]] = {
        Command.PROP_VALUE_GET: _get,
        Command.PROP_VALUE_SET: _set,
        Command.PROP_VALUE_INSERT: _insert,
        Command.PROP_VALUE_REMOVE: _remove,
    }

    def _apply(self) -> None:
        """Give the chip the settings."""
        values, radio = self._values, self.radio
        radio.channel = values[Property.PHY_CHAN]
        radio.power_dbm = values[Property.PHY_TX_POWER]
        radio.pan = values[Property.MAC_15_4_PANID]
        radio.short = values[Property.MAC_15_4_SADDR]
        radio.eui64 = values[Property.MAC_15_4_LADDR]
        radio.promiscuous = bool(values[Property.MAC_PROMISCUOUS_MODE])
        radio.receiver_on = bool(
            values[Property.PHY_ENABLED]
            and values[Property.MAC_RAW_STREAM_ENABLED]
            and values[Property.MAC_RX_ON_WHEN_IDLE_MODE]
        )
        radio.source_match_on = values[Property.MAC_SRC_MATCH_ENABLED]
        radio.source_match_short = set(values[Property.MAC_SRC_MATCH_SHORT_ADDRESSES])
        radio.source_match_extended = set(values[Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES])

    # --- the air -----------------------------------------------------------------------------

    def _on_frame(self, frame: RxFrame) -> None:
        if not self._values[Property.MAC_RAW_STREAM_ENABLED]:
            return
        flags = RawFlags.ACKED_FRAME_PENDING if frame.acked_pending else 0
        stamp = frame.timestamp_us - round(self._booted * 1e6)
        raw = RawFrame(
            _with_fcs(frame.octets),
            frame.rssi,
            flags=flags,
            channel=frame.channel,
            lqi=frame.lqi,
            timestamp=max(0, stamp),
        )
        self._notify(Property.STREAM_RAW, raw.to_bytes())

    def _transmit(self, tid: int, value: bytes) -> None:
        values = self._values
        if not (values[Property.PHY_ENABLED] and values[Property.MAC_RAW_STREAM_ENABLED]):
            self._last_status(tid, Status.INVALID_STATE)
            return
        request = TransmitRequest.from_bytes(value)
        after = request.channel if request.channel_after is None else request.channel_after
        if request.channel not in CHANNELS or after not in CHANNELS:
            self._last_status(tid, Status.INVALID_ARGUMENT)
        elif self._transmitting:
            self._last_status(tid, Status.BUSY)
        else:
            self._transmitting = True
            self.transmissions += 1
            self._start(self._run_transmission(tid, request, self._life))

    async def _run_transmission(self, tid: int, request: TransmitRequest, life: int) -> None:
        if request.delay:
            due = request.delay_base + request.delay
            wait = (due - self._clock_us(self._loop.time()) & 0xFFFFFFFF) / 1e6
            if wait < 3600:  # else its time has passed already, by the radio's 32-bit clock
                await asyncio.sleep(wait)
        octets = request.psdu[:-_FCS_OCTETS]
        radio, power = self.radio, self.radio.power_dbm
        radio.channel = request.channel
        if request.power is not None:
            radio.power_dbm = request.power
        result = await radio.transmit(
            octets, csma=request.csma, retries=request.retries, backoffs=request.backoffs
        )
        if life != self._life:
            return  # the radio was reset meanwhile and knows of no transmission
        radio.power_dbm = power
        after = request.channel if request.channel_after is None else request.channel_after
        radio.channel = after
        self._values[Property.PHY_CHAN] = after
        self._transmitting = False
        done = self._done(octets, result)
        self._answer(tid, Command.PROP_VALUE_IS, Property.LAST_STATUS, done.to_bytes())

    def _done(self, octets: bytes, result: TxResult) -> TransmitDone:
        status = _STATUS.get(result.status, Status.OK)
        if status != Status.OK:
            return TransmitDone(status)
        ack = RawFrame(b"")
        if result.status == "acked":
            control = 0x12 if result.pending else 0x02
            ack = RawFrame(
                _with_fcs(bytes((control, 0, octets[2]))),
                rssi=-50,
                channel=self.radio.channel,
                lqi=200,
                timestamp=self._clock_us(self._loop.time()),
            )
        return TransmitDone(status, result.pending, True, ack)

    async def _scan(self) -> None:
        life = self._life
        for channel in list(self._values[Property.MAC_SCAN_MASK]):
            period = self._values[Property.MAC_SCAN_PERIOD] / 1000
            await asyncio.sleep(period)
            if life != self._life:
                return
            energy = self.radio.air.energy(channel, period)
            self._notify(Property.MAC_ENERGY_SCAN_RESULT, pack("Cc", channel, energy))
        self._values[Property.MAC_SCAN_STATE] = 0
        self._notify(Property.MAC_SCAN_STATE, b"\x00")

    def _start(self, job: Any) -> None:
        task = self._loop.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)


def _with_fcs(octets: bytes) -> bytes:
    return octets + crc_kermit(octets).to_bytes(2, "little")
