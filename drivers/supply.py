"""A programmable bench supply: one channel of it, over VISA, in the dialect of its make.

Every setting is followed by a look at the instrument's errors, every switching by a read-back, so
nothing is taken for done because it was sent. All quantities are volts, amperes and seconds of the
loop's clock.
"""

import asyncio
import math
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from drivers import dialects
from drivers.dialects import Dialect, Regulation, Trip
from drivers.errors import BenchFault, InstrumentFault, PortGone
from drivers.journal import Entry, Journal
from drivers.trace import Recording

T = TypeVar("T")
P = ParamSpec("P")

_QUEUE_READS = 64  # error queues hold about 20; one that never empties is broken
_OFF_ATTEMPTS = 3


class Supply:
    """One channel of a programmable supply.

    `dialect` names a table of `dialects.toml`; None takes the one that fits the instrument's
    `*IDN?`. `timeout_s` is the real time that the VISA library waits for one reply. Failures are
    `BenchFault`: PortGone and NoAnswer when the instrument cannot be spoken with (a query is asked
    twice, over a new connection), InstrumentFault when it refuses.
    """

    def __init__(
        self,
        resource: str,
        dialect: str | None = None,
        channel: int = 1,
        timeout_s: float = 2.0,
        *,
        name: str = "supply",
        journal: Journal | None = None,
    ) -> None:
        self.name = name
        self.channel = channel
        self.identity: dict[str, str] = {}
        self.last_fault: BenchFault | None = None
        from drivers.visa import VisaSession  # PyVISA is slow to load: for who has a supply

        self._session = VisaSession(name, resource, timeout_s=timeout_s, journal=journal)
        self._wanted = dialect
        self._dialect: Dialect | None = None
        self._seen_trip: Trip | None = None

    @property
    def resource(self) -> str:
        return self._session.resource

    @property
    def journal(self) -> Journal:
        """Commands and replies, a line each."""
        return self._session.journal

    def journal_text(self, since: int = 0) -> str:
        """The journal for people: time, direction (> to the instrument, < from it), text."""
        lines = []
        for entry in self.journal.since(since):
            if not isinstance(entry, Entry):
                lines.append(f"... {entry.entries} earlier entries not kept ...")
                continue
            arrow = ">" if entry.direction == "tx" else "<"
            for text in entry.octets.decode(errors="replace").splitlines():
                lines.append(f"{entry.time:14.6f} {arrow} {text}")
        return "\n".join(lines) + "\n" if lines else ""

    async def open(self) -> None:
        """Connect, learn who answers, choose the dialect, and empty the error queue. The output is
        left as it is.
        """
        await self._identify()
        await self.errors()

    async def close(self) -> None:
        """Let go of the instrument. The output is left as it is: see `safe_off`."""
        await self._session.close()

    async def set_voltage(self, volts: float) -> None:
        await self._set("set_voltage", v=self._positive("a voltage", volts))

    async def set_current_limit(self, amperes: float) -> None:
        await self._set("set_current", i=self._positive("a current", amperes))

    async def output(self, on: bool) -> None:
        """Switch the output and read back that it is so. InstrumentFault names a trip that keeps
        it off.
        """
        await self._set("output_on" if on else "output_off")
        if await self.is_on() != on:
            trip = await self.tripped() if on else None
            raise InstrumentFault(
                self.name,
                f"output {self.channel} was switched {_word(on)} and reads back {_word(not on)}"
                + (f", {trip.upper()} has tripped" if trip else ""),
                "remove the cause and clear the trip" if trip else "look at its front panel",
            )

    async def is_on(self) -> bool:
        """Whether the output is on, as the instrument says."""
        dialect = await self._ready()
        need = "output_query" if dialect.output_query else "status_word"
        reply = await self._ask(need)
        return self._read(dialect.read_on, reply, self.channel)

    async def measure_voltage(self) -> float:
        """Volts at the output, measured by the instrument."""
        return await self._measure("measure_voltage")

    async def measure_current(self) -> float:
        """Amperes through the output, measured by the instrument."""
        return await self._measure("measure_current")

    async def set_ovp(self, volts: float) -> None:
        """Over-voltage protection at `volts`, switched on where it has a switch."""
        await self._set("ovp_level", v=self._positive("a voltage", volts))
        if (await self._ready()).ovp_on:
            await self._set("ovp_on")

    async def set_ocp(self, amperes: float | None) -> None:
        """Over-current protection that switches the output off; None takes it away.

        Makes whose protection has no level of its own ("limit", "fuse") trip at the current limit,
        which is set here.
        """
        dialect = await self._ready()
        if amperes is None:
            await self._set("ocp_off")
            return
        if dialect.ocp_model in ("limit", "fuse"):
            await self.set_current_limit(amperes)
        else:
            await self._set("ocp_level", i=self._positive("a current", amperes))
        if dialect.ocp_on:
            await self._set("ocp_on")

    async def tripped(self) -> Trip | None:
        """Which protection holds the output off; None when none does, or when the make cannot
        tell.
        """
        dialect = await self._ready()
        if dialect.limit_register:
            await self._limit_events()
            return self._seen_trip
        protections: list[tuple[Trip, str]] = [("ovp", "ovp_tripped"), ("ocp", "ocp_tripped")]
        for trip, need in protections:
            if getattr(dialect, need) is None:
                continue
            reply = await self._ask(need)
            if self._read(dialect.read_tripped, reply):
                return trip
        return None

    async def clear_trip(self) -> None:
        """Forget a trip; the output stays off. A fuse without such a command is cleared by the
        next switching on.
        """
        dialect = await self._ready()
        for need in ("trip_clear", "ovp_clear", "ocp_clear"):
            if getattr(dialect, need):
                await self._set(need)
        self._seen_trip = None

    async def regulation(self) -> Regulation | None:
        """How the output is held: "CV", "CC" (the current limit is reached), "off", "fault"; None:
        cannot tell.
        """
        dialect = await self._ready()
        if dialect.limit_register:
            held = await self._limit_events()
            return held if await self.is_on() else "off"
        if dialect.regulation is None and dialect.status_word is None:
            return None
        reply = await self._ask("regulation" if dialect.regulation else "status_word")
        return self._read(dialect.read_regulation, reply, self.channel)

    async def errors(self) -> list[str]:
        """Empty the instrument's error queue and return what was in it, oldest first, in its own
        words.
        """
        dialect = await self._ready()
        if dialect.error_query is None:
            return []
        found: list[str] = []
        for _ in range(_QUEUE_READS):
            error = dialect.read_error(await self._session.query(dialect.error_query))
            if error is None:
                return found
            found.append(error)
            if dialect.error_model == "registers":
                return found
        raise InstrumentFault(
            self.name, f"its error queue does not empty: {found[-1]}", "restart it"
        )

    async def safe_off(self) -> bool:
        """Switch the output off by all means, never raise BenchFault, and say whether off was read
        back.

        False means that the output was not shown to be off; `last_fault` says why.
        """
        for _ in range(_OFF_ATTEMPTS):
            try:
                await self._identify()
                dialect = await self._ready()
                await self._session.command(*self._lines(dialect, "output_off"))
                if not await self.is_on():
                    self.last_fault = None
                    return True
                said = await self.errors()
                raise InstrumentFault(
                    self.name,
                    f"output {self.channel} still reads back on"
                    + (f": {'; '.join(said)}" if said else ""),
                    "switch it off by hand",
                )
            except BenchFault as fault:
                self.last_fault = fault
                await self._session.close()
        return False

    async def ramp(self, from_v: float, to_v: float, seconds: float, steps: int) -> None:
        """Lead the voltage in `steps` equal steps from `from_v` to `to_v` over `seconds`:
        brown-outs, for one.

        `from_v` is set at once, `to_v` after `seconds`. The instrument's own time to answer is
        part of a step where it fits; a step that it makes late is not made up for.
        """
        if steps < 1 or seconds < 0:
            raise ValueError(
                f"a ramp has at least one step and takes time: {steps} steps in {seconds} s"
            )
        loop = asyncio.get_running_loop()
        start = loop.time()
        for step in range(steps + 1):
            await asyncio.sleep(max(0.0, start + seconds * step / steps - loop.time()))
            await self.set_voltage(from_v + (to_v - from_v) * step / steps)

    def record(self, period_s: float) -> Recording:
        """Measure the current every `period_s` in the background: `async with supply.record(0.1)
        as recording:`.

        A supply reads milliamperes some ten times a second: good for evidence, not for judging a
        sleeping device.
        """
        return Recording(self.measure_current, period_s)

    async def _identify(self) -> None:
        if self._dialect is not None:
            return
        chosen = self._named_dialect()
        if chosen:
            self._speak(chosen)
        idn = (await self._session.query("*IDN?")).strip()
        fitting = dialects.by_identity(idn)
        chosen = chosen or fitting
        if chosen is None:
            raise InstrumentFault(
                self.name,
                f"no dialect fits {idn!r}",
                f"name one in the bench file: {', '.join(dialects.catalogue())}",
            )
        if self._wanted is None:
            await self._session.close()  # the next words are spoken in the dialect from the start
        self._speak(chosen)
        self._dialect = chosen
        fields = [part.strip() for part in idn.split(",", 3)]
        self.identity = {
            **dict(zip(("maker", "model", "serial", "firmware"), fields, strict=False)),
            "idn": idn,
            "resource": self.resource,
            "channel": str(self.channel),
            "dialect": chosen.name,
            "dialect_sure": chosen.sure,
            "dialect_by_idn": fitting.name if fitting else "none",
        }

    def _named_dialect(self) -> Dialect | None:
        if self._wanted is None:
            return None
        try:
            return dialects.by_name(self._wanted)
        except ValueError as error:
            raise InstrumentFault(self.name, str(error), "correct the bench file") from error

    def _speak(self, dialect: Dialect) -> None:
        self._session.write_end, self._session.read_end = dialect.write_end, dialect.read_end
        self._session.min_gap_s = dialect.min_gap_s
        self._session.prologue = (dialect.remote,) if dialect.remote else ()

    async def _ready(self) -> Dialect:
        if self._dialect is None:
            await self._identify()
        if self._dialect is None:
            raise PortGone(self.name, f"{self.resource} was not opened")
        return self._dialect

    def _lines(self, dialect: Dialect, need: str, **values: float) -> tuple[str, ...]:
        command = dialect.render(need, self.channel, **values)
        if command is None:
            raise InstrumentFault(
                self.name,
                f"{dialect.title} has no command for {need}",
                "leave it out, or use a supply that has it",
            )
        select = dialect.render("select", self.channel)
        return (select, command) if select else (command,)

    async def _set(self, need: str, **values: float) -> None:
        dialect = await self._ready()
        lines = self._lines(dialect, need, **values)
        if dialect.error_query is None:
            await self._session.command(*lines)
            return
        error = dialect.read_error(await self._session.settle(lines, dialect.error_query))
        if error is not None:
            said = [error, *await self.errors()]
            raise InstrumentFault(self.name, f"{lines[-1]!r} was answered by {'; '.join(said)}")

    async def _ask(self, need: str) -> str:
        return await self._session.query(*self._lines(await self._ready(), need))

    async def _measure(self, need: str) -> float:
        dialect, reply = await self._ready(), await self._ask(need)
        return self._read(dialect.read_number, reply)

    async def _limit_events(self) -> Regulation | None:
        dialect, reply = await self._ready(), await self._ask("limit_register")
        trips, held = self._read(dialect.read_limit_events, reply)
        if trips:
            self._seen_trip = "ovp" if "ovp" in trips else "ocp"
        return held

    def _read(self, parse: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        try:
            return parse(*arguments, **named)
        except ValueError as error:
            raise InstrumentFault(self.name, str(error), "is the dialect the right one?") from error

    def _positive(self, what: str, value: float) -> float:
        if not math.isfinite(value) or value < 0:
            raise ValueError(f"{self.name}: {what} cannot be {value}")
        return value


def _word(on: bool) -> str:
    return "on" if on else "off"
