"""The operator, played by the other end of a pseudo-terminal."""

import asyncio
import os
import tty
from collections.abc import Awaitable, Callable

import pytest

from drivers.console import ActionRefused, NoSuchAction
from drivers.errors import BenchFault, NoAnswer
from drivers.operator import Operator, OperatorScript, TtyTerminal

SCRIPT = OperatorScript.model_validate(
    {
        "timeout_s": 5.0,
        "actions": {
            "join": {"ask": "Press the button of the device, channel {channel}."},
            "show_message": {
                "ask": "Which message does it show?",
                "expect": r"^(?P<id>\d+) (?P<text>.+)$",
            },
            "slow": {"ask": "Walk around the house.", "timeout_s": 0.02},
        },
    }
)


class Person:
    """Reads the screen and types."""

    def __init__(self, master: int) -> None:
        self.master = master
        self.screen = ""

    async def reads(self, text: str) -> None:
        async with asyncio.timeout(10):
            while text not in self.screen:
                await asyncio.sleep(0.001)
                try:
                    self.screen += os.read(self.master, 4096).decode()
                except BlockingIOError:
                    continue

    def types(self, text: str) -> None:
        os.write(self.master, text.encode())


def run(body: Callable[[Operator, Person], Awaitable[None]]) -> None:
    async def main() -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        operator = Operator(SCRIPT, TtyTerminal(os.ttyname(slave)))
        try:
            await body(operator, Person(master))
        finally:
            await operator.close()
            os.close(master)
            os.close(slave)

    asyncio.run(main())


def test_an_action_is_confirmed_by_enter() -> None:
    async def body(operator: Operator, person: Person) -> None:
        asked = asyncio.ensure_future(operator.do("join", channel=11))
        await person.reads("Press the button of the device, channel 11.")
        assert not asked.done()
        person.types("\n")
        assert await asked == {}
        assert "asked: Press" in operator.transcript()

    run(body)


def test_an_answer_that_does_not_fit_is_asked_for_again() -> None:
    async def body(operator: Operator, person: Person) -> None:
        asked = asyncio.ensure_future(operator.do("show_message"))
        await person.reads("Which message")
        person.types("the red one\n")
        await person.reads("does not fit")
        person.types("17 Price goes up\n")
        assert await asked == {"id": "17", "text": "Price goes up"}

    run(body)


def test_a_person_may_say_that_it_cannot_be_done() -> None:
    async def body(operator: Operator, person: Person) -> None:
        asked = asyncio.ensure_future(operator.do("join", channel=11))
        await person.reads("> ")
        person.types("! the button is broken\n")
        with pytest.raises(ActionRefused, match="could not be done: the button is broken"):
            await asked

    run(body)


def test_nobody_answers() -> None:
    async def body(operator: Operator, person: Person) -> None:
        with pytest.raises(NoAnswer, match=r"'Walk around the house\.' was not confirmed"):
            await operator.do("slow")
        await person.reads("Too late")
        person.types("\n")  # he has walked, but nobody waits for him any more
        asked = asyncio.ensure_future(operator.do("join", channel=11))
        await person.reads("channel 11")
        await asyncio.sleep(0.01)
        assert not asked.done()
        person.types("\n")
        await asked

    run(body)


def test_a_bench_without_a_terminal_is_a_bench_fault() -> None:
    async def main() -> None:
        operator = Operator(SCRIPT, TtyTerminal("/nowhere/tty"))
        with pytest.raises(BenchFault, match="operator: nobody is there to ask") as caught:
            await operator.do("slow")
        assert not isinstance(caught.value, NoAnswer)
        await operator.close()

    asyncio.run(main())


def test_a_terminal_that_hangs_up_ends_the_request() -> None:
    async def main() -> None:
        master, slave = os.openpty()
        operator = Operator(SCRIPT, TtyTerminal(os.ttyname(slave)))
        asked = asyncio.ensure_future(operator.do("join", channel=11))
        await asyncio.sleep(0.01)
        os.close(master)
        os.close(slave)
        with pytest.raises(BenchFault, match="nobody is there"):
            await asked
        await operator.close()

    asyncio.run(main())


def test_an_action_that_is_not_mapped_is_named_with_its_table() -> None:
    async def body(operator: Operator, person: Person) -> None:
        assert not operator.offers("leave")
        with pytest.raises(NoSuchAction, match=r"\[operator\.actions\.leave\]"):
            await operator.do("leave")

    run(body)
