"""Frames a second from the air to named cluster fields: ours, scapy with hand decryption, tshark.

One synthetic capture of NWK-secured Smart Energy commands (price, DRLC, metering, messaging in
turn) is read, decrypted and decoded by each, on one core. scapy has no ZigBee decryption and no
fields for most of these commands: it gets AES-CCM by hand, and what it leaves as octets is left.
tshark prints the same cluster fields; its rate is given with and without its start.
"""

from __future__ import annotations

import gc
import os
import random
import resource
import shutil
import struct
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from zigbee import aps, mac, nwk, zcl
from zigbee.dissect import Dissector, KeyRing
from zigbee.fcs import crc_kermit
from zigbee.security import secure_nwk
from zigbee.types import Eui64

KEY = bytes(range(16))
SENDER = Eui64(0x000D6F0000000001)
PAN, SRC, DST = 0x1A62, 0x0000, 0xA18F
LINKTYPE_WITH_FCS = 195

SHOWN = {
    "PublishPrice": (
        ("ProviderID", "price.provider_id"),
        ("RateLabel", "price.rate_label"),
        ("IssuerEventID", "price.issuer_event_id"),
        ("CurrentTime", "price.current_time"),
        ("UnitOfMeasure", "price.unit_of_measure"),
        ("Currency", "price.currency"),
        ("StartTime", "price.start_time"),
        ("DurationInMinutes", "price.duration_in_minutes"),
        ("Price", "price.price"),
        ("PriceRatio", "price.price.ratio"),
    ),
    "LoadControlEvent": (
        ("IssuerEventID", "drlc.issuer_id"),
        ("DeviceClass", "drlc.device_class"),
        ("UtilityEnrollmentGroup", "drlc.utility_enrollment_group"),
        ("StartTime", "drlc.start_time"),
        ("DurationInMinutes", "drlc.duration_in_minutes"),
        ("CriticalityLevel", "drlc.criticality_level"),
        ("DutyCycle", "drlc.duty_cycle"),
        ("EventControl", "drlc.event_control"),
    ),
    "GetProfileResponse": (
        ("EndTime", "met.get_profile_response.end_time"),
        ("Status", "met.get_profile_response.status"),
        ("ProfileIntervalPeriod", "met.get_profile_response.profile_interval_period"),
        ("NumberOfPeriodsDelivered", "met.get_profile_response.number_of_periods_delivered"),
        ("Intervals", "met.get_profile_response.intervals"),
    ),
    "DisplayMessage": (
        ("MessageID", "msg.message.id"),
        ("MessageControl", "msg.message.ctrl"),
        ("StartTime", "msg.message.start_time"),
        ("DurationInMinutes", "msg.message.duration"),
        ("Message", "msg.message"),
    ),
}
"""By command: the name of each field that is read, in the specification and in tshark."""


def commands(number: int) -> tuple[str, str, dict[str, Any]]:
    """Cluster, command and fields of the frame with this number; the kinds take turns."""
    draw = random.Random(number)
    start = 0x2C000000 + number
    kind = number % 4
    if kind == 0:
        fields: dict[str, Any] = {
            "ProviderID": draw.getrandbits(32),
            "RateLabel": b"Tier %d" % draw.randrange(10),
            "IssuerEventID": number,
            "CurrentTime": start,
            "UnitOfMeasure": 0,
            "Currency": 840,
            "PriceTrailingDigitAndPriceTier": 0x21,
            "NumberOfPriceTiersAndRegisterTier": 0x31,
            "StartTime": start + 60,
            "DurationInMinutes": 60,
            "Price": draw.randrange(1 << 16),
        }
        return "price", "PublishPrice", fields
    if kind == 1:
        return (
            "drlc",
            "LoadControlEvent",
            {
                "IssuerEventID": number,
                "DeviceClass": 1 << draw.randrange(12),
                "UtilityEnrollmentGroup": 0,
                "StartTime": start,
                "DurationInMinutes": draw.randrange(1, 1440),
                "CriticalityLevel": draw.randrange(1, 10),
                "DutyCycle": draw.randrange(101),
                "EventControl": 3,
            },
        )
    if kind == 2:
        return (
            "metering",
            "GetProfileResponse",
            {
                "EndTime": start,
                "Status": 0,
                "ProfileIntervalPeriod": 1,
                "NumberOfPeriodsDelivered": 4,
                "Intervals": [draw.randrange(1 << 16) for _ in range(4)],
            },
        )
    return (
        "messaging",
        "DisplayMessage",
        {
            "MessageID": number,
            "MessageControl": 0x01,
            "StartTime": start,
            "DurationInMinutes": draw.randrange(1, 600),
            "Message": "Conservation tips are on the utility's page",
        },
    )


def psdu(number: int) -> bytes:
    """A frame without FCS, secured with the network key."""
    short, name, fields = commands(number)
    cluster = zcl.cluster(short)
    command = cluster.command(name)
    frame = zcl.ZclFrame(
        True, command.direction, number & 0xFF, command.id, command.build(**fields)
    )
    data = aps.ApsFrame(
        aps.ApsType.DATA,
        number & 0xFF,
        dst_endpoint=1,
        cluster=cluster.id,
        profile=0x0109,
        src_endpoint=1,
        payload=frame.to_bytes(),
    )
    clear = nwk.NwkFrame(nwk.NwkType.DATA, DST, SRC, 30, number & 0xFF, data.to_bytes())
    secured = secure_nwk(clear, KEY, source=SENDER, frame_counter=number, key_sequence=0)
    outer = mac.MacFrame(
        mac.MacType.DATA,
        number & 0xFF,
        PAN,
        DST,
        src=SRC,
        payload=secured.to_bytes(),
        ack_request=True,
        pan_compression=True,
    )
    return outer.to_bytes()


def write_capture(path: Path, frames: int) -> None:
    """A pcap of link type 195: FCS at the end of every frame."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 256, LINKTYPE_WITH_FCS))
        for number in range(frames):
            octets = psdu(number)
            octets += crc_kermit(octets).to_bytes(2, "little")
            size = len(octets)
            file.write(struct.pack("<IIII", number // 1000, number % 1000, size, size) + octets)


def read_capture(path: Path) -> Iterator[bytes]:
    """The frames of the capture, with FCS."""
    octets = path.read_bytes()
    at = 24
    while at < len(octets):
        (size,) = struct.unpack_from("<I", octets, at + 8)
        at += 16
        yield octets[at : at + size]
        at += size


def by_us(path: Path) -> int:
    """Frames decoded to named fields by the dissector, all fields of `SHOWN` read."""
    keys = KeyRing()
    keys.add_network(KEY)
    dissector = Dissector(keys)
    decoded = 0
    for frame in read_capture(path):
        command = dissector.dissect(frame[:-2]).command
        if command is not None:
            fields = command.fields
            for name, _ in SHOWN[command.name]:
                fields[name]
            decoded += 1
    return decoded


def by_scapy(path: Path) -> int:
    """Frames taken apart to the ZCL header; AES-CCM by hand, one cipher for all frames."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cryptography.hazmat.primitives.ciphers.aead import AESCCM
        from scapy.config import conf
        from scapy.layers.dot15d4 import Dot15d4FCS
        from scapy.layers.zigbee import (
            ZigbeeAppDataPayload,
            ZigbeeClusterLibrary,
            ZigbeeSecurityHeader,
        )
    conf.dot15d4_protocol = "zigbee"  # type: ignore[assignment]
    cipher = AESCCM(KEY, tag_length=4)
    decoded = 0
    for frame in read_capture(path):
        packet = Dot15d4FCS(frame)
        header = packet[ZigbeeSecurityHeader]
        octets = header.original
        nonce = struct.pack("<QIB", header.source, header.fc, 0x2D)
        aad = frame[9 : -2 - len(octets)] + b"\x2d" + octets[1:14]
        clear = cipher.decrypt(nonce, octets[14:], aad)
        payload = ZigbeeAppDataPayload(clear)
        if ZigbeeClusterLibrary in payload:
            library = payload[ZigbeeClusterLibrary]
            decoded += library.command_identifier is not None
    return decoded


def by_tshark(path: Path) -> int:
    """Frames for which tshark printed every one of the cluster fields that we read."""
    command = [
        *(shutil.which("tshark") or "tshark", "-n", "-r", str(path)),
        *("-o", "zbee_nwk.seclevel:AES-128 Encryption, 32-bit Integrity Protection"),
        *("-o", f'uat:zigbee_pc_keys:"{KEY.hex(":")}","Normal","nwk"'),
        *("-T", "fields", "-E", "separator=|"),
    ]
    for names in SHOWN.values():
        for _, name in names:
            command += ["-e", f"zbee_zcl_se.{name}"]
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "WIRESHARK_CONFIG_DIR": home, "HOME": home}
        done = subprocess.run(command, capture_output=True, env=environment, check=True)
    decoded = 0
    for number, line in enumerate(done.stdout.splitlines()):
        printed = sum(1 for column in line.split(b"|") if column)
        decoded += printed == len(SHOWN[commands(number % 4)[1]])
    return decoded


def on_one_core() -> int:
    """Binds this process and what it starts to one core; returns its number."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def resident_kilobytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def resident_growth(work: Callable[[], object]) -> int:
    """Kilobytes by which two more passes leave the process larger than the first did."""
    work()
    gc.collect()
    first = resident_kilobytes()
    work()
    work()
    gc.collect()
    return resident_kilobytes() - first


def check(path: Path) -> None:
    """Raises RuntimeError unless every frame is decoded to the values that it was built from."""
    keys = KeyRing()
    keys.add_network(KEY)
    dissector = Dissector(keys)
    for number, frame in enumerate(read_capture(path)):
        _, name, fields = commands(number)
        command = dissector.dissect(frame[:-2]).command
        if command is None or command.name != name or not fields.items() <= command.fields.items():
            raise RuntimeError(f"frame {number} was decoded to {command}, not {name} {fields}")


def timed(way: Callable[[Path], int], path: Path, frames: int) -> float:
    """Seconds; raises RuntimeError when a frame was not decoded."""
    gc.collect()
    start = time.perf_counter()
    decoded = way(path)
    seconds = time.perf_counter() - start
    if decoded != frames:
        raise RuntimeError(f"{way.__name__} decoded {decoded} of {frames} frames")
    return seconds


def run(frames: int = 20_000, rounds: int = 3, scapy_rounds: int = 1) -> dict[str, Any]:
    """Frames a second each way: the best of the rounds, which take turns; ratios; memory growth."""
    before = os.sched_getaffinity(0)
    on_one_core()
    try:
        return _run(frames, rounds, scapy_rounds)
    finally:
        os.sched_setaffinity(0, before)


def _run(frames: int, rounds: int, scapy_rounds: int) -> dict[str, Any]:
    ways: dict[str, Callable[[Path], int]] = {"ours": by_us, "scapy": by_scapy, "tshark": by_tshark}
    best = dict.fromkeys((*ways, "tshark start"), float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        capture, single = Path(folder, "capture.pcap"), Path(folder, "one.pcap")
        write_capture(capture, frames)
        write_capture(single, 1)
        check(capture)
        growth = resident_growth(lambda: by_us(capture))
        by_scapy(single)
        for turn in range(rounds):
            for name, way in ways.items():
                if name == "scapy" and turn >= scapy_rounds:
                    continue
                best[name] = min(best[name], timed(way, capture, frames))
            best["tshark start"] = min(best["tshark start"], timed(by_tshark, single, 1))
    running = max(best["tshark"] - best["tshark start"], 1e-9)
    rates = {
        "ours": frames / best["ours"],
        "tshark": frames / best["tshark"],
        "tshark without start": frames / running,
        "scapy": frames / best["scapy"],
    }
    _print(frames, rounds, rates)
    print(f"resident memory from our first pass over the capture to our third: {growth:+} kB")
    return {
        "frames": frames,
        "rounds": rounds,
        "frames_per_second": {name: round(rate) for name, rate in rates.items()},
        "ours_to_scapy": round(rates["ours"] / rates["scapy"], 2),
        "ours_to_tshark": round(rates["ours"] / rates["tshark"], 2),
        "ours_to_tshark_without_start": round(rates["ours"] / rates["tshark without start"], 2),
        "resident_growth_kilobytes": growth,
    }


def _print(frames: int, rounds: int, rates: dict[str, float]) -> None:
    table = Table(title=f"Air to cluster fields, {frames} frames, best of {rounds}, one core")
    for heading in ("way", "frames/s", "us a frame", "ours is faster by"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for name, rate in rates.items():
        times = f"{rates['ours'] / rate:.2f}"
        table.add_row(name, f"{rate:,.0f}", f"{1e6 / rate:.1f}", times)
    Console().print(table)
