"""tshark as an oracle: frames in, the fields of another decoder out. Nothing of ours decodes here.

tshark runs with an empty configuration folder, so that its user's settings play no part. Absent, it
makes a test skip; where the environment variable CI is set, fail.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

LINKTYPE_IEEE802_15_4_WITHFCS = 195
KEYS_PREFERENCE = 'uat:zigbee_pc_keys:"{}","Normal","{}"'
LEVEL_PREFERENCE = "zbee_nwk.seclevel:AES-128 Encryption, 32-bit Integrity Protection"


def program() -> str:
    """The tshark to run; skips the test that asks (or fails it in CI) when there is none."""
    found = shutil.which("tshark")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("tshark is not installed; it is required in CI")
        pytest.skip("tshark is not installed")
    return found


def fcs(psdu: bytes) -> bytes:
    """The frame check sequence, bit by bit (this oracle does not use the code under test)."""
    register = 0
    for octet in psdu:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return struct.pack("<H", register)


def pcap(frames: Iterable[bytes]) -> bytes:
    """A capture file of PSDUs without FCS, one millisecond apart; the FCS is added."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_IEEE802_15_4_WITHFCS)
    records = [head]
    for number, psdu in enumerate(frames):
        octets = psdu + fcs(psdu)
        seconds, rest = divmod(number, 1000)
        records.append(struct.pack("<IIII", seconds, rest * 1000, len(octets), len(octets)))
        records.append(octets)
    return b"".join(records)


@dataclass(slots=True)
class Tree:
    """One dissected frame: its protocols in order and every field's values in order of the frame.

    `raw` has, for a field, the octets that tshark took it from (hexadecimal text).
    """

    protocols: list[str]
    fields: dict[str, list[str]] = field(default_factory=dict)
    raw: dict[str, list[str]] = field(default_factory=dict)

    def numbers(self, name: str) -> list[int]:
        """The field's values as integers; addresses and octet strings are read big-endian."""
        return [number(text) for text in self.fields.get(name, ())]

    def complaints(self) -> list[str]:
        """What tshark could not dissect or found wrong."""
        suspects = ("_ws.malformed", "_ws.short", "_ws.unreassembled", "data.data")
        found = [name for name in suspects if name in self.fields or name in self.protocols]
        found += [name for name in self.fields if name.startswith("zbee_sec.")]
        if self.numbers("wpan.fcs_ok") != [1]:
            found.append("wpan.fcs_ok")
        return found + self.fields.get("_ws.expert.message", [])


def number(text: str) -> int:
    """The integer in tshark's text: 0x1a, 26, True, 00:0d:6f:00:01:02:03:04."""
    if text in ("True", "False"):
        return int(text == "True")
    if ":" in text:
        return int(text.replace(":", ""), 16)
    return int(text, 0)


def dissect(
    frames: Sequence[bytes], keys: Mapping[str, bytes] | None = None, *options: str
) -> list[Tree]:
    """What tshark makes of the PSDUs (without FCS), given the keys by label."""
    command = [program(), "-n", "-r", "-", "-o", LEVEL_PREFERENCE]
    for label, key in (keys or {}).items():
        command += ["-o", KEYS_PREFERENCE.format(key.hex(":"), label)]
    command += [*options, "-T", "json", "-x"]
    output = run(command, pcap(frames))
    packets = json.loads(output, object_pairs_hook=list)
    trees = [_tree(dict(dict(packet)["_source"])["layers"]) for packet in packets]
    assert len(trees) == len(frames)
    return trees


def run(command: Sequence[str], capture: bytes) -> bytes:
    """The standard output of a tshark command that reads `capture` from its standard input."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        done = subprocess.run(
            list(command),
            input=capture,
            env={**os.environ, "WIRESHARK_CONFIG_DIR": str(home), "HOME": str(home)},
            capture_output=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def _tree(layers: list[tuple[str, Any]]) -> Tree:
    tree = Tree([name for name, _ in layers if not name.endswith("_raw")])
    for name, value in layers:
        _collect(tree, name, value)
    return tree


def _collect(tree: Tree, name: str, value: Any) -> None:
    if name.endswith("_raw"):
        hexadecimal = value[0] if isinstance(value, list) and value else value
        tree.raw.setdefault(name.removesuffix("_raw"), []).append(hexadecimal)
    elif isinstance(value, str):
        tree.fields.setdefault(name, []).append(value)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, tuple):
                _collect(tree, *item)
            else:
                _collect(tree, name, item)
