"""HDLC-lite against published octets, in any split, and through noise."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zigbee import hdlc
from zigbee.errors import CodecError


def test_a_frame_is_escaped_and_its_check_goes_low_octet_first() -> None:
    # PHY_CHAN = 17: the value is XON and must not appear bare.
    assert hdlc.encode(bytes.fromhex("89032111")).hex() == "7e8903217d3154fc7e"
    assert hdlc.decode(bytes.fromhex("8903217d3154fc")) == bytes.fromhex("89032111")


@pytest.mark.parametrize("octet", [0x7E, 0x7D, 0x11, 0x13, 0xF8])
def test_reserved_octets_never_appear_between_the_flags(octet: int) -> None:
    line = hdlc.encode(bytes([octet] * 7))
    assert line[0] == line[-1] == hdlc.FLAG
    bare = line[1:-1].replace(bytes([hdlc.ESCAPE]), b"")
    assert octet not in bare
    assert hdlc.Decoder().feed(line) == [bytes([octet] * 7)]


def test_a_sender_that_escapes_less_or_more_is_understood() -> None:
    content = bytes.fromhex("89032111")
    check = bytes.fromhex("54fc")
    assert hdlc.decode(content + check) == content
    everything = b"".join(bytes([0x7D, octet ^ 0x20]) for octet in content + check)
    assert hdlc.decode(everything) == content


@pytest.mark.parametrize(
    ("octets", "field"),
    [
        ("81000000", "fcs"),
        ("8112", "content"),
        ("81027d", "content"),
        ("7d", "content"),
    ],
)
def test_bad_frames_are_refused_with_the_field(octets: str, field: str) -> None:
    with pytest.raises(CodecError) as caught:
        hdlc.decode(bytes.fromhex(octets))
    assert (caught.value.layer, caught.value.field) == ("hdlc", field)


@given(st.lists(st.binary(min_size=2, max_size=200), max_size=6), st.randoms(use_true_random=False))
def test_any_split_gives_the_same_frames(contents: list[bytes], rng: random.Random) -> None:
    line = b"".join(hdlc.encode(content) for content in contents)
    decoder = hdlc.Decoder()
    found: list[bytes] = []
    while line:
        size = rng.randint(1, len(line))
        found += decoder.feed(line[:size])
        line = line[size:]
    assert found == contents
    assert decoder.dropped == 0


@given(st.binary(max_size=300), st.binary(min_size=2, max_size=130))
def test_noise_costs_no_frame_behind_the_next_flag(noise: bytes, content: bytes) -> None:
    decoder = hdlc.Decoder()
    decoder.feed(noise)
    assert decoder.feed(b"\x7e" + hdlc.encode(content))[-1] == content


def test_every_single_flipped_bit_is_noticed() -> None:
    content = bytes.fromhex("8203710a00030801ffffffff07132d0f")
    line = hdlc.encode(content)
    for index in range(8, 8 * (len(line) - 1)):
        damaged = bytearray(line)
        damaged[index // 8] ^= 1 << index % 8
        assert content not in hdlc.Decoder().feed(bytes(damaged))


def test_an_endless_frame_is_dropped_and_takes_no_memory() -> None:
    decoder = hdlc.Decoder()
    good = hdlc.encode(b"\x81\x00")
    assert decoder.feed(good[:-1]) == []
    for _ in range(100):
        assert decoder.feed(bytes([0x55]) * 1000) == []
    assert len(decoder._pending) <= 2 * 1302
    assert decoder.feed(good) == [b"\x81\x00"]
    assert decoder.dropped == 1


def test_flags_in_a_row_are_fill_and_a_flag_may_be_shared() -> None:
    decoder = hdlc.Decoder()
    assert decoder.feed(bytes.fromhex("7e7e7e7e")) == []
    assert decoder.dropped == 0
    assert decoder.feed(bytes.fromhex("8100539a7e820201a15d7e")) == [b"\x81\x00", b"\x82\x02\x01"]
