"""The ZCL header, bit by bit (ZCL 2.3.1.1)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zigbee.errors import CodecError
from zigbee.zcl import Direction, Status, ZclFrame

EXAMPLES = [
    (ZclFrame(False, Direction.TO_SERVER, 1, 0x00), "000100"),
    (ZclFrame(True, Direction.TO_SERVER, 0x22, 0x01, b"\x05"), "01220105"),
    (ZclFrame(True, Direction.TO_CLIENT, 0, 0xFF), "0900ff"),
    (ZclFrame(False, Direction.TO_CLIENT, 7, 0x0B, disable_default_response=True), "18070b"),
    (ZclFrame(True, Direction.TO_SERVER, 3, 2, manufacturer=0x1002), "0502100302"),
    (ZclFrame(True, Direction.TO_SERVER, 3, 2, reserved=5), "a10302"),
]


@pytest.mark.parametrize(("frame", "octets"), EXAMPLES)
def test_octets_of_the_header(frame: Any, octets: Any) -> None:
    assert frame.to_bytes().hex() == octets
    assert ZclFrame.from_bytes(bytes.fromhex(octets)) == frame


@given(st.binary(max_size=12))
def test_whatever_parses_is_rebuilt(octets: Any) -> None:
    try:
        frame = ZclFrame.from_bytes(octets)
    except CodecError as error:
        assert error.layer == "zcl"
        return
    assert frame.to_bytes() == octets


@pytest.mark.parametrize("octets", ["", "0001", "04341201", "020100", "030100"])
def test_cut_and_reserved_frames_are_errors(octets: Any) -> None:
    with pytest.raises(CodecError):
        ZclFrame.from_bytes(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("field", "value"),
    [("sequence", 256), ("command", -1), ("reserved", 8), ("manufacturer", 0x10000)],
)
def test_a_header_field_that_does_not_fit_is_named(field: Any, value: Any) -> None:
    frame = ZclFrame(True, Direction.TO_SERVER, 1, 1)
    setattr(frame, field, value)
    with pytest.raises(CodecError) as caught:
        frame.to_bytes()
    assert caught.value.field == field


def test_status_codes_that_suites_lean_on() -> None:
    assert (Status.SUCCESS, Status.FAILURE, Status.NOT_FOUND) == (0, 1, 0x8B)
    assert (Status.UNSUP_CLUSTER_COMMAND, Status.UNSUPPORTED_ATTRIBUTE) == (0x81, 0x86)
