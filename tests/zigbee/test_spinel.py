"""Spinel against octets that were computed without this code (`vectors/data/spinel.json`)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vectors
from zigbee import hdlc
from zigbee.errors import CodecError
from zigbee.spinel import (
    FORMATS,
    PACKED_MAX,
    Command,
    Frame,
    Property,
    Reset,
    Status,
    is_reset,
    pack,
    pack_uint,
    property_frame,
    status_text,
    unpack,
    unpack_uint,
)
from zigbee.spinel_stream import RawFrame, TransmitDone, TransmitRequest
from zigbee.types import Eui64

CASES = vectors.load("spinel").tests
PACKED, BAD, STREAMS = (
    [case for case in CASES if case["type"] == kind]
    for kind in ("SpinelPackedInteger", "SpinelRefused", "HdlcStream")
)
FRAMES = {case["comment"].split(":")[0]: case for case in CASES if case["type"] == "SpinelFrame"}
TX_DONE = [name for name in FRAMES if name.startswith(("tx-done", "tx-refused"))]
TX = [name for name in FRAMES if "psdu" in FRAMES[name]["fields"] and FRAMES[name]["command"] == 3]
RX = [name for name in FRAMES if name.startswith("rx-")]
PLAIN = [
    name
    for name, frame in FRAMES.items()
    if "property" in frame["fields"] and name not in TX_DONE + TX + RX
]
TX_NAMES = {
    "max_csma_backoffs": "backoffs",
    "max_retries": "retries",
    "is_retx": "retransmission",
    "tx_delay": "delay",
    "tx_delay_base": "delay_base",
    "rx_channel_after": "channel_after",
    "tx_power": "power",
}
RX_NAMES = {"receive_error": "error"}
UNKEPT = {"ack_key_id", "ack_frame_counter"}  # MAC security, which ZigBee does not use


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize("entry", PACKED, ids=lambda entry: str(entry["value"]))
def test_packed_integers(entry: dict[str, Any]) -> None:
    packed = octets(entry["packed"])
    assert pack_uint(entry["value"]) == packed
    assert unpack_uint(packed) == (entry["value"], len(packed))


@given(st.integers(0, PACKED_MAX))
def test_packed_integers_come_back(value: int) -> None:
    assert unpack_uint(b"\x80" + pack_uint(value), 1) == (value, 1 + len(pack_uint(value)))


@pytest.mark.parametrize("value", [-1, PACKED_MAX + 1])
def test_integers_that_cannot_be_packed(value: int) -> None:
    with pytest.raises(CodecError, match="does not fit"):
        pack_uint(value)


@pytest.mark.parametrize("text", ["", "80", "8080", "808080", "ffffff7f"])
def test_packed_integers_that_are_cut_or_too_long(text: str) -> None:
    with pytest.raises(CodecError, match=r"ends early|three octets"):
        unpack_uint(octets(text))


@pytest.mark.parametrize("name", FRAMES)
def test_frames_and_their_place_on_the_line(name: str) -> None:
    example = FRAMES[name]
    content = octets(example["spinel"])
    frame = Frame.from_bytes(content)
    assert frame.tid == example["header"]["tid"]
    assert frame.iid == example["header"]["iid"]
    assert frame.command == example["command"]
    assert frame.to_bytes() == content
    assert hdlc.encode(content).hex() == example["hdlc"]
    assert hdlc.Decoder().feed(octets(example["hdlc"])) == [content]


@pytest.mark.parametrize("name", PLAIN)
def test_properties_and_their_values(name: str) -> None:
    example = FRAMES[name]
    fields = dict(example["fields"])
    number, value = Frame.from_bytes(octets(example["spinel"])).property()
    assert number == fields.pop("property")
    expected = [Eui64.parse(v) if k == "eui64" else v for k, v in fields.items()]
    if example["command"] == Command.PROP_VALUE_GET:
        assert (value, expected) == (b"", [])
        return
    fmt = FORMATS[number]
    if example["command"] not in (Command.PROP_VALUE_SET, Command.PROP_VALUE_IS):
        fmt = fmt.removeprefix("A(").removesuffix(")")  # one element of a list
    assert list(unpack(fmt, value)) == expected
    assert pack(fmt, *expected) == value
    rebuilt = property_frame(example["header"]["tid"], example["command"], number, value)
    assert rebuilt.hex() == example["spinel"]


@pytest.mark.parametrize("name", TX)
def test_frames_to_send(name: str) -> None:
    example = FRAMES[name]
    fields = {TX_NAMES.get(k, k): v for k, v in example["fields"].items() if k != "property"}
    fields["psdu"] = octets(fields["psdu"])
    number, value = Frame.from_bytes(octets(example["spinel"])).property()
    assert number == Property.STREAM_RAW
    request = TransmitRequest.from_bytes(value)
    assert {key: getattr(request, key) for key in fields} == fields
    assert request == TransmitRequest(**fields)
    if "channel_after" in fields:  # we write every field up to it
        assert request.to_bytes() == value
    else:
        assert request.to_bytes().startswith(value)


@pytest.mark.parametrize("name", RX)
def test_received_frames(name: str) -> None:
    example = FRAMES[name]
    _, value = Frame.from_bytes(octets(example["spinel"])).property()
    raw = RawFrame.from_bytes(value)
    check_received(raw, example["fields"])
    assert raw.good is (name != "rx-error")
    if set(example["fields"]) >= UNKEPT:
        assert raw.to_bytes() == value


def check_received(raw: RawFrame, fields: dict[str, Any]) -> None:
    expected = {RX_NAMES.get(k, k): v for k, v in fields.items() if k not in UNKEPT | {"property"}}
    expected["psdu"] = octets(expected["psdu"])
    assert {key: getattr(raw, key) for key in expected} == expected


@pytest.mark.parametrize("name", TX_DONE)
def test_ends_of_transmissions(name: str) -> None:
    example = FRAMES[name]
    fields = dict(example["fields"])
    number, value = Frame.from_bytes(octets(example["spinel"])).property()
    assert number == fields.pop("property") == Property.LAST_STATUS
    done = TransmitDone.from_bytes(value)
    assert done.status == fields.pop("status")
    if not fields:
        return
    assert done.pending is fields.pop("frame_pending")
    assert done.header_updated is fields.pop("header_updated")
    assert done.to_bytes() == value
    if fields:
        fields["psdu"] = fields.pop("ack_psdu")
        assert done.acknowledgement is not None
        check_received(done.acknowledgement, fields)
    else:
        assert done.acknowledgement is None


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream["comment"])
def test_streams(stream: dict[str, Any]) -> None:
    decoder = hdlc.Decoder()
    found = [frame.hex() for chunk in stream["chunks"] for frame in decoder.feed(octets(chunk))]
    assert found == stream["frames"]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad["comment"])
def test_bad_octets_give_no_frame(bad: dict[str, Any]) -> None:
    for content in hdlc.Decoder().feed(octets(bad["hdlc"])):
        with pytest.raises(CodecError):
            Frame.from_bytes(content).property()


def test_resets_are_named() -> None:
    assert Frame(1, Command.RESET, bytes([Reset.STACK])).to_bytes().hex() == "810102"
    assert [status for status in range(200) if is_reset(status)] == list(range(112, 128))
    assert status_text(Status.NO_ACK) == "NO_ACK (17)"
    assert status_text(16384 + 11) == "firmware error 11 (status 16395)"
    assert status_text(99) == "status 99"


def test_structures_skip_what_is_longer_than_known() -> None:
    assert unpack("t(CC)S", octets("0400 0102 ffff 3412")) == ((1, 2), 0x1234)
    assert unpack("t(CC)S", octets("0100 01 3412")) == ((1,), 0x1234)
    assert pack("t(CC)S", (1, 2), 0x1234) == octets("0200 0102 3412")


def test_arrays_of_structures_come_back() -> None:
    items = [(1, -1), (2, -2)]
    assert unpack("A(Cc)", pack("A(Cc)", items)) == (items,)
    assert unpack("A(t(S))", pack("A(t(S))", [(1,), (2,)])) == ([(1,), (2,)],)


@pytest.mark.parametrize(
    ("fmt", "value"),
    [("C", 256), ("c", 200), ("E", -1), ("6", b"short"), ("S", "text"), ("U", 3), ("A(C)", 5)],
)
def test_values_that_do_not_fit(fmt: str, value: object) -> None:
    with pytest.raises(CodecError):
        pack(fmt, value)


@pytest.mark.parametrize("fmt", ["?", "A", "t(C", "A()C)"])
def test_formats_that_are_none(fmt: str) -> None:
    with pytest.raises(CodecError):
        unpack(fmt, b"\x01\x02\x03")


@given(st.sampled_from(sorted(FORMATS.values())), st.binary(max_size=40))
def test_any_octets_unpack_or_raise_codec_error(fmt: str, data: bytes) -> None:
    try:
        unpack(fmt, data)
    except CodecError as error:
        assert error.layer in ("spinel", "types")


@given(st.binary(max_size=60))
def test_any_octets_are_a_stream_value_or_raise_codec_error(data: bytes) -> None:
    for read in (RawFrame.from_bytes, TransmitRequest.from_bytes, TransmitDone.from_bytes):
        try:
            read(data)
        except CodecError as error:
            assert error.layer == "spinel"
