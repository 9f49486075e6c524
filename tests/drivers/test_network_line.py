"""Lines over the network: pyserial's `socket://` and `rfc2217://`, against servers in this test.

Real sockets and threads of pyserial's own: these run on the ordinary clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import serial
from serial.rfc2217 import PortManager

from drivers.errors import PortGone
from drivers.line import SerialLine

# pyserial's own RFC 2217 client uses old names of the threading module.
pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")

EVERY = bytes(range(256)) * 4
LIMIT_S = 30.0


class Echo:
    """A TCP server that echoes to its one client, until it is told to hang up."""

    def __init__(self) -> None:
        self.port = 0
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        with contextlib.suppress(ConnectionError):
            while octets := await reader.read(4096):
                writer.write(octets)

    def hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._server is not None:
            self._server.close()


class Heard:
    """What a line heard, and a way to wait for a number of octets of it."""

    def __init__(self, line: SerialLine) -> None:
        self.octets = bytearray()
        self.lost: asyncio.Future[PortGone] = asyncio.get_running_loop().create_future()
        self._changed = asyncio.Event()
        line.on_octets = self._take
        line.on_lost = self.lost.set_result

    def _take(self, octets: bytes) -> None:
        self.octets += octets
        self._changed.set()

    async def wait_for(self, count: int) -> bytes:
        while len(self.octets) < count:
            self._changed.clear()
            await self._changed.wait()
        return bytes(self.octets)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), LIMIT_S))


def test_a_socket_line_echoes_and_notices_the_end() -> None:
    async def scenario() -> None:
        server = Echo()
        await server.start()
        line = SerialLine("remote", f"socket://127.0.0.1:{server.port}")
        await line.open()
        heard = Heard(line)
        line.write(EVERY)
        line.write(b"end")
        assert await heard.wait_for(len(EVERY) + 3) == EVERY + b"end"
        assert line.octets_sent == line.octets_received == len(EVERY) + 3
        server.hang_up()
        fault = await heard.lost
        assert "socket://127.0.0.1" in str(fault)
        with pytest.raises(PortGone):
            line.write(b"x")
        await line.close()

    run(scenario)


def test_a_socket_that_nobody_serves_is_named() -> None:
    async def scenario() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"socket://127.0.0.1:{unused.getsockname()[1]}"
            with pytest.raises(PortGone, match="start the serial server") as caught:
                await SerialLine("remote", url).open()
            assert url in str(caught.value)

    run(scenario)


def test_a_scheme_that_is_none_is_a_port_that_cannot_be_opened() -> None:
    async def scenario() -> None:
        with pytest.raises(PortGone, match="cannot be opened"):
            await SerialLine("remote", "nonsense://x").open()

    run(scenario)


class Rfc2217Server:
    """Serves pyserial's `loop://`, which echoes, by pyserial's own server part of RFC 2217.

    One client, in a thread. `hang_up` ends the connection.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._end, self._ended = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client, serial.serial_for_url("loop://", timeout=0) as port:
            manager: Any = PortManager(port, _Connection(client))  # type: ignore[arg-type]
            while True:
                watched: list[Any] = [client, self._end]
                ready, _, _ = select.select(watched, [], [], LIMIT_S)
                if not ready or self._end in ready:
                    return
                octets = client.recv(1024)
                if not octets:
                    return
                port.write(b"".join(manager.filter(octets)))
                client.sendall(b"".join(manager.escape(port.read(port.in_waiting))))

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._ended, b"x")
        self._thread.join(LIMIT_S)

    def close(self) -> None:
        self.hang_up()
        self._listener.close()
        os.close(self._end)
        os.close(self._ended)


class _Connection:
    def __init__(self, client: socket.socket) -> None:
        self.write = client.sendall


@pytest.fixture
def rfc2217_server() -> Iterator[Rfc2217Server]:
    server = Rfc2217Server()
    yield server
    server.close()


def test_an_rfc2217_line_echoes_and_closes(rfc2217_server: Rfc2217Server) -> None:
    async def scenario() -> None:
        line = SerialLine("remote", f"rfc2217://127.0.0.1:{rfc2217_server.port}")
        await line.open()
        heard = Heard(line)
        for start in range(0, len(EVERY), 100):  # 0xFF among them, which telnet doubles
            line.write(EVERY[start : start + 100])
        assert await heard.wait_for(len(EVERY)) == EVERY
        await line.close()
        assert line.lost is None and not heard.lost.done()

    run(scenario)


def test_an_rfc2217_line_notices_the_end(rfc2217_server: Rfc2217Server) -> None:
    async def scenario() -> None:
        line = SerialLine("remote", f"rfc2217://127.0.0.1:{rfc2217_server.port}")
        await line.open()
        heard = Heard(line)
        line.write(b"hello")
        assert await heard.wait_for(5) == b"hello"
        rfc2217_server.hang_up()
        fault = await heard.lost
        assert "rfc2217://" in str(fault)
        await line.close()

    run(scenario)
