"""Addresses, the reader and the checks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zigbee.errors import CodecError, SecurityError
from zigbee.fcs import crc_kermit, crc_x25
from zigbee.types import Eui64, RawCommand, Reader, bits, corrupt, uint


def test_crc_check_values_of_the_catalogues() -> None:
    # The check values of CRC-16/KERMIT and CRC-16/X-25 in the catalogue of parametrised CRCs.
    assert crc_kermit(b"123456789") == 0x2189
    assert crc_x25(b"123456789") == 0x906E


def test_fcs_of_an_acknowledgement() -> None:
    # IEEE 802.15.4-2006, 7.2.1.9: an ACK whose bits, first sent first, are
    # 01000000 00000000 01010110 has the FCS 0010011110011110.
    assert crc_kermit(bytes.fromhex("02006a")).to_bytes(2, "little") == bytes.fromhex("e479")


def test_install_code_crc() -> None:
    # 075356, 5.4.8.1: the code 83FED3407A93 has the CRC octets 2B 70.
    assert crc_x25(bytes.fromhex("83FED3407A93")).to_bytes(2, "little") == bytes.fromhex("2B70")


@given(st.binary(max_size=64))
def test_crc_agrees_with_bitwise_division(data: bytes) -> None:
    register = 0
    for octet in data:
        register ^= octet
        for _bit in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    assert crc_kermit(data) == register


def test_eui64_orders() -> None:
    eui = Eui64.parse("00:0d:6f:00:01:02:03:04")
    assert str(eui) == "000d6f0001020304"
    assert eui.to_be() == bytes.fromhex("000d6f0001020304")
    assert eui.to_le() == bytes.fromhex("04030201006f0d00")
    assert Eui64.from_bytes_le(eui.to_le()) == eui == Eui64.from_bytes_be(eui.to_be())
    assert Eui64.parse(str(eui)) == eui
    assert isinstance(eui, int)


@pytest.mark.parametrize("text", ["", "00:0d", "g" * 16, "0" * 17])
def test_eui64_refuses(text: str) -> None:
    with pytest.raises(CodecError, match="16 hexadecimal digits"):
        Eui64.parse(text)


def test_eui64_range() -> None:
    with pytest.raises(CodecError):
        Eui64(1 << 64)
    with pytest.raises(CodecError):
        Eui64.from_bytes_le(b"1234567")


def test_reader_reads_little_endian() -> None:
    reader = Reader(bytes(range(1, 30)), "test")
    assert reader.u8("a") == 1
    assert reader.u16("b") == 0x0302
    assert reader.u24("c") == 0x060504
    assert reader.u32("d") == 0x0A090807
    assert reader.u64("e") == 0x1211100F0E0D0C0B
    assert reader.eui64("f") == 0x1A19181716151413
    assert (reader.offset, reader.remaining) == (26, 3)
    assert reader.take(1, "g") == b"\x1b"
    assert reader.rest() == b"\x1c\x1d"
    assert reader.remaining == 0


def test_reader_names_what_is_missing() -> None:
    reader = Reader(b"\x01\x02\x03", "aps", base=10)
    reader.u8("counter")
    with pytest.raises(CodecError) as caught:
        reader.u32("frame_counter")
    error = caught.value
    assert (error.layer, error.field, error.offset) == ("aps", "frame_counter", 11)
    assert "needs 4 octets, 2 left" in str(error)
    assert "aps.frame_counter" in str(error)
    assert reader.remaining == 2, "a failed read must not move the cursor"
    with pytest.raises(CodecError):
        reader.take(-1)


def test_security_error_is_a_codec_error() -> None:
    assert issubclass(SecurityError, CodecError)
    assert issubclass(CodecError, ValueError)


@given(st.binary(min_size=1, max_size=20), st.data())
def test_corrupt_flips_exactly_one_bit(octets: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(-8 * len(octets), 8 * len(octets) - 1))
    spoilt = corrupt(octets, bit)
    difference = int.from_bytes(octets, "little") ^ int.from_bytes(spoilt, "little")
    assert difference == 1 << bit % (8 * len(octets))


def test_fields_say_what_they_cannot_hold() -> None:
    with pytest.raises(CodecError, match=r"nwk\.radius.*0x100 does not fit 1 octet"):
        uint(0x100, 1, "nwk", "radius")
    with pytest.raises(CodecError, match=r"nwk\.version"):
        bits(16, 4, 2, "nwk", "version")
    with pytest.raises(CodecError, match="no integer"):
        uint(None, 1, "nwk", "radius")  # type: ignore[arg-type]
    with pytest.raises(CodecError, match="id"):
        RawCommand(256).to_bytes()
