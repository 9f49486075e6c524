"""Campaigns in a whole home area network: the others are on the air, and change no verdict."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.repeat import Outcome, campaign
from zigbee.dissect import Dissector, KeyRing
from zigbee.nwk import NwkFrame

DUT, SECOND_ESI = "000d6f0000000001", "000d6f00000a0035"


SNIFFER = 1
"""The interface of a capture with what the sniffer heard; the first has what nobody ever sent."""


def nwk_frames(outcome: Outcome, case: str) -> list[tuple[str, NwkFrame, bool]]:
    """Who secured each NWK frame of a case (EUI-64), the frame, and whether it is at its origin."""
    dissector = Dissector(KeyRing())
    found = []
    for frame in outcome.frames()[case]:
        header = int.from_bytes(frame.octets[2:4], "little")
        packet = dissector.dissect(frame.octets[header:-2], 0.0)
        mac, nwk = packet.mac, packet.nwk
        if frame.interface == SNIFFER and mac and nwk and nwk.aux and nwk.aux.source:
            found.append((str(nwk.aux.source), nwk, mac.src == nwk.src))
    return found


def test_all_actors_speak_and_one_through_another(tmp_path: Path) -> None:
    outcome = campaign(tmp_path / "c", "JOIN-04 or COEX-01", "--bench", "utility-private")
    assert outcome.records["JOIN-04"]["verdict"] == "pass", outcome.text
    assert outcome.records["COEX-01"]["reason"].startswith("topology: utility-private is not for")
    frames = nwk_frames(outcome, "JOIN-04")
    origins = {who for who, _, here in frames if here}
    actors = {f"000d6f00000a00{number}" for number in (11, 13, 14, 15)}
    assert origins >= {DUT, *actors}
    load, extender = "000d6f00000a0015", "000d6f00000a0014"
    short = next(frame.src for who, frame, here in frames if who == load and here)
    relayed = [who for who, frame, here in frames if frame.src == short and not here]
    assert set(relayed) >= {extender}
    told = json.loads((outcome.folder / "campaign.json").read_text())["topology"]
    players = {row["actor"]: row["played by"] for row in told["actors"]}
    assert players["ipd"] == "the device under test"
    assert players["lcd"] == f"simulated load_control, EUI-64 {load}, behind rex"


def test_a_second_esi_that_comes_later_is_found_and_used(tmp_path: Path) -> None:
    outcome = campaign(tmp_path / "c", "PLK-05", "--bench", "utility-and-customer", "--dut", "ipd")
    assert outcome.records["PLK-05"]["verdict"] == "pass", outcome.text
    frames = nwk_frames(outcome, "PLK-05")
    shorts = {who: frame.src for who, frame, here in frames if here}
    both = (shorts[DUT], shorts[SECOND_ESI])
    assert [frame for _, frame, here in frames if here and (frame.src, frame.dst) == both]
    assert [frame for _, frame, here in frames if here and (frame.dst, frame.src) == both]


def test_the_others_join_a_trust_center_under_test(tmp_path: Path) -> None:
    outcome = campaign(tmp_path / "c", "TCP-01", "--bench", "texas-esi-in-meter", "--dut", "esi")
    assert outcome.records["TCP-01"]["verdict"] == "pass", outcome.text
    origins = {who for who, _, here in nwk_frames(outcome, "TCP-01") if here}
    assert origins >= {"000d6f0000000500", "000d6f00000a0041", "000d6f00000a0042"}
