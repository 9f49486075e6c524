"""The bench on simulated equipment: opened, asked whether it is sound, broken, and brought back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from drivers.line import SerialLine
from lab.bench import Bench
from lab.clock import DeadlineExpired
from lab.dut import DutAdapter
from lab.setup import Setup
from lab.verdicts import Inconclusive, NotApplicable
from lab.virtual.bench import LineWatch, VirtualBench
from lab.virtual.line import PtyLine


@pytest.fixture
def bench() -> Iterator[Bench]:
    setup = Setup.load("virtual", "ipd")
    bench = Bench(setup.bench, setup.dut)
    bench.open()
    yield bench
    bench.close()


@pytest.fixture
def dut(bench: Bench) -> DutAdapter:
    return DutAdapter(bench)


def simulated(bench: Bench) -> VirtualBench:
    return cast(VirtualBench, bench._virtual)


def test_all_that_the_file_names_is_there_and_the_device_is_off(bench: Bench) -> None:
    assert bench.capabilities == {"radio", "second_radio", "sniffer", "console", "supply"}
    assert bench.supply is not None
    assert bench.call(bench.supply.is_on()) is False
    assert not simulated(bench).device.running
    bench.vouch()


def test_a_device_is_switched_on_and_asked_who_it_is(bench: Bench, dut: DutAdapter) -> None:
    dut.power_on()
    assert dut.identity is not None
    assert str(dut.eui64) == "000d6f0000000001"
    assert dut.identity.to_json()["firmware"].startswith("se-display")
    dut.power_on()  # once more changes nothing
    bench.vouch()
    dut.power_off()
    bench.wait(0.1)  # an output takes a while to fall
    assert not simulated(bench).device.running
    bench.vouch()  # off because it was told so


def test_another_device_than_the_files_proves_nothing(bench: Bench) -> None:
    other = bench.dut_file.identity.model_copy(update={"eui64": "000d6f00000000ff"})
    bench.dut_file = bench.dut_file.model_copy(update={"identity": other})
    with pytest.raises(Inconclusive, match="the device on the bench is 000d6f0000000001"):
        DutAdapter(bench).power_on()


def test_actions_and_events_that_a_device_lacks_do_not_apply(dut: DutAdapter) -> None:
    with pytest.raises(NotApplicable, match="no console action dance"):
        dut.do("dance")
    with pytest.raises(NotApplicable, match="no console event rain"):
        dut.wait_for("rain", within=1)


def test_a_wait_for_an_event_ends(bench: Bench, dut: DutAdapter) -> None:
    dut.power_on()
    with pytest.raises(DeadlineExpired, match="'left'"):
        dut.wait_for("left", within=7)


def short(virtual: VirtualBench) -> None:
    virtual.supply.dut.load = lambda volts: 10 * volts
    virtual.supply.load_changed()


def open_wires(virtual: VirtualBench) -> None:
    virtual.supply.dut.load = lambda volts: 0.0


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda virtual: virtual.lines["radio"].cut(), "(radio): went away"),
        (lambda virtual: virtual.lines["console"].cut(), "(console): went away"),
        (lambda virtual: virtual.rcps["sniffer"].lock_up(for_good=True), "sniffer: "),
        (lambda virtual: virtual.supply.trip("ovp"), "ovp has tripped"),
        (lambda virtual: virtual.supply.vanish(), "supply: "),
        (short, "current limit"),
        (open_wires, "less than its idle"),
    ],
)
def test_a_bench_that_is_not_sound_says_what_is_wrong(
    bench: Bench, dut: DutAdapter, damage: Callable[[VirtualBench], Any], says: str
) -> None:
    dut.power_on()
    bench.loop.loop.call_soon(damage, simulated(bench))
    bench.wait(1)
    with pytest.raises(Inconclusive) as caught:
        bench.vouch()
    assert says in str(caught.value)


def test_errors_in_the_loop_are_the_harness_own(bench: Bench) -> None:
    bench.loop.loop.call_later(1, lambda: 1 / 0)
    bench.wait(2)
    with pytest.raises(Inconclusive, match=r"the harness itself failed: .*ZeroDivisionError"):
        bench.vouch()
    bench.begin_case("X-01", 10)
    bench.vouch()


def test_a_radio_that_locked_up_comes_back_by_a_reset(bench: Bench) -> None:
    simulated(bench).rcps["radio"].lock_up()
    with pytest.raises(Inconclusive):
        bench.vouch()
    assert bench.recover()
    assert bench.generation == 1
    bench.vouch()


def test_a_radio_that_is_unplugged_does_not(bench: Bench) -> None:
    simulated(bench).lines["radio"].cut()
    bench.wait(1)
    assert not bench.recover()
    assert bench.gone is not None
    with pytest.raises(Inconclusive, match="radio"):
        bench.vouch()


def test_the_supply_is_off_after_closing(bench: Bench, dut: DutAdapter) -> None:
    dut.power_on()
    virtual = simulated(bench)
    assert bench.close() is True
    assert virtual.supply.dut.on is False
    assert bench.close() is True


def test_a_supply_that_sticks_is_not_taken_for_off(bench: Bench, dut: DutAdapter) -> None:
    dut.power_on()
    simulated(bench).supply.refuse_off = True
    assert bench.make_safe() is False


def test_chance_begins_anew_with_each_case(bench: Bench) -> None:
    bench.begin_case("X-01", 10)
    first = [bench.random.random(), simulated(bench).air.random.random()]
    bench.begin_case("X-02", 10)
    second = [bench.random.random(), simulated(bench).air.random.random()]
    bench.begin_case("X-01", 10)
    assert [bench.random.random(), simulated(bench).air.random.random()] == first != second


def test_the_deadline_of_a_case_ends_its_waits_and_no_others(bench: Bench) -> None:
    bench.begin_case("X-01", 10)
    with pytest.raises(DeadlineExpired):
        bench.wait(60)
    bench.end_case()
    bench.wait(60)


def test_journals_hold_what_crossed_each_line_in_the_case(bench: Bench, dut: DutAdapter) -> None:
    bench.begin_case("X-01", 100)
    dut.power_on()
    texts = bench.journal_texts()
    assert set(texts) == {"radio", "second_radio", "sniffer", "console", "supply"}
    assert "OUTP ON" in texts["supply"]
    bench.begin_case("X-02", 100)
    assert bench.journal_texts()["supply"] == ""


class Ends:
    """Counters of both ends of a line, and what its kernel has carried over."""

    def __init__(self) -> None:
        self.waiting = (0, 0)
        self.lab = SimpleNamespace(octets_sent=0, octets_received=0, is_open=True)
        self.far = SimpleNamespace(
            octets_sent=100, octets_received=0, is_open=True, waiting=lambda: self.waiting
        )
        self.watch = LineWatch(cast(SerialLine, self.lab), cast(PtyLine, self.far))


def test_octets_in_flight_are_counted_from_when_the_line_was_opened() -> None:
    ends = Ends()
    assert not ends.watch.in_flight()  # what was sent before the line was opened never arrives
    ends.far.octets_sent += 5
    assert ends.watch.in_flight()
    ends.lab.octets_received += 5
    assert not ends.watch.in_flight()
    ends.lab.octets_sent += 3
    assert ends.watch.in_flight()
    ends.lab.is_open = False
    assert not ends.watch.in_flight()  # nobody reads a closed line


def test_octets_from_before_that_come_after_all_hide_none_that_follow() -> None:
    ends = Ends()
    ends.lab.octets_received += 10
    assert not ends.watch.in_flight()
    ends.far.octets_sent += 10
    assert ends.watch.in_flight()


def test_octets_have_arrived_when_they_can_be_read_at_their_end() -> None:
    ends = Ends()
    assert ends.watch.arrived()
    ends.far.octets_sent += 5
    ends.lab.octets_sent += 3
    assert not ends.watch.arrived()
    ends.waiting = (5, 0)
    assert not ends.watch.arrived()
    ends.waiting = (5, 3)
    assert ends.watch.arrived()
    ends.waiting = (0, 0)
    ends.far.is_open = False  # cut: nothing comes any more
    assert ends.watch.arrived()


def test_a_flood_has_arrived_when_the_kernel_is_full() -> None:
    ends = Ends()
    ends.far.octets_sent += 50_000
    ends.waiting = (4095, 0)
    assert ends.watch.arrived()
