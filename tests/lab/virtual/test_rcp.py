"""The simulated radio co-processor, octet by octet, as an unknown host would use it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from lab.virtual.rcp_firmware import Firmware
from tests.radio_bench import Dongle, RadioBench, radio_bench
from zigbee import hdlc
from zigbee.fcs import crc_kermit
from zigbee.spinel import Command, Frame, Property, Status, pack_uint, property_frame
from zigbee.types import Eui64

GET, SET = Command.PROP_VALUE_GET, Command.PROP_VALUE_SET
INSERT, REMOVE = Command.PROP_VALUE_INSERT, Command.PROP_VALUE_REMOVE


class Host:
    """Puts octets on the line and collects whole frames (as hexadecimal text)."""

    def __init__(self, dongle: Dongle) -> None:
        self.line = dongle.near
        self.frames: list[str] = []
        self._decoder = hdlc.Decoder()
        self.line.on_octets = self._take

    def _take(self, octets: bytes) -> None:
        self.frames += [content.hex() for content in self._decoder.feed(octets)]

    async def ask(self, content: bytes, seconds: float = 0.5) -> list[str]:
        """What comes within `seconds` of sending one frame."""
        return await self.raw(hdlc.encode(content), seconds)

    async def raw(self, octets: bytes, seconds: float = 0.5) -> list[str]:
        self.frames = []
        self.line.write(octets)
        await asyncio.sleep(seconds)
        return self.frames

    async def set(self, number: int, value: str) -> list[str]:
        return await self.ask(property_frame(1, SET, number, bytes.fromhex(value)))


@pytest.fixture
def bench() -> Iterator[RadioBench]:
    with radio_bench() as made:
        yield made


async def plugged(bench: RadioBench, firmware: Firmware | None = None) -> tuple[Dongle, Host]:
    dongle = await bench.dongle(eui64=0x00124B0001020304, firmware=firmware)
    await dongle.near.open()
    return dongle, Host(dongle)


async def ready(bench: RadioBench) -> tuple[Dongle, Host]:
    dongle, host = await plugged(bench)
    for number, value in [
        (Property.PHY_ENABLED, "01"),
        (Property.PHY_CHAN, "0f"),
        (Property.MAC_15_4_PANID, "621a"),
        (Property.MAC_15_4_SADDR, "0000"),
        (Property.MAC_15_4_LADDR, "00124b0000c0ffee"),
        (Property.MAC_RAW_STREAM_ENABLED, "01"),
    ]:
        answer = property_frame(1, Command.PROP_VALUE_IS, number, bytes.fromhex(value))
        assert await host.set(number, value) == [answer.hex()]
    return dongle, host


def test_questions_that_need_no_setting(bench: RadioBench) -> None:
    async def scenario() -> None:
        _, host = await plugged(bench)
        # Expected answers are the example frames of the protocol, with the request's TID.
        for ask, answer in [
            ("8100", "81060000"),
            ("820201", "8206010403"),
            ("850208", "85060800124b0001020304"),
            ("8602b001", "8606b0010b"),
            ("840205", "84060505061822810440" + "41"),
            ("8b027f", "8b06000d"),  # unknown property
            ("8bff7f00", "8b060005"),  # unknown command 16383
            ("8102ffffff7f", "81060009"),  # packed integer too long
            ("8502", "85060009"),  # GET of nothing
            ("85030f", "8506000d"),  # SET of an unknown property
            ("85030104", "85060015"),  # SET of a read-only property
            ("850321", "85060009"),  # SET without a value
            ("85032105", "85060003"),  # channel 5
        ]:
            assert await host.ask(bytes.fromhex(ask)) == [answer], ask

    bench.run(scenario())


def test_all_that_hosts_ask_for_is_answered(bench: RadioBench) -> None:
    async def scenario() -> None:
        _, host = await plugged(bench)
        numbers = [1, 2, 3, 5, 8, 0x20, 0x21, 0x24, 0x25, 0x26, 0x27, 0xB0, 0xB1]
        for number in [*numbers, Property.RADIO_CAPS, Property.RCP_TIMESTAMP]:
            (answer,) = await host.ask(property_frame(3, GET, number))
            frame = Frame.from_bytes(bytes.fromhex(answer))
            assert (frame.tid, frame.command) == (3, Command.PROP_VALUE_IS)
            assert frame.property()[0] == number

    bench.run(scenario())


def test_the_raw_link_refuses_until_the_phy_is_on(bench: RadioBench) -> None:
    refused = [
        (Property.MAC_PROMISCUOUS_MODE, "02"),
        (Property.MAC_SRC_MATCH_ENABLED, "01"),
        (Property.MAC_SRC_MATCH_SHORT_ADDRESSES, ""),
        (Property.MAC_RAW_STREAM_ENABLED, "01"),
        (Property.MAC_SCAN_STATE, "02"),
        (Property.STREAM_RAW, "0a00030801ffffffff07132d0f"),
    ]

    async def scenario() -> None:
        _, host = await plugged(bench)
        for number, value in refused:
            assert await host.set(number, value) == ["81060004"], number
        item = bytes.fromhex("cb65")
        insert = property_frame(1, INSERT, Property.MAC_SRC_MATCH_SHORT_ADDRESSES, item)
        assert await host.ask(insert) == ["81060004"]
        assert await host.set(Property.PHY_ENABLED, "01") == ["81062001"]
        assert await host.set(Property.STREAM_RAW, refused[-1][1]) == ["81060004"]  # no raw stream
        for number, value in refused[:-2]:
            (answer,) = await host.set(number, value)
            assert answer.endswith(pack_uint(number).hex() + value), number

    bench.run(scenario())


def test_reset_forgets_everything_and_reports_with_tid_0(bench: RadioBench) -> None:
    async def scenario() -> None:
        _dongle, host = await ready(bench)
        for reset in ("8101", "8f01", "810102", "810101"):
            await host.set(Property.PHY_ENABLED, "01")
            assert await host.ask(bytes.fromhex(reset)) == ["80060072"]
            assert await host.ask(property_frame(2, GET, Property.PHY_ENABLED)) == ["82062000"]
        assert await host.ask(property_frame(2, GET, Property.MAC_15_4_PANID)) == ["820636ffff"]
        assert await host.ask(bytes.fromhex("810103")) == []  # the boot loader speaks no Spinel

    bench.run(scenario())


def test_source_match_lists_take_and_give_back_items(bench: RadioBench) -> None:
    short = Property.MAC_SRC_MATCH_SHORT_ADDRESSES
    extended = Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES

    async def scenario() -> None:
        dongle, host = await ready(bench)
        item, eui64 = bytes.fromhex("cb65"), bytes.fromhex("00124b00aabbcc01")
        assert await host.ask(property_frame(5, INSERT, short, item)) == ["85078426cb65"]
        assert await host.ask(property_frame(5, INSERT, extended, eui64)) == [
            "8507852600124b00aabbcc01"
        ]
        assert dongle.place.source_match_short == {0x65CB}
        assert dongle.place.source_match_extended == {Eui64(0x00124B00AABBCC01)}
        assert await host.ask(property_frame(5, REMOVE, short, item)) == ["85088426cb65"]
        assert await host.ask(property_frame(5, REMOVE, short, item)) == ["85060014"]
        assert await host.ask(property_frame(5, INSERT, Property.PHY_CHAN, b"\x0f")) == ["85060015"]
        assert await host.ask(property_frame(5, INSERT, 0x7F, b"\x0f")) == ["8506000d"]
        assert await host.set(extended, "") == ["81068526"]
        assert dongle.place.source_match_extended == set()

    bench.run(scenario())


def test_frames_come_with_a_real_fcs_and_metadata(bench: RadioBench) -> None:
    poll = bytes.fromhex("63c803621a000001ccbbaa004b120004")

    async def scenario() -> list[str]:
        _, host = await ready(bench)
        await host.set(Property.MAC_SRC_MATCH_ENABLED, "00")
        child = bench.air.attach("child")
        await child.configure(channel=15, pan=0x1A62, short=1, eui64=Eui64(0x00124B00AABBCC01))
        host.frames = []
        assert (await child.transmit(poll)).pending  # source match off: always
        await asyncio.sleep(0.1)
        return host.frames

    (text,) = bench.run(scenario())
    frame = Frame.from_bytes(bytes.fromhex(text))
    number, value = frame.property()
    assert (frame.tid, frame.command, number) == (0, Command.PROP_VALUE_IS, Property.STREAM_RAW)
    # The check of this very frame stands in the example frames.
    assert value[:20].hex() == "1200" + poll.hex() + "b306"
    assert crc_kermit(poll) == 0x06B3
    assert value[20:].hex().startswith("ce80" + "1000" + "0a000f")


def test_transmissions_answer_in_order_and_one_at_a_time(bench: RadioBench) -> None:
    broadcast = "0a00030801ffffffff07ffff0f0403010100010000000000000000" + "0f"

    async def scenario() -> None:
        _, host = await ready(bench)
        answer = await host.ask(
            property_frame(2, SET, Property.STREAM_RAW, bytes.fromhex(broadcast))
        )
        # No acknowledgement asked for: the example frame, octet by octet.
        assert answer == ["8206000000010000008000000a0000ff000000000000000001000005000000000000"]
        both = hdlc.encode(property_frame(3, SET, 0x71, bytes.fromhex(broadcast)))
        both += hdlc.encode(property_frame(4, SET, 0x71, bytes.fromhex(broadcast)))
        first, second = await host.raw(both)
        assert first == "8406000c"  # refused at once
        assert second.startswith("83060000")
        assert await host.ask(property_frame(5, SET, 0x71, b"\x05\x00abc")) == ["85060009"]
        assert await host.ask(property_frame(5, SET, 0x71, b"\x03\x00abc\x05")) == ["85060003"]

    bench.run(scenario())


def test_an_acknowledged_transmission_brings_the_acknowledgement(bench: RadioBench) -> None:
    unicast = bytes.fromhex("618841621a01000000") + b"hi" + bytes(2)

    async def scenario() -> tuple[list[str], list[str]]:
        _, host = await ready(bench)
        value = len(unicast).to_bytes(2, "little") + unicast + b"\x0f\x04\x00\x01\x01\x00\x01"
        alone = await host.ask(property_frame(3, SET, 0x71, value))
        child = bench.air.attach("child")
        await child.configure(channel=15, pan=0x1A62, short=1, eui64=Eui64(1))
        return alone, await host.ask(property_frame(3, SET, 0x71, value))

    alone, (answer,) = bench.run(scenario())
    assert alone == ["830600110001"]
    ack = bytes.fromhex("020041")
    fcs = crc_kermit(ack).to_bytes(2, "little")
    assert answer.startswith("83060000" + "0001" + "0500" + (ack + fcs).hex())


def test_a_timed_transmission_goes_out_when_asked(bench: RadioBench) -> None:
    psdu = "0a00030801ffffffff07ffff"

    async def scenario() -> float:
        _, host = await ready(bench)
        (answer,) = await host.ask(property_frame(1, GET, Property.RCP_TIMESTAMP))
        now = int.from_bytes(bytes.fromhex(answer)[4:12], "little")
        then = asyncio.get_running_loop().time() - 0.5  # about when the radio read its clock
        delay, base = (2_000_000).to_bytes(4, "little"), now.to_bytes(4, "little")
        meta = bytes.fromhex("0f000000010001") + delay + base + b"\x0f"
        await host.ask(property_frame(1, SET, 0x71, bytes.fromhex(psdu) + meta), 5)
        return bench.air.log[-1].time - then

    assert bench.run(scenario()) == pytest.approx(2.0, abs=0.01)


def test_energy_scan_reports_each_channel_and_its_end(bench: RadioBench) -> None:
    async def scenario() -> list[str]:
        _, host = await ready(bench)
        await host.set(Property.MAC_SCAN_MASK, "0b0f1a")
        await host.set(Property.MAC_SCAN_PERIOD, "6400")
        return await host.ask(bytes.fromhex("83033002"), 1)

    frames = bench.run(scenario())
    assert frames[0] == "83063002"
    assert [frame[:8] for frame in frames[1:4]] == ["8006390b", "8006390f", "8006391a"]
    for frame in frames[1:4]:
        assert -110 < int.from_bytes(bytes.fromhex(frame[8:]), "big", signed=True) < -80
    assert frames[4:] == ["80063000"]


def test_garbage_is_dropped_without_an_answer(bench: RadioBench) -> None:
    async def scenario() -> None:
        _, host = await plugged(bench)
        for octets in (
            "00aa55",
            "7e810000007e",
            "7e81127e",
            "7e81027d7e",
            "7e4102015fb87e",
            "7e" * 9,
        ):
            assert await host.raw(bytes.fromhex(octets)) == [], octets
        assert await host.ask(bytes.fromhex("8100")) == ["81060000"]

    bench.run(scenario())


def test_several_questions_at_once_are_answered_in_order(bench: RadioBench) -> None:
    async def scenario() -> list[str]:
        _, host = await plugged(bench)
        asked = b"".join(
            hdlc.encode(property_frame(tid, GET, Property.PROTOCOL_VERSION)) for tid in range(1, 16)
        )
        return await host.raw(asked)

    assert bench.run(scenario()) == [f"8{tid:x}06010403" for tid in range(1, 16)]


def test_faults_that_a_test_can_set(bench: RadioBench) -> None:
    noop = bytes.fromhex("8100")

    async def scenario() -> None:
        dongle, host = await ready(bench)
        dongle.rcp.drop_answers = 2
        assert await host.ask(noop) == []
        assert await host.ask(noop) == []
        assert await host.ask(noop) == ["81060000"]
        host.frames = []
        dongle.rcp.restart(Status.RESET_CRASH)
        await asyncio.sleep(0.1)
        assert host.frames == ["80060074"]
        assert await host.ask(property_frame(2, GET, Property.PHY_ENABLED)) == ["82062000"]
        dongle.rcp.lock_up()
        assert await host.ask(noop) == []
        assert await host.ask(bytes.fromhex("8101")) == ["80060072"]
        dongle.rcp.lock_up(for_good=True)
        assert await host.ask(bytes.fromhex("8101")) == []

    bench.run(scenario())


def test_a_reset_ends_the_transmission_under_way(bench: RadioBench) -> None:
    broadcast = bytes.fromhex("0a00030801ffffffff07ffff0f")

    async def scenario() -> None:
        _, host = await ready(bench)
        both = hdlc.encode(property_frame(3, SET, 0x71, broadcast))
        assert await host.raw(both + hdlc.encode(bytes.fromhex("8101"))) == ["80060072"]
        await host.set(Property.PHY_ENABLED, "01")
        await host.set(Property.MAC_RAW_STREAM_ENABLED, "01")
        (answer,) = await host.ask(property_frame(4, SET, 0x71, broadcast))
        assert answer.startswith("84060000")

    bench.run(scenario())
