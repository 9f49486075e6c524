"""A device without a console: a person at the bench is asked to do what a console would.

The `[operator]` table of a PIXIT file maps actions to what the person is asked, in the same way as
`[console]` maps them to what is typed; `Operator.do` has the face of `Console.do`.
"""

import asyncio
import os
import re
from string import Formatter
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from drivers.console import ActionRefused, NoSuchAction
from drivers.dialogue import Regex, Template, render
from drivers.errors import BenchFault, NoAnswer

NAME = "operator"

_LONGEST_ANSWER = 1_000
_REFUSAL = "!"

Limit = Annotated[float, Field(gt=0.0, le=86_400.0)]


class Request(BaseModel):
    """One thing the person is asked to do.

    ask: the text shown, with places for parameters as in a console's `send`. expect: what has to be
    typed when it is done, its named groups are the result; without it, Enter is enough.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask: Template
    expect: Regex | None = None
    timeout_s: Limit | None = None

    @property
    def parameters(self) -> frozenset[str]:
        """The names that must be given."""
        return frozenset(name for _, name, _, _ in Formatter().parse(self.ask) if name)


class OperatorScript(BaseModel):
    """The `[operator]` table of a PIXIT file. timeout_s: how long a person has for one request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout_s: Limit = 300.0
    actions: dict[str, Request] = {}


class Terminal(Protocol):
    """Where the person is."""

    async def show(self, text: str) -> None:
        """Show a text. BenchFault when nobody can see it."""

    async def line(self) -> str:
        """The next line that is typed, without its end. BenchFault when none can come."""

    def discard(self) -> None:
        """Forget what was typed before it was asked for."""

    async def close(self) -> None:
        """Let go of it."""


class TtyTerminal:
    """The terminal that the harness was started from, whatever its output is redirected to."""

    def __init__(self, path: str = "/dev/tty") -> None:
        self._path = path
        self._descriptor: int | None = None
        self._typed = bytearray()
        self._changed = asyncio.Event()
        self._ended = False

    async def show(self, text: str) -> None:
        descriptor = self._open()
        try:
            os.write(descriptor, text.encode(errors="replace"))
        except OSError as error:
            raise self._unattended(error) from error

    async def line(self) -> str:
        self._open()
        while b"\n" not in self._typed:
            if self._ended:
                raise self._unattended("its end was reached")
            self._changed.clear()
            await self._changed.wait()
        line, _, rest = bytes(self._typed).partition(b"\n")
        self._typed = bytearray(rest)
        return line.decode(errors="replace").strip()

    def discard(self) -> None:
        if self._descriptor is not None:
            self._readable()
            self._typed.clear()

    async def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    def _open(self) -> int:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            except OSError as error:
                raise self._unattended(error) from error
            self._ended = False
            asyncio.get_running_loop().add_reader(self._descriptor, self._readable)
        return self._descriptor

    def _readable(self) -> None:
        descriptor = self._descriptor
        if descriptor is None:
            return
        try:
            octets = os.read(descriptor, 4096)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets and not self._ended:
            self._ended = True
            asyncio.get_running_loop().remove_reader(descriptor)
        self._typed = (self._typed + octets)[-_LONGEST_ANSWER:]
        self._changed.set()

    def _unattended(self, error: object) -> BenchFault:
        return BenchFault(
            NAME,
            f"nobody is there to ask: {self._path}: {error}",
            "run in a terminal, or map the action in [console]",
        )


class Operator:
    """Asks a person. `lines` holds (time, text) of what was asked and answered."""

    def __init__(self, script: OperatorScript, terminal: Terminal | None = None) -> None:
        self.script = script
        self.lines: list[tuple[float, str]] = []
        self._terminal = terminal if terminal is not None else TtyTerminal()
        self._busy = asyncio.Lock()

    async def open(self) -> None:
        """Nothing to do: the terminal is opened by the first request."""

    async def close(self) -> None:
        await self._terminal.close()

    def offers(self, action: str) -> bool:
        """Whether the PIXIT file maps an action."""
        return action in self.script.actions

    async def do(self, action: str, **parameters: Any) -> dict[str, str]:
        """Ask for an action and return the named groups of what the person typed.

        NoSuchAction when it is not mapped, NoAnswer when the time for it is over, ActionRefused
        when the person types an exclamation mark and why not, BenchFault when there is no terminal.
        """
        request = self.script.actions.get(action)
        if request is None:
            raise NoSuchAction(NAME, action, self.script.actions, table="operator")
        text = render(request.ask, parameters)
        limit = request.timeout_s or self.script.timeout_s
        async with self._busy:
            try:
                async with asyncio.timeout(limit):
                    return await self._ask(text, request, limit)
            except TimeoutError:
                await self._terminal.show("\nToo late: the test goes on without it.\n")
                raise NoAnswer(
                    NAME,
                    f"{text!r} was not confirmed within {limit:g} s",
                    "repeat the case with somebody at the bench",
                ) from None

    async def _ask(self, text: str, request: Request, limit: float) -> dict[str, str]:
        self._terminal.discard()
        self._note(f"asked: {text}")
        how = f"Type {request.expect!r}" if request.expect else "Press Enter when it is done"
        await self._terminal.show(
            f"\a\n--- please, within {limit:g} s ---\n{text}\n"
            f"{how}; if it cannot be done, type {_REFUSAL} and why.\n> "
        )
        while True:
            typed = await self._terminal.line()
            self._note(f"answered: {typed}")
            if typed.startswith(_REFUSAL):
                reason = typed.removeprefix(_REFUSAL).strip() or "no reason was given"
                raise ActionRefused(NAME, f"{text!r} could not be done: {reason}")
            match = re.search(request.expect or "", typed)
            if match is not None:
                found = match.groupdict()
                return {key: value for key, value in found.items() if value is not None}
            await self._terminal.show(f"That does not fit {request.expect!r}. Again, please.\n> ")

    def transcript(self) -> str:
        """What was asked and answered, with times: for reports."""
        return "".join(f"{time:14.6f} {text}\n" for time, text in self.lines)

    def _note(self, text: str) -> None:
        self.lines.append((asyncio.get_running_loop().time(), text))
