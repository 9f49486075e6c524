"""The supply driver over a real socket, against a simulated supply in each of its dialects."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from drivers.errors import BenchFault, InstrumentFault, NoAnswer, PortGone
from drivers.supply import Supply
from drivers.trace import CurrentTrace
from lab.virtual.supply import SimulatedSupply, Style

STYLES: list[Style] = ["keysight_e36300", "rigol_dp800"]


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest) -> Style:
    chosen: Style = request.param
    return chosen


def run(
    body: Callable[[SimulatedSupply, Supply], Awaitable[None]],
    style: Style = "keysight_e36300",
    *,
    load: Callable[[float], float] = lambda volts: volts / 33.0,
    dialect: str | None = None,
    timeout_s: float = 5.0,
) -> None:
    """Run a test body between the start and the end of a simulated supply and its driver."""

    async def main() -> None:
        simulated = SimulatedSupply(
            load=load, style=style, measure_time_s=0.001, settle_s=0.001, reply_time_s=0.0
        )
        await simulated.start()
        supply = Supply(simulated.resource, dialect, timeout_s=timeout_s)
        try:
            await body(simulated, supply)
            assert simulated.replies_owed == 0
        finally:
            await supply.close()
            await simulated.stop()

    asyncio.run(main())


async def settled(simulated: SimulatedSupply) -> None:
    await asyncio.sleep(simulated.dut.settle_s * 2)


def test_it_learns_who_answers_and_how_to_speak(style: Style) -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        assert supply.identity["dialect"] == style
        assert supply.identity["serial"] == "SIM0000001"
        assert supply.identity["dialect_sure"] in "BC"

    run(body, style)


def test_voltage_and_current_reach_the_output_and_come_back(style: Style) -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.set_voltage(3.3)
        await supply.set_current_limit(0.5)
        assert (simulated.dut.set_volts, simulated.dut.set_amperes) == (3.3, 0.5)
        assert await supply.is_on() is False
        assert await supply.measure_current() == 0.0
        await supply.output(True)
        await settled(simulated)
        assert await supply.is_on() is True
        assert await supply.measure_voltage() == pytest.approx(3.3)
        assert await supply.measure_current() == pytest.approx(0.1)
        assert await supply.regulation() == "CV"
        await supply.output(False)
        await settled(simulated)
        assert await supply.measure_voltage() == 0.0
        assert simulated.dut.on is False

    run(body, style)


def test_the_current_limit_takes_the_voltage_down(style: Style) -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.set_voltage(3.3)
        await supply.set_current_limit(0.05)
        await supply.output(True)
        await settled(simulated)
        assert await supply.regulation() == "CC"
        assert await supply.measure_current() == pytest.approx(0.05)
        assert await supply.measure_voltage() == pytest.approx(1.65, abs=1e-3)

    run(body, style)


def test_over_current_latches_until_it_is_cleared(style: Style) -> None:
    draw = [0.1]

    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.set_voltage(3.3)
        await supply.set_ocp(0.2)
        await supply.output(True)
        await settled(simulated)
        assert await supply.tripped() is None
        draw[0] = 0.3
        simulated.load_changed()
        assert await supply.is_on() is False
        assert await supply.tripped() == "ocp"
        draw[0] = 0.1
        with pytest.raises(InstrumentFault, match="-221"):
            await supply.output(True)
        assert await supply.tripped() == "ocp"
        await supply.clear_trip()
        assert await supply.tripped() is None
        assert await supply.is_on() is False
        await supply.output(True)
        await settled(simulated)
        assert await supply.measure_current() == pytest.approx(0.1)

    run(body, style, load=lambda volts: draw[0])


def test_without_over_current_protection_the_limit_holds_instead(style: Style) -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.set_voltage(3.3)
        await supply.set_ocp(0.05)
        await supply.set_ocp(None)
        await supply.set_current_limit(0.05)
        await supply.output(True)
        await settled(simulated)
        assert await supply.tripped() is None
        assert await supply.regulation() == "CC"

    run(body, style)


def test_over_voltage_latches(style: Style) -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.set_ovp(4.0)
        await supply.set_voltage(3.0)
        await supply.output(True)
        await settled(simulated)
        assert await supply.tripped() is None
        await supply.set_voltage(5.0)
        await settled(simulated)
        assert await supply.tripped() == "ovp"
        assert await supply.is_on() is False

    run(body, style)


def test_a_refused_setting_is_told_in_the_words_of_the_instrument(style: Style) -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        with pytest.raises(InstrumentFault, match=r"VOLT.*60\.0000.*-222,\"Data out of range\""):
            await supply.set_voltage(60.0)
        assert await supply.errors() == []
        assert simulated.dut.set_volts == 0.0

    run(body, style)


def test_an_output_that_reads_back_otherwise_is_a_fault() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.output(True)
        simulated.refuse_off = True
        with pytest.raises(InstrumentFault, match="switched off and reads back on"):
            await supply.output(False)

    run(body)


def test_a_wrong_dialect_is_shown_by_the_first_setting() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        assert supply.identity["dialect"] == "keysight_e36300"
        assert supply.identity["dialect_by_idn"] == "rigol_dp800"
        with pytest.raises(InstrumentFault, match="-113"):
            await supply.set_voltage(3.3)

    run(body, "rigol_dp800", dialect="keysight_e36300")


def test_an_unknown_dialect_names_the_known() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        with pytest.raises(InstrumentFault, match=r"no dialect 'acme'.*rigol_dp800"):
            await supply.open()

    run(body, dialect="acme")


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_no_nonsense_reaches_the_instrument(value: float) -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        before = simulated.requests
        with pytest.raises(ValueError):
            await supply.set_voltage(value)
        assert simulated.requests == before

    run(body)


def test_a_late_reply_is_not_taken_for_the_next_one() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        simulated.measure_time_s = 0.5
        with pytest.raises(NoAnswer, match=r"did not answer within 0\.2 s"):
            await supply.measure_voltage()
        assert await supply.is_on() is False

    run(body, timeout_s=0.2)


def test_a_query_survives_a_lost_connection() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        simulated.vanish()
        await simulated.start()
        assert await supply.is_on() is False

    run(body, timeout_s=0.3)


def test_a_supply_that_is_gone_is_a_bench_fault() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        simulated.vanish()
        with pytest.raises(PortGone, match=r"supply: TCPIP::127\.0\.0\.1::\d+::SOCKET cannot be"):
            await supply.is_on()
        with pytest.raises(PortGone):
            await supply.set_voltage(1.0)
        assert await supply.safe_off() is False
        assert isinstance(supply.last_fault, PortGone)

    run(body, timeout_s=0.3)


def test_a_supply_that_answers_nobody_is_a_bench_fault() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        simulated.mute()
        with pytest.raises(NoAnswer):
            await supply.is_on()
        assert simulated.replies_owed == 0
        simulated.mute(False)
        assert await supply.is_on() is False

    run(body, timeout_s=0.1)


def test_safe_off_reads_back(style: Style) -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.set_voltage(3.0)
        await supply.output(True)
        assert await supply.safe_off() is True
        assert supply.last_fault is None
        assert simulated.dut.on is False

    run(body, style)


def test_safe_off_opens_the_connection_itself_when_it_must() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        simulated.dut.switch(True)
        assert await supply.safe_off() is True
        assert simulated.dut.on is False
        simulated.dut.switch(True)
        simulated.vanish()
        await simulated.start()
        assert await supply.safe_off() is True
        assert simulated.dut.on is False

    run(body, timeout_s=0.3)


def test_safe_off_tells_the_truth_about_an_output_that_stays_on() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.output(True)
        simulated.refuse_off = True
        assert await supply.safe_off() is False
        assert isinstance(supply.last_fault, InstrumentFault)
        assert "still reads back on" in str(supply.last_fault)
        assert simulated.dut.on is True

    run(body)


def test_callers_do_not_get_each_others_replies() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.set_voltage(3.3)
        await supply.output(True)
        await settled(simulated)
        both = [
            asyncio.gather(supply.measure_voltage(), supply.measure_current()) for _ in range(20)
        ]
        for pair in both:
            assert await pair == pytest.approx([3.3, 0.1])

    run(body)


def test_a_caller_who_gives_up_leaves_no_reply_to_the_next() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.set_voltage(3.3)
        await supply.output(True)
        await settled(simulated)
        simulated.measure_time_s = 0.05
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await supply.measure_voltage()
        assert await supply.measure_current() == pytest.approx(0.1)

    run(body)


def test_a_ramp_ends_where_it_should_and_passes_each_step() -> None:
    seen: list[float] = []

    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.output(True)
        simulated.dut.on_voltage = seen.append
        simulated.dut.settle_s = 0.0
        await supply.ramp(3.0, 1.0, 0.05, 4)
        await settled(simulated)
        assert seen == pytest.approx([3.0, 2.5, 2.0, 1.5, 1.0])

    run(body)


def test_a_recording_samples_until_it_is_stopped() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        await supply.set_voltage(3.3)
        await supply.output(True)
        await settled(simulated)
        async with supply.record(0.005) as recording:
            await asyncio.sleep(0.05)
        trace = recording.trace
        assert len(trace.samples) >= 2
        assert trace.mean == pytest.approx(0.1)
        assert trace.fault is None

    run(body)


def test_a_recording_keeps_what_broke_it_off() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        simulated.vanish()
        async with supply.record(0.005) as recording:
            while recording.trace.fault is None:
                await asyncio.sleep(0.01)
        assert isinstance(recording.trace.fault, PortGone)
        assert "cannot be reached" in recording.trace.summary()

    run(body, timeout_s=0.2)


def test_charge_and_mean_of_a_trace() -> None:
    trace = CurrentTrace([(0.0, 0.0), (1.0, 2.0), (3.0, 2.0)])
    assert trace.charge == pytest.approx(5.0)  # a triangle of 1 C and a rectangle of 4 C
    assert trace.mean == pytest.approx(5.0 / 3.0)
    assert trace.peak == 2.0
    with pytest.raises(ValueError, match="nothing was measured"):
        _ = CurrentTrace().mean


def test_the_journal_holds_what_was_said() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        mark = supply.journal.mark()
        await supply.set_voltage(3.3)
        assert [line.split(maxsplit=1)[1] for line in supply.journal_text(mark).splitlines()] == [
            "> VOLT 3.3000,(@1)",
            "> SYST:ERR?",
            '< +0,"No error"',
        ]

    run(body)


def test_nothing_listens() -> None:
    async def main() -> None:
        simulated = SimulatedSupply()
        await simulated.start()
        await simulated.stop()
        supply = Supply(simulated.resource, "keysight_e36300", timeout_s=0.3)
        with pytest.raises(BenchFault, match="cannot be reached"):
            await supply.open()
        await supply.close()

    asyncio.run(main())


def test_a_reply_that_comes_long_after_its_caller_gave_up_is_nobodys() -> None:
    async def body(simulated: SimulatedSupply, supply: Supply) -> None:
        await supply.open()
        simulated.measure_time_s = 0.5
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await supply.measure_voltage()
        assert await supply.is_on() is False  # "+0.0E+00" would say neither on nor off

    run(body, timeout_s=0.2)
