"""`python -m lab`: the virtual bench for other programs, the check of a bench, the facts."""

from __future__ import annotations

import asyncio
import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.line import SerialLine
from drivers.radio import SpinelRadio
from lab.registers.facts import register

ROOT = Path(__file__).resolve().parents[2]


def lab(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab", *words], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def first_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 60)
    assert ready, "the virtual bench said nothing"
    found = json.loads(process.stdout.readline())
    assert isinstance(found, dict)
    return found


@pytest.fixture
def served() -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "serve", "--bench", "virtual"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, first_line(process)
    finally:
        process.kill()
        process.wait()


async def firmware(port: str) -> str:
    radio = SpinelRadio(SerialLine("rcp", port))
    await radio.open()
    await radio.close()
    return radio.identity["firmware"]


def test_a_served_bench_has_ports_that_answer(
    served: tuple[subprocess.Popen[str], dict[str, Any]],
) -> None:
    _, where = served
    assert where["dut"] == {
        "eui64": "000d6f0000000001",
        "install_code": "83fed3407a939723a5c639b26916d505c3b5",
    }
    assert "RCP" in asyncio.run(firmware(where["rcp"]))
    assert "RCP" in asyncio.run(firmware(where["sniffer"]))
    _, host, tcp, _ = where["supply"].split("::")
    with socket.create_connection((host, int(tcp)), timeout=10) as supply:
        supply.sendall(b"OUTP? (@1)\n")
        assert supply.recv(100).strip() in (b"0", b"OFF")
    assert Path(where["console"]).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(
    served: tuple[subprocess.Popen[str], dict[str, Any]], number: signal.Signals
) -> None:
    process, _ = served
    process.send_signal(number)
    assert process.wait(30) == 0


def test_a_file_that_is_wrong_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text('name = "b"\n[radio]\nurl = "/dev/nothing"\nspeed = 1\n')
    done = lab("check", "--bench", str(path), "--dut", "ipd")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "radio.speed: unknown key" in done.stderr


def test_a_port_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text('name = "b"\n[radio]\nurl = "/dev/nothing"\n')
    done = lab("check", "--bench", str(path), "--dut", "ipd")
    assert done.returncode == 2
    assert done.stderr.startswith(f"{path}: radio.url: there is no port /dev/nothing; connect it")
    assert done.stderr.count("\n") == 1


def test_a_part_that_does_not_answer_is_told(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text('name = "b"\n[radio]\nurl = "socket://127.0.0.1:1"\n')
    done = lab("check", "--bench", str(path), "--dut", "ipd")
    assert done.returncode == 1
    assert "FAULT radio" in done.stdout
    assert "socket://127.0.0.1:1" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_virtual_bench_answers_in_every_part() -> None:
    done = lab("check", "--bench", "virtual")
    assert done.returncode == 0
    for part in ("radio", "sniffer", "console", "supply"):
        assert f"ok    {part}" in done.stdout


def test_every_fact_is_listed_with_what_is_known_of_it() -> None:
    done = lab("facts", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == list(register())
    assert all({"value", "mark", "source", "doubtful", "cases"} <= set(row) for row in rows)
