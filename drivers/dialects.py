"""The dialects of programmable supplies: what to send for a need, and how to read the answer.

`dialects.toml` holds the facts, one table per make; this module checks them when they are loaded
and knows how to fill in a command and to read a reply. It does no I/O.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

CATALOGUE = Path(__file__).with_name("dialects.toml")

Regulation = Literal["CV", "CC", "off", "fault"]
Trip = Literal["ovp", "ocp"]

_PLACES = {"n": 1, "v": 1.0, "i": 1.0, "t": 1.0}
_ERROR_NUMBER = re.compile(r"^\s*([-+]?[0-9]+)")


def _template(text: str) -> str:
    names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    if unknown := names - set(_PLACES):
        raise ValueError(
            f"unknown place {sorted(unknown)} in {text!r}: use {{n}} {{v}} {{i}} {{t}}"
        )
    if "\n" in text or "\r" in text:
        raise ValueError(f"a line end in {text!r}: leave it to write_end")
    return text


def _query(text: str) -> str:
    if "?" not in text:
        raise ValueError(f"{text!r} asks nothing: a query has a question mark")
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


Template = Annotated[str, AfterValidator(_template)]
Query = Annotated[str, AfterValidator(_template), AfterValidator(_query)]
Pattern = Annotated[str, AfterValidator(_pattern)]


class Dialect(BaseModel):
    """How one make of supply is spoken to. Templates take {n} channel, {v} volts, {i} amperes, {t}
    seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    title: str
    idn: Pattern
    port: int | None = Field(default=None, gt=0, lt=65536)
    address: Literal["chanlist", "none", "word", "select", "glued"]
    sure: Literal["A", "B", "C"]
    write_end: str = "\n"
    read_end: str = "\n"
    min_gap_s: float = Field(default=0.0, ge=0.0, le=5.0)
    remote: Template | None = None
    select: Template | None = None
    set_voltage: Template
    set_current: Template
    measure_voltage: Query
    measure_current: Query
    number: Pattern = r"^\s*([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*$"
    output_on: Template
    output_off: Template
    output_query: Query | None = None
    ovp_level: Template | None = None
    ovp_on: Template | None = None
    ovp_tripped: Query | None = None
    ovp_clear: Template | None = None
    ocp_model: Literal["limit", "level", "fuse", "none"]
    ocp_level: Template | None = None
    ocp_on: Template | None = None
    ocp_off: Template | None = None
    ocp_tripped: Query | None = None
    ocp_clear: Template | None = None
    trip_clear: Template | None = None
    status_word: Query | None = None
    status_cc_bit: dict[int, int] = {}
    status_on_bit: dict[int, int] = {}
    limit_register: Query | None = None
    limit_cv_bit: int | None = None
    limit_cc_bit: int | None = None
    limit_ovp_bit: int | None = None
    limit_ocp_bit: int | None = None
    regulation: Query | None = None
    regulation_map: dict[str, Regulation] = {}
    error_model: Literal["queue", "registers", "none"]
    error_query: Query | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Dialect":
        demands = [
            (self.address != "select" or self.select, "address 'select' needs the command select"),
            (
                self.output_query or self.status_on_bit,
                "needs output_query or status_on_bit: off must be read back",
            ),
            (not self.status_on_bit or self.status_word, "status bits need status_word"),
            (self.ocp_model != "level" or self.ocp_level, "ocp_model 'level' needs ocp_level"),
            (
                self.ocp_model not in ("limit", "fuse") or self.ocp_on,
                f"ocp_model {self.ocp_model!r} needs ocp_on",
            ),
            (self.error_model == "none" or self.error_query, "error_model needs error_query"),
            (not self.regulation or self.regulation_map, "regulation needs regulation_map"),
            (re.compile(self.number).groups == 1, "number needs exactly one group"),
        ]
        for fulfilled, complaint in demands:
            if not fulfilled:
                raise ValueError(complaint)
        return self

    def render(self, need: str, channel: int, **values: float) -> str | None:
        """The command for a need (a field name such as "set_voltage"), without line end; None: the
        make has none.

        Volts and amperes are written with four decimals: every make takes the fixed form.
        """
        template: str | None = getattr(self, need)
        if template is None:
            return None
        return template.format(
            n=channel, **{name: f"{value:.4f}" for name, value in values.items()}
        )

    def read_number(self, reply: str) -> float:
        """A measured value. ValueError when the reply is none."""
        match = re.match(self.number, reply)
        if match is None:
            raise ValueError(f"no number in the reply {reply!r}")
        return float(match.group(1))

    def read_on(self, reply: str, channel: int) -> bool:
        """Whether the output is on, from the reply to `output_query`, or to `status_word` where
        the make has none.

        ValueError when the reply says neither.
        """
        if self.output_query is None:
            return bool(self._status(reply) >> self._bit(self.status_on_bit, channel) & 1)
        return _read_switch(reply)

    def read_tripped(self, reply: str) -> bool:
        """Whether a protection has tripped, from the reply to `ovp_tripped` or `ocp_tripped`."""
        return _read_switch(reply)

    def read_regulation(self, reply: str, channel: int) -> Regulation:
        """The state of the output, from the reply to `regulation`, or to `status_word` where the
        make has none.
        """
        if self.regulation is None:
            if not self._status(reply) >> self._bit(self.status_on_bit, channel) & 1:
                return "off"
            return (
                "CC" if self._status(reply) >> self._bit(self.status_cc_bit, channel) & 1 else "CV"
            )
        word = reply.strip()
        key = word if word in self.regulation_map else str(_integer(word))
        if key not in self.regulation_map:
            raise ValueError(f"the reply {reply!r} is none of {sorted(self.regulation_map)}")
        return self.regulation_map[key]

    def read_limit_events(self, reply: str) -> tuple[set[Trip], Regulation | None]:
        """What a limit event register tells: the trips, and the regulation if it says one."""
        word = _integer(reply)
        if word is None:
            raise ValueError(f"no number in the reply {reply!r}")
        bits = {
            name: bit is not None and bool(word >> bit & 1)
            for name, bit in self._limit_bits().items()
        }
        trips: set[Trip] = set()
        if bits["ovp"]:
            trips.add("ovp")
        if bits["ocp"]:
            trips.add("ocp")
        return trips, "CC" if bits["cc"] else "CV" if bits["cv"] else None

    def read_error(self, reply: str) -> str | None:
        """The error in the instrument's own words; None when the reply says that there is none."""
        match = _ERROR_NUMBER.match(reply)
        return None if match and int(match.group(1)) == 0 else reply.strip()

    def _limit_bits(self) -> dict[str, int | None]:
        return {
            "cv": self.limit_cv_bit,
            "cc": self.limit_cc_bit,
            "ovp": self.limit_ovp_bit,
            "ocp": self.limit_ocp_bit,
        }

    def _status(self, reply: str) -> int:
        try:
            return int(reply.strip(), 16)
        except ValueError:
            raise ValueError(f"no hexadecimal word in the reply {reply!r}") from None

    def _bit(self, bits: Mapping[int, int], channel: int) -> int:
        if channel not in bits:
            raise ValueError(
                f"channel {channel} has no bit in the status word: use one of {sorted(bits)}"
            )
        return bits[channel]


def _integer(text: str) -> int | None:
    try:
        return int(text.strip())
    except ValueError:
        return None


def _read_switch(reply: str) -> bool:
    match reply.strip().upper():
        case "1" | "+1" | "ON" | "YES":
            return True
        case "0" | "+0" | "OFF" | "NO":
            return False
    raise ValueError(f"the reply {reply!r} says neither on nor off")


def load(path: Path = CATALOGUE) -> dict[str, Dialect]:
    """The catalogue by name. ValueError names file, dialect and key of what is wrong."""
    tables: dict[str, dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))
    found: dict[str, Dialect] = {}
    for name, table in tables.items():
        try:
            found[name] = Dialect.model_validate({"name": name, **table})
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in (name, *first["loc"]))
            raise ValueError(f"{path.name}: {key}: {first['msg']}") from error
    return found


@cache
def catalogue() -> Mapping[str, Dialect]:
    """The dialects that come with the project."""
    return load()


def by_name(name: str) -> Dialect:
    """One dialect. ValueError lists the known names."""
    try:
        return catalogue()[name]
    except KeyError:
        raise ValueError(f"no dialect {name!r}: known are {', '.join(catalogue())}") from None


def by_identity(idn: str) -> Dialect | None:
    """The dialect of the instrument that answered `*IDN?` so (maker,model,serial,firmware)."""
    return next((dialect for dialect in catalogue().values() if re.search(dialect.idn, idn)), None)
