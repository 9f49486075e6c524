"""The text console of a device, driven by the dialogue of its PIXIT file.

What arrives is cut into lines, cleaned of colour codes and noise, matched against the events all
the time, and shown to the action that waits, if one does. Unasked lines may come at any moment,
also inside an answer. Times are the loop's, in seconds.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from drivers.dialogue import MASK, Action, Dialogue, fill_in
from drivers.errors import BenchFault, NoAnswer, PortGone
from drivers.line import SerialLine
from drivers.screen import Screen

Event = tuple[float, str, dict[str, str]]

_LINES_KEPT = 20_000
_EVENTS_KEPT = 5_000
_ANSWER_KEPT = 2_000  # lines of one answer
_SECRETS_KEPT = 200
_SHORTEST_SECRET = 6  # below, a word such as "none" would vanish from every text
_SHOWN = 12  # lines of an answer in a failure text


class NoSuchAction(BenchFault):
    """The PIXIT file maps no such action; a case that needs it cannot be run on this device."""

    def __init__(
        self, what: str, action: str, known: Iterable[str], *, table: str = "console"
    ) -> None:
        names = ", ".join(sorted(known)) or "none"
        super().__init__(
            what,
            f"the device has no {table} action {action!r}",
            f"add [{table}.actions.{action}] to the PIXIT file; it has: {names}",
        )
        self.action = action


class ActionRefused(BenchFault):
    """The device answered a command with its error words."""


@dataclass(slots=True)
class _Answer:
    """What came since a line was typed."""

    typed: str | None
    lines: list[str] = field(default_factory=list)
    heard_echo: bool = False
    ended: bool = False  # the prompt, or a final result word, was seen
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Console:
    """Types what actions ask for and reads what the device says.

    `lines` holds (time, text) of what came, cleaned, the last 20,000; `events` (time, name, named
    groups). Both are raw: `masked` is for reports. `log` names the file in which a reader finds the
    whole conversation, and is quoted by failures. One action runs at a time.
    """

    def __init__(self, line: SerialLine, dialogue: Dialogue, *, log: str = "") -> None:
        self.line = line
        self.dialogue = dialogue
        self.log = log
        self.lines: list[tuple[float, str]] = []
        self.lines_dropped = 0
        self.events: list[Event] = []
        self.events_dropped = 0
        self.on_event: Callable[[float, str, dict[str, str]], None] | None = None
        self._screen = Screen()
        self._answer: _Answer | None = None
        self._waiters: list[asyncio.Event] = []
        self._busy = asyncio.Lock()
        self._prompt = _prompt(dialogue.prompt)
        self._noise = [re.compile(pattern) for pattern in dialogue.noise]
        self._events = {name: re.compile(pattern) for name, pattern in dialogue.events.items()}
        self._secrets: list[str] = []  # seen or typed, the longest first
        self._ok, self._error = _compiled(dialogue.ok), _compiled(dialogue.error)

    async def open(self) -> None:
        """Take the line over and open it. PortGone as the line says."""
        self.line.on_octets = self._received
        self.line.on_lost = self._lost
        await self.line.open()

    async def close(self) -> None:
        await self.line.close()

    @property
    def name(self) -> str:
        return f"console {self.line.url}"

    def offers(self, action: str) -> bool:
        """Whether the PIXIT file maps an action."""
        return action in self.dialogue.actions

    async def do(self, action: str, **parameters: Any) -> dict[str, str]:
        """Carry out an action of the dialogue and return the named groups of what it expects.

        NoSuchAction when it is not mapped, ActionRefused when the device says its error words,
        NoAnswer when what is expected does not come in time, PortGone when the line is lost;
        ValueError when a parameter is missing or does not fit.
        """
        mapped = self.dialogue.actions.get(action)
        if mapped is None:
            raise NoSuchAction(self.name, action, self.dialogue.actions)
        typed = [fill_in(template, parameters) for template in mapped.send]
        async with self._busy:
            try:
                return await self._carry_out(action, mapped, typed)
            finally:
                self._answer = None

    async def typed(self, text: str) -> str:
        """Type a line that the dialogue does not map, and return what the device says to it.

        ActionRefused, NoAnswer and PortGone as `do` raises them.
        """
        async with self._busy:
            try:
                await self._carry_out(repr(text), Action(send=(text,)), [text])
                return self._answer.text if self._answer is not None else ""
            finally:
                self._answer = None

    async def event(self, name: str, *, within: float, since: int | None = None) -> dict[str, str]:
        """Wait for an event of the dialogue; `since` (from `mark`) takes in those already seen.

        NoAnswer when it does not come within that many seconds; ValueError when it is not defined.
        """
        if name not in self._events:
            raise ValueError(f"the dialogue has no event {name!r}: it has {sorted(self._events)}")
        position = self.mark() if since is None else since
        wake = asyncio.Event()
        self._waiters.append(wake)
        try:
            async with asyncio.timeout(within):
                while True:
                    for _, found, fields in self.events[max(0, position - self.events_dropped) :]:
                        if found == name:
                            return fields
                    position = self.mark()
                    self._raise_if_lost()
                    wake.clear()
                    await wake.wait()
        except TimeoutError:
            raise NoAnswer(
                self.name,
                f"the event {name!r} ({self.dialogue.events[name]!r}) did not come within "
                f"{within:g} s; last lines: {self._shown([text for _, text in self.lines])}",
                self._hint(),
            ) from None
        finally:
            self._waiters.remove(wake)

    def mark(self) -> int:
        """The number of events so far, for `event(since=...)`."""
        return self.events_dropped + len(self.events)

    def masked(self, text: str) -> str:
        """Text without the secrets of the dialogue, nor any that was seen or typed before."""
        text = self.dialogue.masked(text)
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def line_mark(self) -> int:
        """The number of lines so far, for `transcript(since)`."""
        return self.lines_dropped + len(self.lines)

    def transcript(self, since: int = 0) -> str:
        """What the device said, line by line with times, masked: for reports."""
        missing = max(0, self.lines_dropped - since)
        head = f"... {missing} earlier lines not kept ...\n" if missing else ""
        kept = self.lines[max(0, since - self.lines_dropped) :]
        return head + "".join(f"{time:14.6f} {self.masked(text)}\n" for time, text in kept)

    # --- carrying out an action --------------------------------------------------------------

    async def _carry_out(self, name: str, action: Action, typed: list[str]) -> dict[str, str]:
        limit = self.dialogue.timeout_s if action.timeout_s is None else action.timeout_s
        answer = self._answer = _Answer(None)
        try:
            async with asyncio.timeout(limit):
                for position, line in enumerate(typed):
                    answer.typed, answer.heard_echo, answer.ended = line, False, False
                    self._take_prompt()
                    self._learn_secrets(line)
                    await self._type(line)
                    if position < len(typed) - 1:
                        await self._wait(answer, action, lambda: answer.ended)
                return await self._result(answer, action)
        except TimeoutError:
            cause = self._silence(name, action, answer, limit)
            raise NoAnswer(self.name, cause, self._hint()) from None

    async def _result(self, answer: _Answer, action: Action) -> dict[str, str]:
        expect = _compiled(action.expect)
        needs_end = self._needs_end(action)

        def done() -> bool:
            if needs_end and not answer.ended:
                return False
            return expect is None or expect.search(answer.text) is not None

        await self._wait(answer, action, done)
        match = expect.search(answer.text) if expect is not None else None
        if match is None:
            return {}
        return {key: value for key, value in match.groupdict().items() if value is not None}

    def _needs_end(self, action: Action) -> bool:
        has_end = self._prompt is not None or self._ok is not None
        return has_end and bool(action.send) and action.until == "end"

    async def _wait(self, answer: _Answer, action: Action, done: Callable[[], bool]) -> None:
        errors = [pattern for pattern in (_compiled(action.error), self._error) if pattern]
        while True:
            self._raise_if_lost()
            for pattern in errors:
                if pattern.search(answer.text):
                    came = self._shown(answer.lines)
                    raise ActionRefused(
                        self.name,
                        f"the device answered {self._typed(answer)} with {came}",
                        self._hint(),
                    )
            if done():
                return
            answer.changed.clear()
            await answer.changed.wait()

    async def _type(self, line: str) -> None:
        if self.dialogue.wake:
            self.line.write(self.dialogue.wake.encode("ascii"))
            await asyncio.sleep(self.dialogue.wake_delay_s)
        octets = (line + self.dialogue.line_end).encode("ascii")
        if not self.dialogue.character_delay_s:
            self.line.write(octets)
            return
        for octet in octets:
            self.line.write(bytes([octet]))
            await asyncio.sleep(self.dialogue.character_delay_s)

    # --- what arrives ------------------------------------------------------------------------

    def _received(self, octets: bytes) -> None:
        for line in self._screen.feed(octets):
            for pattern in self._noise:
                line = pattern.sub("", line)
            text = self._without_prompt(line).rstrip()
            if text:
                self._line(text)
        if self._at_prompt():
            self._ended()

    def _without_prompt(self, text: str) -> str:
        """The line without the prompts before it, each of which ended an answer."""
        while self._prompt and (prompt := self._prompt.match(text)) and prompt.group():
            text = text[prompt.end() :]
            self._ended()
        return text

    def _at_prompt(self) -> bool:
        return self._prompt is not None and self._prompt.fullmatch(self._screen.partial) is not None

    def _take_prompt(self) -> None:
        """Forget the prompt that is typed at, lest it be taken for the end of the answer."""
        if self._at_prompt():
            self._screen.partial = ""

    def _line(self, text: str) -> None:
        time = asyncio.get_running_loop().time()
        self.lines.append((time, text))
        if len(self.lines) > _LINES_KEPT:
            drop = _LINES_KEPT // 4
            del self.lines[:drop]
            self.lines_dropped += drop
        self._learn_secrets(text)
        self._match_events(time, text)
        answer = self._answer
        if answer is None or self._is_echo(answer, text):
            return
        if len(answer.lines) < _ANSWER_KEPT:
            answer.lines.append(text)
        if self._ok is not None and self._ok.search(text):
            self._ended()
        answer.changed.set()

    def _learn_secrets(self, text: str) -> None:
        """Remember what `secrets` find, to mask it where it comes without its label."""
        for secret in self.dialogue.secrets_in(text):
            if len(secret) < _SHORTEST_SECRET or secret in self._secrets:
                continue
            self._secrets = sorted([*self._secrets, secret], key=len, reverse=True)[:_SECRETS_KEPT]

    def _match_events(self, time: float, text: str) -> None:
        for name, pattern in self._events.items():
            match = pattern.search(text)
            if match is None:
                continue
            fields = {key: value for key, value in match.groupdict().items() if value is not None}
            self.events.append((time, name, fields))
            if len(self.events) > _EVENTS_KEPT:
                drop = _EVENTS_KEPT // 4
                del self.events[:drop]
                self.events_dropped += drop
            for wake in self._waiters:
                wake.set()
            if self.on_event is not None:
                self.on_event(time, name, fields)

    def _is_echo(self, answer: _Answer, text: str) -> bool:
        """Whether a line is what was typed, come back; also one cut in two by an unasked line."""
        if not self.dialogue.echo or answer.heard_echo or answer.typed is None:
            return False
        rest = answer.typed.removesuffix(text)
        if text == answer.typed or (rest != answer.typed and _begins(answer.lines, rest)):
            answer.heard_echo = True
            return True
        return False

    def _ended(self) -> None:
        answer = self._answer
        if answer is None or answer.typed is None:
            return
        if self.dialogue.echo and not answer.heard_echo:
            return  # a prompt redrawn before the device has taken the line in
        answer.ended = True
        answer.changed.set()

    def _lost(self, fault: PortGone) -> None:
        for wake in self._waiters:
            wake.set()
        if self._answer is not None:
            self._answer.changed.set()

    def _raise_if_lost(self) -> None:
        if self.line.lost is not None:
            raise self.line.lost

    # --- failure texts -----------------------------------------------------------------------

    def _silence(self, name: str, action: Action, answer: _Answer, limit: float) -> str:
        awaited = [f"a line with {action.expect!r}"] if action.expect else []
        if self._needs_end(action) and not answer.ended:
            awaited.append(f"the end of the answer ({self.dialogue.prompt or self.dialogue.ok!r})")
        came = self._shown(answer.lines)
        partial = (
            f", then the unfinished {self.masked(self._screen.partial)!r}"
            if self._screen.partial
            else ""
        )
        echo = ", not even the echo" if self._without_echo(answer) else ""
        return (
            f"action {name!r}: typed {self._typed(answer)} and awaited "
            f"{' and '.join(awaited) or 'nothing'} for {limit:g} s; came{echo}: {came}{partial}"
        )

    def _without_echo(self, answer: _Answer) -> bool:
        return self.dialogue.echo and answer.typed is not None and not answer.heard_echo

    def _typed(self, answer: _Answer) -> str:
        return "nothing" if answer.typed is None else repr(self.masked(answer.typed))

    def _shown(self, lines: list[str]) -> str:
        shown = [repr(self.masked(line)) for line in lines[-_SHOWN:]]
        more = f"({len(lines) - _SHOWN} lines) ... " if len(lines) > _SHOWN else ""
        return more + ", ".join(shown) if shown else "nothing"

    def _hint(self) -> str:
        log = f"; the whole conversation is in {self.log}" if self.log else ""
        return f"check the port, the device's power and the PIXIT file's [console]{log}"


def _compiled(pattern: str | None) -> "re.Pattern[str] | None":
    return None if pattern is None else re.compile(pattern, re.MULTILINE)


def _prompt(pattern: str | None) -> "re.Pattern[str] | None":
    return None if pattern is None else re.compile(rf"\s*(?:{pattern})\s*")


def _begins(lines: list[str], start: str) -> bool:
    return bool(start) and any(line.startswith(start) for line in lines)
