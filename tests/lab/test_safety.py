"""The supervisor process, against a supply that lives in another process than the harness."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.errors import BenchFault
from lab.safety import Guard

HERE = Path(__file__).parent


class SupplyProcess:
    """A simulated supply that outlives the harness of a test."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "supply_process.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.resource = self._read()

    def is_on(self) -> bool:
        stdin = self.process.stdin
        if stdin is None:
            raise RuntimeError("no pipe")
        stdin.write("?\n")
        stdin.flush()
        return {"on": True, "off": False}[self._read()]

    def end(self) -> None:
        self.process.communicate(timeout=30)

    def _read(self) -> str:
        if self.process.stdout is None:
            raise RuntimeError("no pipe")
        return self.process.stdout.readline().strip()


@pytest.fixture
def supply() -> Iterator[SupplyProcess]:
    process = SupplyProcess()
    yield process
    process.end()


def harness(resource: str, report: Path) -> "subprocess.Popen[str]":
    """A harness in a process of its own that has switched the output on."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "guarded_process.py"), resource, str(report)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    if process.stdout is None or process.stdout.readline() != "on\n":
        raise RuntimeError(process.communicate()[1])
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_harness_leaves_the_output_off(
    supply: SupplyProcess, tmp_path: Path, how: signal.Signals
) -> None:
    report = tmp_path / "guard.txt"
    process = harness(supply.resource, report)
    assert supply.is_on()
    os.killpg(process.pid, how)  # as Ctrl-C and a CI runner do: the whole group
    _, stderr = process.communicate(timeout=60)  # the guard holds stderr until it has ended
    assert not supply.is_on()
    told = f"output 1 of {supply.resource} was switched off and read back off"
    assert told in stderr
    assert told in report.read_text()


def test_a_supply_that_does_not_obey_is_reported_loudly(tmp_path: Path) -> None:
    stuck = SupplyProcess("--stuck")
    try:
        report = tmp_path / "guard.txt"
        process = harness(stuck.resource, report)
        process.kill()
        _, stderr = process.communicate(timeout=60)
        assert stuck.is_on()
        for text in (stderr, report.read_text()):
            assert "was not shown to be off" in text
            assert "still reads back on" in text
    finally:
        stuck.end()


def test_a_disarmed_guard_touches_nothing(supply: SupplyProcess, tmp_path: Path) -> None:
    report = tmp_path / "guard.txt"
    process = harness(supply.resource, tmp_path / "other.txt")
    guard = Guard(supply.resource, "keysight_e36300", 1, report)
    guard.arm()
    guard.disarm()
    assert supply.is_on()
    assert not report.exists()
    process.kill()
    process.communicate(timeout=60)


def test_a_guard_left_armed_switches_off(supply: SupplyProcess, tmp_path: Path) -> None:
    other = harness(supply.resource, tmp_path / "other.txt")
    with Guard(supply.resource, "keysight_e36300", 1, tmp_path / "guard.txt"):
        assert supply.is_on()
    assert not supply.is_on()
    assert "read back off" in (tmp_path / "guard.txt").read_text()
    other.kill()
    other.communicate(timeout=60)


def test_another_instrument_is_left_alone(supply: SupplyProcess, tmp_path: Path) -> None:
    other = harness(supply.resource, tmp_path / "other.txt")
    guard = Guard(
        supply.resource, "keysight_e36300", 1, tmp_path / "guard.txt", identity="ACME,1,2,3"
    )
    guard.arm()
    assert guard.release() is False
    assert supply.is_on()
    assert "another instrument (Keysight" in (tmp_path / "guard.txt").read_text()
    other.kill()
    other.communicate(timeout=60)


@pytest.mark.parametrize("gone_is_off", [False, True])
def test_a_supply_that_is_gone_is_off_only_for_who_may_say_so(
    tmp_path: Path, gone_is_off: bool
) -> None:
    gone = SupplyProcess()
    gone.end()
    report = tmp_path / "guard.txt"
    guard = Guard(gone.resource, "keysight_e36300", 1, report, gone_is_off=gone_is_off)
    guard.arm()
    assert guard.release() is gone_is_off
    text = report.read_text()
    assert f"nothing answers at {gone.resource}" in text
    assert ("not shown to be off" in text) is not gone_is_off


def test_a_guard_that_cannot_work_does_not_arm(tmp_path: Path) -> None:
    guard = Guard("TCPIP::127.0.0.1::9::SOCKET", "acme", 1, tmp_path / "guard.txt")
    with pytest.raises(BenchFault, match="did not start"):
        guard.arm()
