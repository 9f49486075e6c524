"""The commands that the simulated supply understands, in the SCPI notation of two makes.

A header is written as in a maker's manual: capitals are the short form, what is in brackets may be
left out. Which parameters follow is left to the handler.
"""

import re
from collections import deque
from collections.abc import Callable
from typing import Protocol

from lab.virtual.output import Output, Protection

Handler = Callable[[re.Match[str], list[str]], str | None]

_CHANNELS = re.compile(r"\(@([0-9]+)\)$")


class ScpiError(Exception):
    """A command is refused; the text is what the error queue shows."""


UNDEFINED = '-113,"Undefined header"'
BAD_PARAMETER = '-224,"Illegal parameter value"'
MISSING = '-109,"Missing parameter"'
OUT_OF_RANGE = '-222,"Data out of range"'
CONFLICT = '-221,"Settings conflict;output is off after a protection trip"'


class Instrument(Protocol):
    """What the handlers act on."""

    outputs: dict[int, Output]
    serial: str
    refuse_off: bool

    errors: deque[str]

    def reset(self) -> None: ...


class CommandSet:
    """Headers and their handlers."""

    def __init__(self) -> None:
        self._entries: list[tuple[re.Pattern[str], Handler]] = []

    def add(self, notation: str, handler: Handler) -> None:
        """Let `handler` answer a header such as `[SOURce<n>:]VOLTage[:LEVel]?`; <n> is a number, 1
        if left out.
        """
        self._entries.append((_header_pattern(notation), handler))

    def run(self, command: str) -> str | None:
        """Carry out one command; its reply, None for none. ScpiError when it is refused."""
        header, _, rest = command.partition(" ")
        parameters = [part.strip() for part in rest.split(",") if part.strip()]
        for pattern, handler in self._entries:
            match = pattern.fullmatch(header)
            if match is not None:
                return handler(match, parameters)
        raise ScpiError(UNDEFINED)


def _header_pattern(notation: str) -> re.Pattern[str]:
    """A regular expression for a header in the notation of the manuals."""
    out = ":?"
    for token in re.findall(r"\[|\]|:|\?|<n>|\*?[A-Za-z]+", notation):
        if token == "[":
            out += "(?:"
        elif token == "]":
            out += ")?"
        elif token == "<n>":
            out += "(?P<n>[0-9]*)"
        elif token in ":?":
            out += re.escape(token)
        else:
            short = "".join(letter for letter in token if not letter.islower())
            out += f"(?:{re.escape(token.upper())}|{re.escape(short)})"
    return re.compile(out, re.IGNORECASE)


def keysight(instrument: Instrument) -> CommandSet:
    """The E36300 series: channels in a list behind the parameters, or the one selected."""
    commands = CommandSet()
    selected = [1]

    def outputs(parameters: list[str]) -> tuple[list[Output], list[str]]:
        if parameters and (match := _CHANNELS.match(parameters[-1])):
            return [_output(instrument, match.group(1))], parameters[:-1]
        return [_output(instrument, str(selected[0]))], parameters

    def setting(act: Callable[[Output, str], None]) -> Handler:
        def run(_: re.Match[str], parameters: list[str]) -> None:
            chosen, values = outputs(parameters)
            for output in chosen:
                act(output, _first(values))

        return run

    def asking(tell: Callable[[Output], str]) -> Handler:
        def run(_: re.Match[str], parameters: list[str]) -> str:
            chosen, _rest = outputs(parameters)
            return ",".join(tell(output) for output in chosen)

        return run

    def clear(protection: Protection | None) -> Handler:
        def run(_: re.Match[str], parameters: list[str]) -> None:
            for output in outputs(parameters)[0]:
                output.clear(protection)

        return run

    def select(_: re.Match[str], parameters: list[str]) -> None:
        selected[0] = _output(instrument, _first(parameters)).number

    def condition(match: re.Match[str], _: list[str]) -> str:
        return {"off": "0", "CC": "1", "CV": "2"}[_state(_output(instrument, match["n"] or "1"))]

    _common(
        commands,
        instrument,
        f"Keysight Technologies,E36312A,{instrument.serial},1.0.0",
        '+0,"No error"',
    )
    volts, amperes = "[SOURce:]VOLTage", "[SOURce:]CURRent"
    value = "[:LEVel][:IMMediate][:AMPLitude]"
    commands.add("INSTrument:NSELect", select)
    commands.add("INSTrument:NSELect?", lambda *_: str(selected[0]))
    commands.add(volts + value, setting(_set_volts))
    commands.add(volts + value + "?", asking(lambda output: _scientific(output.set_volts)))
    commands.add(amperes + value, setting(_set_amperes))
    commands.add(amperes + value + "?", asking(lambda output: _scientific(output.set_amperes)))
    commands.add("MEASure[:SCALar]:VOLTage[:DC]?", asking(lambda output: _scientific(output.volts)))
    commands.add(
        "MEASure[:SCALar]:CURRent[:DC]?", asking(lambda output: _scientific(output.amperes))
    )
    commands.add("OUTPut[:STATe]", setting(lambda output, word: _switch(instrument, output, word)))
    commands.add("OUTPut[:STATe]?", asking(lambda output: str(int(output.on))))
    commands.add("OUTPut:PROTection:CLEar", clear(None))
    commands.add(volts + ":PROTection[:LEVel]", setting(_set_ovp))
    commands.add(
        volts + ":PROTection[:LEVel]?", asking(lambda output: _scientific(output.ovp_volts))
    )
    commands.add(volts + ":PROTection:STATe", setting(_enable_ovp))
    commands.add(
        volts + ":PROTection:TRIPped?", asking(lambda output: str(int(output.tripped == "ovp")))
    )
    commands.add(volts + ":PROTection:CLEar", clear("ovp"))
    commands.add(amperes + ":PROTection:STATe", setting(_enable_ocp))
    commands.add(
        amperes + ":PROTection:TRIPped?", asking(lambda output: str(int(output.tripped == "ocp")))
    )
    commands.add(amperes + ":PROTection:CLEar", clear("ocp"))
    commands.add("STATus:QUEStionable:INSTrument:ISUMmary<n>:CONDition?", condition)
    return commands


def rigol(instrument: Instrument) -> CommandSet:
    """The DP800 series: the channel is a word, CH1, before the value."""
    commands = CommandSet()

    def setting(act: Callable[[Output, str], None]) -> Handler:
        def run(_: re.Match[str], parameters: list[str]) -> None:
            act(_word_channel(instrument, parameters), _first(parameters[1:]))

        return run

    def asking(tell: Callable[[Output], str]) -> Handler:
        return lambda _, parameters: tell(_word_channel(instrument, parameters))

    def source(act: Callable[[Output, str], None]) -> Handler:
        def run(match: re.Match[str], parameters: list[str]) -> None:
            act(_output(instrument, match["n"] or "1"), _first(parameters))

        return run

    def clear(protection: Protection) -> Handler:
        return lambda _, parameters: _word_channel(instrument, parameters).clear(protection)

    def tripped(protection: Protection) -> Handler:
        return asking(lambda output: "YES" if output.tripped == protection else "NO")

    _common(
        commands,
        instrument,
        f"RIGOL TECHNOLOGIES,DP832A,{instrument.serial},00.01.16",
        '0,"No error"',
    )
    value = "[:LEVel][:IMMediate][:AMPLitude]"
    commands.add("SOURce<n>:VOLTage" + value, source(_set_volts))
    commands.add("SOURce<n>:CURRent" + value, source(_set_amperes))
    commands.add("MEASure[:VOLTage][:DC]?", asking(lambda output: f"{output.volts:.4f}"))
    commands.add("MEASure:CURRent[:DC]?", asking(lambda output: f"{output.amperes:.4f}"))
    commands.add("OUTPut[:STATe]", setting(lambda output, word: _switch(instrument, output, word)))
    commands.add("OUTPut[:STATe]?", asking(lambda output: "ON" if output.on else "OFF"))
    commands.add(
        "OUTPut:MODE?", asking(lambda output: {"off": "UR"}.get(_state(output), _state(output)))
    )
    commands.add("OUTPut:OVP:VALue", setting(_set_ovp))
    commands.add("OUTPut:OVP[:STATe]", setting(_enable_ovp))
    commands.add("OUTPut:OVP:QUES?", tripped("ovp"))
    commands.add("OUTPut:OVP:CLEar", clear("ovp"))
    commands.add("OUTPut:OCP:VALue", setting(_set_ocp))
    commands.add("OUTPut:OCP[:STATe]", setting(_enable_ocp))
    commands.add("OUTPut:OCP:QUES?", tripped("ocp"))
    commands.add("OUTPut:OCP:CLEar", clear("ocp"))
    return commands


def _common(commands: CommandSet, instrument: Instrument, identity: str, no_error: str) -> None:
    """What IEEE 488.2 and SCPI ask of every instrument."""

    def next_error(*_: object) -> str:
        return instrument.errors.popleft() if instrument.errors else no_error

    commands.add("*IDN?", lambda *_: identity)
    commands.add("*RST", lambda *_: instrument.reset())
    commands.add("*CLS", lambda *_: instrument.errors.clear())
    commands.add("*OPC?", lambda *_: "1")
    commands.add("SYSTem:ERRor[:NEXT]?", next_error)
    commands.add("SYSTem:REMote", lambda *_: None)
    commands.add("SYSTem:LOCal", lambda *_: None)


def _output(instrument: Instrument, number: str) -> Output:
    if not number.isdecimal() or int(number) not in instrument.outputs:
        raise ScpiError(OUT_OF_RANGE)
    return instrument.outputs[int(number)]


def _word_channel(instrument: Instrument, parameters: list[str]) -> Output:
    word = _first(parameters).upper()
    if not word.startswith("CH"):
        raise ScpiError(BAD_PARAMETER)
    return _output(instrument, word[2:])


def _first(parameters: list[str]) -> str:
    if not parameters:
        raise ScpiError(MISSING)
    return parameters[0]


def _number(text: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ScpiError(BAD_PARAMETER) from None
    if not least <= value <= most:
        raise ScpiError(OUT_OF_RANGE)
    return value


def _boolean(text: str) -> bool:
    match text.upper():
        case "1" | "ON":
            return True
        case "0" | "OFF":
            return False
    raise ScpiError(BAD_PARAMETER)


def _set_volts(output: Output, text: str) -> None:
    output.set_voltage(_number(text, 0.0, output.most_volts))


def _set_amperes(output: Output, text: str) -> None:
    output.set_amperes = _number(text, 0.0, output.most_amperes)
    output.refresh()


def _set_ovp(output: Output, text: str) -> None:
    output.ovp_volts = _number(text, 0.0, output.most_volts * 1.1)
    output.refresh()


def _set_ocp(output: Output, text: str) -> None:
    output.ocp_amperes = _number(text, 0.0, output.most_amperes * 1.1)
    output.refresh()


def _enable_ovp(output: Output, text: str) -> None:
    output.ovp_enabled = _boolean(text)
    output.refresh()


def _enable_ocp(output: Output, text: str) -> None:
    output.ocp_enabled = _boolean(text)
    output.refresh()


def _switch(instrument: Instrument, output: Output, text: str) -> None:
    on = _boolean(text)
    if not on and instrument.refuse_off:
        return
    if not output.switch(on):
        raise ScpiError(CONFLICT)


def _state(output: Output) -> str:
    return "off" if not output.on else "CC" if output.limiting else "CV"


def _scientific(value: float) -> str:
    return f"{value:+.8E}"
