"""Texas Instruments' packet sniffer 2, as on CC13xx/CC26xx boards and the CatSniffer.

The protocol is that of open host tools.
"""

from __future__ import annotations

import asyncio

from drivers.errors import NoAnswer, PortGone
from drivers.line import SerialLine
from drivers.sniffer import SETTLE_S, SerialSniffer

ANSWER_S = 5.0
"""Seconds that the sniffer has to answer a command."""


class TiSniffer(SerialSniffer):
    """Binary packets; every command is answered.

    `40 53 | info | length, 16 bits | payload | sum | 40 45`, integers little-endian. `phy` is the
    number of the 2.4 GHz IEEE 802.15.4 mode, which differs by firmware: 9 in TI's, 0x13 in
    CatSniffer's (both from tools, not from a specification).
    """

    _START, _END = b"\x40\x53", b"\x40\x45"
    _HEAD, _TAIL = 5, 3
    _ANSWER, _DATA = 2, 0xC0
    _STOP, _BEGIN, _FREQUENCY, _PHY, _PING = 0x42, 0x41, 0x45, 0x47, 0x40
    _MAX_PAYLOAD = 512

    def __init__(self, line: SerialLine, *, name: str = "sniffer", phy: int = 9) -> None:
        super().__init__(line, name=name)
        self._phy = phy
        self._pending = b""
        self._answer: asyncio.Future[int] | None = None

    @classmethod
    def packet(cls, info: int, payload: bytes = b"") -> bytes:
        """A packet as it goes on the line."""
        body = bytes([info]) + len(payload).to_bytes(2, "little") + payload
        return cls._START + body + bytes([sum(body) & 0xFF]) + cls._END

    async def _quieten(self) -> None:
        self.line.write(self.packet(self._STOP))
        await asyncio.sleep(SETTLE_S)
        await self.ping()

    async def ping(self) -> None:
        """Show that the sniffer is alive by an answered command. Raises `BenchFault` if not."""
        await super().ping()
        await self._ask(self._PING)

    async def listen(self, channel: int) -> None:
        await self._ask(self._STOP)
        await self._ask(self._PHY, bytes([self._phy]))
        megahertz = 2405 + 5 * (channel - 11)
        await self._ask(self._FREQUENCY, megahertz.to_bytes(2, "little") + bytes(2))
        self.channel = channel
        await self._ask(self._BEGIN)

    def _stop(self) -> None:
        self.line.write(self.packet(self._STOP))

    async def _ask(self, command: int, payload: bytes = b"") -> None:
        self._answer = asyncio.get_running_loop().create_future()
        self.line.write(self.packet(command, payload))
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._answer
        except TimeoutError:
            cause = f"no answer to command {command:#x} within {ANSWER_S:g} s"
            fault = NoAnswer(self.name, cause, "check its firmware and the baud rate")
            self.faults.append(fault)
            raise fault from None
        finally:
            self._answer = None

    def _on_lost(self, fault: PortGone) -> None:
        super()._on_lost(fault)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(fault)

    def _on_octets(self, octets: bytes) -> None:
        self._pending += octets
        while (size := self._next()) is not None:
            self._pending = self._pending[size:]

    def _next(self) -> int | None:
        """Handle what is at the head; how many octets that was, or None when more must come."""
        data = self._pending
        start = data.find(self._START)
        if start < 0:
            keep = 1 if data.endswith(self._START[:1]) else 0
            return len(data) - keep or None
        if start:
            return start
        if len(data) < self._HEAD:
            return None
        length = int.from_bytes(data[3:5], "little")
        if length > self._MAX_PAYLOAD:
            return self._skip()
        size = self._HEAD + length + self._TAIL
        if len(data) < size:
            return None
        if sum(data[2 : size - 3]) & 0xFF != data[size - 3] or data[size - 2 : size] != self._END:
            return self._skip()
        self._on_packet(data[2], data[self._HEAD : self._HEAD + length])
        return size

    def _skip(self) -> int:
        self.garbled += 1
        return len(self._START)

    def _on_packet(self, info: int, payload: bytes) -> None:
        if info >> 6 == self._ANSWER:
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(info)
        elif info == self._DATA and len(payload) >= 8:
            stamp = int.from_bytes(payload[:6], "little")
            rssi = int.from_bytes(payload[-2:-1], "little", signed=True)
            self._give(payload[6:-2], rssi, 255, stamp, bool(payload[-1] & 0x80))
        else:
            self.garbled += 1
