"""Nordic's nRF 802.15.4 sniffer over its USB port.

The protocol is that of the vendor's open host tool; the width of the time stamps (32 bits) is not
confirmed by a source.
"""

from __future__ import annotations

import asyncio
import re

from drivers.line import SerialLine
from drivers.sniffer import SETTLE_S, SerialSniffer

_LINE_LIMIT = 1024
_WRAP_32 = 1 << 32


class NrfSniffer(SerialSniffer):
    """Nordic's nRF 802.15.4 sniffer: text lines, commands without answers.

    A frame is one line, `received: <hex without FCS> power: <dBm> lqi: <n> time: <us>`; prompts,
    echoes and logs between are ignored. The time stamp is taken as 32 bits that wrap, and counted
    on from there. It reports no frame with a bad FCS. Since it answers nothing, `ping` can only
    tell that the port is there.
    """

    _FRAME = re.compile(
        rb"received:\s*([0-9a-fA-F]*)\s+power:\s*(-?\d{1,4})\s+"
        rb"lqi:\s*(\d{1,3})\s+time:\s*(-?\d{1,20})"
    )

    def __init__(self, line: SerialLine, *, name: str = "sniffer") -> None:
        super().__init__(line, name=name)
        self._rest = b""
        self._clock: int | None = None

    async def _quieten(self) -> None:
        self._command("sleep")
        self._command("shell echo off")
        await asyncio.sleep(SETTLE_S)
        self._rest = b""

    async def listen(self, channel: int) -> None:
        self.channel = channel
        self._command(f"channel {channel}")
        self._command("receive")

    def _stop(self) -> None:
        self._command("sleep")

    def _command(self, text: str) -> None:
        self.line.write(text.encode() + b"\r\n")

    def _on_octets(self, octets: bytes) -> None:
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            if b"received:" in line:
                self._on_line(line)
        if len(self._rest) > _LINE_LIMIT:
            self._rest = b""
            self.garbled += 1

    def _on_line(self, line: bytes) -> None:
        match = self._FRAME.search(line)
        if match is None or len(match[1]) % 2 or int(match[3]) > 255:
            self.garbled += 1
            return
        frame = bytes.fromhex(match[1].decode())
        self._give(frame, int(match[2]), int(match[3]), self._unwrap(int(match[4])), True)

    def _unwrap(self, stamp: int) -> int:
        if self._clock is None:
            self._clock = stamp % _WRAP_32
        else:
            self._clock += (stamp - self._clock) % _WRAP_32
        return self._clock
