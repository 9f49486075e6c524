"""The ZCL data types: octets written out by hand from ZCL 2.5, and round trips."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zigbee.errors import CodecError
from zigbee.types import Eui64, Reader
from zigbee.zcl import types
from zigbee.zcl.types import Array, Date, Structure, TimeOfDay

EXAMPLES = [
    ("nodata", None, ""),
    ("data24", 0x123456, "563412"),
    ("bool", True, "01"),
    ("bool", 0xFF, "ff"),
    ("bitmap32", 0x80000001, "01000080"),
    ("uint24", 0x010203, "030201"),
    ("uint40", 1, "0100000000"),
    ("uint48", 0xFFFFFFFFFFFF, "ffffffffffff"),
    ("int16", -32768, "0080"),
    ("int24", -2, "feffff"),
    ("enum16", 0xFFFF, "ffff"),
    ("semi", 1.5, "003e"),
    ("single", -2.0, "000000c0"),
    ("double", 1.0, "000000000000f03f"),
    ("octstr", b"", "00"),
    ("octstr", None, "ff"),
    ("octstr", b"\x01\x02", "020102"),
    ("string", "Zürich", "075ac3bc72696368"),
    ("octstr16", b"\x07", "010007"),
    ("string16", None, "ffff"),
    ("array", Array(0x21, [1, 0x0203]), "210200" + "01000302"),
    ("array", Array(0x20, None), "20ffff"),
    ("set", Array(0x42, ["a", None]), "420200" + "0161" + "ff"),
    ("struct", Structure([(0x20, 5), (0x41, b"\x09")]), "0200" + "2005" + "410109"),
    ("bag", Array(0x48, [Array(0x20, [7])]), "480100" + "20010007"),
    ("ToD", TimeOfDay(23, 59, 58, 99), "173b3a63"),
    ("date", Date(110, 6, 30, 3), "6e061e03"),
    ("UTC", 0x12345678, "78563412"),
    ("EUI64", Eui64.parse("000d6f0001020304"), "040302010 06f0d00".replace(" ", "")),
    ("key128", bytes(range(16)), bytes(range(16)).hex()),
]


@pytest.mark.parametrize(("name", "value", "octets"), EXAMPLES)
def test_octets_of_a_value_are_those_of_the_specification(
    name: Any, value: Any, octets: Any
) -> None:
    assert types.encode(name, value).hex() == octets
    reader = Reader(bytes.fromhex(octets), "zcl")
    assert types.decode(name, reader) == value
    assert reader.remaining == 0


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("bool", "ff"),
        ("uint8", "ff"),
        ("uint24", "ffffff"),
        ("uint64", "ffffffffffffffff"),
        ("int8", "80"),
        ("int24", "000080"),
        ("int64", "0000000000000080"),
        ("enum8", "ff"),
        ("enum16", "ffff"),
        ("UTC", "ffffffff"),
        ("clusterId", "ffff"),
        ("EUI64", "ffffffffffffffff"),
    ],
)
def test_octets_of_the_invalid_value(name: str, octets: str) -> None:
    invalid = types.data_type(name).invalid
    assert types.encode(name, invalid).hex() == octets


def test_every_type_of_the_library_is_there_once() -> None:
    names = [entry.name for entry in types.all_types()]
    integers = 4 * 8 + 2  # data, bitmap, uint and int of 1 to 8 octets; two enumerations
    others = 2 + 1 + 3 + 4 + 4 + 3 + 3 + 2  # none, bool, floats, strings, lists, times, ids, keys
    assert len(names) == len(set(names)) == len(types.BY_ID) == integers + others
    assert types.data_type(0x4C).name == "struct"
    with pytest.raises(CodecError, match="0x57 is no ZCL data type"):
        types.data_type(0x57)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uint8", 256),
        ("uint8", -1),
        ("int8", 128),
        ("uint16", "1"),
        ("uint16", None),
        ("uint16", 1.0),
        ("string", 7),
        ("octstr", "text"),
        ("octstr", bytes(255)),
        ("key128", bytes(15)),
        ("ToD", (1, 2, 3)),
        ("date", (1, 2, 3, 256)),
        ("nodata", 0),
        ("array", [1]),
        ("array", Array(0x20, [256])),
        ("struct", Structure([(0x57, 1)])),
        ("EUI64", 1 << 64),
        ("semi", 1e9),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_named(name: Any, value: Any) -> None:
    with pytest.raises(CodecError) as caught:
        types.encode(name, value, "Price")
    assert (caught.value.layer, caught.value.field) == ("zcl", "Price")
    assert caught.value.reason


def test_octets_that_are_no_text_survive() -> None:
    octets = b"\x04\xff\xfe\xc3A"
    text = types.decode("string", Reader(octets, "zcl"))
    assert isinstance(text, str)
    assert types.encode("string", text) == octets


@pytest.mark.parametrize(("name", "size"), [("semi", 2), ("single", 4), ("double", 8)])
def test_every_nan_keeps_its_octets(name: Any, size: Any) -> None:
    for octets in (b"\x01" * (size - 2) + b"\xf1\x7f", b"\xff" * size, b"\x00\x7c"[-size:]):
        if len(octets) != size:
            continue
        value = types.decode(name, Reader(octets, "zcl"))
        assert types.encode(name, value) == octets
    signalling = b"\x01\x00\x80\x7f"
    assert math.isnan(types.decode("single", Reader(signalling, "zcl")))
    assert types.encode("single", types.decode("single", Reader(signalling, "zcl"))) == signalling


@given(st.sampled_from([entry.id for entry in types.all_types()]), st.binary(max_size=40))
def test_whatever_decodes_is_encoded_to_the_same_octets(type_: Any, octets: Any) -> None:
    reader = Reader(octets, "zcl")
    try:
        value = types.decode(type_, reader)
    except CodecError:
        return
    assert types.encode(type_, value) == octets[: reader.offset]


@given(st.binary(max_size=60))
def test_structures_of_structures_survive(octets: Any) -> None:
    """As above, with octets that more often are types, so that nesting is reached."""
    table = bytes([0x48, 0x4C, 0x20, 0x00, 0x01, 0x42, 0x10, 0x50])
    shaped = bytes(table[octet % 8] for octet in octets)
    for type_ in (0x48, 0x4C):
        reader = Reader(shaped, "zcl")
        try:
            value = types.decode(type_, reader)
        except CodecError:
            continue
        assert types.encode(type_, value) == shaped[: reader.offset]


def nested(depth: int) -> bytes:
    """An array in an array ...: `depth` of them, the innermost empty."""
    return b"\x48\x01\x00" * (depth - 1) + b"\x20\x00\x00"


def test_nesting_is_bounded() -> None:
    types.decode("array", Reader(nested(types.MAX_DEPTH), "zcl"))
    for depth in (types.MAX_DEPTH + 1, 5000):
        with pytest.raises(CodecError, match="nested more than"):
            types.decode("array", Reader(nested(depth), "zcl"))
    value = Array(0x20, [])
    for _ in range(types.MAX_DEPTH):
        value = Array(0x48, [value])
    with pytest.raises(CodecError, match="nested more than"):
        types.encode("array", value)


@pytest.mark.parametrize("octets", ["00feff", "000100", "20feff01", "48feff20ffff"])
def test_an_announced_count_costs_nothing(octets: str) -> None:
    with pytest.raises(CodecError, match=r"elements (announced|of type nodata)"):
        types.decode("array", Reader(bytes.fromhex(octets), "zcl"))


@pytest.mark.parametrize(("name", "octets"), [("uint24", "0102"), ("string", "0541"), ("ToD", "")])
def test_cut_octets_name_field_and_offset(name: Any, octets: Any) -> None:
    with pytest.raises(CodecError) as caught:
        types.decode(name, Reader(bytes.fromhex(octets), "zcl"), "Price")
    assert caught.value.field == "Price"


@given(st.floats(width=16))
def test_half_floats_agree_with_the_struct_module(value: Any) -> None:
    if not math.isnan(value):
        assert types.encode("semi", value) == struct.pack("<e", value)
