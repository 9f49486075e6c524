"""Installation codes: every allowed length, and the words of a refusal."""

import pytest

from vectors.recompute import textbook
from zigbee.crypto import install_code
from zigbee.crypto.install_code import InstallCodeError, InstallCodeFault


@pytest.mark.parametrize("length", install_code.CODE_LENGTHS)
def test_round_trip(length: int) -> None:
    code = bytes(range(0x50, 0x50 + length))
    whole = install_code.with_crc(code)
    assert whole == code + textbook.crc_x25(code)
    assert install_code.check(whole) == code
    assert install_code.link_key(whole) == textbook.mmo(whole)


@pytest.mark.parametrize("length", [0, 1, 2, 7, 9, 12, 17, 19, 300])
def test_lengths_with_crc(length: int) -> None:
    with pytest.raises(InstallCodeError, match="8, 10, 14, 18 octets") as refusal:
        install_code.check(bytes(length))
    assert refusal.value.fault == InstallCodeFault.LENGTH


def test_lengths_without_crc() -> None:
    with pytest.raises(InstallCodeError, match="6, 8, 12, 16 octets, not 10"):
        install_code.with_crc(bytes(10))


def test_every_single_bit_is_noticed() -> None:
    whole = install_code.with_crc(bytes.fromhex("83fed3407a93"))
    for place in range(8 * len(whole)):
        altered = bytearray(whole)
        altered[place // 8] ^= 1 << place % 8
        with pytest.raises(InstallCodeError) as refusal:
            install_code.link_key(bytes(altered))
        assert refusal.value.fault == InstallCodeFault.CRC


def test_exchanged_crc_octets_are_named() -> None:
    whole = install_code.with_crc(bytes.fromhex("83fed3407a93"))
    with pytest.raises(InstallCodeError, match="octets are exchanged"):
        install_code.check(whole[:-2] + whole[:-3:-1])
