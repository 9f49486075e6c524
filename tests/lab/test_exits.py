"""However a campaign ends, the supply is off afterwards: asked of a supply in another process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.campaign import INCONCLUSIVE_EXIT

ROOT = Path(__file__).resolve().parents[2]
SUPPLY = """
import asyncio, sys
from lab.virtual.supply import SimulatedSupply

async def main():
    supply = SimulatedSupply(load=lambda volts: 0.05 if volts > 1 else 0.0)
    supply.refuse_off = "sticks" in sys.argv
    await supply.start()
    print(supply.resource, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
DUT = """
name = "load"
[pics]
[supply]
voltage = 3.3
current_limit = 0.5
ovp = 4.0
idle_current = 0.01
"""
SUITE = """
import os, signal
from pathlib import Path
import pytest
from lab.cases import case, observe, step

@pytest.fixture
def powered(bench):
    bench.power(True)
    assert bench.call(bench.supply.is_on())
    Path("was-on").touch()
    yield
    if os.environ.get("HOW") == "fixture":
        raise OSError("the fixture broke")

@case("X-01", clauses=["LAB-PWR"], needs=("supply",))
def test_power(bench, powered):
    with step("power") as power:
        how = os.environ["HOW"]
        power.observed = "on"
        if how in ("SIGINT", "SIGTERM", "SIGKILL", "SIGHUP"):
            os.kill(os.getpid(), getattr(signal, how))
            bench.wait(60)
        if how == "exit":
            pytest.exit("enough")

@case("X-02", clauses=["LAB-PWR"], needs=("supply",))
def test_next(bench):
    observe("it ran")
"""


class Supply:
    """A simulated supply in a process of its own."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPPLY, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.resource = self.process.stdout.readline().strip()
        _, self.host, port, _ = self.resource.split("::")
        self.port = int(port)

    def is_on(self) -> bool:
        with socket.create_connection((self.host, self.port), timeout=20) as connection:
            connection.sendall(b"OUTP? (@1)\n")
            return connection.recv(100).strip() == b"1"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def supply(request: pytest.FixtureRequest) -> Iterator[Supply]:
    found = Supply(*getattr(request, "param", ()))
    yield found
    found.stop()


def run(tmp_path: Path, supply: Supply, how: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the two cases in a process of their own, the first of which ends in the way `how`."""
    (tmp_path / "test_it.py").write_text(SUITE)
    (tmp_path / "dut.toml").write_text(DUT)
    bench = f'name = "b"\ndut = "dut.toml"\n[supply]\nresource = "{supply.resource}"\n'
    (tmp_path / "bench.toml").write_text(bench)
    words = ["--import-mode=importlib", "--bench", "bench.toml", "--campaign", "out", *more]
    plugins = ["conftest", "no:cacheprovider", "no:hypothesispytest"]
    words += [word for name in plugins for word in ("-p", name)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HOW": how},
        capture_output=True,
        text=True,
        timeout=120,
    )


def verdicts(tmp_path: Path) -> dict[str, str]:
    lines = (tmp_path / "out" / "verdicts.jsonl").read_text().splitlines()
    return {one["id"]: one["verdict"] for one in map(json.loads, lines)}


@pytest.mark.parametrize(
    ("how", "code", "found"),
    [
        ("end", 0, {"X-01": "pass", "X-02": "pass"}),
        ("fixture", INCONCLUSIVE_EXIT, {"X-01": "inconclusive", "X-02": "pass"}),
        ("SIGINT", 2, {"X-01": "inconclusive"}),
        ("SIGTERM", 2, {"X-01": "inconclusive"}),
        ("SIGHUP", 2, {"X-01": "inconclusive"}),
        ("exit", 2, {"X-01": "inconclusive"}),
    ],
)
def test_the_supply_is_off_after(
    tmp_path: Path, supply: Supply, how: str, code: int, found: dict[str, str]
) -> None:
    done = run(tmp_path, supply, how)
    assert (tmp_path / "was-on").exists(), done.stdout + done.stderr
    assert not supply.is_on()
    assert done.returncode == code
    assert verdicts(tmp_path) == found


def test_the_supply_goes_off_when_the_harness_is_killed(tmp_path: Path, supply: Supply) -> None:
    done = run(tmp_path, supply, "SIGKILL")
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "was-on").exists()
    # Another process, the guard, does it in its own time; nothing tells of it but its report.
    report, give_up = tmp_path / "out" / "safety.log", time.monotonic() + 60
    while not (report.exists() and report.read_text()) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not supply.is_on()
    assert "off" in report.read_text()


def test_a_worker_that_dies_fails_no_device(tmp_path: Path, supply: Supply) -> None:
    done = run(tmp_path, supply, "SIGKILL", "-n", "1", "--max-worker-restart", "0")
    assert done.returncode == INCONCLUSIVE_EXIT, done.stdout
    assert "X-01" not in verdicts(tmp_path)
    assert "fail" not in verdicts(tmp_path).values()


@pytest.mark.parametrize("supply", [("sticks",)], indirect=True)
def test_a_supply_that_does_not_go_off_is_told_loudly(tmp_path: Path, supply: Supply) -> None:
    done = run(tmp_path, supply, "end")
    assert supply.is_on()
    assert done.returncode == INCONCLUSIVE_EXIT
    assert "NOT SHOWN TO BE OFF" in done.stdout
    assert (
        "NOT SHOWN TO BE OFF"
        in json.loads((tmp_path / "out/campaign.json").read_text())["alarms"][0]
    )
