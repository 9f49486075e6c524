"""The console driver over a real pseudo-terminal, against devices that behave and others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from random import Random
from typing import Any

import pytest

from drivers.console import ActionRefused, Console, NoSuchAction
from drivers.dialogue import Dialogue
from drivers.errors import NoAnswer, PortGone
from drivers.line import SerialLine
from lab.virtual.console import CommandError, SimulatedConsole
from lab.virtual.line import PtyLine

AF: dict[str, Any] = {
    "prompt": "DUT>",
    "line_end": "\r\n",
    "echo": True,
    "timeout_s": 5.0,
    "events": {
        "joined": r"joined node 0x(?P<node>[0-9a-f]{4})",
        "booted": r"Meter (?P<version>\S+)",
    },
    "actions": {
        "identify": {"send": "info", "expect": r"node \[(?P<eui64>[0-9A-F]{16})\]"},
        "join": {
            "send": "network join {channel} 0 0x{pan:04X}",
            "expect": r"(?P<result>joined|no network)",
        },
        "leave": {"send": "network leave"},
        "silent": {"send": "info", "expect": "never said", "timeout_s": 0.05},
        "read": {"send": ["read {attribute}", "send"], "expect": r"value (?P<value>\d+)"},
        "fail": {"send": "fail", "error": "^refused"},
        "booted": {"expect": "Meter", "timeout_s": 5.0},
    },
}

AT: dict[str, Any] = {
    "ok": "^OK$",
    "error": "^ERROR",
    "echo": True,
    "timeout_s": 5.0,
    "events": AF["events"],
    "actions": {
        "identify": {"send": "AT+INFO", "expect": r"node \[(?P<eui64>[0-9A-F]{16})\]"},
        "join": {
            "send": "AT+NETWORKJOIN={channel},0,{pan:04X}",
            "expect": "(?P<result>joined|no network)",
        },
        "leave": {"send": "AT+NETWORKLEAVE"},
        "fail": {"send": "AT+FAIL"},
        "read": {"send": ["AT+READ={attribute}", "AT+SEND"], "expect": r"value (?P<value>\d+)"},
    },
}

Body = Callable[[SimulatedConsole, Console], Awaitable[None]]


class Device:
    """The state behind the commands of a simulated console."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.chosen = ""

    def commands(self) -> dict[str, Callable[[list[str]], Iterable[str]]]:
        return {
            "info": lambda arguments: ["firmware 1.2", "node [000D6F0001020304]"],
            "network join": self._join,
            "network leave": lambda arguments: [],
            "read": self._choose,
            "send": lambda arguments: [f"value {self.chosen}"],
            "fail": self._fail,
        }

    def _join(self, arguments: list[str]) -> Iterable[str]:
        self.asked.append(arguments)
        int(arguments[0])
        return ["joined node 0x12ab"] if arguments[0] == "11" else ["no network"]

    def _choose(self, arguments: list[str]) -> Iterable[str]:
        self.chosen = arguments[0]
        return []

    def _fail(self, arguments: list[str]) -> Iterable[str]:
        raise CommandError("refused: busy")


def run(
    body: Body, dialogue: dict[str, Any] = AF, *, device: Device | None = None, **simulated: Any
) -> None:
    """Run a test body between a simulated console that is on and the driver at its port."""

    async def main() -> None:
        line = PtyLine("console", random=Random(7), pace=False)
        far = SimulatedConsole(
            line, (device or Device()).commands(), banner=["Meter 1.2"], **simulated
        )
        near = Console(
            SerialLine("console", line.port),
            Dialogue.model_validate(dialogue),
            log="evidence/console.log",
        )
        await near.open()
        far.power(True)
        try:
            await body(far, near)
        finally:
            await near.close()
            line.close()

    asyncio.run(main())


def at_style(dialogue: dict[str, Any]) -> str:
    return "at" if dialogue is AT else "af"


@pytest.fixture(params=[AF, AT], ids=["af", "at"])
def dialogue(request: pytest.FixtureRequest) -> dict[str, Any]:
    chosen: dict[str, Any] = request.param
    return chosen


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("echo", [False, True])
def test_actions_return_what_their_groups_caught(
    dialogue: dict[str, Any], echo: bool, colour: bool
) -> None:
    device = Device()

    async def body(far: SimulatedConsole, near: Console) -> None:
        for _ in range(3):
            assert await near.do("identify") == {"eui64": "000D6F0001020304"}
            assert await near.do("join", channel=11, pan=0xABC) == {"result": "joined"}
            assert await near.do("join", channel=12, pan=0xABC) == {"result": "no network"}
            assert await near.do("leave") == {}
            assert await near.do("read", attribute=42) == {"value": "42"}
        assert device.asked[0][0] == "11"
        assert int(device.asked[0][2], 16) == 0xABC
        assert far.typed_lines == 18

    run(
        body,
        dialogue | {"echo": echo},
        device=device,
        style=at_style(dialogue),
        echo=echo,
        colour=colour,
    )


def test_unasked_lines_inside_answers_do_no_harm_and_are_events(dialogue: dict[str, Any]) -> None:
    device = Device()

    async def body(far: SimulatedConsole, near: Console) -> None:
        def interrupted(arguments: list[str]) -> Iterable[str]:
            yield "firmware 1.2"
            far.say("joined node 0x0001")
            yield "node [000D6F0001020304]"
            far.say("joined node 0x0002")

        far.commands["info"] = interrupted
        for _ in range(5):
            assert await near.do("identify") == {"eui64": "000D6F0001020304"}
        nodes = [fields["node"] for _, name, fields in near.events if name == "joined"]
        assert nodes == ["0001", "0002"] * 5

    run(body, dialogue, device=device, style=at_style(dialogue))


def test_a_line_that_cuts_the_echo_in_two_does_no_harm() -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        task = asyncio.get_running_loop().create_task(near.do("identify"))
        assert isinstance(far.line, PtyLine)
        while not far.line.octets_received:
            await asyncio.sleep(0)
        far.say("joined node 0x0001")
        assert await task == {"eui64": "000D6F0001020304"}

    run(body, AF | {"character_delay_s": 0.001})


def test_characters_are_typed_apart_where_the_device_needs_it() -> None:
    gaps: list[float] = []

    async def body(far: SimulatedConsole, near: Console) -> None:
        receive = far.line.on_octets
        assert receive is not None
        loop = asyncio.get_running_loop()

        def timed(octets: bytes) -> None:
            gaps.extend([loop.time()] * len(octets))
            receive(octets)

        far.line.on_octets = timed
        await near.do("leave")

    run(body, AF | {"character_delay_s": 0.002})
    assert len(gaps) == len("network leave\r\n")
    assert gaps[-1] - gaps[0] > 0.002 * (len(gaps) - 2)


def test_silence_says_what_was_awaited_what_came_and_where() -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        with pytest.raises(NoAnswer) as caught:
            await near.do("silent")
        text = str(caught.value)
        assert "never said" in text
        assert "'node [000D6F0001020304]'" in text
        assert near.line.url in text
        assert "evidence/console.log" in text
        assert "0.05 s" in text
        assert "not even the echo" not in text
        far.power(False)
        with pytest.raises(NoAnswer, match="came, not even the echo: nothing"):
            await near.do("silent")
        far.power(True)
        assert await near.do("identify") == {"eui64": "000D6F0001020304"}

    run(body)


def test_an_action_that_is_not_mapped_is_named() -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        assert not near.offers("dance")
        with pytest.raises(NoSuchAction, match=r"'dance'.*\[console\.actions\.dance\].*join"):
            await near.do("dance")
        assert far.typed_lines == 0

    run(body)


def test_a_missing_parameter_types_nothing() -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        with pytest.raises(ValueError, match="'pan'"):
            await near.do("join", channel=11)
        assert far.typed_lines == 0

    run(body)


def test_a_refusal_is_told_at_once(dialogue: dict[str, Any]) -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        with pytest.raises(ActionRefused, match=r"refused: busy|ERROR"):
            await near.do("fail")
        assert await near.do("identify") == {"eui64": "000D6F0001020304"}

    run(body, dialogue, style=at_style(dialogue))


def test_events_are_stamped_and_can_be_awaited() -> None:
    seen: list[str] = []

    async def body(far: SimulatedConsole, near: Console) -> None:
        near.on_event = lambda time, name, fields: seen.append(name)
        assert await near.event("booted", within=5.0, since=0) == {"version": "1.2"}
        mark = near.mark()
        far.say("joined node 0x0003")
        assert await near.event("joined", within=5.0, since=mark) == {"node": "0003"}
        assert await near.event("joined", within=5.0, since=mark) == {"node": "0003"}
        with pytest.raises(NoAnswer, match=r"event 'joined'.*within 0\.01 s.*0x0003"):
            await near.event("joined", within=0.01)
        with pytest.raises(ValueError, match="no event 'danced'"):
            await near.event("danced", within=1.0)
        times = [time for time, _, _ in near.events]
        assert times == sorted(times)

    run(body)
    assert seen == ["booted", "joined"]


def test_waiting_for_a_banner_types_nothing() -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        await near.event("booted", within=5.0, since=0)
        task = asyncio.get_running_loop().create_task(near.do("booted"))
        await asyncio.sleep(0)
        far.restarted()
        assert await task == {}
        assert far.typed_lines == 0

    run(body)


def test_a_pulled_cable_ends_what_waits() -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        await near.do("identify")
        task = asyncio.get_running_loop().create_task(near.do("booted"))
        await asyncio.sleep(0)
        assert isinstance(far.line, PtyLine)
        far.line.cut()
        with pytest.raises(PortGone):
            await task
        with pytest.raises(PortGone):
            await near.do("identify")
        with pytest.raises(PortGone):
            await near.event("joined", within=5.0)

    run(body)


def test_actions_asked_at_once_are_done_one_after_the_other() -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        results = await asyncio.gather(*(near.do("read", attribute=number) for number in range(20)))
        assert [result["value"] for result in results] == [str(number) for number in range(20)]

    run(body)


def test_secrets_are_masked_in_reports_and_failures_and_kept_raw() -> None:
    secret = "node 0x([0-9a-f]{4})"

    async def body(far: SimulatedConsole, near: Console) -> None:
        far.say("joined node 0xbeef")
        await near.event("joined", within=5.0, since=0)
        assert any("beef" in text for _, text in near.lines)
        assert "beef" not in near.transcript()
        assert "node 0x[masked]" in near.transcript()
        with pytest.raises(NoAnswer) as caught:
            await near.event("joined", within=0.01)
        assert "beef" not in str(caught.value)

    run(body, AF | {"secrets": [secret]})


def test_the_secret_that_an_action_types_is_masked_in_its_failure() -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        with pytest.raises(NoAnswer) as caught:
            await near.do("code", code=bytes(range(0xA0, 0xA8)))
        assert "A0 A1" not in str(caught.value)
        assert "[masked]" in str(caught.value)

    actions = {"code": {"send": "install {code:brace}", "expect": "taken", "timeout_s": 0.05}}
    run(body, AF | {"secrets": [r"install \{([0-9A-F ]+)\}"], "actions": actions})


NOISE = bytes(range(256)) * 40


@pytest.mark.parametrize("octets", [NOISE, b"x" * 50_000, b"\x1b[" * 5_000, b"\x1b]" + b"a" * 9000])
def test_garbage_is_bounded_and_passes(octets: bytes) -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        await near.do("identify")
        for start in range(0, len(octets), 4096):
            near.line.received(octets[start : start + 4096])
        near.line.received(b"\x07\r\nDUT>")
        assert max((len(text) for _, text in near.lines), default=0) <= 4 * 4096
        assert await near.do("identify") == {"eui64": "000D6F0001020304"}

    run(body)


def test_memory_is_bounded() -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        for _ in range(30):
            near.line.received(b"joined node 0x0001\r\n" * 1000)
        assert len(near.lines) <= 20_000
        assert len(near.lines) + near.lines_dropped >= 30_000
        assert len(near.events) <= 5_000
        mark = near.mark()
        assert mark >= 30_000
        assert near.transcript().startswith(f"... {near.lines_dropped} earlier lines")
        line_mark = near.line_mark()
        assert line_mark >= 30_000
        far.say("joined node 0x0009")
        assert await near.event("joined", within=5.0, since=mark) == {"node": "0009"}
        assert "0x0009" in near.transcript(line_mark)
        assert "0x0001" not in near.transcript(line_mark)

    run(body)


def test_noise_patterns_are_taken_out_of_lines() -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        far.commands["info"] = lambda arguments: ["[12:00:01] node [000D6F[12:00:02] 0001020304]"]
        assert await near.do("identify") == {"eui64": "000D6F0001020304"}

    run(body, AF | {"noise": [r"\[\d\d:\d\d:\d\d\] "]})


def test_an_escape_sequence_cut_in_two_leaves_no_trace() -> None:
    async def body(far: SimulatedConsole, near: Console) -> None:
        await near.do("identify")
        for piece in (b"joi\x1b", b"[3", b"2mned node \x1b[0m0x00\x1b[", b"K11\r\n"):
            near.line.received(piece)
        assert near.events[-1][1:] == ("joined", {"node": "0011"})

    run(body)
