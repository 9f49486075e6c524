"""The benchmark that repeats a campaign counts what differs, and reads captures as they are."""

from __future__ import annotations

import pytest

from benchmarks import repeat
from reports.pcapng import Capture

PSDU = bytes.fromhex("618801621a00003412")


def capture(*times: float) -> bytes:
    found = Capture(["a note"])
    for time in times:
        found.mark("step: something")
        found.add(time, PSDU, channel=15, rssi=-40, lqi=200)
    return found.to_bytes()


def test_frames_are_read_with_their_times() -> None:
    frames = repeat.read_frames(capture(0.000001, 5000.25))
    assert [frame.time_us for frame in frames] == [1, 5_000_250_000]
    assert all(PSDU in frame.octets for frame in frames)


@pytest.mark.parametrize("octets", [b"", b"\xd4\xc3\xb2\xa1" + bytes(20), capture(1.0)[:-1]])
def test_what_is_no_whole_capture_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError):
        repeat.read_frames(octets)


def test_a_microsecond_is_a_difference() -> None:
    one, same, other = (repeat.read_frames(capture(at)) for at in (1.0, 1.0, 1.000001))
    assert repeat.differences({"A": one}, {"A": same}) == []
    assert repeat.differences({"A": one}, {"A": other}) == ["A"]
    assert repeat.differences({"A": one}, {"A": one, "B": one}) == ["B"]
    assert repeat.differences({"A": one, "B": one}, {"B": one}) == ["A"]


def test_it_runs_beside_idle_and_busy_cores(capsys: pytest.CaptureFixture[str]) -> None:
    found = repeat.run(runs=2, cases="JOIN-04")
    assert (found["runs"], found["cases"], found["passes"]) == (2, 1, 1)
    assert found["frames"] > 10
    assert (found["verdict_differences"], found["frame_differences"]) == (0, 0)
    assert len(found["protocol_to_wall"]) == 2
    assert "busy" in capsys.readouterr().out
