"""The radio a golden unit stands on, and the sniffer: an OpenThread RCP that speaks Spinel.

Acknowledgements are made in the radio; while it listens to everything (`listen`) it usually makes
none, so one dongle takes part in a network or records it, never both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from drivers.errors import BenchFault, NoAnswer, PortGone
from drivers.line import SerialLine
from drivers.rcp import Rcp
from drivers.spinel_link import ANSWER_S, Answer, Refused
from zigbee.errors import CodecError
from zigbee.spinel import Command, Property, Status, pack, unpack
from zigbee.spinel_stream import MAX_PSDU, RawFlags, RawFrame, TransmitDone, TransmitRequest
from zigbee.types import Eui64

TxStatus = Literal["acked", "sent", "no_ack", "channel_busy"]


@dataclass(slots=True)
class RxFrame:
    """A frame from the air. `octets` is the PSDU without its FCS.

    `time` in seconds of the loop's clock at arrival, `timestamp_us` in microseconds of the radio's
    own clock, `rssi` in dBm, `lqi` 0..255 (255 may mean that the radio gives none).
    `acked_pending`: the radio acknowledged it with the pending bit set.
    """

    time: float
    octets: bytes
    rssi: int
    lqi: int
    channel: int
    timestamp_us: int
    fcs_ok: bool = True
    acked_pending: bool = False


@dataclass(slots=True)
class TxResult:
    """How a transmission ended. `pending`: the acknowledgement had the pending bit set.

    `sent`: on the air, and no acknowledgement was asked for.
    """

    status: TxStatus
    pending: bool = False


class Radio(Protocol):
    """What a node needs of its radio, be it a dongle or a place in a simulated air."""

    on_frame: Callable[[RxFrame], None] | None

    async def configure(
        self, *, channel: int, pan: int, short: int, eui64: Eui64, power_dbm: int | None = None
    ) -> None:
        """Take part in a network: hear and acknowledge what is for these addresses."""

    async def set_source_match(self, short: Iterable[int], extended: Iterable[Eui64]) -> None:
        """The children whose data requests are acknowledged with the pending bit set."""

    async def transmit(
        self, octets: bytes, *, csma: bool = True, retries: int = 3, backoffs: int = 4
    ) -> TxResult:
        """Send a PSDU (without FCS); returns when it is acknowledged, given up, or sent."""

    async def energy_scan(self, channels: Iterable[int], period_ms: int = 100) -> dict[int, int]:
        """The strongest energy in dBm met on each channel while listening `period_ms` to it."""


_STATUS: dict[int, TxStatus] = {Status.NO_ACK: "no_ack", Status.CCA_FAILURE: "channel_busy"}
_FCS_PLACE = b"\x00\x00"
_ACK_REQUEST = 0x20


@dataclass(slots=True)
class _Network:
    channel: int
    pan: int
    short: int
    eui64: Eui64
    power_dbm: int | None


class SpinelRadio(Rcp):
    """An RCP as a radio. `open` it, then `configure` it (take part) or let it `listen` (sniffer).

    After a fault (see `Rcp`) both begin with a reset; everything else raises the fault again,
    unless the radio could be brought back. `receive_errors` counts the frames that the radio lost
    on their way, or that came with a wrong FCS.
    """

    def __init__(self, line: SerialLine, *, name: str = "rcp") -> None:
        super().__init__(line, name=name)
        self.on_frame: Callable[[RxFrame], None] | None = None
        self.receive_errors = 0
        self.unacknowledged = 0
        """Frames that it gave up: nobody acknowledged them, or the channel was never free."""
        self.channel = 0
        self._sending = asyncio.Lock()
        self._orphan: asyncio.Future[Answer] | None = None
        self._network: _Network | None = None
        self._promiscuous = False
        self._short: dict[int, None] = {}
        self._extended: dict[Eui64, None] = {}
        self._scan: list[tuple[int, int]] = []
        self._scan_done: asyncio.Future[None] | None = None

    async def _restart(self) -> None:
        await super()._restart()
        self._promiscuous = False

    # --- taking part -------------------------------------------------------------------------

    async def configure(
        self, *, channel: int, pan: int, short: int, eui64: Eui64, power_dbm: int | None = None
    ) -> None:
        """Take part in a network on `channel` (11..26) by these addresses; clears source match."""
        if self._fault is not None:
            await self._restart()
        self._network = _Network(channel, pan, short, eui64, power_dbm)
        self._short, self._extended = {}, {}
        await self._apply()

    async def _apply(self) -> None:
        """All settings again, in the order that RCP firmware wants: PHY_ENABLED before the rest."""
        network = self._network
        if network is None:
            return
        self.channel = network.channel
        await self.set(Property.PHY_ENABLED, True)
        if self._promiscuous:
            await self.set(Property.MAC_PROMISCUOUS_MODE, 0)
            self._promiscuous = False
        await self.set(Property.PHY_CHAN, network.channel)
        if network.power_dbm is not None:
            await self.set(Property.PHY_TX_POWER, network.power_dbm)
        await self.set(Property.MAC_15_4_LADDR, network.eui64)
        await self.set(Property.MAC_15_4_SADDR, network.short)
        await self.set(Property.MAC_15_4_PANID, network.pan)
        try:
            await self.set(Property.MAC_RX_ON_WHEN_IDLE_MODE, True)
        except Refused as refusal:  # older firmware: always on
            if refusal.status != Status.PROP_NOT_FOUND:
                raise
        # Always explicit: firmware differs in what it does while source match is off.
        await self.set(Property.MAC_SRC_MATCH_ENABLED, True)
        await self.set(Property.MAC_SRC_MATCH_SHORT_ADDRESSES, list(self._short))
        await self.set(Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES, list(self._extended))
        await self.set(Property.MAC_RAW_STREAM_ENABLED, True)

    async def listen(self, channel: int) -> None:
        """Record everything on `channel`, acknowledge nothing. Not together with `configure`."""
        if self._fault is not None:
            await self._restart()
        self._network = None
        self.channel = channel
        await self.set(Property.PHY_ENABLED, True)
        await self.set(Property.MAC_PROMISCUOUS_MODE, 2)
        self._promiscuous = True
        await self.set(Property.PHY_CHAN, channel)
        await self.set(Property.MAC_RAW_STREAM_ENABLED, True)

    async def set_source_match(self, short: Iterable[int], extended: Iterable[Eui64]) -> None:
        """Make the radio's lists these, by as few changes as possible."""
        self._require_health()
        number = Property.MAC_SRC_MATCH_SHORT_ADDRESSES
        await self._match(number, "S", self._short, dict.fromkeys(short))
        number = Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES
        await self._match(number, "E", self._extended, dict.fromkeys(extended))

    async def _match(
        self, prop: Property, fmt: str, known: dict[Any, None], wanted: dict[Any, None]
    ) -> None:
        """Change one list; `known` is kept as the radio has it, also when this is cut short."""
        for address in [each for each in known if each not in wanted]:
            await self._change(Command.PROP_VALUE_REMOVE, prop, pack(fmt, address))
            del known[address]
        for address in [each for each in wanted if each not in known]:
            await self._change(Command.PROP_VALUE_INSERT, prop, pack(fmt, address))
            known[address] = None

    # --- sending -----------------------------------------------------------------------------

    async def transmit(
        self, octets: bytes, *, csma: bool = True, retries: int = 3, backoffs: int = 4
    ) -> TxResult:
        """Send a PSDU of at most 125 octets (without FCS), after those asked for before it.

        Raises `BenchFault` when the radio refuses or does not answer within five seconds; it is
        then reset once and gets its settings back. Raises `CodecError` when it is too long.
        """
        if len(octets) + len(_FCS_PLACE) > MAX_PSDU:
            reason = f"{len(octets)} octets, a radio sends {MAX_PSDU - len(_FCS_PLACE)} at most"
            raise CodecError("mac", "psdu", 0, reason)
        async with self._sending:
            await self._wait_for_orphan()
            self._require_health()
            request = TransmitRequest(
                octets + _FCS_PLACE,
                self.channel,
                backoffs=backoffs,
                retries=retries,
                csma=csma,
                header_updated=True,  # with security_processed: the radio leaves the frame alone
                security_processed=True,
                channel_after=self.channel,
            )
            result = self._result(await self._send(request), octets)
            self.unacknowledged += result.status not in ("acked", "sent")
            return result

    async def _send(self, request: TransmitRequest) -> TransmitDone:
        command, prop = Command.PROP_VALUE_SET, Property.STREAM_RAW
        answer = await self._link.begin(command, prop, request.to_bytes())
        try:
            # Shielded: when the caller gives up, the radio still sends, and refuses the next.
            number, value = await asyncio.shield(answer)
        except asyncio.CancelledError:
            self._orphan = answer
            raise
        except (NoAnswer, PortGone) as fault:
            await self._failed(fault)
            raise
        try:
            if number != Property.LAST_STATUS:
                raise CodecError("spinel", "STREAM_RAW", 0, "echoed instead of answered")
            return TransmitDone.from_bytes(value)
        except CodecError as error:
            raise BenchFault(self.name, f"answered a frame with {value.hex()}: {error}") from error

    async def _wait_for_orphan(self) -> None:
        """Let a transmission end whose caller has given up."""
        if self._orphan is None:
            return
        await asyncio.wait([self._orphan])
        orphan, self._orphan = self._orphan, None
        fault = None if orphan.cancelled() else orphan.exception()
        if isinstance(fault, NoAnswer):
            await self._failed(fault)

    async def _failed(self, fault: NoAnswer | PortGone) -> None:
        self._record(fault)
        self._fault = fault
        if isinstance(fault, NoAnswer):
            await self._bring_back()

    async def _bring_back(self) -> None:
        """After a lock-up: one reset, and the settings again. What fails here is recorded too."""
        try:
            await self._link.restart()
            self._fault = None
            if self._promiscuous:
                self._promiscuous = False
                await self.listen(self.channel)
            else:
                await self._apply()
        except BenchFault as fault:
            self._record(fault)
            self._fault = fault

    def _result(self, done: TransmitDone, octets: bytes) -> TxResult:
        if done.status == Status.OK:
            asked = bool(octets) and bool(octets[0] & _ACK_REQUEST)
            return TxResult("acked" if asked else "sent", done.pending)
        status = _STATUS.get(done.status)
        if status is None:
            refusal = self._link.refused(done.status, Command.PROP_VALUE_SET, Property.STREAM_RAW)
            self._record(refusal)
            raise refusal
        return TxResult(status)

    # --- hearing -----------------------------------------------------------------------------

    def _on_notification(self, number: int, value: bytes) -> None:
        if number == Property.STREAM_RAW:
            self._on_raw(value)
        elif number == Property.MAC_ENERGY_SCAN_RESULT:
            channel, rssi = unpack("Cc", value)
            self._scan.append((channel, rssi))
        elif number == Property.MAC_SCAN_STATE and value == b"\x00":
            done = self._scan_done
            if done is not None and not done.done():
                done.set_result(None)

    def _on_raw(self, value: bytes) -> None:
        try:
            raw = RawFrame.from_bytes(value)
        except CodecError:
            self.receive_errors += 1
            return
        if raw.flags & RawFlags.TX:
            return
        # Never by the FCS octets: some chips put RSSI and correlation in their place.
        unusable = bool(raw.error) if self._promiscuous else not raw.good
        if unusable or len(raw.psdu) < len(_FCS_PLACE):
            self.receive_errors += 1
            return
        if self.on_frame is not None:
            self.on_frame(
                RxFrame(
                    asyncio.get_running_loop().time(),
                    raw.psdu[:-2],
                    raw.rssi,
                    raw.lqi,
                    raw.channel or self.channel,
                    raw.timestamp,
                    raw.good,
                    bool(raw.flags & RawFlags.ACKED_FRAME_PENDING),
                )
            )

    async def energy_scan(self, channels: Iterable[int], period_ms: int = 100) -> dict[int, int]:
        """The strongest energy in dBm met on each channel while listening `period_ms` to it."""
        found: dict[int, int] = {}
        for channel in channels:  # one at a time: some firmware takes no longer list
            self._scan = []
            self._scan_done = asyncio.get_running_loop().create_future()
            await self.set(Property.MAC_SCAN_MASK, [channel])
            await self.set(Property.MAC_SCAN_PERIOD, period_ms)
            await self.set(Property.MAC_SCAN_STATE, 2)
            try:
                async with asyncio.timeout(ANSWER_S + period_ms / 1000):
                    await self._scan_done
            except TimeoutError:
                fault = NoAnswer(self.name, f"energy scan of channel {channel} did not end")
                self._record(fault)
                raise fault from None
            found.update(self._scan)
        return found
