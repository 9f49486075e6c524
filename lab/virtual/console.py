"""The text console of a simulated device, in two styles over one table of commands.

"af": a prompt, words and arguments apart by spaces, `{00 0D 6F ..}` for octets, free text as
answers, in the way of Silicon Labs' AF CLI. "at": `AT+NETWORKJOIN=11,0,1234`, data lines and then
OK or ERROR, no prompt, in the way of AT modules. A command `network join` is `network join` in the
one and `AT+NETWORKJOIN` in the other.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, Protocol

Command = Callable[[list[str]], Iterable[str]]
Style = Literal["af", "at"]

_LONGEST_LINE = 512
_BRACES = re.compile(r"\{([0-9A-Fa-f\s]*)\}")
_GREEN, _PLAIN = "\x1b[32m", "\x1b[0m"


class ConsoleLine(Protocol):
    """What a console is connected to: a serial line, or nothing."""

    on_octets: Callable[[bytes], None] | None

    def write(self, octets: bytes) -> None:
        """Send octets."""


class CommandError(Exception):
    """A command is refused; the text is shown in the af style, ERROR in the at style."""


class SimulatedConsole:
    """Reads commands from a line and answers them.

    commands: by their words ("network join"); each takes its arguments as text (octets in braces as
    plain hexadecimal) and returns the lines of its answer. It may raise CommandError, or ValueError
    and IndexError for arguments that make no sense. The table may be changed at any time.
    """

    def __init__(
        self,
        line: ConsoleLine,
        commands: Mapping[str, Command] | None = None,
        *,
        style: Style = "af",
        prompt: str = "DUT>",
        banner: Iterable[str] = ("Simulated device",),
        echo: bool = True,
        colour: bool = False,
        redraw: bool = False,
    ) -> None:
        self.line = line
        self.commands: dict[str, Command] = dict(commands or {})
        self.style = style
        self.prompt = prompt if style == "af" else ""
        self.banner = tuple(banner)
        self.echo = echo
        self.colour = colour
        self.redraw = redraw
        self.powered = False
        self.typed_lines = 0
        self._input = ""
        self._too_long = False
        self._after_return = False
        line.on_octets = self._received

    def power(self, on: bool) -> None:
        """Switch on (banner, then prompt) or off (silent, deaf, and forgetful)."""
        if on == self.powered:
            return
        self.powered = on
        self._clear()
        if on:
            self.restarted()

    def restarted(self) -> None:
        """Show the banner, as after a reset."""
        self._clear()
        for text in self.banner:
            self._write_line(text)
        self._write_prompt()

    def say(self, text: str) -> None:
        """A line that nobody asked for; it may fall into an answer or into what is being typed."""
        if not self.powered:
            return
        self._write("\r\n")
        self._write_line(f"{_GREEN}{text}{_PLAIN}" if self.colour else text)
        if self.redraw and self.style == "af":
            self._write(self.prompt + (self._input if self.echo else ""))

    def _clear(self) -> None:
        self._input, self._too_long, self._after_return = "", False, False

    def _received(self, octets: bytes) -> None:
        for octet in octets:
            if self.powered:
                self._character(chr(octet))

    def _character(self, character: str) -> None:
        after_return, self._after_return = self._after_return, character == "\r"
        if character in "\r\n":
            if character == "\n" and after_return:
                return  # the second half of a line end
            self._entered()
        elif character in "\b\x7f":
            if self._input:
                self._input = self._input[:-1]
                self._write("\b \b" if self.echo else "")
        elif character.isascii() and character.isprintable():
            if len(self._input) >= _LONGEST_LINE:
                self._too_long = True
                return
            self._input += character
            self._write(character if self.echo else "")

    def _entered(self) -> None:
        text, too_long = self._input, self._too_long
        self._clear()
        self._after_return = True
        if self.echo:
            self._write("\r\n")
        if not text.strip():
            self._write_prompt()
            return
        self.typed_lines += 1
        refusal = "line too long" if too_long else self._run(text)
        if not self.powered:
            return  # the command has switched it off
        if refusal is not None:
            self._write_line("ERROR" if self.style == "at" else refusal)
        elif self.style == "at":
            self._write_line("OK")
        self._write_prompt()

    def _run(self, text: str) -> str | None:
        """Carry a line out and show its answer; why not, if it was refused."""
        try:
            words = _af_words(text) if self.style == "af" else _at_words(text)
            command, arguments = self._find(words)
            for answer in command(arguments):
                self._write_line(answer)
        except CommandError as refusal:
            return str(refusal)
        except (ValueError, IndexError):
            return "Wrong number or type of arguments"
        return None

    def _find(self, words: list[str]) -> tuple[Command, list[str]]:
        """The command with the longest name that begins the line, and the words behind it."""
        if self.style == "at":
            for name, command in self.commands.items():
                if _at_name(name) == words[0]:
                    return command, words[1:]
            raise CommandError("no such command")
        for count in range(len(words), 0, -1):
            found = self.commands.get(" ".join(words[:count]))
            if found is not None:
                return found, words[count:]
        raise CommandError("Wrong command: no command found")

    def _write_line(self, text: str) -> None:
        self._write(text + "\r\n")

    def _write_prompt(self) -> None:
        prompt = f"{_GREEN}{self.prompt}{_PLAIN}" if self.colour and self.prompt else self.prompt
        self._write(prompt)

    def _write(self, text: str) -> None:
        if text and self.powered:
            self.line.write(text.encode("utf-8", "replace"))


def _af_words(text: str) -> list[str]:
    """Words apart by spaces; `{00 0D}` is one word 000D, "a b" is one word."""
    joined = _BRACES.sub(lambda octets: re.sub(r"\s", "", octets.group(1)), text)
    return shlex.split(joined)


def _at_words(text: str) -> list[str]:
    """The name in capitals without AT+, then the arguments apart by commas."""
    head, _, rest = text.strip().partition("=")
    name = head.upper()
    if not name.startswith("AT"):
        raise CommandError("no AT command")
    arguments = [argument.strip().strip('"') for argument in rest.split(",")] if rest else []
    return [name.removeprefix("AT").removeprefix("+").removesuffix("?"), *arguments]


def _at_name(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name.upper())
