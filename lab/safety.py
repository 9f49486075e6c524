"""A supervisor beside the harness: when the harness dies, the supply is switched off all the same.

`Guard` starts `python -m lab.safety` in a session of its own, so that neither Ctrl-C nor the end of
a terminal reaches it, and holds the only writing end of a pipe to it. While the pipe is open the
supervisor does nothing. When the pipe closes without the word `done` (the harness was killed, or
left without having shown the output to be off), it switches the output off over a connection of
its own, reads back, and says what it did or could not do on stderr and in a report file.
"""

import argparse
import asyncio
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from drivers import dialects
from drivers.errors import BenchFault, InstrumentFault, PortGone
from drivers.supply import Supply

DISARMED = 0
OFF = 0
NOT_SHOWN_TO_BE_OFF = 3

_ROOT = Path(__file__).resolve().parent.parent
_ARM_SECONDS = 20.0
_END_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_DONE = b"done\n"


class Guard:
    """Holds a supervisor process for one output; a context manager.

    resource, dialect, channel: as for `drivers.supply.Supply`. report: the file to which the
    supervisor appends what it did. identity: the `*IDN?` text that must answer there; another
    instrument is then left alone and reported. gone_is_off: nothing listening counts as off, which
    only a virtual supply may claim, since it dies with its bench.
    """

    def __init__(
        self,
        resource: str,
        dialect: str | None,
        channel: int,
        report: Path,
        *,
        identity: str | None = None,
        gone_is_off: bool = False,
    ) -> None:
        self.report = report.resolve()
        self._arguments = ["--resource", resource, "--channel", str(channel)]
        self._arguments += ["--report", str(self.report)]
        self._arguments += ["--dialect", dialect] if dialect else []
        self._arguments += ["--identity", identity] if identity else []
        self._arguments += ["--gone-is-off"] if gone_is_off else []
        self._process: subprocess.Popen[bytes] | None = None

    def arm(self) -> None:
        """Start the supervisor and wait until it watches. BenchFault when it does not come up."""
        if self._process is not None:
            raise RuntimeError("the guard is armed already")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lab.safety", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            start_new_session=True,
        )
        if self._first_line() != b"armed\n":
            self._end(_END_SECONDS)
            raise BenchFault(
                "supply guard",
                "the supervisor process did not start",
                "see its message on stderr; no output is switched on without it",
            )

    def disarm(self) -> None:
        """Dismiss the supervisor. Only after the output was read back off."""
        process = self._process
        if process is None or process.stdin is None:
            return
        with suppress(OSError):  # it has ended already: then it has reported why
            process.stdin.write(_DONE)
            process.stdin.flush()
        self._end(_END_SECONDS)

    def release(self) -> bool:
        """Close the pipe, let the supervisor switch off, and say whether it read off back."""
        return self._end(_END_SECONDS) == OFF

    def __enter__(self) -> "Guard":
        self.arm()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def _first_line(self) -> bytes:
        if self._process is None or self._process.stdout is None:
            return b""
        if not select.select([self._process.stdout], [], [], _ARM_SECONDS)[0]:
            return b""
        return self._process.stdout.readline()

    def _end(self, seconds: float) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None  # it goes on by itself, and writes its report when it knows


async def switch_off(
    resource: str,
    dialect: str | None,
    channel: int,
    *,
    identity: str | None = None,
    gone_is_off: bool = False,
) -> tuple[bool, str]:
    """Switch an output off; whether it is off, and a sentence that says so or why not."""
    supply = Supply(resource, dialect, channel, name="supply guard")
    try:
        await supply.open()
        if identity is not None and supply.identity["idn"] != identity:
            found = supply.identity["idn"]
            return False, (
                f"another instrument ({found}) answers at {resource} in place of {identity}: "
                f"it was left alone, and output {channel} was not shown to be off"
            )
    except PortGone:
        if gone_is_off:
            return True, f"nothing answers at {resource}: the virtual supply is gone, hence off"
    except BenchFault:
        pass  # safe_off tries on, and says why it fails
    try:
        if await supply.safe_off():
            return True, f"output {channel} of {resource} was switched off and read back off"
        return False, _not_off(resource, channel, supply.last_fault)
    finally:
        await supply.close()


def _not_off(resource: str, channel: int, fault: BenchFault | None) -> str:
    if isinstance(fault, InstrumentFault):
        return f"output {channel} of {resource} was not shown to be off: {fault}"
    return f"nothing answers at {resource}: output {channel} was not shown to be off ({fault})"


def _wait_for_the_end(pipe: int) -> bool:
    """Wait until the harness says done (True), or is no more (False)."""
    harness = os.getppid()
    said = b""
    while True:
        readable = select.select([pipe], [], [], _LOOK_SECONDS)[0]
        if readable:
            octets = os.read(pipe, 64)
            said += octets
            if said.startswith(_DONE):
                return True
            if not octets:
                return False
        elif os.getppid() != harness:
            return False  # a child of the harness kept the pipe open, the harness is gone


def _tell(report: Path, text: str) -> None:
    line = f"supply guard: {text}\n"
    with suppress(OSError, ValueError):  # whoever read stderr may be gone with the harness
        sys.stderr.write(line)
        sys.stderr.flush()
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
        with report.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {line}")
    except OSError as error:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"supply guard: cannot write {report}: {error}\n")


def main(arguments: list[str] | None = None) -> int:
    """Watch, and act when the harness is gone. Exit code 0: dismissed or off; 3: not shown off."""
    parser = argparse.ArgumentParser(prog="lab.safety", description=__doc__)
    parser.add_argument("--resource", required=True, help="TCPIP::192.0.2.7::5025::SOCKET")
    parser.add_argument("--dialect", help="a table of drivers/dialects.toml; else by *IDN?")
    parser.add_argument("--channel", type=int, default=1)
    parser.add_argument("--report", type=Path, required=True, help="file to append to")
    parser.add_argument("--identity", help="the *IDN? answer of the one instrument to act on")
    parser.add_argument("--gone-is-off", action="store_true", help="for a virtual supply only")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it ends when the harness does, not before
    if options.dialect is not None:
        try:
            dialects.by_name(options.dialect)
        except ValueError as error:
            parser.error(str(error))
    with suppress(OSError):
        os.write(sys.stdout.fileno(), b"armed\n")
    if _wait_for_the_end(sys.stdin.fileno()):
        return DISARMED
    off, text = asyncio.run(
        switch_off(
            options.resource,
            options.dialect,
            options.channel,
            identity=options.identity,
            gone_is_off=options.gone_is_off,
        )
    )
    _tell(options.report, f"the harness ended without switching off; {text}")
    return OFF if off else NOT_SHOWN_TO_BE_OFF


if __name__ == "__main__":
    sys.exit(main())
