"""Sniffers that are no RCP, against simulated ones that say what the vendors' tools expect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random

import pytest

from drivers.errors import NoAnswer, PortGone
from drivers.line import SerialLine
from drivers.nrf_sniffer import NrfSniffer
from drivers.radio import RxFrame, SpinelRadio
from drivers.sniffer import Sniffer
from drivers.ti_sniffer import TiSniffer
from lab.virtual.line import PtyLine
from tests.radio_bench import RadioBench, radio_bench

BEACON_REQUEST = bytes.fromhex("030807ffffffff07")


@pytest.fixture
def bench() -> Iterator[RadioBench]:
    with radio_bench() as made:
        yield made


def test_every_sniffer_has_the_same_face(bench: RadioBench) -> None:
    def takes(sniffer: Sniffer) -> str:
        return type(sniffer).__name__

    async def scenario() -> list[str]:
        line = SerialLine("x", "/dev/null")
        return [takes(SpinelRadio(line)), takes(NrfSniffer(line)), takes(TiSniffer(line))]

    assert bench.run(scenario()) == ["SpinelRadio", "NrfSniffer", "TiSniffer"]


class SimulatedNrf:
    """Echoes and prompts until told not to, and says frames only between receive and sleep."""

    def __init__(self, line: PtyLine) -> None:
        self.line = line
        self.commands: list[str] = []
        self.echo = True
        self._typed = b""
        line.on_octets = self._take

    def _take(self, octets: bytes) -> None:
        self._typed += octets
        *commands, self._typed = self._typed.split(b"\r\n")
        for command in commands:
            if self.echo:
                self.line.write(command + b"\r\n")
            self.commands.append(command.decode())
            self.echo = self.echo and command != b"shell echo off"
            self.line.write(b"uart:~$ ")

    def say(self, octets: bytes, power: int, lqi: int, time: int) -> None:
        text = f"received: {octets.hex()} power: {power:>4} lqi: {lqi:>3} time: {time:>10}\r\n"
        self.line.write(text.encode())


def test_the_nrf_sniffer_is_started_and_its_lines_are_frames(bench: RadioBench) -> None:
    async def scenario() -> None:
        far, near = await bench.line("nrf")
        simulated, sniffer = SimulatedNrf(far), NrfSniffer(near)
        heard: list[RxFrame] = []
        sniffer.on_frame = heard.append
        await sniffer.open()
        simulated.say(b"before", -50, 1, 1)  # not asked for: an earlier run's
        await asyncio.sleep(0.1)
        await sniffer.listen(20)
        simulated.say(BEACON_REQUEST, -47, 180, 4294967000)
        far.write(b"[00:01:02.345] <inf> app: log line\r\nreceived: 0 power: x\r\n")
        simulated.say(b"", -90, 255, 704)
        simulated.say(BEACON_REQUEST, -48, 256, 1000)
        simulated.say(BEACON_REQUEST, -48, 90, -294966296)  # as signed: 4 000 001 000
        await sniffer.ping()
        await asyncio.sleep(1)
        await sniffer.close()
        assert simulated.commands == ["sleep", "shell echo off", "channel 20", "receive", "sleep"]
        assert [frame.octets for frame in heard] == [BEACON_REQUEST, b"", BEACON_REQUEST]
        first, second, third = heard
        assert (first.rssi, first.lqi, first.channel) == (-47, 180, 20)
        assert second.timestamp_us - first.timestamp_us == 1000
        assert third.timestamp_us - second.timestamp_us == 4000001000 - 704
        assert sniffer.garbled == 2

    bench.run(scenario())


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_an_nrf_port_says_breaks_the_driver(bench: RadioBench, seed: int) -> None:
    async def scenario() -> None:
        far, near = await bench.line("nrf")
        sniffer = NrfSniffer(near)
        heard: list[RxFrame] = []
        sniffer.on_frame = heard.append
        await sniffer.open()
        await sniffer.listen(11)
        rng = Random(seed)
        pieces = [b"received: ", b"power: ", b"lqi: ", b"time: ", b"00ff", b"-1 ", b"\r\n", b"\xff"]
        for _ in range(500):
            far.write(rng.choice(pieces))
        far.write(bytes(5000) + b"\r\n")
        SimulatedNrf(far).say(BEACON_REQUEST, -47, 180, 5)
        await asyncio.sleep(5)
        assert heard[-1].octets == BEACON_REQUEST
        assert near.lost is None and bench.clock.background == []

    bench.run(scenario())


def test_packets_of_the_ti_sniffer_have_the_published_octets() -> None:
    # Check values from the vendor's protocol description as used by open tools.
    assert TiSniffer.packet(0x40).hex() == "4053400000404045"
    assert TiSniffer.packet(0x42).hex() == "4053420000424045"
    assert TiSniffer.packet(0x47, b"\x09").hex() == "405347010009514045"


class SimulatedTi:
    """Answers every command with the same number in the answers' category."""

    def __init__(self, line: PtyLine) -> None:
        self.line = line
        self.received = bytearray()
        self.silent = False
        line.on_octets = self._take

    def _take(self, octets: bytes) -> None:
        self.received += octets
        for _ in range(octets.count(b"\x40\x45")):
            if not self.silent:
                self.line.write(TiSniffer.packet(0x80))

    def say(self, octets: bytes, time: int, rssi: int, status: int) -> bytes:
        payload = time.to_bytes(6, "little") + octets + bytes([rssi & 0xFF, status])
        packet = TiSniffer.packet(0xC0, payload)
        self.line.write(packet)
        return packet


def test_the_ti_sniffer_is_started_and_its_packets_are_frames(bench: RadioBench) -> None:
    tricky = b"\x40\x53 and \x40\x45"  # the marks may stand in a frame

    async def scenario() -> None:
        far, near = await bench.line("ti")
        simulated, sniffer = SimulatedTi(far), TiSniffer(near)
        heard: list[RxFrame] = []
        sniffer.on_frame = heard.append
        await sniffer.open()
        await sniffer.listen(15)
        simulated.say(BEACON_REQUEST, 1 << 40, -60, 0x80)
        far.write(b"\x40\x53\x99noise\x40")
        simulated.say(tricky, 2, -61, 0x00)
        far.write(TiSniffer.packet(0xC1, b"overrun"))
        damaged = bytearray(TiSniffer.packet(0xC0, bytes(20)))
        damaged[10] ^= 1
        far.write(bytes(damaged))
        simulated.say(BEACON_REQUEST, 3, 5, 0x81)
        await asyncio.sleep(1)
        assert [frame.octets for frame in heard] == [BEACON_REQUEST, tricky, BEACON_REQUEST]
        assert [frame.fcs_ok for frame in heard] == [True, False, True]
        assert [frame.rssi for frame in heard] == [-60, -61, 5]
        assert heard[0].timestamp_us == 1 << 40
        assert sniffer.garbled >= 2
        # Channel 15 is 2425 MHz.
        assert TiSniffer.packet(0x45, bytes.fromhex("79090000")) in bytes(simulated.received)
        await sniffer.close()

    bench.run(scenario())


def test_a_silent_ti_sniffer_and_a_cut_one_are_named(bench: RadioBench) -> None:
    async def scenario() -> None:
        far, near = await bench.line("ti")
        simulated, sniffer = SimulatedTi(far), TiSniffer(near)
        await sniffer.open()
        simulated.silent = True
        with pytest.raises(NoAnswer, match=r"command 0x40 within 5 s"):
            await sniffer.ping()
        asking = asyncio.ensure_future(sniffer.listen(11))
        await asyncio.sleep(0.1)
        far.cut()
        with pytest.raises(PortGone):
            await asking
        assert [type(fault) for fault in sniffer.faults] == [NoAnswer, PortGone]
        await sniffer.close()

    bench.run(scenario())
