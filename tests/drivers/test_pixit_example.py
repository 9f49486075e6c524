"""The worked example of docs/pixit.md: what it shows is loaded and run, not only read."""

import asyncio
import re
import tomllib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from random import Random

from drivers.console import Console
from drivers.dialogue import FORMATS, Action, Dialogue
from drivers.line import SerialLine
from drivers.operator import OperatorScript
from lab.dut import InspectionPart
from lab.virtual.console import SimulatedConsole
from lab.virtual.line import PtyLine

PAGE = (Path(__file__).parents[2] / "docs" / "pixit.md").read_text(encoding="utf-8")
PROMPT = "acme# "


def block(language: str, beginning: str) -> str:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return next(text for text in found if text.startswith(beginning))


def conversation() -> dict[str, list[str]]:
    """What the device of the page answers to what is typed."""
    answers: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in block("text", "ACME").splitlines():
        if line.startswith(PROMPT):
            lines = answers.setdefault(line.removeprefix(PROMPT), [])
        else:
            lines.append(line)
    return answers


def commands() -> dict[str, Callable[[list[str]], Iterable[str]]]:
    """The commands of the page by their words, whatever their arguments."""
    table: dict[str, Callable[[list[str]], Iterable[str]]] = {}
    for typed, answers in conversation().items():
        words = re.match(r"[a-z]+(?: [a-z]+)*", typed)
        if words is None:
            raise ValueError(f"{typed!r} begins with no word")
        table[words.group()] = partial(_answer, answers)
    return table


def _answer(answers: list[str], _arguments: list[str]) -> list[str]:
    return answers


def dialogue() -> Dialogue:
    return Dialogue.model_validate(tomllib.loads(block("toml", "[console]"))["console"])


CODE = bytes.fromhex("83FED3407A939723A5C639B26916D505C3B5")


def test_the_example_does_what_the_page_says() -> None:
    typed = bytearray()

    async def main() -> None:
        line = PtyLine("console", random=Random(1), pace=False)
        banner = block("text", "ACME").splitlines()[:1]
        device = SimulatedConsole(line, commands(), prompt="acme# ", banner=banner)
        receive = line.on_octets

        def tapped(octets: bytes) -> None:
            typed.extend(octets)
            if receive is not None:
                receive(octets)

        line.on_octets = tapped
        console = Console(SerialLine("console", line.port), dialogue())
        await console.open()
        device.power(True)
        try:
            assert await console.event("booted", within=5.0, since=0) == {"firmware": "2.1.0"}
            await run_actions(console)
        finally:
            await console.close()
            line.close()
        names = [name for _, name, _ in console.events]
        assert names == ["booted", "joined", "left"]
        assert "83FED3" not in console.transcript()
        assert "83 FE D3" not in console.transcript()

    asyncio.run(main())
    assert typed.decode().split("\r")[:-1] == list(conversation())


async def run_actions(console: Console) -> None:
    """The conversation of the page, line by line, as actions."""
    assert await console.do("identify") == {
        "eui64": "00:0d:6f:00:01:02:03:04",
        "firmware": "2.1.0",
    }
    assert await console.do("join", channel=11, pan=0x1A2B) == {"node_id": "4f3c"}
    assert await console.do("set_install_code", code=CODE) == {}
    assert await console.do("leave") == {}
    assert await console.do("read_attr", cluster=0x0700, endpoint=1) == {"value": "123456"}


def test_the_tables_name_every_key_and_no_other() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)} - {"console"}
    keys = set(Dialogue.model_fields) | set(Action.model_fields)
    assert named == keys - {"actions"}
    assert set(re.findall(r"\{x:([a-z0_]+[a-z0-9_]*)\}", PAGE)) == set(FORMATS)


def test_the_operator_example_loads() -> None:
    table = tomllib.loads(block("toml", "[operator]"))["operator"]
    script = OperatorScript.model_validate(table)
    assert set(script.actions) == {"join", "show_message"}


def test_the_inspection_of_the_page_is_read() -> None:
    part = InspectionPart.model_validate(tomllib.loads(block("toml", "[inspection]"))["inspection"])
    assert all(getattr(part, name) for name in InspectionPart.QUESTIONS)
    assert part.weak == ["bus"]
