"""What the air loses is neither the device's silence nor its refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from lab.bench import Bench
from lab.cases import Recorder, recording
from lab.dut import DutAdapter
from lab.judging import ignored, silent_under
from lab.patterns import zcl
from lab.procedures import authenticate
from lab.setup import Setup
from lab.units.tc import TrustCenter
from lab.verdicts import Inconclusive, Violation
from lab.virtual.air import AirRadio
from lab.virtual.bench import VirtualBench
from zigbee.mac import MacFrame, MacType

ANSWER = zcl("ReadAttributesResponse").on(0x0800)


@pytest.fixture
def tc() -> Iterator[TrustCenter]:
    setup = Setup.load("virtual", "ipd")
    bench = Bench(setup.bench, setup.dut)
    bench.open()
    bench.begin_case("a test", 10_000.0)
    unit = TrustCenter(bench)
    with recording(Recorder(bench.now)):
        authenticate(unit, DutAdapter(bench))
        yield unit
    bench.close()


def lose(tc: TrustCenter, frames: int) -> None:
    """Let nobody hear the next unicast frames of the golden unit, however often it sends them."""
    air = cast(VirtualBench, tc.bench._virtual).air
    lost: list[int] = []

    def interfere(sender: AirRadio, receiver: AirRadio, octets: bytes) -> bool:
        frame = MacFrame.from_bytes(octets)
        if sender.name != "radio" or frame.frame_type != MacType.DATA or not frame.ack_request:
            return False
        if frame.sequence not in lost and len(lost) < frames:
            lost.append(frame.sequence or 0)
        return frame.sequence in lost

    air.interfere = interfere


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_a_key_probe_that_the_air_loses_is_sent_again(tc: TrustCenter, frames: int) -> None:
    lose(tc, frames)
    assert tc.key_probe()


def test_a_key_probe_that_the_device_heard_is_sent_once(tc: TrustCenter) -> None:
    before = tc.node.mac.transmissions
    assert not tc.key_probe(bytes(16))
    assert tc.node.mac.transmissions == before + 1


@pytest.mark.parametrize(("lost", "times"), [(0, 1), (1, 2), (2, 3)])
def test_silence_counts_when_the_stimulus_was_heard(tc: TrustCenter, lost: int, times: int) -> None:
    given: list[float] = []

    def stimulus() -> None:
        if not given:
            lose(tc, lost)
        given.append(tc.bench.now())
        tc.send_aps(tc.probe_frame(bytes(16))[0])

    ignored(tc, stimulus, ANSWER, during=5)
    assert len(given) == times


def test_a_stimulus_that_nobody_ever_heard_decides_nothing(tc: TrustCenter) -> None:
    given: list[float] = []

    def stimulus() -> None:
        if not given:
            lose(tc, 3)
        given.append(tc.bench.now())
        tc.send_aps(tc.probe_frame(bytes(16))[0])

    with pytest.raises(Inconclusive, match="did not acknowledge the stimulus"):
        ignored(tc, stimulus, ANSWER, during=5)
    assert len(given) == 3


def test_a_reaction_is_a_violation_all_the_same(tc: TrustCenter) -> None:
    with pytest.raises(Violation, match=r"no .*ReadAttributesResponse"):
        ignored(tc, lambda: tc.send_aps(tc.probe_frame()[0]), ANSWER, during=5)


def test_silence_under_a_key_counts_when_the_device_heard_the_probe(tc: TrustCenter) -> None:
    silent_under(tc, bytes(16))
    with pytest.raises(Violation, match="answered"):
        silent_under(tc, bytes(tc.link_key.key))


def test_a_probe_that_never_arrived_says_nothing_of_the_key(tc: TrustCenter) -> None:
    control_read = tc.control_read

    def then_nothing_arrives() -> bool:
        answered = control_read()
        lose(tc, 1000)
        return answered

    tc.control_read = then_nothing_arrives  # type: ignore[method-assign]
    with pytest.raises(Inconclusive, match="did not acknowledge the key probe"):
        silent_under(tc, bytes(16))


def test_without_a_key_there_is_nothing_to_probe(tc: TrustCenter) -> None:
    with pytest.raises(Inconclusive, match="no key"):
        silent_under(tc, b"")


def test_silence_after_frames_of_which_none_arrived_is_no_silence(tc: TrustCenter) -> None:
    tc.air.mark()
    tc.send_aps(tc.probe_frame(bytes(16))[0])
    tc.air.never(ANSWER, during=5)
    lose(tc, 1000)
    tc.air.mark()
    tc.send_aps(tc.probe_frame(bytes(16))[0])
    with pytest.raises(Inconclusive, match="acknowledged nothing"):
        tc.air.never(ANSWER, during=5)
