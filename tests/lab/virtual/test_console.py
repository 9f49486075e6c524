"""The simulated console, read and typed at through its pseudo-terminal without our driver."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from random import Random
from typing import Any

import pytest

from lab.virtual.console import CommandError, SimulatedConsole
from lab.virtual.line import PtyLine


class Terminal:
    """A bare terminal at the far end: what was sent to it, and a keyboard."""

    def __init__(self, port: str) -> None:
        self.descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.screen = b""
        asyncio.get_running_loop().add_reader(self.descriptor, self._readable)

    def _readable(self) -> None:
        self.screen += os.read(self.descriptor, 65536)

    def type(self, octets: bytes) -> None:
        os.write(self.descriptor, octets)

    async def shows(self, octets: bytes) -> None:
        async with asyncio.timeout(10):
            while octets not in self.screen:
                await asyncio.sleep(0.001)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.descriptor)
        os.close(self.descriptor)


def run(
    body: Callable[[SimulatedConsole, Terminal], Awaitable[None]],
    commands: dict[str, Callable[[list[str]], Iterable[str]]],
    **options: Any,
) -> None:
    async def main() -> None:
        line = PtyLine("console", random=Random(3), pace=False)
        console = SimulatedConsole(line, commands, banner=["Boot 1.0"], **options)
        terminal = Terminal(line.port)
        try:
            await body(console, terminal)
        finally:
            terminal.close()
            line.close()

    asyncio.run(main())


def join(arguments: list[str]) -> Iterable[str]:
    channel, key = int(arguments[0]), arguments[1]
    return [f"joining on {channel} with {key}"]


def refuse(arguments: list[str]) -> Iterable[str]:
    raise CommandError("not now")


COMMANDS: dict[str, Callable[[list[str]], Iterable[str]]] = {
    "network join": join,
    "network": lambda arguments: ["usage"],
    "refuse": refuse,
}


def test_the_af_style_to_the_octet() -> None:
    async def body(console: SimulatedConsole, terminal: Terminal) -> None:
        console.power(True)
        await terminal.shows(b"Boot 1.0\r\nDUT>")
        terminal.screen = b""
        terminal.type(b"network join 11 {00 0d 6F}\r\n")
        await terminal.shows(b"DUT>")
        assert terminal.screen == (
            b"network join 11 {00 0d 6F}\r\njoining on 11 with 000d6F\r\nDUT>"
        )

    run(body, COMMANDS)


def test_the_at_style_to_the_octet() -> None:
    async def body(console: SimulatedConsole, terminal: Terminal) -> None:
        console.power(True)
        await terminal.shows(b"Boot 1.0\r\n")
        terminal.screen = b""
        terminal.type(b"at+networkjoin=11,000D6F\r")
        await terminal.shows(b"OK\r\n")
        assert terminal.screen == (
            b"at+networkjoin=11,000D6F\r\njoining on 11 with 000D6F\r\nOK\r\n"
        )
        for typed in (b"AT+NETWORKJOIN=x\r", b"AT+NOTHING\r", b"nonsense\r", b"AT+REFUSE\r"):
            terminal.screen = b""
            terminal.type(typed)
            await terminal.shows(b"ERROR\r\n")

    run(body, COMMANDS, style="at")


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_each_line_end_ends_one_line(end: bytes) -> None:
    async def body(console: SimulatedConsole, terminal: Terminal) -> None:
        console.power(True)
        terminal.type(b"network" + end + b"network" + end)
        await terminal.shows(b"usage\r\nDUT>network\r\nusage\r\nDUT>")
        assert console.typed_lines == 2

    run(body, COMMANDS)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (b"network join", b"Wrong number or type of arguments"),
        (b"network join x y", b"Wrong number or type of arguments"),
        (b'network join "', b"Wrong number or type of arguments"),
        (b"dance", b"Wrong command"),
        (b"refuse", b"not now"),
        (b"net\x08\x08\x08refuse", b"not now"),
        (b"x" * 5000, b"line too long"),
    ],
)
def test_what_is_wrong_is_refused_and_the_console_lives_on(typed: bytes, answer: bytes) -> None:
    async def body(console: SimulatedConsole, terminal: Terminal) -> None:
        console.power(True)
        terminal.type(typed + b"\r")
        await terminal.shows(answer)
        terminal.type(b"network\r")
        await terminal.shows(b"usage\r\nDUT>")

    run(body, COMMANDS)


def test_any_octets_are_survived() -> None:
    async def body(console: SimulatedConsole, terminal: Terminal) -> None:
        console.power(True)
        for seed in range(5):
            terminal.type(Random(seed).randbytes(3000) + b"\r")
            await asyncio.sleep(0.005)
        terminal.screen = b""
        terminal.type(b"\rnetwork\r")
        await terminal.shows(b"usage\r\nDUT>")

    run(body, COMMANDS)


def test_off_is_silent_deaf_and_forgetful() -> None:
    async def body(console: SimulatedConsole, terminal: Terminal) -> None:
        terminal.type(b"network\r")
        console.say("nobody hears")
        await asyncio.sleep(0.01)
        assert terminal.screen == b""
        console.power(True)
        await terminal.shows(b"DUT>")
        terminal.type(b"netw")
        await terminal.shows(b"DUT>netw")
        console.power(False)
        terminal.type(b"xyz\r")
        await asyncio.sleep(0.01)
        console.power(True)
        terminal.type(b"refuse\r")
        await terminal.shows(b"not now")
        assert console.typed_lines == 1

    run(body, COMMANDS)


def test_an_unasked_line_with_colour_and_redraw() -> None:
    async def body(console: SimulatedConsole, terminal: Terminal) -> None:
        console.power(True)
        await terminal.shows(b"DUT>")
        terminal.type(b"net")
        await terminal.shows(b"net")
        terminal.screen = b""
        console.say("joined")
        await terminal.shows(b"\r\n\x1b[32mjoined\x1b[0m\r\nDUT>net")

    run(body, COMMANDS, colour=True, redraw=True, prompt="DUT>")


def test_without_echo_nothing_typed_comes_back() -> None:
    async def body(console: SimulatedConsole, terminal: Terminal) -> None:
        console.power(True)
        await terminal.shows(b"DUT>")
        terminal.screen = b""
        terminal.type(b"network\r")
        await terminal.shows(b"DUT>")
        assert terminal.screen == b"usage\r\nDUT>"

    run(body, COMMANDS, echo=False)
