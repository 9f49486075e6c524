"""What a node asks of the radio that it stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zigbee.types import Eui64

__all__ = ["Effect", "EnergyScan", "MatchSources", "Transmit", "Tune"]


@dataclass(slots=True)
class Transmit:
    """Send one PSDU (without FCS); :meth:`Node.transmit_done` wants ``token`` back."""

    octets: bytes
    token: int
    retries: int = 3


@dataclass(slots=True)
class Tune:
    """Set the radio's channel and the addresses that it receives and acknowledges."""

    channel: int
    pan: int
    short: int
    eui64: Eui64


@dataclass(slots=True)
class MatchSources:
    """Addresses to which an acknowledged data request is told that a frame is pending."""

    short: tuple[int, ...]
    extended: tuple[Eui64, ...]


@dataclass(slots=True)
class EnergyScan:
    """Listen ``period`` seconds to each channel; ``done`` gets the strongest energy met, dBm."""

    channels: tuple[int, ...]
    period: float
    done: Callable[[dict[int, int]], None]


Effect = Transmit | Tune | MatchSources | EnergyScan
