"""The driver in the dialects that no simulated supply speaks: against scripts of what is said.

A script is a list of (what the driver must send, what the instrument answers or None), written
after the makers' tables; the driver has to keep to it line by line.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from drivers.errors import InstrumentFault
from drivers.supply import Supply
from lab.clock import SteppedLoop
from lab.virtual.supply import SimulatedSupply

Script = list[tuple[str, str | None]]


def play(
    script: Script,
    body: Callable[[Supply], Awaitable[None]],
    *,
    dialect: str | None = None,
    channel: int = 1,
    end: str = "\n",
) -> None:
    """Run the body against the script, all of which must be used up in its order."""
    left = list(script)
    wrong: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := (await reader.readline()).decode().removesuffix("\n"):
            expected, answer = left.pop(0) if left else ("nothing", None)
            if line != expected:
                wrong.append(f"{line!r} came, {expected!r} was due")
            if answer is not None:
                writer.write((answer + end).encode())
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        supply = Supply(f"TCPIP::127.0.0.1::{port}::SOCKET", dialect, channel, 5.0)
        try:
            await supply.open()
            await body(supply)
        finally:
            await supply.close()
            server.close()

    asyncio.run(main())
    assert wrong == []
    assert left == []


def test_an_aim_tti_tells_units_and_forgets_trips_when_they_are_read() -> None:
    async def body(supply: Supply) -> None:
        await supply.set_voltage(3.3)
        await supply.set_ocp(0.5)
        await supply.output(True)
        assert await supply.measure_voltage() == 3.3
        assert await supply.measure_current() == 0.0123
        assert await supply.regulation() == "CV"
        assert await supply.regulation() == "off"  # this reading shows the trip, and clears it
        assert await supply.tripped() == "ocp"
        await supply.clear_trip()
        assert await supply.tripped() is None

    play(
        [
            ("*IDN?", "THURLBY THANDAR, QL355TP, 279730, 1.00 - 1.00"),
            ("EER?", "0"),
            ("V2 3.3000", None),
            ("EER?", "0"),
            ("OCP2 0.5000", None),
            ("EER?", "0"),
            ("OP2 1", None),
            ("EER?", "0"),
            ("OP2?", "1"),
            ("V2O?", "3.300V"),
            ("I2O?", "0.0123A"),
            ("LSR2?", "1"),
            ("OP2?", "1"),
            ("LSR2?", "8"),
            ("OP2?", "0"),
            ("LSR2?", "0"),
            ("TRIPRST", None),
            ("EER?", "0"),
            ("LSR2?", "0"),
        ],
        body,
        dialect="aim_tti",
        channel=2,
        end="\r\n",
    )


def test_an_error_register_is_read_once_and_told() -> None:
    async def body(supply: Supply) -> None:
        with pytest.raises(InstrumentFault, match=r"V1 99\.0000.*answered by 120"):
            await supply.set_voltage(99.0)

    play(
        [
            ("*IDN?", "THURLBY THANDAR, QL355TP, 279730, 1.00 - 1.00"),
            ("EER?", "0"),
            ("V1 99.0000", None),
            ("EER?", "120"),
            ("EER?", "0"),
        ],
        body,
        dialect="aim_tti",
        end="\r\n",
    )


def test_a_siglent_is_read_back_from_its_status_word_and_has_no_protection() -> None:
    async def body(supply: Supply) -> None:
        await supply.output(True)
        assert await supply.regulation() == "CC"
        assert await supply.tripped() is None
        with pytest.raises(InstrumentFault, match="has no command for ovp_level"):
            await supply.set_ovp(3.8)
        with pytest.raises(InstrumentFault, match="has no command for ocp_level"):
            await supply.set_ocp(0.5)
        assert await supply.safe_off() is True

    play(
        [
            ("*IDN?", "Siglent Technologies,SPD3303X,SPD3EGFQ6R4567,1.01.01.02.05,V3.0"),
            ("SYST:ERR?", "0  No Error"),
            ("OUTP CH2,ON", None),
            ("SYST:ERR?", "0  No Error"),
            ("SYST:STAT?", "0x0224"),
            ("SYST:STAT?", "0x0226"),
            ("OUTP CH2,OFF", None),
            ("SYST:STAT?", "0x0204"),
        ],
        body,
        channel=2,
    )


def test_a_rohde_schwarz_is_selected_before_each_word_and_its_fuse_has_no_level() -> None:
    async def body(supply: Supply) -> None:
        await supply.set_voltage(3.3)
        await supply.set_ocp(0.5)
        assert await supply.measure_current() == 0.1
        assert await supply.tripped() == "ocp"

    play(
        [
            ("*IDN?", "ROHDE&SCHWARZ,HMP4040,103000,HW50020001/SW2.51"),
            ("SYST:ERR?", '0,"No error"'),
            ("INST:NSEL 3", None),
            ("VOLT 3.3000", None),
            ("SYST:ERR?", '0,"No error"'),
            ("INST:NSEL 3", None),
            ("CURR 0.5000", None),
            ("SYST:ERR?", '0,"No error"'),
            ("INST:NSEL 3", None),
            ("FUSE:STAT ON", None),
            ("SYST:ERR?", '0,"No error"'),
            ("INST:NSEL 3", None),
            ("MEAS:CURR?", "0.1000"),
            ("INST:NSEL 3", None),
            ("VOLT:PROT:TRIP?", "0"),
            ("INST:NSEL 3", None),
            ("FUSE:TRIP?", "1"),
        ],
        body,
        channel=3,
    )


BK = "B&K Precision,9130,800278011706810019,1.09-1.04"
BK_ASKED: Script = [("SYST:ERR?", "0,'No error'"), ("INST:NSEL 1", None), ("OUTP?", "0")]


@pytest.mark.parametrize(
    ("dialect", "first"),
    [
        ("bk_9130", [("SYST:REM", None), ("*IDN?", BK)]),
        (None, [("*IDN?", BK), ("SYST:REM", None)]),
    ],
)
def test_a_bk_is_put_under_remote_control(dialect: str | None, first: Script) -> None:
    async def body(supply: Supply) -> None:
        assert await supply.is_on() is False

    play([*first, *BK_ASKED], body, dialect=dialect)


def test_an_instrument_that_no_dialect_fits_is_named_with_what_to_do() -> None:
    async def body(supply: Supply) -> None:
        raise RuntimeError("it was opened")

    with pytest.raises(InstrumentFault, match=r"no dialect fits 'ACME,X1,7,0'.*bench file"):
        play([("*IDN?", "ACME,X1,7,0")], body)


def test_lines_are_paced_on_the_loops_time_where_the_make_needs_it() -> None:
    bench = SteppedLoop()
    simulated = SimulatedSupply(reply_time_s=0.0)
    bench.virtual.add_owed(lambda: simulated.replies_owed)
    bench.call(simulated.start())
    supply = Supply(simulated.resource, "siglent_spd3303x")
    try:
        bench.call(supply.open())
        times = [
            float(line.split()[0])
            for line in supply.journal_text().splitlines()
            if line.split()[1] == ">"
        ]
        assert len(times) == 2
        assert times[1] - times[0] == pytest.approx(0.1)
    finally:
        bench.call(supply.close())
        bench.call(simulated.stop())
        bench.stop()
