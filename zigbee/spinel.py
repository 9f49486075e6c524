"""Spinel, the protocol of an OpenThread radio co-processor (RCP): numbers, headers and values.

A frame is `header (1) | command (packed integer) | payload`. Numbers are those of OpenThread's
Spinel header, RCP API version 11. How values are written is in `zigbee.spinel_values` (whose
functions are offered here too), how frames lie on the line in `zigbee.hdlc`, the raw stream of
802.15.4 frames in `zigbee.spinel_stream`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from zigbee.errors import CodecError
from zigbee.spinel_values import PACKED_MAX, pack, pack_uint, unpack, unpack_uint

__all__ = [
    "FORMATS",
    "PACKED_MAX",
    "Capability",
    "Command",
    "Frame",
    "Property",
    "RadioCapability",
    "Reset",
    "Status",
    "is_reset",
    "pack",
    "pack_uint",
    "property_frame",
    "status_text",
    "unpack",
    "unpack_uint",
]


class Command(IntEnum):
    NOOP = 0
    RESET = 1
    PROP_VALUE_GET = 2
    PROP_VALUE_SET = 3
    PROP_VALUE_INSERT = 4
    PROP_VALUE_REMOVE = 5
    PROP_VALUE_IS = 6
    PROP_VALUE_INSERTED = 7
    PROP_VALUE_REMOVED = 8


class Reset(IntEnum):
    """The optional octet of a RESET command."""

    PLATFORM = 1
    STACK = 2
    BOOTLOADER = 3


class Status(IntEnum):
    """Values of LAST_STATUS. From `NATIVE_BEGIN` on: the firmware's own error number is added."""

    OK = 0
    FAILURE = 1
    UNIMPLEMENTED = 2
    INVALID_ARGUMENT = 3
    INVALID_STATE = 4
    INVALID_COMMAND = 5
    INVALID_INTERFACE = 6
    INTERNAL_ERROR = 7
    SECURITY_ERROR = 8
    PARSE_ERROR = 9
    IN_PROGRESS = 10
    NOMEM = 11
    BUSY = 12
    PROP_NOT_FOUND = 13
    DROPPED = 14
    EMPTY = 15
    CMD_TOO_BIG = 16
    NO_ACK = 17
    CCA_FAILURE = 18
    ALREADY = 19
    ITEM_NOT_FOUND = 20
    INVALID_COMMAND_FOR_PROP = 21
    UNKNOWN_NEIGHBOR = 22
    NOT_CAPABLE = 23
    RESPONSE_TIMEOUT = 24
    SWITCHOVER_DONE = 25
    SWITCHOVER_FAILED = 26
    RESET_POWER_ON = 112
    RESET_EXTERNAL = 113
    RESET_SOFTWARE = 114
    RESET_FAULT = 115
    RESET_CRASH = 116
    RESET_ASSERT = 117
    RESET_OTHER = 118
    RESET_UNKNOWN = 119
    RESET_WATCHDOG = 120
    NATIVE_BEGIN = 16384


def is_reset(status: int) -> bool:
    """Whether a status says that the radio has restarted (112..127)."""
    return Status.RESET_POWER_ON <= status < 128


def status_text(status: int) -> str:
    """A status for people: name and number, or the firmware's own error number."""
    if status >= Status.NATIVE_BEGIN:
        return f"firmware error {status - Status.NATIVE_BEGIN} (status {status})"
    try:
        return f"{Status(status).name} ({status})"
    except ValueError:
        return f"status {status}"


class Property(IntEnum):
    """The properties that a ZigBee host has a use for; `FORMATS` has their types."""

    LAST_STATUS = 0x00
    PROTOCOL_VERSION = 0x01
    NCP_VERSION = 0x02
    INTERFACE_TYPE = 0x03
    VENDOR_ID = 0x04
    CAPS = 0x05
    INTERFACE_COUNT = 0x06
    HWADDR = 0x08
    PHY_ENABLED = 0x20
    PHY_CHAN = 0x21
    PHY_CHAN_SUPPORTED = 0x22
    PHY_FREQ = 0x23
    PHY_CCA_THRESHOLD = 0x24
    PHY_TX_POWER = 0x25
    PHY_RSSI = 0x26
    PHY_RX_SENSITIVITY = 0x27
    MAC_SCAN_STATE = 0x30
    MAC_SCAN_MASK = 0x31
    MAC_SCAN_PERIOD = 0x32
    MAC_15_4_LADDR = 0x34
    MAC_15_4_SADDR = 0x35
    MAC_15_4_PANID = 0x36
    MAC_RAW_STREAM_ENABLED = 0x37
    MAC_PROMISCUOUS_MODE = 0x38
    MAC_ENERGY_SCAN_RESULT = 0x39
    MAC_RX_ON_WHEN_IDLE_MODE = 0x3B
    MAC_15_4_ALT_SADDR = 0x3C
    STREAM_DEBUG = 0x70
    STREAM_RAW = 0x71
    STREAM_LOG = 0x74
    RCP_API_VERSION = 0xB0
    RCP_MIN_HOST_API_VERSION = 0xB1
    RCP_TIMESTAMP = 0x802
    RADIO_CAPS = 0x120B
    MAC_SRC_MATCH_ENABLED = 0x1303
    MAC_SRC_MATCH_SHORT_ADDRESSES = 0x1304
    MAC_SRC_MATCH_EXTENDED_ADDRESSES = 0x1305


FORMATS: dict[int, str] = {
    Property.LAST_STATUS: "i",
    Property.PROTOCOL_VERSION: "ii",
    Property.NCP_VERSION: "U",
    Property.INTERFACE_TYPE: "i",
    Property.VENDOR_ID: "i",
    Property.CAPS: "A(i)",
    Property.INTERFACE_COUNT: "C",
    Property.HWADDR: "E",
    Property.PHY_ENABLED: "b",
    Property.PHY_CHAN: "C",
    Property.PHY_CHAN_SUPPORTED: "A(C)",
    Property.PHY_FREQ: "L",
    Property.PHY_CCA_THRESHOLD: "c",
    Property.PHY_TX_POWER: "c",
    Property.PHY_RSSI: "c",
    Property.PHY_RX_SENSITIVITY: "c",
    Property.MAC_SCAN_STATE: "C",
    Property.MAC_SCAN_MASK: "A(C)",
    Property.MAC_SCAN_PERIOD: "S",
    Property.MAC_15_4_LADDR: "E",
    Property.MAC_15_4_SADDR: "S",
    Property.MAC_15_4_PANID: "S",
    Property.MAC_RAW_STREAM_ENABLED: "b",
    Property.MAC_PROMISCUOUS_MODE: "C",
    Property.MAC_ENERGY_SCAN_RESULT: "Cc",
    Property.MAC_RX_ON_WHEN_IDLE_MODE: "b",
    Property.MAC_15_4_ALT_SADDR: "S",
    Property.STREAM_RAW: "dD",
    Property.RCP_API_VERSION: "i",
    Property.RCP_MIN_HOST_API_VERSION: "i",
    Property.RCP_TIMESTAMP: "X",
    Property.RADIO_CAPS: "i",
    Property.MAC_SRC_MATCH_ENABLED: "b",
    Property.MAC_SRC_MATCH_SHORT_ADDRESSES: "A(S)",
    Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES: "A(E)",
}


class Capability(IntEnum):
    """Elements of CAPS that the harness asks for or reports."""

    COUNTERS = 5
    UNSOL_UPDATE_FILTER = 6
    OQPSK_2450MHZ = 24
    CONFIG_RADIO = 34
    RCP_API_VERSION = 64
    RCP_MIN_HOST_API_VERSION = 65
    MAC_RAW = 513


class RadioCapability(IntFlag):
    """Bits of RADIO_CAPS."""

    ACK_TIMEOUT = 0x0001
    ENERGY_SCAN = 0x0002
    TRANSMIT_RETRIES = 0x0004
    CSMA_BACKOFF = 0x0008
    SLEEP_TO_TX = 0x0010
    TRANSMIT_SEC = 0x0020
    TRANSMIT_TIMING = 0x0040
    RECEIVE_TIMING = 0x0080


# --- frames ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Frame:
    """One Spinel frame. `tid` 0 marks notifications, `iid` is the interface (0 on one PAN)."""

    tid: int
    command: int
    payload: bytes = b""
    iid: int = 0

    def to_bytes(self) -> bytes:
        if not 0 <= self.tid <= 15 or not 0 <= self.iid <= 3:
            raise CodecError("spinel", "header", 0, f"no tid {self.tid} of interface {self.iid}")
        return bytes((0x80 | self.iid << 4 | self.tid,)) + pack_uint(self.command) + self.payload

    @classmethod
    def from_bytes(cls, octets: bytes) -> Frame:
        """Raises `CodecError` when it is not Spinel (top bits not `10`) or ends early."""
        if not octets or octets[0] & 0xC0 != 0x80:
            raise CodecError("spinel", "header", 0, "the top two bits are not 10")
        command, offset = unpack_uint(octets, 1)
        return cls(octets[0] & 0x0F, command, octets[offset:], octets[0] >> 4 & 0x03)

    def property(self) -> tuple[int, bytes]:
        """The property number at the head of the payload, and the value behind it."""
        number, offset = unpack_uint(self.payload)
        return number, self.payload[offset:]


def property_frame(tid: int, command: int, number: int, value: bytes = b"", iid: int = 0) -> bytes:
    """The octets of a frame that carries a property (GET, SET, IS, INSERT, ...)."""
    return Frame(tid, command, pack_uint(number) + value, iid).to_bytes()
