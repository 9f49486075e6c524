"""tshark, with nothing configured, opens our captures: the keys ride in the file.

The frames under test are sealed by this harness; that they open in tshark shows that both agree.
"""

import os
import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from reports.keys import KnownKey, announce_keys, announce_nodes
from reports.pcapng import Capture
from zigbee.aps import ApsFrame, ApsType, KeyType, TransportKey
from zigbee.mac import MacFrame, MacType
from zigbee.nwk import NwkFrame, NwkType
from zigbee.security import KeyId, secure_aps, secure_nwk
from zigbee.types import Eui64

TSHARK = shutil.which("tshark")
CENTRE, DEVICE, RELAY = (Eui64(0x000D6F0001000000 + number) for number in (1, 2, 3))
PAN, OTHER_PAN = 0x1A62, 0x2B73
NETWORK, NEXT_NETWORK = bytes(range(0x10, 0x20)), bytes(range(0x20, 0x30))
CENTRE_LINK, CBKE_LINK, PARTNER_LINK = (bytes(range(n, n + 16)) for n in (0x30, 0x50, 0x70))


@pytest.fixture(autouse=True)
def _tshark_is_there() -> None:
    if TSHARK is None:
        if os.environ.get("CI"):
            pytest.fail("tshark is not installed; it is required in CI")
        pytest.skip("tshark is not installed")


def tshark(folder: Path, capture: Capture, *arguments: str) -> list[str]:
    """Write `capture`, read it by a tshark without any configuration, and return its lines."""
    capture.write(folder / "capture.pcapng")
    (folder / "empty").mkdir(exist_ok=True)
    done = subprocess.run(
        [str(TSHARK), "-n", "-r", str(folder / "capture.pcapng"), *arguments],
        env={**os.environ, "WIRESHARK_CONFIG_DIR": str(folder / "empty"), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def fields(folder: Path, capture: Capture, *names: str) -> list[list[str]]:
    arguments = ["-T", "fields", "-E", "separator=|"]
    for name in names:
        arguments += ["-e", name]
    return [line.split("|") for line in tshark(folder, capture, *arguments)]


def price_request(
    number: int,
    *,
    network: bytes = NETWORK,
    link: bytes | None = None,
    pan: int = PAN,
    relayed: bool = False,
    extended_nonce: bool = False,
) -> bytes:
    """Get Current Price from the device; a reader without the keys cannot see it."""
    aps = ApsFrame(
        ApsType.DATA,
        number,
        dst_endpoint=1,
        cluster=0x0700,
        profile=0x0109,
        src_endpoint=1,
        payload=bytes([0x01, number, 0x00, 0x01]),
    )
    if link is not None:
        aps = secure_aps(
            aps, link, source=DEVICE, frame_counter=number, extended_nonce=extended_nonce
        )
    nwk = NwkFrame(NwkType.DATA, 0x0000, 0x1234, 30, number, payload=aps.to_bytes())
    by = RELAY if relayed else DEVICE
    nwk = secure_nwk(nwk, network, source=by, frame_counter=number, key_sequence=0)
    return MacFrame(
        MacType.DATA,
        number,
        dst_pan=pan,
        dst=0x0000,
        src=0x5678 if relayed else 0x1234,
        payload=nwk.to_bytes(),
        pan_compression=True,
    ).to_bytes()


def captured(frames: Sequence[bytes]) -> Capture:
    capture = Capture(["time 0 is the start of the campaign"])
    for number, frame in enumerate(frames):
        capture.add(1.5 + number, frame, channel=15, rssi=-43, lqi=210)
    return capture


def opened(folder: Path, capture: Capture) -> list[bool]:
    """For each frame that is not synthetic: whether tshark reads the price command in it."""
    rows = fields(folder, capture, "zbee_zcl_se.price.cmd.srv_rx.id")
    return [row[0] != "" for row in rows[len(capture.head) :]]


def test_nothing_opens_without_the_announcement(tmp_path: Path) -> None:
    capture = captured([price_request(1), price_request(2, link=CBKE_LINK)])
    assert opened(tmp_path, capture) == [False, False]


def test_network_and_link_keys_ride_in_the_file(tmp_path: Path) -> None:
    frames = [
        price_request(1),
        price_request(2, link=CENTRE_LINK),
        price_request(3, link=CBKE_LINK, extended_nonce=True),
        price_request(4, link=PARTNER_LINK),
        price_request(5, network=NEXT_NETWORK),
        price_request(6, network=NEXT_NETWORK, link=CBKE_LINK),
        price_request(7, pan=OTHER_PAN, link=CBKE_LINK),
    ]
    capture = captured(frames)
    announce_keys(
        capture,
        [
            KnownKey(NETWORK, "first", network=True),
            KnownKey(NEXT_NETWORK, "second", network=True, sequence=1),
            KnownKey(CENTRE_LINK, "from the install code"),
            KnownKey(CBKE_LINK, "from key establishment"),
            KnownKey(PARTNER_LINK, "with a partner"),
        ],
    )
    assert len(capture.head) == 10  # five keys on two PANs
    assert opened(tmp_path, capture) == [True] * 7
    assert tshark(tmp_path, capture, "-Y", "zbee_sec.encrypted_payload || _ws.malformed") == []


def test_a_key_that_was_not_announced_opens_nothing(tmp_path: Path) -> None:
    capture = captured([price_request(1), price_request(2, link=CBKE_LINK)])
    announce_keys(capture, [KnownKey(NETWORK, "n", network=True), KnownKey(CENTRE_LINK, "l")])
    assert opened(tmp_path, capture) == [True, False]


@pytest.mark.parametrize("key_id", [KeyId.KEY_TRANSPORT, KeyId.KEY_LOAD])
def test_keys_transported_under_an_announced_key_are_read(tmp_path: Path, key_id: KeyId) -> None:
    command = TransportKey(
        KeyType.NETWORK, NEXT_NETWORK, sequence=1, destination=DEVICE, source=CENTRE
    )
    aps = ApsFrame(ApsType.COMMAND, 1, payload=command.to_bytes())
    aps = secure_aps(
        aps, CENTRE_LINK, source=CENTRE, frame_counter=1, key_id=key_id, extended_nonce=True
    )
    nwk = NwkFrame(NwkType.DATA, 0x1234, 0x0000, 30, 1, payload=aps.to_bytes())
    mac = MacFrame(
        MacType.DATA,
        1,
        dst_pan=PAN,
        dst=0x1234,
        src=0x0000,
        payload=nwk.to_bytes(),
        pan_compression=True,
    )
    capture = captured([mac.to_bytes(), price_request(2, network=NEXT_NETWORK)])
    announce_keys(capture, [KnownKey(CENTRE_LINK, "from the install code")])
    assert opened(tmp_path, capture) == [False, True]
    rows = fields(tmp_path, capture, "zbee_aps.cmd.key")
    assert rows[-2][0].replace(":", "") == NEXT_NETWORK.hex()


def test_an_announced_node_opens_relayed_frames_without_extended_nonce(tmp_path: Path) -> None:
    frames = [price_request(1, link=CBKE_LINK, relayed=True)]
    keys = [KnownKey(NETWORK, "n", network=True), KnownKey(CBKE_LINK, "l")]
    unknown, known = captured(frames), captured(frames)
    announce_keys(unknown, keys)
    announce_keys(known, keys)
    announce_nodes(known, {(PAN, 0x1234): DEVICE})
    assert opened(tmp_path, unknown) == [False]
    assert opened(tmp_path, known) == [True]


def test_steps_signal_values_and_times_are_read_back(tmp_path: Path) -> None:
    capture = Capture()
    capture.mark("step 1: the TH <opens> joining \x1b[31m")
    capture.add(0.25, price_request(1), channel=15, rssi=-43, lqi=210)
    capture.add(5000000.000001, price_request(2), channel=26, rssi=-91, lqi=3)
    capture.mark("step 2: nothing is heard")
    names = ["frame.time_epoch", "wpan-tap.rss", "wpan-tap.lqi", "wpan-tap.ch_num", "frame.comment"]
    first, second = fields(tmp_path, capture, *names)
    assert float(first[0]) == 0.25 and second[0].startswith("5000000.000001")
    assert [float(first[1]), int(first[2]), int(first[3])] == [-43.0, 210, 15]
    assert [float(second[1]), int(second[2]), int(second[3])] == [-91.0, 3, 26]
    assert first[4] == "step 1: the TH <opens> joining \\x1b[31m"
    assert second[4] == "after this frame: step 2: nothing is heard"


def test_a_wrong_fcs_is_seen_as_wrong(tmp_path: Path) -> None:
    capture = Capture()
    capture.add(0.0, price_request(1), channel=11)
    capture.add(1.0, price_request(2), channel=11, fcs_ok=False)
    assert [row[0] for row in fields(tmp_path, capture, "wpan.fcs_ok")] == ["1", "0"]


def test_frames_of_each_interface_are_told_apart(tmp_path: Path) -> None:
    capture = captured([price_request(1)])
    capture.add(9.0, price_request(2), channel=15, interface="golden unit")
    announce_keys(capture, [KnownKey(NETWORK, "n", network=True)])
    rows = fields(tmp_path, capture, "frame.interface_name", "frame.comment")
    assert [row[0] for row in rows] == ["synthetic (never on air)", "sniffer", "golden unit"]
    assert "never on air" in rows[0][1] and struct.pack(">H", PAN).hex() in rows[0][1]


def test_frames_keep_their_numbers_whatever_is_announced(tmp_path: Path) -> None:
    capture = captured([price_request(1), price_request(2), price_request(3)])
    announce_keys(capture, [KnownKey(NETWORK, "n", network=True), KnownKey(CBKE_LINK, "l")])
    rows = fields(tmp_path, capture, "frame.number", "frame.packet_id", "zbee_zcl.cmd.tsn")
    assert rows == [["1", "", ""], ["2", "", ""], ["3", "1", "1"], ["4", "2", "2"], ["5", "3", "3"]]
    assert b"is number N + 2 of this file" in capture.to_bytes()


def test_an_empty_capture_is_a_readable_file(tmp_path: Path) -> None:
    capture = Capture()
    capture.mark("step 1: nothing came")
    assert tshark(tmp_path, capture) == []
    assert b"step 1: nothing came" in capture.to_bytes()
