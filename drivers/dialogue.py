"""What a PIXIT file says of a device's console: how it prompts, what to type, what it answers.

The `[console]` table of a PIXIT file is a `Dialogue`. Regular expressions are Python's and are
searched for in complete lines, after colour codes and noise were taken out. What is typed is a
template: `{pan:04X}` formats a number as Python does, `{eui64:brace}` in one of `FORMATS`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

MASK = "[masked]"

FORMATS = {
    "dec": "number in decimal",
    "hex": "number in hexadecimal, no prefix; or octets as plain hexadecimal",
    "0x": "number as 0x...",
    "plain": "octets or an EUI-64 as plain hexadecimal, most significant octet first",
    "brace": "octets or an EUI-64 as {00 0D 6F ..}, most significant octet first",
    "brace_le": "the same, least significant octet first",
    "plain_le": "plain hexadecimal, least significant octet first",
    "colons": "octets or an EUI-64 as 00:0d:6f:.., most significant octet first",
    "quoted": 'text as "text", inner quotes and backslashes escaped',
    "on_off": "a truth value as on or off",
    "bit": "a truth value as 1 or 0",
    "date_time": "seconds since 2000-01-01 UTC as mm-dd-yyyy/hh:mm:ss",
}

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EUI64_OCTETS = 8


def _regex(pattern: str) -> str:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    if compiled.match("") is not None:
        raise ValueError(f"{pattern!r} fits the empty text, so it would fit anything")
    return pattern


def _template(text: str) -> str:
    try:
        fields = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{text!r}: {error} (a brace itself is written twice)") from error
    for _, name, spec, conversion in fields:
        if name is None:
            continue
        if not name.isidentifier() or conversion:
            raise ValueError(f"{text!r}: {{{name}}} is no name of a parameter")
        if spec and spec.isidentifier() and len(spec) > 1 and spec not in FORMATS:
            raise ValueError(f"{text!r}: no format {spec!r}, but there are {', '.join(FORMATS)}")
    if "\n" in text or "\r" in text:
        raise ValueError(f"{text!r} holds a line end: line_end is added, and a list types more")
    return text


def _as_lines(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Regex = Annotated[str, AfterValidator(_regex)]
Template = Annotated[str, AfterValidator(_template)]
Lines = Annotated[tuple[Template, ...], BeforeValidator(_as_lines)]
Seconds = Annotated[float, Field(ge=0.0, le=86_400.0)]


class Action(BaseModel):
    """One thing a case may ask of the device.

    send: what to type, one line or a list of lines, of which each waits for the end of the answer
    to the one before; nothing to only wait. expect: what shows that it was done; its named groups
    are the result. error: what shows that the device refused. until: "end" waits for `expect` and
    for the end of the answer (the prompt, or `ok`), "match" for `expect` alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    send: Lines = ()
    expect: Regex | None = None
    error: Regex | None = None
    until: Literal["end", "match"] = "end"
    timeout_s: Seconds | None = None
    note: str = ""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not self.send and self.expect is None:
            raise ValueError("neither send nor expect: the action would do nothing")
        if self.until == "match" and self.expect is None:
            raise ValueError("until 'match' needs expect")
        return self

    @property
    def parameters(self) -> frozenset[str]:
        """The names that must be given."""
        return frozenset(
            name for line in self.send for _, name, _, _ in Formatter().parse(line) if name
        )


class Dialogue(BaseModel):
    """The `[console]` table of a PIXIT file.

    prompt: what ends an answer, where the device prompts. ok, error: its final result words, where
    it has such. echo: the device repeats what is typed. character_delay_s: pause behind each
    character for devices that drop them; wake: characters typed wake_delay_s before a line to a
    device that sleeps. noise: taken out of each line. secrets: masked in reports: the groups of the
    pattern, or all of it when it has none. ready: an event of a device that has started.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: Regex | None = None
    ok: Regex | None = None
    error: Regex | None = None
    line_end: Annotated[str, Field(pattern=r"^[\r\n]{1,2}$")] = "\r"
    echo: bool = False
    character_delay_s: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    wake: str = ""
    wake_delay_s: Seconds = 0.1
    timeout_s: Annotated[float, Field(gt=0.0, le=3600.0)] = 5.0
    noise: list[Regex] = []
    secrets: list[Regex] = []
    ready: str | None = None
    events: dict[str, Regex] = {}
    actions: dict[str, Action] = {}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.ready is not None and self.ready not in self.events:
            raise ValueError(f"ready names the event {self.ready!r}, which is not in events")
        if self.prompt is None and self.ok is None:
            for name, action in self.actions.items():
                if len(action.send) > 1:
                    raise ValueError(
                        f"actions.{name} types several lines, and nothing ends an answer: "
                        "give prompt or ok"
                    )
        return self

    def secrets_in(self, text: str) -> list[str]:
        """What `secrets` find in a line: their groups, or the whole of the match."""
        found: list[str] = []
        for pattern in self.secrets:
            for match in re.finditer(pattern, text):
                found.extend(group for group in match.groups() or (match.group(),) if group)
        return found

    def masked(self, text: str) -> str:
        """The text without what `secrets` find: for reports."""
        for pattern in self.secrets:
            text = re.sub(pattern, _mask, text)
        return text


def _mask(match: "re.Match[str]") -> str:
    if not match.re.groups:
        return MASK
    text, start = match.group(0), match.start()
    spans = [match.span(group) for group in range(1, match.re.groups + 1)]
    for first, last in sorted((span for span in spans if span[0] >= 0), reverse=True):
        text = text[: first - start] + MASK + text[last - start :]
    return text


def fill_in(template: str, parameters: Mapping[str, Any]) -> str:
    """What to type: a template with its parameters, as one line of printable ASCII.

    ValueError when a value does not fit its format, or holds a line end: that would type a command
    of its own.
    """
    text = render(template, parameters)
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"{text!r} cannot be typed: it is not one line of printable ASCII")
    return text


def render(template: str, parameters: Mapping[str, Any]) -> str:
    """A template with its parameters. ValueError when a value does not fit its format."""
    out = []
    for literal, name, spec, _ in Formatter().parse(template):
        out.append(literal)
        if name is None:
            continue
        if name not in parameters:
            raise ValueError(f"{template!r} needs the parameter {name!r}")
        out.append(_formatted(name, parameters[name], spec or ""))
    return "".join(out)


def _formatted(name: str, value: Any, spec: str) -> str:
    try:
        if spec in ("", "dec") and isinstance(value, bytes | bytearray):
            return bytes(value).hex().upper()
        if spec == "":
            return str(value)
        if spec in FORMATS:
            return _FORMATTERS[spec](value)
        return str(format(value, spec))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"the parameter {name} = {value!r} has no form {spec!r}: {error}"
        ) from error


def _octets(value: Any) -> bytes:
    """Octets, most significant first: of octets, of an EUI-64 as a number, of hexadecimal text."""
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, int):
        return value.to_bytes(_EUI64_OCTETS, "big")
    return bytes.fromhex(str(value).replace(":", ""))


def _hex(value: Any) -> str:
    return f"{value:X}" if isinstance(value, int) else _octets(value).hex().upper()


def _braces(octets: bytes) -> str:
    return "{" + octets.hex(" ").upper() + "}"


def _quoted(value: Any) -> str:
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


_FORMATTERS: Mapping[str, Callable[[Any], str]] = {
    "dec": lambda value: f"{value:d}",
    "hex": _hex,
    "0x": lambda value: f"0x{value:X}",
    "plain": lambda value: _octets(value).hex().upper(),
    "brace": lambda value: _braces(_octets(value)),
    "brace_le": lambda value: _braces(_octets(value)[::-1]),
    "plain_le": lambda value: _octets(value)[::-1].hex().upper(),
    "colons": lambda value: _octets(value).hex(":"),
    "quoted": _quoted,
    "on_off": lambda value: "on" if value else "off",
    "bit": lambda value: "1" if value else "0",
    "date_time": lambda value: f"{_EPOCH + timedelta(seconds=value):%m-%d-%Y/%H:%M:%S}",
}
