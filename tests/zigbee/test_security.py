"""NWK and APS security: what is authenticated, what a wrong argument does, and every level."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import frame_strategies as draw
from zigbee.aps import ApsFrame, ApsType
from zigbee.errors import CodecError, SecurityError
from zigbee.nwk import NwkFrame, NwkType
from zigbee.security import (
    AuxHeader,
    KeyId,
    aps_key,
    secure_aps,
    secure_nwk,
    unseal,
    unsecure_aps,
    unsecure_nwk,
)
from zigbee.types import Eui64, corrupt

KEY = bytes(range(16))
OTHER = bytes(range(1, 17))
EUI = Eui64(0x0011223344556677)
CLEAR = NwkFrame(NwkType.DATA, 0xA18F, 0, 30, 1, b"in the clear")
COMMAND = ApsFrame(ApsType.COMMAND, 1, payload=b"\x09\x01")


def sealed(**changes: object) -> NwkFrame:
    arguments = {"source": EUI, "frame_counter": 7, "key_sequence": 3} | changes
    return secure_nwk(CLEAR, KEY, **arguments)  # type: ignore[arg-type]


@given(draw.nwk_frames(secured=False), draw.keys, draw.euis, draw.u32, draw.u8)
def test_nwk_both_ways(frame: NwkFrame, key: bytes, eui: Eui64, counter: int, number: int) -> None:
    made = secure_nwk(frame, key, source=eui, frame_counter=counter, key_sequence=number)
    received = NwkFrame.from_bytes(made.to_bytes())
    assert received == made
    assert received.aux == AuxHeader(KeyId.NETWORK, counter, eui, number)
    opened = unsecure_nwk(received, key)
    assert replace(opened, security=False, aux=None) == frame
    assert not frame.security, "the frame given is left as it was"


@given(draw.aps_frames(secured=False), draw.keys, draw.euis, st.sampled_from(KeyId), st.booleans())
def test_aps_both_ways(
    frame: ApsFrame, key: bytes, eui: Eui64, key_id: KeyId, extended: bool
) -> None:
    made = secure_aps(
        frame,
        key,
        source=eui,
        frame_counter=1,
        key_id=key_id,
        extended_nonce=extended,
        key_sequence=0 if key_id == KeyId.NETWORK else None,
    )
    received = ApsFrame.from_bytes(made.to_bytes())
    assert received == made
    opened = unsecure_aps(received, key, source=None if extended else eui)
    assert replace(opened, security=False, aux=None) == frame


@pytest.mark.parametrize("level", range(8))
def test_every_level_opens_with_itself_alone(level: int) -> None:
    made = sealed(level=level)
    assert unsecure_nwk(made, KEY, level=level).payload == CLEAR.payload
    assert (CLEAR.payload in made.payload) == (level < 4)
    for other in range(8):
        if other in (0, 4) or other == level:
            continue  # levels without a MIC accept anything
        with pytest.raises(SecurityError):
            unsecure_nwk(made, KEY, level=other)


def test_level_on_air_is_an_argument() -> None:
    assert sealed().to_bytes()[8] == 0x28
    assert sealed(level_on_air=5).to_bytes()[8] == 0x2D
    # The receiver puts the network's level back, so that the bits on the air change nothing.
    assert unsecure_nwk(sealed(level_on_air=5), KEY).payload == CLEAR.payload


def test_no_such_level() -> None:
    with pytest.raises(CodecError, match="level"):
        unsecure_nwk(sealed(), KEY, level=8)
    with pytest.raises(SecurityError, match="level 8"):
        unseal(KEY, bytes(13), b"", b"", 8)
    with pytest.raises(CodecError, match="level"):
        sealed(level=8)


@pytest.mark.parametrize("bit", range(0, 32, 5))
def test_wrong_mic_is_an_argument(bit: int) -> None:
    wrong = sealed(flip_mic_bit=bit)
    assert wrong.payload == corrupt(sealed().payload, bit - 32)
    with pytest.raises(SecurityError, match="MIC"):
        unsecure_nwk(wrong, KEY)


@given(st.integers(0, 8 * 38 - 1))
def test_every_bit_but_the_level_is_authenticated(bit: int) -> None:
    octets = sealed().to_bytes()
    assert len(octets) == 38
    spoilt = corrupt(octets, bit)
    try:
        frame = NwkFrame.from_bytes(spoilt)
    except CodecError:
        return
    if bit in (64, 65, 66):  # the three level bits, which the receiver replaces
        assert unsecure_nwk(frame, KEY).payload == CLEAR.payload
    else:
        with pytest.raises(SecurityError):
            unsecure_nwk(frame, KEY)


def test_what_opening_needs_is_said() -> None:
    with pytest.raises(SecurityError, match="not secured"):
        unsecure_nwk(CLEAR, KEY)
    with pytest.raises(SecurityError, match="not secured"):
        unsecure_aps(COMMAND, KEY)
    opaque = secure_aps(COMMAND, KEY, source=EUI, frame_counter=1)
    with pytest.raises(SecurityError, match="EUI-64"):
        unsecure_aps(opaque, KEY)
    with pytest.raises(SecurityError, match="MIC"):
        unsecure_aps(opaque, OTHER, source=EUI)
    with pytest.raises(SecurityError, match="15 octets"):
        aps_key(KEY[:15], KeyId.DATA)
    for level in (4, 5):
        for length in (15, 24, 32):
            with pytest.raises(SecurityError, match=f"{length} octets, not 16"):
                unsecure_nwk(sealed(), bytes(length), level=level)
    truncated = replace(opaque, payload=b"abc")
    with pytest.raises(SecurityError):
        unsecure_aps(truncated, KEY, source=EUI)


def test_keys_derived_from_a_link_key_differ() -> None:
    derived = {aps_key(KEY, key_id) for key_id in (KeyId.DATA, KeyId.KEY_TRANSPORT, KeyId.KEY_LOAD)}
    assert len(derived) == 3
