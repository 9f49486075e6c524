"""The radio driver against a simulated radio co-processor, over a real pty."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from drivers.errors import BenchFault, NoAnswer, PortGone
from drivers.radio import RxFrame, TxResult
from lab.virtual.rcp_firmware import Firmware
from tests.radio_bench import RadioBench, radio_bench
from zigbee.errors import CodecError
from zigbee.spinel import Property, Status
from zigbee.types import Eui64

CHILD = Eui64(0x00124B00AABBCC01)
PARENT = Eui64(0x00124B0000C0FFEE)
# From 0x1234 to 0x0000 in PAN 0x1A62, acknowledgement asked for.
UNICAST = bytes.fromhex("618801621a00003412") + b"hello"
BROADCAST = bytes.fromhex("418801621affff3412") + b"hello"
DATA_REQUEST = bytes.fromhex("638803621a0000341204")
NETWORK = {"channel": 15, "pan": 0x1A62}


@pytest.fixture
def bench() -> Iterator[RadioBench]:
    with radio_bench() as made:
        yield made


def test_bring_up_tells_what_the_radio_is(bench: RadioBench) -> None:
    async def scenario() -> dict[str, str]:
        dongle = await bench.dongle()
        await dongle.radio.open()
        await dongle.radio.ping()
        assert dongle.radio.resets == 0
        await dongle.radio.close()
        return dongle.radio.identity

    identity = bench.run(scenario())
    assert identity["eui64"] == "00124b0000c0ffee"
    assert identity["protocol"] == "4.3"
    assert identity["rcp_api"] == "11"
    assert "SIMUL" in identity["firmware"]


def test_a_unicast_is_acknowledged_and_arrives_once(bench: RadioBench) -> None:
    async def scenario() -> tuple[TxResult, list[RxFrame], list[RxFrame]]:
        parent = await bench.dongle("parent")
        sniffer = await bench.dongle("sniffer", eui64=0x00124B0000C0FFEF)
        child = bench.air.attach("child")
        await child.configure(**NETWORK, short=0x1234, eui64=CHILD)
        heard: list[RxFrame] = []
        sniffed: list[RxFrame] = []
        await parent.radio.open()
        await sniffer.radio.open()
        parent.radio.on_frame = heard.append
        sniffer.radio.on_frame = sniffed.append
        await parent.radio.configure(**NETWORK, short=0x0000, eui64=PARENT)
        await sniffer.radio.listen(15)
        result = await child.transmit(UNICAST)
        await parent.radio.ping()
        await sniffer.radio.ping()
        return result, heard, sniffed

    result, heard, sniffed = bench.run(scenario())
    assert result == TxResult("acked", pending=False)
    assert [frame.octets for frame in heard] == [UNICAST]
    assert heard[0].channel == 15 and heard[0].fcs_ok
    assert [frame.octets.hex() for frame in sniffed] == [UNICAST.hex(), "020001"]
    assert sniffed[1].timestamp_us > sniffed[0].timestamp_us


def test_sending_tells_how_it_ended(bench: RadioBench) -> None:
    async def scenario() -> list[TxResult]:
        child = await bench.dongle("child")
        await child.radio.open()
        await child.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        alone = await child.radio.transmit(UNICAST)
        broadcast = await child.radio.transmit(BROADCAST)
        parent = bench.air.attach("parent")
        await parent.configure(**NETWORK, short=0x0000, eui64=PARENT)
        acked = await child.radio.transmit(UNICAST)
        await parent.set_source_match([0x1234], [])
        pending = await child.radio.transmit(DATA_REQUEST)
        return [alone, broadcast, acked, pending]

    assert bench.run(scenario()) == [
        TxResult("no_ack"),
        TxResult("sent"),
        TxResult("acked"),
        TxResult("acked", pending=True),
    ]
    tries = [heard.octets for heard in bench.air.log].count(UNICAST)
    assert tries == 4 + 1  # three retries alone, then one that was acknowledged


def test_the_lists_decide_on_the_pending_bit(bench: RadioBench) -> None:
    extended_request = bytes.fromhex("63c803621a0000") + CHILD.to_le() + b"\x04"

    async def scenario() -> list[bool]:
        parent = await bench.dongle("parent")
        child = bench.air.attach("child")
        await child.configure(**NETWORK, short=0x1234, eui64=CHILD)
        await parent.radio.open()
        await parent.radio.configure(**NETWORK, short=0x0000, eui64=PARENT)
        seen: list[bool] = []
        for short, extended in [([], []), ([0x1234], []), ([0x4321], [CHILD]), ([], [])]:
            await parent.radio.set_source_match(short, extended)
            seen.append((await child.transmit(DATA_REQUEST)).pending)
            seen.append((await child.transmit(extended_request)).pending)
        return seen

    assert bench.run(scenario()) == [False, False, True, False, False, True, False, False]


def test_transmissions_go_out_in_the_order_they_were_asked_for(bench: RadioBench) -> None:
    frames = [BROADCAST + bytes([number]) for number in range(20)]

    async def scenario() -> None:
        dongle = await bench.dongle()
        await dongle.radio.open()
        await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        results = await asyncio.gather(*(dongle.radio.transmit(frame) for frame in frames))
        assert {result.status for result in results} == {"sent"}

    bench.run(scenario())
    assert [heard.octets for heard in bench.air.log] == frames


def test_a_transmission_whose_caller_gave_up_does_not_disturb_the_next(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle = await bench.dongle()
        await dongle.radio.open()
        await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        for seconds in (0.001, 0.004, 0.008):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(seconds):
                    await dongle.radio.transmit(UNICAST)  # nobody acknowledges
            assert (await dongle.radio.transmit(BROADCAST)).status == "sent"
        dongle.rcp.lock_up()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await dongle.radio.transmit(UNICAST)
        assert (await dongle.radio.transmit(BROADCAST)).status == "sent"
        assert [type(fault) for fault in dongle.radio.faults] == [NoAnswer]

    bench.run(scenario())


def test_a_locked_up_radio_is_reset_once_and_gets_its_settings_back(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle = await bench.dongle()
        await dongle.radio.open()
        await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        dongle.rcp.lock_up()
        with pytest.raises(NoAnswer, match="no answer to SET STREAM_RAW within 5 s"):
            await dongle.radio.transmit(BROADCAST)
        assert [type(fault) for fault in dongle.radio.faults] == [NoAnswer]
        assert dongle.radio.resets == 0
        assert await dongle.radio.get(Property.MAC_15_4_SADDR) == 0x1234
        assert (await dongle.radio.transmit(BROADCAST)).status == "sent"

    bench.run(scenario())


def test_a_dead_radio_ends_every_wait(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle = await bench.dongle()
        await dongle.radio.open()
        await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        dongle.rcp.lock_up(for_good=True)
        with pytest.raises(NoAnswer):
            await dongle.radio.transmit(BROADCAST)
        with pytest.raises(NoAnswer, match="RESET"):
            await dongle.radio.transmit(BROADCAST)
        assert len(dongle.radio.faults) == 2
        with pytest.raises(NoAnswer):
            await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        await dongle.radio.close()

    bench.run(scenario())


def test_a_restart_that_nobody_asked_for_is_a_fault_until_configured_again(
    bench: RadioBench,
) -> None:
    async def scenario() -> None:
        dongle = await bench.dongle()
        told: list[BenchFault] = []
        dongle.radio.on_fault = told.append
        await dongle.radio.open()
        await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        dongle.rcp.restart(Status.RESET_WATCHDOG)
        with pytest.raises(BenchFault, match=r"restarted by itself, RESET_WATCHDOG \(120\)"):
            await dongle.radio.transmit(BROADCAST)
        assert dongle.radio.resets == 1
        assert told == dongle.radio.faults and len(told) == 1
        with pytest.raises(BenchFault, match="restarted by itself"):
            await dongle.radio.ping()
        await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        assert (await dongle.radio.transmit(BROADCAST)).status == "sent"

    bench.run(scenario())


def test_a_lost_answer_is_no_answer_and_the_radio_works_on(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle = await bench.dongle()
        await dongle.radio.open()
        dongle.rcp.drop_answers = 1
        with pytest.raises(NoAnswer, match="GET NCP_VERSION"):
            await dongle.radio.get(Property.NCP_VERSION)
        await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        await dongle.radio.ping()

    bench.run(scenario())


def test_a_port_that_goes_away_ends_what_was_under_way(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle = await bench.dongle()
        told: list[BenchFault] = []
        dongle.near.on_lost = told.append
        await dongle.radio.open()
        await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        dongle.rcp.lock_up()
        sending = asyncio.ensure_future(dongle.radio.transmit(BROADCAST))
        asking = asyncio.ensure_future(dongle.radio.ping())
        await asyncio.sleep(0.5)
        dongle.far.cut()
        for waiting in (sending, asking):
            with pytest.raises(PortGone, match=dongle.far.port):
                await waiting
        assert told == [dongle.near.lost]
        assert dongle.radio.faults == told
        with pytest.raises(PortGone):
            await dongle.radio.transmit(BROADCAST)
        await dongle.radio.close()

    bench.run(scenario())


def test_older_firmware_without_optional_properties_is_taken(bench: RadioBench) -> None:
    lacks = frozenset(
        {
            Property.MAC_RX_ON_WHEN_IDLE_MODE,
            Property.RCP_API_VERSION,
            Property.PHY_CCA_THRESHOLD,
        }
    )

    async def scenario() -> None:
        dongle = await bench.dongle(firmware=Firmware(lacks=lacks))
        await dongle.radio.open()
        assert "rcp_api" not in dongle.radio.identity
        await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        with pytest.raises(BenchFault, match="PHY_CCA_THRESHOLD with PROP_NOT_FOUND"):
            await dongle.radio.get(Property.PHY_CCA_THRESHOLD)
        await dongle.radio.ping()

    bench.run(scenario())


def test_an_overlong_frame_is_refused_before_it_reaches_the_radio(bench: RadioBench) -> None:
    async def scenario() -> None:
        dongle = await bench.dongle()
        await dongle.radio.open()
        await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        assert (await dongle.radio.transmit(BROADCAST.ljust(125, b"."))).status == "sent"
        with pytest.raises(CodecError, match="126 octets"):
            await dongle.radio.transmit(BROADCAST.ljust(126, b"."))

    bench.run(scenario())


def test_energy_scan_finds_the_busy_channel(bench: RadioBench) -> None:
    async def scenario() -> dict[int, int]:
        dongle = await bench.dongle()
        await dongle.radio.open()
        await dongle.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
        noisy = bench.air.attach("noisy")
        await noisy.configure(channel=20, pan=1, short=1, eui64=PARENT)

        async def chatter() -> None:
            while True:
                await noisy.transmit(BROADCAST)

        chatting = asyncio.ensure_future(chatter())
        found = await dongle.radio.energy_scan([11, 20, 26])
        chatting.cancel()
        return found

    found = bench.run(scenario())
    assert list(found) == [11, 20, 26]
    assert found[20] > max(found[11], found[26]) + 20


def test_the_same_seed_gives_the_same_frames_at_the_same_times() -> None:
    def campaign(seed: int) -> list[tuple[float, int, bytes]]:
        with radio_bench(seed) as bench:

            async def scenario() -> None:
                parent = await bench.dongle("parent")
                child = await bench.dongle("child", eui64=int(CHILD))
                bench.air.set_link(parent.place, child.place, loss=0.3)
                await parent.radio.open()
                await child.radio.open()
                await parent.radio.configure(**NETWORK, short=0, eui64=PARENT)
                await child.radio.configure(**NETWORK, short=0x1234, eui64=CHILD)
                answers: list[asyncio.Future[TxResult]] = []

                def answer(frame: RxFrame) -> None:
                    answers.append(asyncio.ensure_future(parent.radio.transmit(BROADCAST)))

                parent.radio.on_frame = answer
                for _ in range(30):
                    await child.radio.transmit(UNICAST)
                await asyncio.gather(*answers)

            bench.run(scenario())
            return [(heard.time, heard.channel, heard.octets) for heard in bench.air.log]

    first = campaign(7)
    assert first == campaign(7)
    assert first != campaign(8)
    assert len({time for time, _, _ in first}) > 60
