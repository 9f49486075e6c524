"""A simulated bench supply on a TCP port, as one would stand beside the device: raw SCPI, several
clients.

It models what a campaign has to cope with: outputs that settle, a current that the load decides, a
current limit under which the voltage gives way, protections that latch, an error queue that
overflows, and times to answer. All times are the loop's. Written after the SCPI notation of the
makes it plays, not after the driver's tables.
"""

import argparse
import asyncio
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from typing import Literal, get_args

from lab.virtual.output import Output
from lab.virtual.scpi import CommandSet, ScpiError, keysight, rigol

_LONGEST_LINE = 1024
_QUEUE = 20

Style = Literal["keysight_e36300", "rigol_dp800"]


def _no_load(volts: float) -> float:
    return 0.0


class SimulatedSupply:
    """Serves `channels` outputs; the device hangs on `dut_channel`.

    load: amperes that the device draws at a voltage, asked whenever it matters, so it may change
    with the device's state (call `load_changed` when it rises, so that limits and protections act
    at once). on_voltage: told the volts at the device's terminals after each change, 0.0 when off.
    replies_owed: queries taken in whose reply is due on the loop and not yet written.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        channels: int = 3,
        dut_channel: int = 1,
        load: Callable[[float], float] = _no_load,
        on_voltage: Callable[[float], None] | None = None,
        style: Style = "keysight_e36300",
        serial: str = "SIM0000001",
        measure_time_s: float = 0.02,
        reply_time_s: float = 0.0005,
        first_reply_s: float | None = None,
        settle_s: float = 0.005,
    ) -> None:
        if not 1 <= dut_channel <= channels:
            raise ValueError(f"the device's channel {dut_channel} is not one of 1 to {channels}")
        self.replies_owed = 0
        self.measure_time_s = measure_time_s
        self.reply_time_s = reply_time_s
        self.requests = 0
        self.errors: deque[str] = deque()
        self.refuse_off = False  # a fault for tests: a relay that sticks
        self.serial = serial
        self.outputs = {
            number: Output(
                number,
                load=load if number == dut_channel else _no_load,
                on_voltage=on_voltage if number == dut_channel else None,
                settle_s=settle_s,
                most_volts=6.18 if number == 1 else 25.75,
                most_amperes=5.15 if number == 1 else 1.03,
            )
            for number in range(1, channels + 1)
        }
        self.dut = self.outputs[dut_channel]
        self._address = (host, port)
        self._first_reply_s = first_reply_s
        self._muted = False
        self._server: asyncio.Server | None = None
        self._clients: list[_Client] = []
        build = keysight if style == "keysight_e36300" else rigol
        self._commands: CommandSet = build(self)

    @property
    def resource(self) -> str:
        """What a bench file calls it. RuntimeError before `start`."""
        if not self._address[1]:
            raise RuntimeError("the simulated supply was not started")
        return f"TCPIP::{self._address[0]}::{self._address[1]}::SOCKET"

    async def start(self) -> None:
        """Listen; a port of 0 becomes the one that was free. A supply that vanished comes back at
        its port.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), *self._address)
        host, port = self._server.sockets[0].getsockname()[:2]
        self._address = (host, port)

    async def stop(self) -> None:
        """Close the listener and every connection, and switch nothing: it is the process that
        ends.
        """
        self.vanish()
        for output in self.outputs.values():
            output.cancel()

    def vanish(self) -> None:
        """Drop the listener and all clients at once, as a pulled network lead would; the outputs
        stay as they are.
        """
        if self._server is not None:
            self._server.close()
            self._server = None
        for client in list(self._clients):
            client.drop()

    def mute(self, muted: bool = True) -> None:
        """Take requests in and answer none."""
        self._muted = muted

    def trip(self, protection: Literal["ovp", "ocp"], channel: int | None = None) -> None:
        """Trip a protection, as if its cause had occurred."""
        (self.dut if channel is None else self.outputs[channel]).trip(protection)

    def load_changed(self) -> None:
        """The device draws another current now: the limit and the protections look at it."""
        self.dut.refresh()

    def error(self, text: str) -> None:
        """Queue an error such as '-222,"Data out of range"'; the last place holds the overflow."""
        if len(self.errors) >= _QUEUE:
            self.errors[-1] = '-350,"Queue overflow"'
        else:
            self.errors.append(text)

    def reset(self) -> None:
        """As *RST: all outputs off, settings at their defaults, protections cleared."""
        for output in self.outputs.values():
            output.reset()

    def handle(self, line: str) -> str | None:
        """Carry out one message (several commands apart by ';'); the replies joined by ';', None
        without any.
        """
        replies = []
        for part in line.split(";"):
            if not part.strip():
                continue
            try:
                reply = self._commands.run(part.strip())
            except ScpiError as refusal:
                self.error(str(refusal))
                continue
            if reply is not None:
                replies.append(reply)
        return ";".join(replies) if replies else None

    # What clients need.

    def joined(self, client: "_Client") -> None:
        self._clients.append(client)

    def left(self, client: "_Client") -> None:
        if client in self._clients:
            self._clients.remove(client)

    def time_to_answer(self, line: str) -> float | None:
        """Seconds until the reply to a query, None when it will not be answered."""
        self.requests += 1
        if self._muted:
            return None
        first, self._first_reply_s = self._first_reply_s, None
        return (first or 0.0) + (
            self.measure_time_s if "MEAS" in line.upper() else self.reply_time_s
        )


class _Client(asyncio.Protocol):
    """One connection: its lines are carried out in order, the next one after the reply to the
    last.
    """

    def __init__(self, supply: SimulatedSupply) -> None:
        self._supply = supply
        self._transport: asyncio.Transport | None = None
        self._partial = bytearray()
        self._lines: deque[str] = deque()
        self._due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._supply.joined(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._forget()
        self._supply.left(self)

    def drop(self) -> None:
        self._forget()
        self._supply.left(self)
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._acknowledge()
        self._partial += data
        *lines, rest = self._partial.split(b"\n")
        self._partial = bytearray(rest[: _LONGEST_LINE + 1])
        for line in lines:
            if len(line) > _LONGEST_LINE:
                self._supply.error('-363,"Input buffer overrun"')
            else:
                self._lines.append(line.decode("ascii", "replace").strip())
        self._work()

    def _acknowledge(self) -> None:
        """Let the kernel acknowledge at once: a client without TCP_NODELAY sends a command and the
        query behind it as two small segments, and holds the second back for the acknowledgement of
        the first, some 40 ms of real time.
        """
        if self._transport is None or not hasattr(socket, "TCP_QUICKACK"):
            return
        connection = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _work(self) -> None:
        while self._lines and self._due is None:
            line = self._lines.popleft()
            if "?" not in line:
                self._supply.handle(line)
                continue
            wait = self._supply.time_to_answer(line)
            if wait is not None:
                self._supply.replies_owed += 1
                self._due = asyncio.get_running_loop().call_later(wait, self._answer, line)

    def _answer(self, line: str) -> None:
        reply = self._supply.handle(line)
        if reply is not None and self._transport is not None:
            self._transport.write(reply.encode() + b"\n")
        self._due = None
        self._supply.replies_owed -= 1
        self._work()

    def _forget(self) -> None:
        self._lines.clear()
        if self._due is not None:
            self._due.cancel()
            self._due = None
            self._supply.replies_owed -= 1


async def _serve(options: argparse.Namespace) -> None:
    supply = SimulatedSupply(
        options.host,
        options.port,
        style=options.style,
        load=lambda volts: volts / options.ohms,
        measure_time_s=options.measure_time,
        reply_time_s=options.reply_time,
        on_voltage=lambda volts: print(f"the device has {volts:.3f} V", file=sys.stderr),
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has them ignored
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await supply.start()
    print(supply.resource, flush=True)
    await stop.wait()
    await supply.stop()
    print("the simulated supply was stopped", file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Serve a simulated supply with a resistor for a device, until interrupted."""
    parser = argparse.ArgumentParser(prog="lab.virtual.supply", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5025, help="0 takes a free one")
    parser.add_argument("--style", choices=get_args(Style), default=get_args(Style)[0])
    parser.add_argument("--ohms", type=float, default=33.0, help="the device, as a resistor")
    parser.add_argument("--measure-time", type=float, default=0.02, help="seconds for a MEAS")
    parser.add_argument("--reply-time", type=float, default=0.0005, help="seconds for the others")
    asyncio.run(_serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
