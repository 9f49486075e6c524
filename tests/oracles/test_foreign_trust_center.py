"""A trust center of another make on the served virtual bench: `python -m lab serve`, in real time.

It stands on aiospinel and bare pyserial, switches the supply over a bare TCP socket, and sets the
radio up in an order of its own. The codec builds its frames; no driver and nothing else of the lab
has a part in it. It lets the simulated device in, as any host may want to.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from zigbee import aps, mac, nwk
from zigbee.crypto import install_code
from zigbee.security import KeyId, secure_aps, unsecure_nwk
from zigbee.types import Eui64

ROOT = Path(__file__).resolve().parents[2]
CHANNEL, PAN, EXTENDED_PAN = 20, 0x5AFE, Eui64(0x00C0FFEE00C0FFEE)
OWN, CHILD = Eui64(0x00C0FFEE00000001), 0x1C3D
NETWORK_KEY = bytes.fromhex("c0ffee00112233445566778899aabbcc")
KEY_SEQUENCE = 7
DEVICE_ANNCE = 0x0013
LIMIT_S = 60.0
"""Real seconds for all of it; it takes about ten on a machine with nothing else to do."""
TRY_S = 12.0
"""Real seconds of one attempt to join: the device scans 16 channels first."""


@pytest.fixture
def served() -> Iterator[dict[str, Any]]:
    if importlib.util.find_spec("aiospinel") is None:
        if os.environ.get("CI"):
            pytest.fail("aiospinel is not installed; it is required in CI")
        pytest.skip("aiospinel is not installed")
    command = [sys.executable, "-m", "lab", "serve", "--bench", "virtual"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        where: dict[str, Any] = json.loads(process.stdout.readline())
        yield where
    finally:
        process.terminate()
        assert process.wait(30) == 0


class BarePort(asyncio.Transport):
    """A serial port through pyserial alone, for a protocol of asyncio or for a callback."""

    def __init__(self, port: str, on_octets: Callable[[bytes], None]) -> None:
        super().__init__()
        self._serial = serial.Serial(port, 115_200, timeout=0)
        self._on_octets = on_octets
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._serial.fileno(), self._readable)

    def _readable(self) -> None:
        if octets := self._serial.read(4096):
            self._on_octets(octets)

    def write(self, data: Any) -> None:
        self._serial.write(bytes(data))

    def close(self) -> None:
        if self._serial.is_open:
            self._loop.remove_reader(self._serial.fileno())
            self._serial.close()


class Typist:
    """Somebody at the device's console."""

    def __init__(self, port: str) -> None:
        self.seen = ""
        self._news = asyncio.Event()
        self.port = BarePort(port, self._hear)

    def _hear(self, octets: bytes) -> None:
        self.seen += octets.decode("ascii", "replace")
        self._news.set()

    def type(self, line: str) -> None:
        self.port.write(line.encode("ascii") + b"\r")

    async def see(self, text: str, since: int = 0) -> None:
        while text not in self.seen[since:]:
            self._news.clear()
            await self._news.wait()


async def ask_supply(resource: str, *lines: str) -> list[str]:
    """Send the lines, and return the replies to those that are queries."""
    _, host, port, _ = resource.split("::")
    reader, writer = await asyncio.open_connection(host, int(port))
    replies = []
    for line in lines:
        writer.write(line.encode("ascii") + b"\n")
        if "?" in line:
            replies.append((await reader.readline()).decode("ascii").strip())
    writer.close()
    await writer.wait_closed()
    return replies


class ForeignTrustCenter:
    """Forms a PAN, answers whoever looks for one, and gives the network key to one device.

    `steps` are what it did and saw, in order; `announced` is the Device_annce that it could open.
    """

    def __init__(self, port: str, device: Eui64, link_key: bytes) -> None:
        from aiospinel.protocol import SpinelProtocol
        from aiospinel.types import PropertyID

        self.device, self.link_key = device, link_key
        self.host = SpinelProtocol()
        self.port = BarePort(port, self.host.data_received)
        self.host.connection_made(self.port)
        self.host.add_property_listener(PropertyID.STREAM_RAW, self._heard)
        self.steps: list[str] = []
        self.announced: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._sequence = 0x40
        self._counter = 0x1000
        self._tasks: set[asyncio.Task[None]] = set()

    async def _set(self, name: str, value: str) -> None:
        from aiospinel.types import CommandID, PropertyID

        number = PropertyID[name].serialize()
        answer = await self.host.send_command(
            CommandID.PROP_VALUE_SET, number + bytes.fromhex(value)
        )
        assert answer.data == number + bytes.fromhex(value), (name, answer.data.hex())

    async def form(self) -> None:
        """Reset the radio and set it up; addresses first, the receiver last."""
        assert "RCP" in await self.host.probe()
        for name, value in (
            ("MAC_15_4_PANID", struct.pack("<H", PAN).hex()),
            ("MAC_15_4_SADDR", "0000"),
            ("PHY_TX_POWER", "05"),
            ("MAC_15_4_LADDR", OWN.to_be().hex()),
            ("PHY_CHAN", f"{CHANNEL:02x}"),
            ("PHY_ENABLED", "01"),
            ("MAC_PROMISCUOUS_MODE", "00"),
            ("MAC_RAW_STREAM_ENABLED", "01"),
        ):
            await self._set(name, value)

    async def send(self, frame: mac.MacFrame) -> int:
        """Send a frame; the status with which the radio ends."""
        from aiospinel.types import CommandID, PropertyID

        psdu = frame.to_bytes() + bytes(2)
        head = struct.pack("<H", len(psdu)) + psdu
        # channel, back-offs, retries, CSMA, header updated, retransmission, secured
        meta = bytes((CHANNEL, 4, 3, 1, 1, 0, 1))
        answer = await self.host.send_command(
            CommandID.PROP_VALUE_SET, PropertyID.STREAM_RAW.serialize() + head + meta
        )
        assert answer.data[0] == 0, answer.data.hex()  # LAST_STATUS
        return int(answer.data[1])

    def _heard(self, value: bytes) -> None:
        """Take in a frame. aiospinel would swallow what goes wrong here: it ends the test."""
        try:
            length = int.from_bytes(value[:2], "little")
            answer = self._answer_to(mac.MacFrame.from_bytes(value[2 : 2 + length - 2]))
        except Exception as error:
            self._failed(error)
            return
        if answer is not None:
            task = asyncio.get_running_loop().create_task(answer)
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        if not self.announced.done():
            self.announced.set_exception(error)

    def _answer_to(self, frame: mac.MacFrame) -> Coroutine[Any, Any, None] | None:
        if frame.frame_type == mac.MacType.COMMAND:
            command = mac.parse_mac_command(frame.payload)
            if isinstance(command, mac.BeaconRequest):
                return self._beacon()
            if frame.src == self.device and isinstance(command, mac.DataRequest):
                return self._let_in()
            if frame.src == self.device and isinstance(command, mac.AssociationRequest):
                self.steps.append("association request")
        elif frame.frame_type == mac.MacType.DATA and frame.src == CHILD:
            self._from_child(nwk.NwkFrame.from_bytes(frame.payload))
        return None

    def _number(self) -> int:
        self._sequence = self._sequence + 1 & 0xFF
        return self._sequence

    async def _beacon(self) -> None:
        beacon = mac.Beacon(
            EXTENDED_PAN,
            association_permit=True,
            pan_coordinator=True,
            router_capacity=True,
            end_device_capacity=True,
        )
        frame = mac.MacFrame(mac.MacType.BEACON, self._number(), src_pan=PAN, src=0)
        frame.payload = beacon.to_bytes()
        if await self.send(frame) == 0:
            self.steps.append("beacon")

    async def _let_in(self) -> None:
        """Answer the poll of the device with its address, then give it the network key."""
        response = mac.AssociationResponse(CHILD, 0)
        frame = mac.MacFrame(
            mac.MacType.COMMAND,
            self._number(),
            dst_pan=PAN,
            dst=self.device,
            src=OWN,
            payload=response.to_bytes(),
            ack_request=True,
            pan_compression=True,
        )
        if await self.send(frame) != 0:
            return
        self.steps.append("association response")
        await asyncio.sleep(0.2)
        if await self.send(self._transport_key()) == 0:
            self.steps.append("transport key")

    def _transport_key(self) -> mac.MacFrame:
        command = aps.TransportKey(
            aps.KeyType.NETWORK,
            NETWORK_KEY,
            sequence=KEY_SEQUENCE,
            destination=self.device,
            source=OWN,
        )
        self._counter += 1
        inner = secure_aps(
            aps.ApsFrame(aps.ApsType.COMMAND, self._number(), payload=command.to_bytes()),
            self.link_key,
            source=OWN,
            frame_counter=self._counter,
            key_id=KeyId.KEY_TRANSPORT,
            extended_nonce=True,
        )
        outer = nwk.NwkFrame(nwk.NwkType.DATA, CHILD, 0, 30, self._number())
        outer.payload = inner.to_bytes()
        return mac.MacFrame(
            mac.MacType.DATA,
            self._number(),
            dst_pan=PAN,
            dst=CHILD,
            src=0,
            payload=outer.to_bytes(),
            ack_request=True,
            pan_compression=True,
        )

    def _from_child(self, frame: nwk.NwkFrame) -> None:
        """Open what the device sends: raises SecurityError when it is not under our key."""
        if frame.frame_type != nwk.NwkType.DATA or self.announced.done():
            return
        inner = aps.ApsFrame.from_bytes(unsecure_nwk(frame, NETWORK_KEY).payload)
        if inner.cluster == DEVICE_ANNCE:
            assert frame.aux is not None
            assert (frame.aux.source, frame.aux.key_sequence) == (self.device, KEY_SEQUENCE)
            self.steps.append("announced")
            self.announced.set_result(inner.payload)


async def let_the_device_in(where: dict[str, Any]) -> tuple[ForeignTrustCenter, Typist]:
    device = Eui64.parse(where["dut"]["eui64"])
    link_key = install_code.link_key(bytes.fromhex(where["dut"]["install_code"]))
    center, typist = ForeignTrustCenter(where["rcp"], device, link_key), Typist(where["console"])
    try:
        await center.form()
        volts, amperes = await ask_supply(
            where["supply"], "MEAS:VOLT? (@1)", "VOLT 3.3,(@1);CURR 0.3,(@1)", "MEAS:CURR? (@1)"
        )
        assert (float(volts), float(amperes)) == (0.0, 0.0)
        await ask_supply(where["supply"], "OUTP ON,(@1)", "OUTP? (@1)")
        await typist.see("boot reason=power")
        while not center.announced.done():
            typed = len(typist.seen)
            typist.type("network join")
            await typist.see("OK", typed)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(center.announced), TRY_S)
        await typist.see(f"EVENT joined node=0x{CHILD:04x} pan=0x{PAN:04x}")
        (amperes,) = await ask_supply(where["supply"], "MEAS:CURR? (@1)")
        assert 0.02 < float(amperes) < 0.3
        assert await ask_supply(where["supply"], "OUTP OFF,(@1)", "OUTP? (@1)") == ["0"]
    finally:
        typist.port.close()
        center.port.close()
    return center, typist


def test_a_foreign_trust_center_lets_the_device_in(served: dict[str, Any]) -> None:
    center, typist = asyncio.run(asyncio.wait_for(let_the_device_in(served), LIMIT_S))
    order = ["beacon", "association request", "association response", "transport key", "announced"]
    assert list(dict.fromkeys(center.steps)) == order
    announced = center.announced.result()
    short, eui64, capability = struct.unpack("<xHQB", announced)
    assert (short, eui64) == (CHILD, int(center.device))
    assert capability & 0x02  # a router
    assert "ERROR" not in typist.seen
