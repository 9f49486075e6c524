"""Hosts written by others drive the simulated radio: aiospinel, and pyspinel's sniffer.

They bring their own framing, TIDs and order of settings, and know nothing of this harness.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import struct
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from drivers.line import SerialLine
from lab.virtual.air import Air
from lab.virtual.line import PtyLine
from lab.virtual.rcp import SimulatedRcp
from tests.radio_bench import RadioBench, radio_bench
from zigbee.fcs import crc_kermit
from zigbee.types import Eui64

HWADDR = Eui64(0x00124B0001020304)
UNICAST = bytes.fromhex("618801621a00003412") + b"hello"
ACK = bytes.fromhex("020001")
SNIFFER = shutil.which("sniffer.py", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")


def require(present: bool, what: str) -> None:
    """Skip without `what`, but not in CI, where it is installed."""
    if not present:
        if os.environ.get("CI"):
            pytest.fail(f"{what} is not installed; it is required in CI")
        pytest.skip(f"{what} is not installed")


class LineTransport(asyncio.Transport):
    """Puts a foreign asyncio protocol on one of our serial lines."""

    def __init__(self, line: SerialLine, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._line = line
        self._protocol = protocol
        line.on_octets = protocol.data_received
        protocol.connection_made(self)

    def write(self, data: Any) -> None:
        self._line.write(bytes(data))

    def close(self) -> None:
        self._line.on_octets = None
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)


def with_aiospinel(scenario: Callable[[Any, RadioBench], Awaitable[None]]) -> None:
    require(importlib.util.find_spec("aiospinel") is not None, "aiospinel")
    from aiospinel.protocol import SpinelProtocol

    async def run(bench: RadioBench) -> None:
        dongle = await bench.dongle(eui64=int(HWADDR))
        await dongle.near.open()
        host = SpinelProtocol()
        LineTransport(dongle.near, host)
        await scenario(host, bench)
        await host.disconnect()

    with radio_bench() as bench:
        bench.run(run(bench))


async def change(host: Any, name: str, value: str) -> None:
    """Set a property and see it echoed."""
    from aiospinel.types import CommandID, PropertyID

    number = PropertyID[name].serialize()
    answer = await host.send_command(CommandID.PROP_VALUE_SET, number + bytes.fromhex(value))
    assert answer.command_id == CommandID.PROP_VALUE_IS
    assert answer.data == number + bytes.fromhex(value), name


async def bring_up(host: Any) -> None:
    for name, value in [
        ("PHY_ENABLED", "01"),
        ("PHY_CHAN", "13"),  # 19: XOFF, escaped on the line
        ("PHY_TX_POWER", "f8"),
        ("MAC_15_4_LADDR", "00124b0000c0ffee"),
        ("MAC_15_4_SADDR", "0000"),
        ("MAC_15_4_PANID", "621a"),
        ("MAC_RAW_STREAM_ENABLED", "01"),
    ]:
        await change(host, name, value)


def test_aiospinel_resets_and_reads_the_radio() -> None:
    async def scenario(host: Any, _bench: RadioBench) -> None:
        from aiospinel.types import CommandID, PropertyID

        assert (await host.probe()).startswith("SIMULATED-RCP/")
        answers = {}
        for name in ("PROTOCOL_VERSION", "CAPS", "HWADDR", "PHY_RSSI", "PHY_CCA_THRESHOLD"):
            number = PropertyID[name].serialize()
            answer = await host.send_command(CommandID.PROP_VALUE_GET, number)
            assert answer.data.startswith(number)
            answers[name] = answer.data.removeprefix(number)
        assert answers["PROTOCOL_VERSION"] == b"\x04\x03"
        assert answers["HWADDR"] == HWADDR.to_be()
        unknown = PropertyID.THREAD_ROUTER_ROLE_ENABLED.serialize()
        answer = await host.send_command(CommandID.PROP_VALUE_GET, unknown)
        assert answer.data == b"\x00\x0d"

    with_aiospinel(scenario)


def test_aiospinel_asks_fifteen_things_at_once() -> None:
    async def scenario(host: Any, _bench: RadioBench) -> None:
        from aiospinel.types import CommandID, PropertyID

        number = PropertyID.PROTOCOL_VERSION.serialize()
        answers = await asyncio.gather(
            *(host.send_command(CommandID.PROP_VALUE_GET, number) for _ in range(40))
        )
        assert {answer.data for answer in answers} == {number + b"\x04\x03"}

    with_aiospinel(scenario)


def test_aiospinel_hears_and_sends_frames() -> None:
    async def scenario(host: Any, bench: RadioBench) -> None:
        from aiospinel.types import CommandID, PropertyID

        await bring_up(host)
        heard: list[bytes] = []
        host.add_property_listener(PropertyID.STREAM_RAW, heard.append)
        child = bench.air.attach("child")
        await child.configure(channel=19, pan=0x1A62, short=0x1234, eui64=Eui64(1))
        assert (await child.transmit(UNICAST)).status == "acked"
        await asyncio.sleep(0.1)
        (value,) = heard
        psdu = UNICAST + crc_kermit(UNICAST).to_bytes(2, "little")
        assert value.startswith(len(psdu).to_bytes(2, "little") + psdu)
        assert len(value) == 2 + len(psdu) + 26

        reply = bytes.fromhex("618802621a34120000") + b"hi" + bytes(2)
        # As hosts sent it before there was a power octet.
        metadata = bytes.fromhex("13040301010001" + "00000000" * 2 + "13")
        request = len(reply).to_bytes(2, "little") + reply + metadata
        answer = await host.send_command(
            CommandID.PROP_VALUE_SET, PropertyID.STREAM_RAW.serialize() + request
        )
        assert answer.data.startswith(b"\x00\x00\x00\x01\x05\x00\x02\x00\x02")
        assert [entry.octets for entry in bench.air.log] == [
            UNICAST,
            ACK,
            reply[:-2],
            bytes.fromhex("020002"),
        ]

    with_aiospinel(scenario)


def read_pcap(octets: bytes) -> tuple[int, list[tuple[int, bytes]]]:
    """Link type, and (microseconds, frame) of each record of a little-endian pcap file."""
    magic, link_type = struct.unpack_from("<I16xI", octets)
    assert magic == 0xA1B2C3D4
    records, offset = [], 24
    while offset + 16 <= len(octets):
        seconds, micros, length, original = struct.unpack_from("<IIII", octets, offset)
        offset += 16
        records.append((seconds * 1_000_000 + micros, octets[offset : offset + length]))
        assert length == original
        offset += length
    return link_type, records


async def sniff(folder: Path) -> bytes:
    """Run the sniffer against a simulated radio on the ordinary clock; the file it wrote."""
    random = Random(5)
    far = PtyLine("sniffer", random=random)
    air = Air(random)
    rcp = SimulatedRcp(far, air.attach("sniffer"), HWADDR)
    child, parent = air.attach("child"), air.attach("parent")
    await child.configure(channel=15, pan=0x1A62, short=0x1234, eui64=Eui64(1))
    await parent.configure(channel=15, pan=0x1A62, short=0x0000, eui64=Eui64(2))
    target = folder / "sniffed.pcap"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SNIFFER),
        *("-u", far.port, "-c", "15", "--crc", "-o", str(target)),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(60):
            while b"Sniffing" not in (line := await process.stderr.readline()):
                assert line and b"ERROR" not in line, line
            for _ in range(3):
                assert (await child.transmit(UNICAST)).status == "acked"
            while not target.exists() or target.stat().st_size < 24 + 6 * 16 + 3 * 21:
                await asyncio.sleep(0.02)
    finally:
        process.kill()
        await process.wait()
        rcp.close()
        far.close()
    return target.read_bytes()


def test_the_sniffer_of_pyspinel_records_frames_and_acknowledgements(tmp_path: Path) -> None:
    require(SNIFFER is not None, "pyspinel's sniffer.py")
    link_type, records = read_pcap(asyncio.run(sniff(tmp_path)))
    assert link_type == 195
    frames = [frame for _, frame in records]
    with_fcs = [f + crc_kermit(f).to_bytes(2, "little") for f in (UNICAST, ACK)]
    assert frames == with_fcs * 3
    times = [time for time, _ in records]
    assert times == sorted(times)
