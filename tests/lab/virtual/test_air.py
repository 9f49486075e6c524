"""The simulated air: filters, acknowledgements, losses, collisions, times."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from drivers.radio import Radio, RxFrame, SpinelRadio, TxResult
from lab.virtual.air import AirRadio
from lab.virtual.mac_header import Header
from tests.radio_bench import RadioBench, radio_bench
from zigbee.errors import CodecError
from zigbee.mac import MacFrame, MacType
from zigbee.types import Eui64

PAN = 0x1A62
A, B = Eui64(0x000D6F0000000001), Eui64(0x000D6F0000000002)
UNICAST = bytes.fromhex("618807621a02000100") + b"to B"  # short 1 to short 2, sequence 7
BROADCAST = bytes.fromhex("418808621affff0100") + b"to all"


@pytest.fixture
def bench() -> Iterator[RadioBench]:
    with radio_bench() as made:
        yield made


async def pair(bench: RadioBench) -> tuple[AirRadio, AirRadio, list[RxFrame]]:
    a, b = bench.air.attach("a"), bench.air.attach("b")
    await a.configure(channel=11, pan=PAN, short=1, eui64=A)
    await b.configure(channel=11, pan=PAN, short=2, eui64=B)
    heard: list[RxFrame] = []
    b.on_frame = heard.append
    return a, b, heard


def frame(**fields: object) -> bytes:
    base: dict[str, object] = {"frame_type": MacType.DATA, "sequence": 1, "payload": b"x"}
    return MacFrame(**{**base, **fields}).to_bytes()  # type: ignore[arg-type]


def test_both_radios_are_radios() -> None:
    def takes(radio: Radio) -> Radio:
        return radio

    with radio_bench() as bench:
        radio = bench.air.attach("a")
        assert takes(radio) is radio
    assert {name for name in vars(Radio) if not name.startswith("_")} <= set(dir(SpinelRadio))


def test_a_frame_takes_the_time_of_its_octets(bench: RadioBench) -> None:
    async def scenario() -> tuple[TxResult, float, list[RxFrame]]:
        a, _, heard = await pair(bench)
        begun = asyncio.get_running_loop().time()
        result = await a.transmit(UNICAST, csma=False)
        return result, asyncio.get_running_loop().time() - begun, heard

    result, took, heard = bench.run(scenario())
    assert result == TxResult("acked")
    # 192 us turnaround, 13 + 2 + 6 octets, 192 us, 5 + 6 octets of acknowledgement.
    assert took == pytest.approx(192e-6 + 21 * 32e-6 + 192e-6 + 11 * 32e-6, abs=1e-8)
    assert [f.octets for f in heard] == [UNICAST]
    assert [(h.octets.hex(), h.channel) for h in bench.air.log] == [
        (UNICAST.hex(), 11),
        ("020007", 11),
    ]


@pytest.mark.parametrize(
    ("octets", "passes"),
    [
        (frame(dst_pan=PAN, dst=2, src=1, pan_compression=True), True),
        (frame(dst_pan=PAN, dst=B, src_pan=PAN, src=A), True),
        (frame(dst_pan=0xFFFF, dst=0xFFFF, src_pan=PAN, src=1), True),
        (frame(dst_pan=0xFFFF, dst=2, src_pan=PAN, src=1), True),
        (frame(dst_pan=PAN, dst=3, src=1, pan_compression=True), False),
        (frame(dst_pan=PAN, dst=A, src_pan=PAN, src=1), False),
        (frame(dst_pan=0x1111, dst=2, src_pan=PAN, src=1), False),
        (frame(frame_type=MacType.BEACON, src_pan=PAN, src=1), True),
        (frame(frame_type=MacType.BEACON, src_pan=0x1111, src=1), False),
        (frame(src_pan=PAN, src=1), False),
        (bytes.fromhex("020007"), False),
        (bytes.fromhex("6188"), False),
        (bytes.fromhex("618807621a"), False),
        (bytes.fromhex("658807621a020001"), False),
        (b"", False),
    ],
)
def test_the_receive_filter(bench: RadioBench, octets: bytes, passes: bool) -> None:
    async def scenario() -> list[RxFrame]:
        a, _, heard = await pair(bench)
        await a.transmit(octets, retries=0)
        await asyncio.sleep(0.01)
        return heard

    assert [f.octets for f in bench.run(scenario())] == ([octets] if passes else [])


def test_a_radio_of_no_network_hears_all_beacons(bench: RadioBench) -> None:
    beacon = frame(frame_type=MacType.BEACON, src_pan=0x1111, src=0)

    async def scenario() -> list[RxFrame]:
        a, b, heard = await pair(bench)
        b.pan = 0xFFFF
        await a.transmit(beacon)
        await asyncio.sleep(0.01)
        return heard

    assert len(bench.run(scenario())) == 1


def test_header_parsing_agrees_with_the_codec() -> None:
    for dst_mode in (None, 2, B):
        for src_mode in (None, 1, A):
            if dst_mode is None and src_mode is None:
                continue
            whole = MacFrame(
                MacType.DATA,
                9,
                dst_pan=None if dst_mode is None else PAN,
                dst=dst_mode,
                src_pan=None if src_mode is None else 0x2222,
                src=src_mode,
                ack_request=True,
            )
            header = Header.parse(whole.to_bytes())
            assert not header.malformed and header.ack_request
            assert (header.dst_pan, header.dst) == (whole.dst_pan, whole.dst)
            assert (header.src_pan, header.src) == (whole.src_pan, whole.src)


def test_whoever_is_off_or_elsewhere_hears_nothing(bench: RadioBench) -> None:
    async def scenario() -> list[TxResult]:
        a, b, heard = await pair(bench)
        results = []
        b.receiver_on = False
        results.append(await a.transmit(UNICAST))
        b.receiver_on, b.channel = True, 12
        results.append(await a.transmit(UNICAST))
        b.channel = 11
        bench.air.set_link(a, b, path_loss_db=101)
        results.append(await a.transmit(UNICAST))
        assert heard == []
        return results

    assert bench.run(scenario()) == [TxResult("no_ack")] * 3


def test_a_radio_told_not_to_acknowledge_hears_all_the_same(bench: RadioBench) -> None:
    async def scenario() -> None:
        a, b, heard = await pair(bench)
        b.acknowledges = False
        assert await a.transmit(UNICAST, retries=1) == TxResult("no_ack")
        await asyncio.sleep(0.01)
        assert [f.octets for f in heard] == [UNICAST] * 2

    bench.run(scenario())


def test_a_lost_acknowledgement_makes_a_duplicate(bench: RadioBench) -> None:
    async def scenario() -> None:
        a, b, heard = await pair(bench)
        lose = [True]
        bench.air.interfere = lambda sender, receiver, octets: (
            sender is b and octets[0] == MacType.ACK and bool(lose) and lose.pop()
        )
        assert await a.transmit(UNICAST) == TxResult("acked")
        await asyncio.sleep(0.01)
        assert [f.octets for f in heard] == [UNICAST] * 2

    bench.run(scenario())


def test_a_share_of_frames_is_lost_each_way(bench: RadioBench) -> None:
    async def scenario() -> int:
        a, b, heard = await pair(bench)
        bench.air.set_link(a, b, loss=0.25, both_ways=False)
        for _ in range(400):
            await a.transmit(BROADCAST)
        await asyncio.sleep(0.01)
        return len(heard)

    assert 260 <= bench.run(scenario()) <= 340


def test_two_who_speak_at_once_are_both_lost(bench: RadioBench) -> None:
    async def scenario() -> None:
        a, _b, heard = await pair(bench)
        c = bench.air.attach("c")
        await c.configure(channel=11, pan=PAN, short=3, eui64=Eui64(3))
        await asyncio.gather(a.transmit(BROADCAST, csma=False), c.transmit(BROADCAST, csma=False))
        await asyncio.sleep(0.01)
        assert heard == [] and bench.air.collisions == 1
        c.channel = 12
        await asyncio.gather(a.transmit(BROADCAST, csma=False), c.transmit(BROADCAST, csma=False))
        await asyncio.sleep(0.01)
        assert len(heard) == 1

    bench.run(scenario())


def test_a_busy_channel_is_waited_for_and_then_given_up(bench: RadioBench) -> None:
    async def scenario() -> TxResult:
        a, _b, _ = await pair(bench)
        jammer = bench.air.attach("jammer")
        jammer.channel = 11
        jamming = asyncio.ensure_future(_jam(jammer))
        await asyncio.sleep(0.01)
        result = await a.transmit(UNICAST, backoffs=0)
        jamming.cancel()
        return result

    assert bench.run(scenario()) == TxResult("channel_busy")


async def _jam(jammer: AirRadio) -> None:
    while True:
        await jammer.transmit(bytes(125), csma=False)


def test_the_pending_bit_follows_source_match(bench: RadioBench) -> None:
    poll = bytes.fromhex("638809621a0200010004")

    async def scenario() -> list[bool]:
        a, b, _ = await pair(bench)
        seen = [(await a.transmit(poll)).pending]
        await b.set_source_match([1], [])
        seen.append((await a.transmit(poll)).pending)
        seen.append((await a.transmit(UNICAST)).pending)  # no data request
        b.source_match_on = False
        b.source_match_short = set()
        seen.append((await a.transmit(poll)).pending)
        return seen

    assert bench.run(scenario()) == [False, True, False, True]


def test_a_promiscuous_radio_hears_all_and_acknowledges_nothing(bench: RadioBench) -> None:
    async def scenario() -> list[bytes]:
        a, _b, _ = await pair(bench)
        sniffer = bench.air.attach("sniffer")
        await sniffer.configure(channel=11, pan=PAN, short=9, eui64=Eui64(9))
        sniffer.promiscuous = True
        sniffed: list[RxFrame] = []
        sniffer.on_frame = sniffed.append
        await a.transmit(UNICAST)
        await a.transmit(UNICAST[:5] + b"\x09" + UNICAST[6:], retries=0)
        await a.transmit(b"\xff", retries=0)
        await asyncio.sleep(0.01)
        return [f.octets for f in sniffed]

    heard = bench.run(scenario())
    assert heard[:2] == [UNICAST, bytes.fromhex("020007")]
    assert len(heard) == 4 and heard[3] == b"\xff"


def test_one_radio_sends_one_frame_at_a_time(bench: RadioBench) -> None:
    async def scenario() -> None:
        a, _, heard = await pair(bench)
        frames = [UNICAST + bytes([number]) for number in range(10)]
        results = await asyncio.gather(*(a.transmit(octets) for octets in frames))
        await asyncio.sleep(0.01)
        assert {r.status for r in results} == {"acked"}
        assert [f.octets for f in heard] == frames
        assert bench.air.collisions == 0

    bench.run(scenario())


def test_an_answer_from_within_on_frame_waits_for_the_own_acknowledgement(
    bench: RadioBench,
) -> None:
    back = bytes.fromhex("618807621a01000200") + b"to A"

    async def scenario() -> None:
        a, b, _ = await pair(bench)
        answers: list[asyncio.Future[TxResult]] = []
        b.on_frame = lambda _: answers.append(asyncio.ensure_future(b.transmit(back, csma=False)))
        for _ in range(20):
            assert (await a.transmit(UNICAST, retries=0)).status == "acked"
            assert (await answers.pop()).status == "acked"
        assert bench.air.collisions == 0

    bench.run(scenario())


def test_an_error_in_one_receiver_ends_nobody_elses_frame(bench: RadioBench) -> None:
    async def scenario() -> None:
        a, b, heard = await pair(bench)
        c = bench.air.attach("c")
        await c.configure(channel=11, pan=PAN, short=3, eui64=Eui64(3))

        def broken(_: RxFrame) -> None:
            raise RuntimeError("broken receiver")

        b.on_frame, c.on_frame = broken, heard.append
        assert (await a.transmit(UNICAST)).status == "acked"
        assert (await a.transmit(BROADCAST)).status == "sent"
        await asyncio.sleep(0.01)
        assert [f.octets for f in heard] == [BROADCAST]

    bench.run(scenario())
    assert any("broken receiver" in text for text in bench.clock.background)


def test_a_call_that_was_given_up_leaves_the_radio_usable(bench: RadioBench) -> None:
    async def scenario() -> None:
        a, b, _ = await pair(bench)
        b.receiver_on = False
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.002):
                await a.transmit(UNICAST)
        b.receiver_on = True
        assert (await a.transmit(UNICAST)).status == "acked"

    bench.run(scenario())


def test_an_overlong_frame_is_refused(bench: RadioBench) -> None:
    async def scenario() -> None:
        a, _, _ = await pair(bench)
        await a.transmit(BROADCAST.ljust(125, b"."))
        with pytest.raises(CodecError, match="126 octets"):
            await a.transmit(BROADCAST.ljust(126, b"."))

    bench.run(scenario())
