"""Trying a dialogue from the command line, at a simulated console in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from lab import try_console
from lab.virtual.console import SimulatedConsole
from lab.virtual.line import PtyLine

DUT = r"""
name = "Mine"
[console]
prompt = 'DUT>'
echo = true
timeout_s = 5
secrets = ['code ([0-9]+)']
[console.events]
seen = 'code (?P<code>\d+)'
[console.actions.show]
send = 'show {what}'
expect = 'the (?P<what>\S+) of (?P<number>\d+)'
[console.actions.silent]
send = 'show x'
expect = 'never'
timeout_s = 0.05
"""


@pytest.fixture
def port() -> Iterator[str]:
    """The port of a console that lives while the test runs."""
    loop = asyncio.new_event_loop()
    made: list[PtyLine] = []

    async def make() -> None:
        line = PtyLine("console", random=Random(1), pace=False)
        answers = {"show": lambda arguments: [f"the {arguments[0]} of 17", "code 1234567"]}
        SimulatedConsole(line, answers).power(True)
        made.append(line)

    loop.run_until_complete(make())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield made[0].port
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    made[0].close()
    loop.close()


def file(tmp_path: Path, text: str = DUT) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return str(path)


def test_an_action_is_shown_with_its_fields_and_events(
    port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert try_console.main([file(tmp_path), port, "show", "what=price"]) == 0
    shown = capsys.readouterr()
    assert "result {'what': 'price', 'number': '17'}" in shown.out
    assert "event seen" in shown.out
    assert "the price of 17" in shown.err
    assert "12345" not in shown.err + shown.out


def test_what_went_wrong_is_said_in_one_line(
    port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, bare = file(tmp_path), tmp_path / "bare.toml"
    bare.write_text('name = "Mine"')
    for arguments, complaint in [
        ([path, port, "silent"], "awaited a line with 'never'"),
        ([path, port, "dance"], "no console action 'dance'"),
        ([path, port, "show"], "needs the parameter 'what'"),
        ([path, port, "show", "what"], "write name=value"),
        ([path, str(tmp_path / "tty"), "show", "what=x"], "cannot be opened"),
        ([str(bare), port, "show"], "no [console] table"),
    ]:
        assert try_console.main(arguments) == 1
        last = capsys.readouterr().err.splitlines()[-1]
        assert complaint in last


def test_numbers_are_numbers() -> None:
    assert try_console.parameters_of(["pan=0x1A", "channel=11", "text=a=b"]) == {
        "pan": 26,
        "channel": 11,
        "text": "a=b",
    }
