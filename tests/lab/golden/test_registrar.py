"""The trust center that runs by itself: where it forms a network, and with which keys."""

from __future__ import annotations

import random

import pytest

from lab.golden.node import Node
from lab.golden.policy import Policy
from lab.golden.registrar import Registrar
from lab.virtual.defects.formation import FormsWhereOthersAre, HasOnePanId
from zigbee import mac
from zigbee.types import Eui64

BUSY = 0x1AAA
CHANNEL = 15


def formed(ordered: int | None, *, policy: Policy | None = None, seed: int = 1) -> Registrar:
    """A trust center that was told to form while a network answers as PAN ``BUSY``."""
    node = Node(Eui64(0xC0), rng=random.Random(seed), policy=policy)
    registrar = Registrar(node)
    registrar.form_quietly(CHANNEL, ordered, lambda: None)
    beacon = mac.Beacon(extended_pan_id=Eui64(0x77))
    frame = mac.MacFrame(mac.MacType.BEACON, 1, src_pan=BUSY, src=0, payload=beacon.to_bytes())
    node.frame_received(frame.to_bytes(), 0.1)
    node.advance(1.0)
    return registrar


@pytest.mark.parametrize("ordered", [BUSY, None])
def test_forms_under_a_pan_id_that_nobody_has(ordered: int | None) -> None:
    for seed in range(20):
        assert formed(ordered, seed=seed).node.mac.pan not in (BUSY, 0x0000, 0xFFFF)


def test_forms_under_the_pan_id_that_it_is_given_when_it_is_free() -> None:
    assert formed(0x2BBB).node.mac.pan == 0x2BBB


def test_defects_form_where_others_are() -> None:
    assert formed(BUSY, policy=FormsWhereOthersAre()).node.mac.pan == BUSY
    own = [formed(None, policy=HasOnePanId(), seed=seed).node.mac.pan for seed in (1, 2)]
    assert own[0] == own[1]
    assert formed(BUSY, policy=HasOnePanId()).node.mac.pan != BUSY
