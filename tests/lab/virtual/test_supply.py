"""The simulated supply, spoken to over a bare socket as its makes' manuals say."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from drivers.supply import Supply
from lab.clock import SteppedLoop
from lab.virtual.supply import SimulatedSupply


class Client:
    """A socket, line by line, without VISA and without our driver."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, supply: SimulatedSupply) -> "Client":
        _, host, port, _ = supply.resource.replace("::", " ").split()
        return cls(*await asyncio.open_connection(host, int(port)))

    def send(self, text: str) -> None:
        self.writer.write(text.encode() + b"\n")

    async def ask(self, text: str) -> str:
        self.send(text)
        async with asyncio.timeout(10):
            return (await self.reader.readline()).decode().removesuffix("\n")

    async def errors(self) -> list[str]:
        found = []
        while not (error := await self.ask("SYST:ERR?")).lstrip("+").startswith("0,"):
            found.append(error)
        return found


Body = Callable[[SimulatedSupply, Client], Awaitable[None]]


def run(body: Body, **options: Any) -> None:
    async def main() -> None:
        supply = SimulatedSupply(
            **{"measure_time_s": 0.0, "reply_time_s": 0.0, "settle_s": 0.0, **options}
        )
        await supply.start()
        client = await Client.connect(supply)
        try:
            await body(supply, client)
        finally:
            await supply.stop()
            client.writer.close()

    asyncio.run(main())


KEYSIGHT = [
    ("*IDN?", "Keysight Technologies,E36312A,SIM0000001,1.0.0"),
    ("*OPC?", "1"),
    ("SYST:ERR?", '+0,"No error"'),
    ("SYSTem:ERRor:NEXT?", '+0,"No error"'),
    ("syst:err?", '+0,"No error"'),
    ("OUTP? (@1)", "0"),
    ("VOLT 3.3,(@1);VOLT? (@1)", "+3.30000000E+00"),
    ("SOUR:VOLT:LEV:IMM:AMPL 2,(@2);:SOURCE:VOLTAGE? (@2)", "+2.00000000E+00"),
    ("INST:NSEL 2;VOLT 1.5;VOLT? (@2)", "+1.50000000E+00"),
    ("INST:NSEL 3;INST:NSEL?", "3"),
    ("MEAS:VOLT? (@1)", "+0.00000000E+00"),
    ("MEAS:CURR? (@1)", "+0.00000000E+00"),
    ("VOLT:PROT:TRIP? (@1);CURR:PROT:TRIP? (@1)", "0;0"),
    ("STAT:QUES:INST:ISUM1:COND?", "0"),
]

RIGOL = [
    ("*IDN?", "RIGOL TECHNOLOGIES,DP832A,SIM0000001,00.01.16"),
    (":SYST:ERR?", '0,"No error"'),
    (":OUTP? CH1", "OFF"),
    (":OUTP:MODE? CH1", "UR"),
    (":MEAS:VOLT? CH1", "0.0000"),
    (":MEASURE:CURRENT? CH1", "0.0000"),
    (":OUTP:OVP:QUES? CH1", "NO"),
    (":OUTP:OCP:QUES? CH3", "NO"),
]


@pytest.mark.parametrize(("asked", "answer"), KEYSIGHT)
def test_a_keysight_answers_as_its_manual_says(asked: str, answer: str) -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        assert await client.ask(asked) == answer
        assert await client.errors() == []

    run(body)


@pytest.mark.parametrize(("asked", "answer"), RIGOL)
def test_a_rigol_answers_as_its_manual_says(asked: str, answer: str) -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        assert await client.ask(asked) == answer
        assert await client.errors() == []

    run(body, style="rigol_dp800")


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ("NONSENSE", "-113"),
        ("VOLTAG 1", "-113"),
        ("MEAS? (@1)", "-113"),
        ("VOLT 99,(@1)", "-222"),
        ("VOLT -1,(@1)", "-222"),
        ("VOLT nan,(@1)", "-222"),
        ("VOLT 1,(@7)", "-222"),
        ("VOLT abc,(@1)", "-224"),
        ("VOLT (@1)", "-109"),
        ("OUTP MAYBE,(@1)", "-224"),
        ("x" * 5000, "-363"),
    ],
)
def test_what_it_refuses_is_in_the_error_queue(sent: str, error: str) -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        client.send(sent)
        errors = await client.errors()
        assert [text.split(",")[0] for text in errors] == [error]
        assert supply.dut.set_volts == 0.0

    run(body)


def test_the_error_queue_holds_twenty_and_says_when_it_overflows() -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        for _ in range(19):
            client.send("NONSENSE")
        client.send("VOLT 99,(@1)")
        errors = await client.errors()
        assert [text.split(",")[0] for text in errors] == ["-113"] * 19 + ["-222"]
        for _ in range(30):
            client.send("NONSENSE")
        errors = await client.errors()
        assert [text.split(",")[0] for text in errors] == ["-113"] * 19 + ["-350"]
        client.send("NONSENSE")
        client.send("*CLS")
        assert await client.errors() == []

    run(body)


def test_replies_are_owed_from_the_question_to_the_answer() -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        owed: list[int] = []
        client.send("MEAS:VOLT? (@1)")
        client.send("OUTP ON,(@1)")
        client.send("*IDN?")
        while not supply.replies_owed:
            await asyncio.sleep(0)
        assert supply.replies_owed == 1
        assert supply.dut.on is False  # it is carried out after the answer that comes before it
        owed.append(supply.replies_owed)
        await client.reader.readline()
        assert supply.dut.on is True
        await client.reader.readline()
        assert supply.replies_owed == 0
        client.send("VOLT 1,(@1)")
        while supply.dut.set_volts != 1.0:
            await asyncio.sleep(0)
        assert supply.replies_owed == 0

    run(body, measure_time_s=0.01, reply_time_s=0.01)


def test_a_client_that_leaves_is_owed_nothing() -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        other = await Client.connect(supply)
        other.send("MEAS:VOLT? (@1)")
        client.send("MEAS:VOLT? (@1)")
        while supply.replies_owed < 2:
            await asyncio.sleep(0)
        other.writer.close()
        while supply.replies_owed > 1:
            await asyncio.sleep(0)
        supply.vanish()
        assert supply.replies_owed == 0

    run(body, measure_time_s=60.0)


def test_a_question_that_is_not_understood_has_no_answer_and_is_not_owed() -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        client.send("WHAT?")
        assert await client.ask("SYST:ERR?") == '-113,"Undefined header"'
        assert supply.replies_owed == 0

    run(body)


def test_clients_get_their_own_replies() -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        other = await Client.connect(supply)
        for _ in range(10):
            first = asyncio.ensure_future(client.ask("VOLT 1,(@1);VOLT? (@1);OUTP? (@1)"))
            second = asyncio.ensure_future(other.ask("*OPC?"))
            assert await first == "+1.00000000E+00;0"
            assert await second == "1"
        other.writer.close()

    run(body)


def test_a_message_cut_into_segments_is_one_message() -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        for piece in (b"OUT", b"P?", b" (@", b"1)"):
            client.writer.write(piece)
            await asyncio.sleep(0.002)
        assert await client.ask("") == "0"

    run(body)


def test_the_device_is_told_its_voltage_after_it_has_settled() -> None:
    told: list[float] = []

    async def body(supply: SimulatedSupply, client: Client) -> None:
        client.send("VOLT 3,(@1);OUTP ON,(@1)")
        assert await client.ask("*OPC?") == "1"
        assert told == []
        while not told:
            await asyncio.sleep(0.001)
        client.send("VOLT 2,(@1);VOLT 1,(@2);OUTP ON,(@2)")
        while len(told) < 2:
            await asyncio.sleep(0.001)
        client.send("OUTP OFF,(@1)")
        while len(told) < 3:
            await asyncio.sleep(0.001)
        assert told == [3.0, 2.0, 0.0]

    run(body, on_voltage=told.append, settle_s=0.03)


def test_the_current_limit_holds_the_current_and_gives_up_the_voltage() -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        client.send("VOLT 5,(@1);CURR 0.1,(@1);OUTP ON,(@1)")
        await client.ask("*OPC?")
        await asyncio.sleep(0.01)
        # 20 ohms at 0.1 A: 2 V
        assert float(await client.ask("MEAS:VOLT? (@1)")) == pytest.approx(2.0)
        assert float(await client.ask("MEAS:CURR? (@1)")) == pytest.approx(0.1)
        assert await client.ask("STAT:QUES:INST:ISUM1:COND?") == "1"
        client.send("CURR 0.5,(@1)")
        assert float(await client.ask("MEAS:VOLT? (@1)")) == pytest.approx(5.0)
        assert float(await client.ask("MEAS:CURR? (@1)")) == pytest.approx(0.25)
        assert await client.ask("STAT:QUES:INST:ISUM1:COND?") == "2"

    run(body, load=lambda volts: volts / 20.0)


@pytest.mark.parametrize("protection", ["ovp", "ocp"])
def test_a_trip_latches_and_says_so(protection: Any) -> None:
    told: list[float] = []

    async def body(supply: SimulatedSupply, client: Client) -> None:
        client.send("VOLT 5,(@1);OUTP ON,(@1)")
        await client.ask("*OPC?")
        await asyncio.sleep(0.01)
        supply.trip(protection)
        assert told == [5.0, 0.0]
        query = "VOLT:PROT:TRIP? (@1);CURR:PROT:TRIP? (@1);OUTP? (@1)"
        both = {"ovp": "1;0;0", "ocp": "0;1;0"}
        assert await client.ask(query) == both[protection]
        client.send("OUTP ON,(@1)")
        assert [text.split(",")[0] for text in await client.errors()] == ["-221"]
        assert await client.ask("OUTP? (@1)") == "0"
        client.send("OUTP:PROT:CLE (@1)")
        assert await client.ask(query) == "0;0;0"
        client.send("OUTP ON,(@1)")
        assert await client.ask("OUTP? (@1)") == "1"

    run(body, on_voltage=told.append)


def test_reset_switches_off() -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        client.send("VOLT 5,(@1);OUTP ON,(@1);*RST")
        assert await client.ask("OUTP? (@1)") == "0"
        assert supply.dut.set_volts == 0.0

    run(body)


def test_the_first_reply_may_be_slow() -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        await client.ask("*IDN?")
        first = loop.time() - start
        assert first >= 0.05

    run(body, first_reply_s=0.05)


def test_after_it_vanished_nothing_listens_and_it_comes_back_at_its_port() -> None:
    async def body(supply: SimulatedSupply, client: Client) -> None:
        resource = supply.resource
        supply.vanish()
        assert await client.reader.read() == b""
        with pytest.raises(OSError):
            await Client.connect(supply)
        await supply.start()
        assert supply.resource == resource
        again = await Client.connect(supply)
        assert await again.ask("*OPC?") == "1"
        again.writer.close()

    run(body)


def virtual_session() -> list[tuple[float, float]]:
    """Some measurements on virtual time: when each was done, and what it said."""
    bench = SteppedLoop()
    told: list[tuple[float, float]] = []
    supply = SimulatedSupply(
        load=lambda volts: volts / 33.0,
        on_voltage=lambda volts: told.append((bench.now(), volts)),
        measure_time_s=0.02,
        reply_time_s=0.001,
        settle_s=0.005,
    )
    bench.virtual.add_owed(lambda: supply.replies_owed)
    bench.call(supply.start())
    driver = Supply(supply.resource)

    async def measure() -> None:
        await driver.open()
        await driver.set_voltage(3.3)
        await driver.output(True)
        await asyncio.sleep(100.0)
        for _ in range(5):
            told.append((bench.now(), await driver.measure_current()))
        await driver.ramp(3.3, 1.1, 60.0, 3)
        async with driver.record(10.0) as recording:
            await asyncio.sleep(35.0)
        told.extend(recording.trace.samples)
        assert await driver.safe_off()

    try:
        bench.call(measure())
    finally:
        bench.call(driver.close())
        bench.call(supply.stop())
        bench.stop()
    return told


def test_on_virtual_time_a_measurement_takes_its_time_to_the_digit_and_the_same_again() -> None:
    first = virtual_session()
    measured = [time for time, _ in first[1:6]]
    gaps = [later - earlier for earlier, later in pairwise(measured)]
    assert gaps == pytest.approx([0.02] * 4)
    on, currents, ramp, samples = first[0], first[1:6], first[6:9], first[9:13]
    assert on[1] == 3.3
    assert [amperes for _, amperes in currents] == pytest.approx([0.1] * 5)
    assert [volts for _, volts in ramp] == pytest.approx([2.56667, 1.83333, 1.1], abs=1e-4)
    assert ramp[2][0] - ramp[0][0] == pytest.approx(40.0)
    assert [amperes for _, amperes in samples] == pytest.approx([1.1 / 33] * 4)
    assert samples[3][0] - samples[0][0] == pytest.approx(30.0)
    assert len(first) == 13
    assert virtual_session() == first


def test_it_can_be_run_by_itself() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.virtual.supply", "--port", "0", "--ohms", "10"],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("no pipe")
        resource = process.stdout.readline().strip()
        _, host, port, _ = resource.replace("::", " ").split()
        with socket.create_connection((host, int(port)), 10) as client:
            client.sendall(b"VOLT 1,(@1);OUTP ON,(@1)\n*OPC?\n")
            assert client.recv(100) == b"1\n"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
