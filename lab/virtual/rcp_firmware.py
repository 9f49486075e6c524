"""What RCP firmware is: its build, its properties, and which of them it takes when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lab.virtual.air import SENSITIVITY_DBM
from zigbee.spinel import Capability, Property, RadioCapability
from zigbee.types import Eui64

CHANNELS = range(11, 27)

NEEDS_PHY = frozenset(
    {
        Property.MAC_PROMISCUOUS_MODE,
        Property.MAC_SCAN_STATE,
        Property.MAC_RAW_STREAM_ENABLED,
        Property.MAC_SRC_MATCH_ENABLED,
        Property.MAC_SRC_MATCH_SHORT_ADDRESSES,
        Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES,
        Property.STREAM_RAW,
    }
)
"""What the firmware's raw link refuses with INVALID_STATE until PHY_ENABLED is true."""

WRITABLE = (
    Property.PHY_ENABLED,
    Property.PHY_CHAN,
    Property.PHY_CCA_THRESHOLD,
    Property.PHY_TX_POWER,
    Property.MAC_SCAN_STATE,
    Property.MAC_SCAN_MASK,
    Property.MAC_SCAN_PERIOD,
    Property.MAC_15_4_LADDR,
    Property.MAC_15_4_SADDR,
    Property.MAC_15_4_PANID,
    Property.MAC_RAW_STREAM_ENABLED,
    Property.MAC_PROMISCUOUS_MODE,
    Property.MAC_RX_ON_WHEN_IDLE_MODE,
    Property.MAC_SRC_MATCH_ENABLED,
    Property.MAC_SRC_MATCH_SHORT_ADDRESSES,
    Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES,
)


@dataclass(slots=True)
class Firmware:
    """What a build of the firmware says of itself and can do."""

    version: str = "SIMULATED-RCP/1.0; SIMULATION; 2400 MHz"
    api_version: int = 11
    caps: tuple[int, ...] = (
        Capability.COUNTERS,
        Capability.UNSOL_UPDATE_FILTER,
        Capability.OQPSK_2450MHZ,
        Capability.CONFIG_RADIO,
        Capability.MAC_RAW,
        Capability.RCP_API_VERSION,
        Capability.RCP_MIN_HOST_API_VERSION,
    )
    radio_caps: int = (
        RadioCapability.ACK_TIMEOUT
        | RadioCapability.ENERGY_SCAN
        | RadioCapability.TRANSMIT_RETRIES
        | RadioCapability.CSMA_BACKOFF
        | RadioCapability.SLEEP_TO_TX
        | RadioCapability.TRANSMIT_TIMING
    )
    lacks: frozenset[int] = field(default_factory=frozenset)
    """Properties that this build answers with PROP_NOT_FOUND."""

    @property
    def facts(self) -> dict[int, Any]:
        """The properties that never change; a tuple where a property has several fields."""
        return {
            Property.PROTOCOL_VERSION: (4, 3),
            Property.NCP_VERSION: self.version,
            Property.INTERFACE_TYPE: 3,
            Property.VENDOR_ID: 0,
            Property.CAPS: list(self.caps),
            Property.INTERFACE_COUNT: 1,
            Property.PHY_CHAN_SUPPORTED: list(CHANNELS),
            Property.PHY_RX_SENSITIVITY: SENSITIVITY_DBM,
            Property.RCP_API_VERSION: self.api_version,
            Property.RCP_MIN_HOST_API_VERSION: 4,
            Property.RADIO_CAPS: int(self.radio_caps),
        }


def defaults() -> dict[int, Any]:
    """The settings after a reset."""
    return {
        Property.PHY_ENABLED: False,
        Property.PHY_CHAN: 11,
        Property.PHY_CCA_THRESHOLD: -75,
        Property.PHY_TX_POWER: 0,
        Property.MAC_SCAN_STATE: 0,
        Property.MAC_SCAN_MASK: list(CHANNELS),
        Property.MAC_SCAN_PERIOD: 200,
        Property.MAC_15_4_LADDR: Eui64(0),
        Property.MAC_15_4_SADDR: 0xFFFE,
        Property.MAC_15_4_PANID: 0xFFFF,
        Property.MAC_RAW_STREAM_ENABLED: False,
        Property.MAC_PROMISCUOUS_MODE: 0,
        Property.MAC_RX_ON_WHEN_IDLE_MODE: True,
        Property.MAC_SRC_MATCH_ENABLED: False,
        Property.MAC_SRC_MATCH_SHORT_ADDRESSES: [],
        Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES: [],
    }
